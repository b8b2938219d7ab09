"""Refines the landmarks of detected faces with the last network of MTCNN.

RetinaFace's points are coarse on small, tilted or grimacing faces. O-Net, the output network of
MTCNN (Zhang et al., IEEE Signal Processing Letters 2016), takes a square of 48 x 48 pixels around a
face. Here each face is given to it in squares of four sizes and their mirror images, placed by the
detector's points, and the results are averaged. Box and score remain the detector's.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Protocol

import cv2
import numpy as np

from ..errors import ForensicsError
from ..files.hashes import file_sha256
from ..records import Face, content_hash
from ..weights.fetch import weights_path
from ..weights.known import KNOWN, LANDMARKS
from .interface import FaceDetector, NonFiniteError

_INPUT = 48
#: Sides of the squares, in units of the larger of eye distance and eyes-to-mouth distance.
#: Chosen on fourteen annotated faces (docs/faces.md); 2.0 to 2.4 give similar results.
_SIDES = (1.8, 2.0, 2.2, 2.4)
_MIRRORED = [1, 0, 2, 4, 3]  # a mirror image swaps left and right
_BATCH = 512


class PointNetwork(Protocol):
    """A network that finds five points in small squares; it may run in another process."""

    def points(self, images: np.ndarray) -> np.ndarray:
        """Return points (N, 5, 2), as fractions of the side, of RGB uint8 (N, 48, 48, 3)."""
        ...


def _square(image: np.ndarray, centre: np.ndarray, side: float) -> np.ndarray:
    """Return the square of ``side`` pixels around ``centre`` as (48, 48, 3); edges are repeated.

    Larger squares are sampled several times per output pixel and averaged.
    """
    fine = _INPUT * max(1, round(side / _INPUT))
    scale = fine / side
    shift = (fine - 1) / 2 - scale * centre
    matrix = np.array([[scale, 0, shift[0]], [0, scale, shift[1]]])
    cut = cv2.warpAffine(
        image, matrix, (fine, fine), flags=cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE
    )
    if fine == _INPUT:
        return cut
    return cv2.resize(cut, (_INPUT, _INPUT), interpolation=cv2.INTER_AREA)


class LandmarkRefiner:
    """Replaces the points of faces by O-Net's, averaged over squares and mirror images."""

    def __init__(self, network: PointNetwork, sha256: str) -> None:
        self.sha256 = sha256
        self.network = network

    def refine(self, image: np.ndarray, faces: Sequence[Face]) -> list[Face]:
        """Return ``faces`` of an RGB image with new landmarks; coincident points do not change.

        Raises:
            NonFiniteError: the network returned NaN or infinity
        """
        places: list[tuple[int, np.ndarray, float]] = []
        for number, face in enumerate(faces):
            points = np.array(face.landmarks, np.float64)
            eyes, mouth = points[:2], points[3:]
            drop = mouth.mean(axis=0) - eyes.mean(axis=0)
            size = max(np.linalg.norm(eyes[1] - eyes[0]), np.linalg.norm(drop))
            if size >= 1.0:
                places += [(number, points.mean(axis=0), side * float(size)) for side in _SIDES]
        if not places:
            return list(faces)
        found: dict[int, list[np.ndarray]] = {}
        for start in range(0, len(places), _BATCH):
            chosen = places[start : start + _BATCH]
            cut = np.stack([_square(image, centre, side) for _, centre, side in chosen])
            plain = self.network.points(cut)
            mirrored = self.network.points(np.ascontiguousarray(cut[:, :, ::-1]))[:, _MIRRORED]
            mirrored[..., 0] = 1 - mirrored[..., 0]
            for (number, centre, side), answer in zip(chosen, (plain + mirrored) / 2, strict=True):
                found.setdefault(number, []).append(centre + (answer - 0.5) * side)
        refined = list(faces)
        for number, answers in found.items():
            mean = np.mean(answers, axis=0)
            if not np.isfinite(mean).all():
                raise NonFiniteError("The landmark network returned NaN or infinity.")
            points = tuple((float(x), float(y)) for x, y in mean)
            refined[number] = replace(faces[number], landmarks=points)
        return refined


class RefinedDetector:
    """A face detector whose landmarks are refined; see :class:`interface.FaceDetector`.

    Its hash covers both networks, so that crops of refined points are distinguishable.
    """

    def __init__(self, detector: FaceDetector, refiner: LandmarkRefiner) -> None:
        self.name = detector.name
        self.device = detector.device
        self.sha256 = content_hash([detector.sha256, refiner.sha256])
        self.detector = detector
        self.refiner = refiner

    def detect(
        self, frames: Sequence[np.ndarray], *, score_threshold: float = 0.5, max_side: int = 0
    ) -> list[list[Face]]:
        """Return faces, see :meth:`interface.FaceDetector.detect`.

        Landmarks are refined at the frame's full resolution.
        """
        found = self.detector.detect(frames, score_threshold=score_threshold, max_side=max_side)
        return [
            self.refiner.refine(frame, faces) for frame, faces in zip(frames, found, strict=True)
        ]


def load_refiner(device: str, allow_download: bool = False) -> LandmarkRefiner:
    """Return the refiner with the registered weights of O-Net.

    Args:
        device: torch device
        allow_download: fetch missing weights

    Raises:
        ForensicsError: weights missing, or not the registered ones
    """
    from ..files.tensor_files import read_tensors
    from .landmark_network import LandmarkNetwork

    path = weights_path(LANDMARKS, None, allow_download)
    digest = file_sha256(path)
    if digest != KNOWN[LANDMARKS].sha256:
        raise ForensicsError(
            f"{path} is not the registered file.", "Remove it and fetch it again.", "weights"
        )
    return LandmarkRefiner(LandmarkNetwork(read_tensors(path, "refine_landmarks"), device), digest)
