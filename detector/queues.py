"""Which stored scores are worth a human's minute: ranked queues of faces.

Pure functions on columns; nothing here reads a file or a database. Every queue returns indices,
most urgent first. A face without a score (NaN) is in none of them: it is not an error of the
detector but a gap, and gaps have their own reasons and views.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from .records import FAKE, REAL

EPSILON = 1e-7  # clips p in the loss, so that a saturated error ranks first and stays finite


@dataclass(frozen=True)
class ScoredFaces:
    """Columns of scored faces.

    Attributes:
        p_fake: (N,) in [0, 1], NaN where there is no score
        label: (N,) 0 real, 1 fake
        video_id, method, pair_id: (N,) strings; ``pair_id`` is "" for reals and unpaired fakes
        frame_number: (N,) integers
    """

    p_fake: np.ndarray
    label: np.ndarray
    video_id: np.ndarray
    method: np.ndarray
    pair_id: np.ndarray
    frame_number: np.ndarray


def loss(p_fake: np.ndarray, label: np.ndarray) -> np.ndarray:
    """Cross-entropy −log p of the true label, in nats; NaN where there is no score."""
    p_true = np.where(label == FAKE, p_fake, 1.0 - p_fake)
    return -np.log(np.clip(p_true, EPSILON, 1.0))


def false_positives(faces: ScoredFaces, threshold: float) -> np.ndarray:
    """Real faces with p_fake >= threshold, highest score first."""
    wrong = np.flatnonzero((faces.label == REAL) & (faces.p_fake >= threshold))
    return wrong[np.argsort(-faces.p_fake[wrong], kind="stable")]


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
    turn = np.zeros(len(values), dtype=np.int64)
    for method in np.unique(faces.method[order]):
        mine = order[faces.method[order] == method]
        turn[mine] = np.arange(len(mine))
    return order[np.lexsort((-values[order], turn[order]))]


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


Queue = Callable[[ScoredFaces, float], np.ndarray]

QUEUES: dict[str, Queue] = {
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
