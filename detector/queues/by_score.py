"""Which stored scores are worth a human's minute: ranked queues of faces.

Pure functions on columns; nothing here reads a file or a database. Every queue returns indices,
most urgent first. A face without a score (NaN) is in none of them: it is not an error of the
detector but a gap, and gaps have their own reasons and views.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from ..records import FAKE, REAL

EPSILON = 1e-7  # clips p in the loss, so that a saturated error ranks first and stays finite


@dataclass(frozen=True)
class ScoredFaces:
    """Columns of scored faces.

    Attributes:
        p_fake: (N,) in [0, 1], NaN where there is no score
        label: (N,) 0 real, 1 fake
        video_id, method, pair_id: (N,) strings; ``pair_id`` is "" for reals and unpaired fakes
        frame_number: (N,) integers
        track: (N,) person within the video
        group_id, source_dataset, split: (N,) strings, "" where unknown
        other_p_fake: (N,) scores of a second detector, NaN where there is none
        embedding: (N, D) unit vectors of the detector, NaN where there is none
        changes: (N, P) p_fake under each of P corruptions minus p_fake, NaN where not probed
        generic: (N, E) unit vectors of an untuned network, which still tells persons and scenes
            apart, NaN where there is none

    Only the first six are always needed; the catalogue names what a queue needs beside them.
    """

    p_fake: np.ndarray
    label: np.ndarray
    video_id: np.ndarray
    method: np.ndarray
    pair_id: np.ndarray
    frame_number: np.ndarray
    track: np.ndarray | None = None
    group_id: np.ndarray | None = None
    source_dataset: np.ndarray | None = None
    split: np.ndarray | None = None
    other_p_fake: np.ndarray | None = None
    changes: np.ndarray | None = None
    embedding: np.ndarray | None = None
    generic: np.ndarray | None = None

    @property
    def groups(self) -> np.ndarray:
        """(N,) ``group_id``, or the video where a face has none."""
        if self.group_id is None:
            return self.video_id
        return np.where(self.group_id == "", self.video_id, self.group_id)


def loss(p_fake: np.ndarray, label: np.ndarray) -> np.ndarray:
    """Cross-entropy −log p of the true label, in nats; NaN where there is no score."""
    p_true = np.where(label == FAKE, p_fake, 1.0 - p_fake)
    return -np.log(np.clip(p_true, EPSILON, 1.0))


def false_positives(faces: ScoredFaces, threshold: float) -> np.ndarray:
    """Real faces with p_fake >= threshold, highest score first, in turn from each dataset."""
    wrong = np.flatnonzero((faces.label == REAL) & (faces.p_fake >= threshold))
    order = wrong[np.argsort(-faces.p_fake[wrong], kind="stable")]
    if faces.source_dataset is None:
        return order
    return in_turn(order, faces.source_dataset, faces.p_fake)


def false_negatives(faces: ScoredFaces, threshold: float) -> np.ndarray:
    """Fake faces with p_fake < threshold, lowest score first."""
    wrong = np.flatnonzero((faces.label == FAKE) & (faces.p_fake < threshold))
    return wrong[np.argsort(faces.p_fake[wrong], kind="stable")]


def high_loss(faces: ScoredFaces, threshold: float) -> np.ndarray:
    """Faces by loss, taken in turn from each method so that none floods the queue.

    ``threshold`` is not used: a face can be right and still have a high loss.
    """
    values = loss(faces.p_fake, faces.label)
    scored = np.flatnonzero(np.isfinite(values))
    order = scored[np.argsort(-values[scored], kind="stable")]
    return in_turn(order, faces.method, values)


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


def pair_difference(faces: ScoredFaces) -> np.ndarray:
    """p_fake of each fake face minus that of its paired real at the same frame, else NaN.

    The pair shares person, light and camera, so the difference is what the manipulation itself
    adds to the score. Several faces of the real at one frame count by their mean.
    """
    sums: dict[tuple[str, int], list[float]] = {}
    scored = np.isfinite(faces.p_fake)
    for i in np.flatnonzero((faces.label == REAL) & scored):
        sums.setdefault((faces.video_id[i], int(faces.frame_number[i])), []).append(faces.p_fake[i])
    out = np.full(len(faces.p_fake), np.nan)
    for i in np.flatnonzero((faces.label == FAKE) & scored):
        real = sums.get((faces.pair_id[i], int(faces.frame_number[i])))
        if real is not None:
            out[i] = faces.p_fake[i] - np.mean(real)
    return out


def pair_anomaly(faces: ScoredFaces, threshold: float) -> np.ndarray:
    """Fakes that score no higher than their own paired real, most negative difference first.

    ``threshold`` is not used: the difference is zero or less at any threshold.
    """
    difference = pair_difference(faces)
    odd = np.flatnonzero(difference <= 0)
    return odd[np.argsort(difference[odd], kind="stable")]


def disagreement(faces: ScoredFaces, threshold: float) -> np.ndarray:
    """Faces that the second detector calls otherwise at the same threshold, furthest apart first.

    Needs ``other_p_fake``.
    """
    assert faces.other_p_fake is not None
    mine, other = faces.p_fake, faces.other_p_fake
    both = np.isfinite(mine) & np.isfinite(other)
    odd = np.flatnonzero(both & ((mine >= threshold) != (other >= threshold)))
    return odd[np.argsort(-np.abs(mine[odd] - other[odd]), kind="stable")]


def fragile(faces: ScoredFaces, threshold: float) -> np.ndarray:
    """Faces whose call flips under a corruption; those that flip under most first, then those that
    move farthest. Needs ``changes``.
    """
    assert faces.changes is not None
    before = faces.p_fake[:, None]
    after = before + faces.changes
    with np.errstate(invalid="ignore"):
        flips = np.isfinite(after) & ((after >= threshold) != (before >= threshold))
    count = flips.sum(axis=1)
    moved = np.where(flips, np.abs(faces.changes), 0).max(axis=1, initial=0)
    odd = np.flatnonzero(count > 0)
    return odd[np.lexsort((-moved[odd], -count[odd]))]


def group_leaks(faces: ScoredFaces, threshold: float) -> np.ndarray:
    """Faces of groups that lie in more than one split: one side has seen the other.

    Groups in turn; within a group the splits in turn. ``threshold`` is not used. Needs
    ``group_id`` and ``split``.
    """
    assert faces.group_id is not None and faces.split is not None
    splits: dict[str, set[str]] = {}
    known = np.flatnonzero((faces.group_id != "") & (faces.split != ""))
    for i in known:
        splits.setdefault(faces.group_id[i], set()).add(faces.split[i])
    odd = np.array([i for i in known if len(splits[faces.group_id[i]]) > 1], dtype=np.int64)
    sides = np.array([f"{faces.group_id[i]}\x1f{faces.split[i]}" for i in range(len(faces.label))])
    return in_turn(odd, sides, np.zeros(len(sides))) if odd.size else odd


Ranking = Callable[[ScoredFaces, float], np.ndarray]

#: What stored scores alone are enough for.
QUEUES: dict[str, Ranking] = {
    "false_positive": false_positives,
    "false_negative": false_negatives,
    "high_loss": high_loss,
    "pair_anomaly": pair_anomaly,
}


def capped(order: np.ndarray, video_id: np.ndarray, per_video: int, limit: int) -> np.ndarray:
    """The first ``limit`` of ``order`` with at most ``per_video`` of each video."""
    taken: dict[str, int] = {}
    kept = []
    for i in order:
        video = str(video_id[i])
        if taken.get(video, 0) < per_video:
            taken[video] = taken.get(video, 0) + 1
            kept.append(i)
            if len(kept) == limit:
                break
    return np.array(kept, dtype=np.int64)
