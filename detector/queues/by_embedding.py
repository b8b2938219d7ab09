"""Ranks faces by embeddings: unusual neighbours, doubtful labels, duplicates, a diverse hard set.

Neighbours from a face's own group are excluded, because they agree trivially.
"""

from __future__ import annotations

import numpy as np

from ..audit.columns import FaceColumns
from ..embeddings.neighbours import Neighbours, nearest
from ..errors import ForensicsError
from ..metrics.ranks import sigmoid
from ..records import FAKE, REAL
from .by_score import loss

NEIGHBOURS = 10
MOST_REFERENCES = 20_000
"""Number of faces searched for neighbours; a seeded sample of more (shares stay unbiased)."""
MOST_FITTED = 20_000
FOLDS = 5
NEAR = 0.95
"""Cosine in an untuned network from which two faces count as near-duplicates."""
HARD_SHARE = 0.2  # of each class, by loss: the candidates for the diverse set
MOST_CANDIDATES, MOST_CHOSEN = 5000, 1000
PER_GROUP = 4


def _unit_rows(vectors: np.ndarray | None) -> np.ndarray:
    """Return the indices of the faces that have a vector."""
    if vectors is None:
        raise ForensicsError("This queue needs embeddings.", "Score the faces first.", "queues")
    return np.flatnonzero(np.isfinite(vectors[:, 0]))


def _sample(rows: np.ndarray, most: int) -> np.ndarray:
    if len(rows) <= most:
        return rows
    return np.sort(np.random.default_rng(0).choice(rows, most, replace=False))


def _neighbours(faces: FaceColumns) -> tuple[np.ndarray, np.ndarray, Neighbours]:
    """Return faces with an embedding, references among them, and each face's neighbours there."""
    vectors, groups = faces.vectors["embedding"], faces.groups.codes
    rows = _unit_rows(vectors)
    references = _sample(rows, MOST_REFERENCES)
    found = nearest(
        vectors[rows],
        vectors[references],
        NEIGHBOURS,
        groups[rows].tolist(),
        groups[references].tolist(),
    )
    return rows, references, found


def knn_disagreement(faces: FaceColumns, threshold: float) -> np.ndarray:
    """Rank faces most of whose neighbours from other groups have the other label.

    Orders by the share of such neighbours, then by their cosine. Needs ``embedding``;
    ``threshold`` is not used.
    """
    if not _unit_rows(faces.vectors.get("embedding")).size:
        return np.zeros(0, np.int64)
    rows, references, found = _neighbours(faces)
    there = found.indices >= 0
    label = faces.label[references][found.indices]
    other = there & (label != faces.label[rows][:, None])
    count = there.sum(axis=1)
    with np.errstate(invalid="ignore"):
        share = other.sum(axis=1) / count
        near = np.where(there, found.cosine, 0).sum(axis=1) / count
    odd = np.flatnonzero((count > 0) & (share > 0.5))
    return rows[odd[np.lexsort((-near[odd], -share[odd]))]]


def atypical(faces: FaceColumns, threshold: float) -> np.ndarray:
    """Rank faces by their distance (cosine) from the k-th neighbour of another group.

    Deep nearest neighbours (Sun et al. 2022, arXiv 2204.06507) on unit vectors. This is a ranking,
    not a test: the first faces are the most atypical of any given set. Needs ``embedding``;
    ``threshold`` is not used.
    """
    if not _unit_rows(faces.vectors.get("embedding")).size:
        return np.zeros(0, np.int64)
    rows, _, found = _neighbours(faces)
    last = (found.indices >= 0).sum(axis=1) - 1
    known = np.flatnonzero(last >= 0)
    cosine = found.cosine[known, last[known]]
    return rows[known[np.argsort(cosine, kind="stable")]]


def out_of_fold(faces: FaceColumns) -> tuple[np.ndarray, np.ndarray]:
    """Return margins of a logistic head on frozen embeddings, fitted without the face's group.

    Returns:
        indices of the faces with an embedding, and their (M,) out-of-fold margins (logit of fake)

    Raises:
        ForensicsError: one class only, or fewer than two groups of a class
    """
    from sklearn.linear_model import LogisticRegression
    from sklearn.model_selection import StratifiedGroupKFold

    rows = _unit_rows(faces.vectors.get("embedding"))
    x, y = faces.vectors["embedding"][rows], faces.label[rows]
    groups = faces.groups.codes[rows]
    independent = min((len(np.unique(groups[y == code])) for code in (REAL, FAKE)), default=0)
    if independent < 2:
        raise ForensicsError(
            "Label issues need two independent groups of reals and of fakes.",
            "Choose a wider view, or leave this queue out.",
            field="queues",
        )
    folds = StratifiedGroupKFold(min(FOLDS, independent), shuffle=True, random_state=0)
    out = np.full(len(rows), np.nan)
    for fitted, held in folds.split(x, y, groups):
        fitted = _sample(fitted, MOST_FITTED)
        if len(np.unique(y[fitted])) < 2:
            continue
        head = LogisticRegression(C=10.0, max_iter=300).fit(x[fitted], y[fitted])
        out[held] = head.decision_function(x[held])  # of the higher class, FAKE
    return rows, out


