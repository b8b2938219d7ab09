"""Defines the interface of all face detectors."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

import cv2
import numpy as np

from ..errors import ForensicsError
from ..records import Face


class NonFiniteError(ForensicsError):
    """Raised when the network returns NaN or infinity for a frame."""


class FaceDetector(Protocol):
    """The interface of all face detectors.

    Attributes:
        name: the registered name
        sha256: identity of the weights, part of every crop recipe
        device: where it runs, for example ``cpu``
    """

    name: str
    sha256: str
    device: str

    def detect(
        self, frames: Sequence[np.ndarray], *, score_threshold: float = 0.5, max_side: int = 0
    ) -> list[list[Face]]:
        """Return the faces of each frame, best score first, in pixels of the given frame.

        Args:
            frames: RGB uint8 (H, W, 3), sizes may differ
            score_threshold: minimum score in [0, 1]
            max_side: frames with a longer side are first shrunk to it; 0: never

        Raises:
            NonFiniteError: the network returned NaN or infinity
        """
        ...


def shrink(image: np.ndarray, max_side: int) -> np.ndarray:
    """Return ``image`` with its longer side at most ``max_side`` (0: no limit), area-averaged."""
    height, width = image.shape[:2]
    if max_side <= 0 or max(height, width) <= max_side:
        return image
    factor = max_side / max(height, width)
    size = (max(1, round(width * factor)), max(1, round(height * factor)))
    return cv2.resize(image, size, interpolation=cv2.INTER_AREA)
