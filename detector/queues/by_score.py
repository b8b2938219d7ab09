"""Which stored scores are worth a human's minute: ranked queues of faces.

Pure functions on columns; nothing here reads a file or a database. Every queue returns indices,
most urgent first. A face without a score (NaN) is in none of them: it is not an error of the
detector but a gap, and gaps have their own reasons and views.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from ..audit.columns import FaceColumns
from ..records import FAKE, REAL

EPSILON = 1e-7  # clips p in the loss, so that a saturated error ranks first and stays finite


def loss(p_fake: np.ndarray, label: np.ndarray) -> np.ndarray:
    """Cross-entropy −log p of the true label, in nats; NaN where there is no score."""
    p_true = np.where(label == FAKE, p_fake, 1.0 - p_fake)
    return -np.log(np.clip(p_true, EPSILON, 1.0))


def false_positives(faces: FaceColumns, threshold: float) -> np.ndarray:
    """Real faces with p_fake >= threshold, highest score first, in turn from each dataset."""
    wrong = np.flatnonzero((faces.label == REAL) & (faces.p_fake >= threshold))
    order = wrong[np.argsort(-faces.p_fake[wrong], kind="stable")]
    return in_turn(order, faces.texts["source_dataset"].codes, faces.p_fake)


def false_negatives(faces: FaceColumns, threshold: float) -> np.ndarray:
    """Fake faces with p_fake < threshold, lowest score first."""
    wrong = np.flatnonzero((faces.label == FAKE) & (faces.p_fake < threshold))
    return wrong[np.argsort(faces.p_fake[wrong], kind="stable")]


def high_loss(faces: FaceColumns, threshold: float) -> np.ndarray:
    """Faces by loss, taken in turn from each method so that none floods the queue.

    ``threshold`` is not used: a face can be right and still have a high loss.
    """
    values = loss(faces.p_fake, faces.label)
    scored = np.flatnonzero(np.isfinite(values))
    order = scored[np.argsort(-values[scored], kind="stable")]
    return in_turn(order, faces.texts["method"].codes, values)


def in_turn(order: np.ndarray, kind: np.ndarray, urgency: np.ndarray) -> np.ndarray:
    """``order`` with the first of each kind first, then the second of each, and so on.

    Args:
        order: indices, most urgent first
        kind: (N,) for example the method
        urgency: (N,) decides among equal turns, highest first
    """
    turn = np.zeros(len(kind), dtype=np.int64)
    for name in np.unique(kind[order]):
        mine = order[kind[order] == name]
        turn[mine] = np.arange(len(mine))
    return order[np.lexsort((-urgency[order], turn[order]))]


def pair_difference(faces: FaceColumns) -> np.ndarray:
    """p_fake of each fake face minus that of its paired real at the same frame, else NaN.

    The pair shares person, light and camera, so the difference is what the manipulation itself
    adds to the score. Several faces of the real at one frame count by their mean.
    """
    sums: dict[tuple[int, int], list[float]] = {}
    scored, number = np.isfinite(faces.p_fake), faces.frames.tolist()
    video, paired = faces.video.codes.tolist(), faces.paired_video.tolist()
    for i in np.flatnonzero((faces.label == REAL) & scored & (faces.video.codes >= 0)):
        sums.setdefault((video[i], number[i]), []).append(faces.p_fake[i])
    out = np.full(len(faces.p_fake), np.nan)
    for i in np.flatnonzero((faces.label == FAKE) & scored):
        real = sums.get((paired[i], number[i]))
        if real is not None:
            out[i] = faces.p_fake[i] - np.mean(real)
    return out


def pair_anomaly(faces: FaceColumns, threshold: float) -> np.ndarray:
    """Fakes that score no higher than their own paired real, most negative difference first.

    ``threshold`` is not used: the difference is zero or less at any threshold.
    """
    difference = pair_difference(faces)
    odd = np.flatnonzero(difference <= 0)
    return odd[np.argsort(difference[odd], kind="stable")]


def disagreement(faces: FaceColumns, threshold: float) -> np.ndarray:
    """Faces that the second detector calls otherwise at the same threshold, furthest apart first.

    Needs ``other_p_fake``.
    """
    mine, other = faces.p_fake, faces.numbers["other_p_fake"]
    both = np.isfinite(mine) & np.isfinite(other)
    odd = np.flatnonzero(both & ((mine >= threshold) != (other >= threshold)))
    return odd[np.argsort(-np.abs(mine[odd] - other[odd]), kind="stable")]


def fragile(faces: FaceColumns, threshold: float) -> np.ndarray:
    """Faces whose call flips under a corruption; those that flip under most first, then those that
    move farthest. Needs ``changes``.
    """
    before, changes = faces.p_fake[:, None], faces.vectors["changes"]
    after = before + changes
    with np.errstate(invalid="ignore"):
        flips = np.isfinite(after) & ((after >= threshold) != (before >= threshold))
    count = flips.sum(axis=1)
    moved = np.where(flips, np.abs(changes), 0).max(axis=1, initial=0)
    odd = np.flatnonzero(count > 0)
    return odd[np.lexsort((-moved[odd], -count[odd]))]


def group_leaks(faces: FaceColumns, threshold: float) -> np.ndarray:
    """Faces of groups that lie in more than one split: one side has seen the other.

    Groups in turn; within a group the splits in turn. ``threshold`` is not used. Needs
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

#: What stored scores alone are enough for.
QUEUES: dict[str, Ranking] = {
    "false_positive": false_positives,
    "false_negative": false_negatives,
    "high_loss": high_loss,
    "pair_anomaly": pair_anomaly,
}


def capped(order: np.ndarray, video: np.ndarray, per_video: int, limit: int) -> np.ndarray:
    """The first ``limit`` of ``order`` with at most ``per_video`` of each video (N,)."""
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