def label_issues(faces: FaceColumns, threshold: float) -> np.ndarray:
    """Rank faces whose label is doubted by a head fitted without their group; needs ``embedding``.

    Confident learning (Northcutt et al. 2021, arXiv 1911.00068) with two classes: the other class
    is likelier, and at least as likely as it is on average on faces with that label. Largest margin
    first. Most of these are wrong crops rather than wrong labels. ``threshold`` is not used.
    """
    rows, margin = out_of_fold(faces)
    label = faces.label[rows]
    known = np.isfinite(margin)
    sure = np.where(label == FAKE, margin, -margin)  # margin of the face's own label
    p_label = sigmoid(sure)
    limit = {code: float(np.mean(p_label[known & (label == code)])) for code in (REAL, FAKE)}
    needed = np.where(label == FAKE, limit[REAL], limit[FAKE])
    with np.errstate(invalid="ignore"):
        odd = np.flatnonzero(known & (p_label < 0.5) & (1 - p_label >= needed))
    return rows[odd[np.argsort(sure[odd], kind="stable")]]


def near_duplicates(faces: FaceColumns, threshold: float) -> np.ndarray:
    """Rank faces with a near-duplicate in another group, nearest first; needs ``generic``.

    ``threshold`` is not used.
    """
    return _duplicates(faces, np.arange(len(faces)), faces.groups.codes)


def leaks(faces: FaceColumns, threshold: float) -> np.ndarray:
    """Rank faces with a near-duplicate in another split, nearest first; needs ``generic``.

    A tuned embedding would not work, because it places different persons of a class together.
    ``threshold`` is not used.
    """
    split = faces.texts["split"].codes
    return _duplicates(faces, np.flatnonzero(split >= 0), split)


def _duplicates(faces: FaceColumns, among: np.ndarray, apart: np.ndarray) -> np.ndarray:
    """Return faces of ``among`` with a cosine >= :data:`NEAR` to one with another ``apart`` key."""
    rows = np.intersect1d(among, _unit_rows(faces.vectors.get("generic")))
    if not rows.size:
        return np.zeros(0, np.int64)
    keys, vectors = apart[rows].tolist(), faces.vectors["generic"][rows]
    cosine = nearest(vectors, vectors, 1, keys, keys).cosine[:, 0]
    with np.errstate(invalid="ignore"):
        odd = np.flatnonzero(cosine >= NEAR)
    return rows[odd[np.argsort(-cosine[odd], kind="stable")]]


def diverse(faces: FaceColumns, threshold: float) -> np.ndarray:
    """Return a varied set of hard faces for training, each followed by its pair.

    Needs ``embedding``. Greedy k-centre (Gonzalez 1985; Sener & Savarese 2018, arXiv 1708.00489)
    among the hardest fifth of each class: the highest loss first, then always the face farthest
    from all chosen ones, with at most :data:`PER_GROUP` per group. A fake is followed by its real
    at the same frame, a real by its hardest fake there. ``threshold`` is not used.
    """
    values = loss(faces)
    rows = _unit_rows(faces.vectors.get("embedding"))
    rows = rows[np.isfinite(values[rows])]
    if not rows.size:
        return np.zeros(0, np.int64)
    hard = np.concatenate([_hardest(rows[faces.label[rows] == c], values) for c in (REAL, FAKE)])
    chosen = k_centre(
        faces.vectors["embedding"][hard],
        faces.groups.codes[hard],
        first=int(np.argmax(values[hard])),
        most=MOST_CHOSEN,
        per_group=PER_GROUP,
    )
    return _with_pairs(faces, hard[chosen], values)


def _hardest(rows: np.ndarray, values: np.ndarray) -> np.ndarray:
    count = min(int(np.ceil(HARD_SHARE * len(rows))), MOST_CANDIDATES // 2)
    return rows[np.argsort(-values[rows], kind="stable")[:count]]


def k_centre(
    vectors: np.ndarray, groups: np.ndarray, first: int, most: int, per_group: int
) -> np.ndarray:
    """Return the indices of greedy k-centres of unit vectors (N, D), in the order of choice.

    Args:
        vectors: (N, D) unit vectors
        groups: (N,) keys; at most ``per_group`` vectors of one are taken
        first: the first centre
        most: maximum number of centres
        per_group: maximum number per group
    """
    _, group = np.unique(groups, return_inverse=True)
    group = group.ravel()
    taken = np.zeros(group.max(initial=0) + 1, np.int64)
    distance = np.full(len(vectors), np.inf)
    chosen: list[int] = []
    new = first
    while len(chosen) < most:
        chosen.append(new)
        taken[group[new]] += 1
        distance = np.minimum(distance, 1 - vectors @ vectors[new])
        distance[new] = -np.inf
        open_ = np.where(taken[group] < per_group, distance, -np.inf)
        new = int(np.argmax(open_))
        if np.isneginf(open_[new]):
            break
    return np.array(chosen, np.int64)


def _with_pairs(faces: FaceColumns, order: np.ndarray, values: np.ndarray) -> np.ndarray:
    reals: dict[tuple[int, int], int] = {}
    fakes: dict[tuple[int, int], int] = {}
    number, video = faces.frames.tolist(), faces.video.codes.tolist()
    paired = faces.paired_video.tolist()
    for i in range(len(faces)):
        if faces.label[i] == REAL:
            reals.setdefault((video[i], number[i]), i)
        elif paired[i] >= 0:
            key = (paired[i], number[i])
            if key not in fakes or np.nan_to_num(values[i]) > np.nan_to_num(values[fakes[key]]):
                fakes[key] = i
    out: dict[int, None] = {}
    for i in order.tolist():
        out[i] = None
        if faces.label[i] == REAL:
            partner = fakes.get((video[i], number[i]))
        else:
            partner = reals.get((paired[i], number[i])) if paired[i] >= 0 else None
        if partner is not None:
            out[partner] = None
    return np.array(list(out), np.int64)
