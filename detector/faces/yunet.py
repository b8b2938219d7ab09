"""Finds faces with YuNet (Wu et al., Machine Intelligence Research 2023) in OpenCV, on the CPU."""

from __future__ import annotations

from collections.abc import Sequence

import cv2
import numpy as np

from ..device import AUTO, CPU, checked
from ..errors import ForensicsError
from ..files.hashes import file_sha256
from ..records import Face
from ..weights.fetch import weights_path
from ..weights.known import KNOWN
from .interface import shrink

_NMS_IOU = 0.3  # OpenCV's default for this network
_MOST_FACES = 5000


class YuNetDetector:
    """A loaded YuNet; see :class:`interface.FaceDetector`. Do not share it between threads.

    Args:
        name: registered name
        path: the ONNX file, with outputs as in the release of March 2023
        sha256: of the file

    Raises:
        ForensicsError: OpenCV cannot read the file, or it holds another network
    """

    device = "cpu"

    def __init__(self, name: str, path: str, sha256: str) -> None:
        self.name = name
        self.sha256 = sha256
        try:
            self._network = cv2.FaceDetectorYN.create(
                path, "", (64, 64), 0.5, _NMS_IOU, _MOST_FACES
            )
            self._network.detect(np.zeros((64, 64, 3), np.uint8))  # fails for other networks
        except cv2.error as error:
            raise ForensicsError(
                f"{path} is not YuNet: {str(error).strip().splitlines()[0]}",
                "Give the ONNX file of YuNet, release of March 2023.",
                "weights",
            ) from error

    def detect(
        self, frames: Sequence[np.ndarray], *, score_threshold: float = 0.5, max_side: int = 0
    ) -> list[list[Face]]:
        """Return the faces of each frame, see :meth:`interface.FaceDetector.detect`."""
        self._network.setScoreThreshold(score_threshold)
        return [self._faces(frame, max_side) for frame in frames]

    def _faces(self, frame: np.ndarray, max_side: int) -> list[Face]:
        small = shrink(frame, max_side)
        height, width = small.shape[:2]
        self._network.setInputSize((width, height))
        _, rows = self._network.detect(cv2.cvtColor(small, cv2.COLOR_RGB2BGR))
        if rows is None:
            return []
        scale = np.array([frame.shape[1] / width, frame.shape[0] / height])
        # x, y, w, h, then x, y of image-left eye, image-right eye, nose, mouth corners; score
        pairs = rows[:, :14].reshape(-1, 7, 2).astype(np.float64) * scale
        found = [
            Face(
                box=(*row[0].tolist(), *(row[0] + row[1]).tolist()),
                score=float(score),
                landmarks=tuple((float(x), float(y)) for x, y in row[2:]),
            )
            for row, score in zip(pairs, rows[:, 14], strict=True)
        ]
        return sorted(found, key=lambda face: -face.score)


def load_yunet(
    name: str,
    device: str | None = None,
    weights: str | None = None,
    allow_download: bool = False,
) -> YuNetDetector:
    """Load YuNet.

    Args:
        name: ``yunet``
        device: None, ``auto`` or ``cpu``; OpenCV's wheels run it only on the CPU
        weights: local ONNX file instead of the registered one
        allow_download: fetch the missing file

    Raises:
        ForensicsError: file missing or not the registered one, or another device
    """
    if checked(device) not in (AUTO, CPU):
        raise ForensicsError(
            f"YuNet does not run on {device!r}.", "Use cpu, or a RetinaFace.", "device"
        )
    path = weights_path(name, weights, allow_download)
    digest = file_sha256(path)
    if weights is None and digest != KNOWN[name].sha256:
        raise ForensicsError(
            f"{path} is not the registered file.", "Remove it and fetch it again.", "weights"
        )
    return YuNetDetector(name, str(path), digest)
