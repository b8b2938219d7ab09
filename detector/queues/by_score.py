"""Ranks stored scores into queues of faces for human review.

Pure functions on columns, without files or databases. Every queue returns indices, most urgent
first. A face without a score (NaN) is in no queue: it is a gap rather than an error of the
detector, and gaps have their own reasons and views.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from ..audit.columns import FaceColumns
from ..metrics import ranks
from ..records import FAKE, REAL

#: Digits to which differences of p_fake are compared; smaller differences are rounding errors.
DIGITS = 6


def loss(faces: FaceColumns) -> np.ndarray:
    """Return the cross-entropy of each face, see :func:`detector.metrics.ranks.losses`."""
    return ranks.losses(faces.p_fake, faces.margin, faces.label)


def false_positives(faces: FaceColumns, threshold: float) -> np.ndarray:
    """Rank real faces with p_fake >= threshold, highest first, alternating between datasets."""
    wrong = np.flatnonzero((faces.label == REAL) & (faces.p_fake >= threshold))
    rank = faces.rank
    order = wrong[np.argsort(-rank[wrong], kind="stable")]
    return in_turn(order, faces.texts["source_dataset"].codes, rank)


def false_negatives(faces: FaceColumns, threshold: float) -> np.ndarray:
    """Rank fake faces with p_fake < threshold, lowest first."""
    wrong = np.flatnonzero((faces.label == FAKE) & (faces.p_fake < threshold))
    return wrong[np.argsort(faces.rank[wrong], kind="stable")]


def high_loss(faces: FaceColumns, threshold: float) -> np.ndarray:
    """Rank faces by loss, alternating between methods so that none dominates the queue.

    ``threshold`` is not used: a correct call can still have a high loss.
    """
    values = loss(faces)
    scored = np.flatnonzero(np.isfinite(values))
    order = scored[np.argsort(-values[scored], kind="stable")]
    return in_turn(order, faces.texts["method"].codes, values)


def in_turn(order: np.ndarray, kind: np.ndarray, urgency: np.ndarray) -> np.ndarray:
    """Return ``order`` with the first of each kind first, then the second of each, and so on.

    Args:
        order: indices, most urgent first
        kind: (N,) for example the method
        urgency: (N,) order within a turn, highest first
    """
    turn = np.zeros(len(kind), dtype=np.int64)
    for name in np.unique(kind[order]):
        mine = order[kind[order] == name]
        turn[mine] = np.arange(len(mine))
    return order[np.lexsort((-urgency[order], turn[order]))]


def pair_difference(faces: FaceColumns) -> np.ndarray:
    """Return p_fake of each fake face minus that of its paired real at the same frame, else NaN.

    A pair shares person, light and camera, so the difference is what the manipulation adds to the
    score. Several faces of the real at one frame count with their mean.
    """
    return _against_real(faces, faces.p_fake, lambda reals: float(np.mean(reals)))


def _against_real(
    faces: FaceColumns, values: np.ndarray, mean: Callable[[np.ndarray], float]
) -> np.ndarray:
    """Return (N,) the value of each fake minus the ``mean`` of its real's at the same frame."""
    of_real: dict[tuple[int, int], list[float]] = {}
    scored, number = np.isfinite(values), faces.frames.tolist()
    video, paired = faces.video.codes.tolist(), faces.paired_video.tolist()
    for i in np.flatnonzero((faces.label == REAL) & scored & (faces.video.codes >= 0)):
        of_real.setdefault((video[i], number[i]), []).append(values[i])
    out = np.full(len(values), np.nan)
    for i in np.flatnonzero((faces.label == FAKE) & scored):
        real = of_real.get((paired[i], number[i]))
        if real is not None:
            out[i] = values[i] - mean(np.array(real))
    return out


def pair_anomaly(faces: FaceColumns, threshold: float) -> np.ndarray:
    """Rank fakes that rank no higher than their own paired real, most negative difference first.

    Differences of p_fake that are equal to six digits are ordered by the difference of margins.
    ``threshold`` is not used: the difference does not depend on it.
    """
    difference = pair_difference(faces)
    margin = ranks.margins(faces.p_fake, faces.margin)
    if margin is None:
        odd = np.flatnonzero(difference <= 0)
        return odd[np.argsort(difference[odd], kind="stable")]
    exact = _against_real(faces, margin, ranks.mean)
    odd = np.flatnonzero(exact <= 0)
    return odd[np.lexsort((exact[odd], np.round(difference[odd], DIGITS)))]


def disagreement(faces: FaceColumns, threshold: float) -> np.ndarray:
    """Rank faces that a second detector calls differently at this threshold, furthest apart first.

    At equal distance, the faces of which this detector is most certain come first. Needs
    ``other_p_fake``.
    """
    mine, other = faces.p_fake, faces.numbers["other_p_fake"]
    both = np.isfinite(mine) & np.isfinite(other)
    odd = np.flatnonzero(both & ((mine >= threshold) != (other >= threshold)))
    sure = ranks.losses(mine, faces.margin, np.where(mine >= threshold, REAL, FAKE))
    return odd[np.lexsort((-sure[odd], -np.round(np.abs(mine[odd] - other[odd]), DIGITS)))]


def fragile(faces: FaceColumns, threshold: float) -> np.ndarray:
    """Rank faces whose call flips under corruptions, by the number of flips, then the change.

    The change is that of the margin if the margins under all corruptions are known, else of p_fake.
    Needs ``changes``; uses ``changed_margins`` if there.
    """
    before, changes = faces.p_fake[:, None], faces.vectors["changes"]
    after = before + changes
    with np.errstate(invalid="ignore"):
        flips = np.isfinite(after) & ((after >= threshold) != (before >= threshold))
    count = flips.sum(axis=1)
    margin, there = ranks.margins(faces.p_fake, faces.margin), faces.vectors.get("changed_margins")
    if margin is not None and there is not None and np.isfinite(there[flips]).all():
        changes = there - margin[:, None]
    moved = np.where(flips, np.abs(changes), 0).max(axis=1, initial=0)
    odd = np.flatnonzero(count > 0)
    return odd[np.lexsort((-moved[odd], -count[odd]))]


def group_leaks(faces: FaceColumns, threshold: float) -> np.ndarray:
    """Rank faces of groups that occur in more than one split, which leaks training data.

    Alternates between groups and, within a group, between splits. ``threshold`` is not used. Needs
    ``group_id`` and ``split``.
    """
    group, split = faces.group.codes.astype(np.int64), faces.texts["split"]
    sides = group * (len(split.values) + 1) + split.codes
    known = np.flatnonzero((group >= 0) & (split.codes >= 0))
    _, first = np.unique(sides[known], return_index=True)
    splits = np.bincount(group[known[first]], minlength=len(faces.group.values))
    odd = known[splits[group[known]] > 1]
    return in_turn(odd, sides, np.zeros(len(sides))) if odd.size else odd


Ranking = Callable[[FaceColumns, float], np.ndarray]


def capped(order: np.ndarray, video: np.ndarray, per_video: int, limit: int) -> np.ndarray:
    """Return the first ``limit`` of ``order`` with at most ``per_video`` of each video (N,)."""
    taken: dict[Any, int] = {}
    kept = []
    for i in order:
        name = video[i]
        if taken.get(name, 0) < per_video:
            taken[name] = taken.get(name, 0) + 1
            kept.append(i)
            if len(kept) == limit:
                break
    return np.array(kept, dtype=np.int64)
