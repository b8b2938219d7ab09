"""Ranks persons by their scores over time: varying scores, and scores that change at one moment.

A *person* is a track of a video. The queues return one face per person, as the place to look.
Changes are measured in levels (:func:`detector.metrics.ranks.levels`): in p_fake, unless the
detector's logits saturate it.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from ..audit.columns import FaceColumns
from ..metrics import ranks

LEAST_FACES = 4  # minimum number of a person's scored faces
LEAST_SPREAD = 0.1  # minimum standard deviation of the levels for an unsteady person
LEAST_SIDE = 3  # minimum number of scored faces on either side of a change
LEAST_CHANGE = 0.3  # minimum difference of the mean levels of the sides
LEAST_RATIO = 12.0
"""Minimum ratio of the variance between the sides to that within, at the best split. For a single
given split of normal scores the ratio exceeds 12 with a chance of 0.2 % (20 faces). The best of
many splits does so more often; :data:`LEAST_CHANGE` guards against the rest."""


def persons(faces: FaceColumns) -> Iterator[np.ndarray]:
    """Yield the indices of the scored faces of each person, by frame."""
    track, video = faces.track, faces.video.codes
    scored = np.flatnonzero(np.isfinite(faces.p_fake))
    order = scored[np.lexsort((faces.frames[scored], track[scored], video[scored]))]
    if not order.size:
        return
    new = (np.diff(video[order]) != 0) | (np.diff(track[order]) != 0)
    yield from np.split(order, np.flatnonzero(new) + 1)


def unsteady(faces: FaceColumns, threshold: float) -> np.ndarray:
    """Rank persons by the spread of levels over frames; return the face farthest from the median.

    A single outlier is often a bad crop, a wide spread a partial manipulation. ``threshold`` is not
    used.
    """
    found = []
    levels, _ = ranks.levels(faces.p_fake, faces.margin)
    for rows in persons(faces):
        scores = levels[rows]
        spread = float(scores.std())
        if len(rows) >= LEAST_FACES and spread >= LEAST_SPREAD:
            farthest = int(np.argmax(np.abs(scores - np.median(scores))))
            found.append((-spread, int(rows[farthest])))
    return _in_order(found)


def change_points(faces: FaceColumns, threshold: float) -> np.ndarray:
    """Rank persons whose level jumps at one frame and stays; return the first face after it.

    Takes the split that explains most variance (least squares with one change). It counts if the
    mean levels on both sides differ by :data:`LEAST_CHANGE` and ``threshold`` lies between their
    mean p_fake; not asked where logits saturate p_fake so that no threshold is between any faces.
    Largest change first.
    """
    found = []
    levels, moved = ranks.levels(faces.p_fake, faces.margin)
    for rows in persons(faces):
        at = change_point(levels[rows])
        if at is None:
            continue
        before, after = (float(part.mean()) for part in np.split(faces.p_fake[rows], [at]))
        if moved or (before >= threshold) != (after >= threshold):
            jump = np.diff([part.mean() for part in np.split(levels[rows], [at])])
            found.append((-abs(float(jump[0])), int(rows[at])))
    return _in_order(found)


def change_point(scores: np.ndarray) -> int | None:
    """Return the index of the first score after the one change of level, or None."""
    n = len(scores)
    if n < 2 * LEAST_SIDE:
        return None
    sums = np.cumsum(scores)
    left = np.arange(LEAST_SIDE, n - LEAST_SIDE + 1)
    mean_left = sums[left - 1] / left
    mean_right = (sums[-1] - sums[left - 1]) / (n - left)
    between = left * (n - left) / n * (mean_left - mean_right) ** 2
    best = int(np.argmax(between))
    within = float(((scores - scores.mean()) ** 2).sum() - between[best]) / (n - 2)
    if abs(mean_left[best] - mean_right[best]) < LEAST_CHANGE:
        return None
    return int(left[best]) if between[best] > LEAST_RATIO * max(within, 1e-12) else None


def _in_order(found: list[tuple[float, int]]) -> np.ndarray:
    return np.array([row for _, row in sorted(found)], dtype=np.int64)
