"""Finds faces in frames of any size with a network that takes batches of one size.

This is the part of a face detector outside the network: it shrinks frames, batches those of one
size and selects among the network's candidates. It needs no torch, so that a process whose network
runs elsewhere (:mod:`detector.runners.shared_faces`) does not load it.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence

import numpy as np

from ..records import Face
from .interface import NonFiniteError, shrink

NMS_IOU = 0.4
#: Values per candidate: box (x1, y1, x2, y2), score, five points (x, y). All except the score are
#: fractions of the picture's width and height.
NUMBERS = 15
Candidates = np.ndarray | None  # (K, NUMBERS) float32; None: the network's output was not finite


class BatchedDetector(ABC):
    """A face detector with a network for batches; see :class:`interface.FaceDetector`.

    Do not share it between threads.

    Args:
        name: registered name
        sha256: of its weights
        device: where the network runs
        batch_pixels: maximum pixels per call of :meth:`candidates`, unless one frame has more
    """

    def __init__(self, name: str, sha256: str, device: str, batch_pixels: int) -> None:
        self.name = name
        self.sha256 = sha256
        self.device = device
        self.batch_pixels = batch_pixels

    @abstractmethod
    def candidates(self, images: Sequence[np.ndarray], threshold: float) -> list[Candidates]:
        """Return, for images of one size, each image's candidates with a score > ``threshold``."""

    def detect(
        self, frames: Sequence[np.ndarray], *, score_threshold: float = 0.5, max_side: int = 0
    ) -> list[list[Face]]:
        """Return the faces of each frame, see :meth:`interface.FaceDetector.detect`."""
        small = [shrink(frame, max_side) for frame in frames]
        by_size: dict[tuple[int, int], list[int]] = {}
        for position, image in enumerate(small):
            by_size.setdefault((image.shape[0], image.shape[1]), []).append(position)
        found: list[list[Face]] = [[] for _ in frames]
        for (height, width), positions in by_size.items():
            batch = max(1, self.batch_pixels // (height * width))
            for start in range(0, len(positions), batch):
                chosen = positions[start : start + batch]
                rows = self.candidates([small[p] for p in chosen], score_threshold)
                for position, row in zip(chosen, rows, strict=True):
                    found[position] = faces_of(row, frames[position].shape)
        return found


def faces_of(candidates: Candidates, frame_shape: tuple[int, ...]) -> list[Face]:
    """Return the faces among the candidates of a frame of (height, width, ...), best score first.

    Raises:
        NonFiniteError: the network returned NaN or infinity
    """
    if candidates is None:
        raise NonFiniteError(
            "The face detector returned NaN or infinity.", "Check its weight file."
        )
    order = np.argsort(-candidates[:, 4], kind="stable")
    height, width = frame_shape[:2]
    scale = np.array([width, height], np.float32)
    boxes = (candidates[order, :4].reshape(-1, 2, 2) * scale).reshape(-1, 4)
    points = candidates[order, 5:].reshape(-1, 5, 2) * scale
    scores = candidates[order, 4].tolist()
    return [
        Face(tuple(boxes[i].tolist()), scores[i], tuple(tuple(p) for p in points[i].tolist()))
        for i in suppressed(boxes)
    ]


def suppressed(boxes: np.ndarray, threshold: float = NMS_IOU) -> list[int]:
    """Return the positions of boxes that no better box overlaps by more than ``threshold``.

    Args:
        boxes: (N, 4) float32 xyxy, best first
        threshold: intersection over union
    """
    x1, y1, x2, y2 = boxes.T
    areas = (x2 - x1) * (y2 - y1)
    left = np.arange(len(boxes))
    kept: list[int] = []
    while left.size:
        best, left = int(left[0]), left[1:]
        kept.append(best)
        width = np.minimum(x2[best], x2[left]) - np.maximum(x1[best], x1[left])
        height = np.minimum(y2[best], y2[left]) - np.maximum(y1[best], y1[left])
        both = np.maximum(width, 0) * np.maximum(height, 0)
        with np.errstate(invalid="ignore"):  # two empty boxes: NaN, which suppresses nothing
            share = both / (areas[best] + areas[left] - both)
        left = left[~(share.astype(np.float64) > threshold)]
    return kept
