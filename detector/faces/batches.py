"""Finds faces in frames of any size with a network that takes many of one size.

Here is what a face detector does without its network: shrink the frames, batch those of one
size, and choose among the network's candidates. It needs no torch, so that a process whose network
runs elsewhere (:mod:`detector.runners.shared_faces`) need not load it.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence

import numpy as np

from ..records import Face
from .interface import NonFiniteError, shrink

NMS_IOU = 0.4
#: Numbers of a candidate: box (x1, y1, x2, y2), score, five points (x, y); but for the score they
#: are fractions of the picture's width and height.
NUMBERS = 15
Candidates = np.ndarray | None  # (K, NUMBERS) float32; None: the network was not finite


class BatchedDetector(ABC):
    """A face detector around a network for batches; see :class:`interface.FaceDetector`. Not to be
    shared between threads.

    Args:
        name: registered name
        sha256: of its weights
        device: where the network runs
        batch_pixels: pixels that :meth:`candidates` gets at most, unless one frame has more
    """

    def __init__(self, name: str, sha256: str, device: str, batch_pixels: int) -> None:
        self.name = name
        self.sha256 = sha256
        self.device = device
        self.batch_pixels = batch_pixels

    @abstractmethod
    def candidates(self, images: Sequence[np.ndarray], threshold: float) -> list[Candidates]:
        """Candidates with a score above ``threshold`` for each of some images of one size."""

    def detect(
        self, frames: Sequence[np.ndarray], *, score_threshold: float = 0.5, max_side: int = 0
    ) -> list[list[Face]]:
        """See :meth:`interface.FaceDetector.detect`."""
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
    """The faces among the candidates of a frame of (height, width, ...), best score first.

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
    """Positions of the boxes that no better box overlaps (intersection over union > threshold).

    Args:
        boxes: (N, 4) float32 xyxy, best first
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
