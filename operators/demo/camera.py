"""Renders real footage as short clips of one size, from segments of videos or from photographs.

A photograph becomes a clip by the motion of a virtual hand-held camera (sway, zoom, roll, and a
small drift of the exposure). Nothing is drawn and no noise is added: each pixel comes from the
photograph and is resampled once.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np

from ...detector.errors import ForensicsError
from ...detector.faces.interface import FaceDetector
from ...detector.frames.sources import open_source
from .clips import SIZE, ClipPlan

# Largest excursions of the virtual camera; together they reach 6.8 % of the window beyond its edge.
_PAN = 0.03  # share of the window
_ZOOM = 0.04
_ROLL = np.deg2rad(2.0)
_EXPOSURE = 0.03
MARGIN = 0.07

_SMOOTHING_FRAMES = 1.5  # sigma; RetinaFace landmarks jitter by about one pixel between frames


class ClipError(ForensicsError):
    """The error for footage that does not give the planned clip."""


@dataclass(frozen=True, slots=True)
class Photograph:
    """A photograph and the camera's path over it.

    Attributes:
        image: (H, W, 3) RGB uint8, at most as fine as the clip
        landmarks: (5, 2) pixels of ``image``
        maps: (FRAMES, 2, 3), pixels of a frame -> pixels of ``image``
        gains: (FRAMES,) exposure gain of each frame
        size: side of a frame in pixels
    """

    image: np.ndarray
    landmarks: np.ndarray
    maps: np.ndarray
    gains: np.ndarray
    size: int = SIZE

    def film(self, image: np.ndarray) -> np.ndarray:
        """Return the frames (FRAMES, SIZE, SIZE, 3) of ``image``, a version of the photograph."""
        frames = np.empty((len(self.maps), self.size, self.size, 3), np.uint8)
        for frame, pose, gain in zip(frames, self.maps, self.gains, strict=True):
            seen = _look(image, pose, self.size, cv2.INTER_CUBIC).astype(np.float32)
            frame[:] = np.clip(np.rint(seen * gain), 0, 255)
        return frames

    def film_mask(self, mask: np.ndarray) -> np.ndarray:
        """Return (FRAMES, SIZE, SIZE) uint8: 255 where a frame shows ``mask`` (H, W) > 0."""
        wide = cv2.dilate((mask > 0).astype(np.uint8), np.ones((3, 3), np.uint8))  # cubic support
        how = cv2.INTER_LINEAR
        seen = [_look(wide * np.uint8(255), pose, self.size, how) for pose in self.maps]
        return np.where(np.array(seen) > 0, 255, 0).astype(np.uint8)


@dataclass(frozen=True, slots=True)
class Clip:
    """A clip before encoding.

    Attributes:
        frames: (FRAMES, SIZE, SIZE, 3) RGB uint8
        landmarks: (FRAMES, 5, 2) pixels, smooth over time
        photograph: the filmed photograph, or None for a segment of a video
    """

    frames: np.ndarray
    landmarks: np.ndarray
    photograph: Photograph | None = None


def render(plan: ClipPlan, footage: Path, detector: FaceDetector, rng: np.random.Generator) -> Clip:
    """Return the frames of ``plan`` with the landmarks of their one face.

    Args:
        plan: the clip to render
        footage: file of the photograph or video
        detector: finds the landmarks
        rng: generator of the camera's path; not used for videos

    Raises:
        ClipError: the footage is too short or too small, or does not show exactly one face
    """
    if plan.start is None:
        return _photograph(plan, footage, detector, rng)
    return _segment(plan, footage, detector)


def _photograph(
    plan: ClipPlan, footage: Path, detector: FaceDetector, rng: np.random.Generator
) -> Clip:
    image, window = _to_working_size(_read(footage, [0])[0], plan)
    still = _look(image, window, plan.size, cv2.INTER_CUBIC)
    points = np.c_[_one_face(detector, [still], plan)[0], np.ones(5)]
    paths, gains = camera_path(rng, plan)
    photograph = Photograph(image, points @ window.T, window @ paths, gains, plan.size)
    # The face does not move in the photograph, so the camera's path gives exact landmarks.
    moved = np.einsum("fij,pj->fpi", np.linalg.inv(paths)[:, :2], points)
    return Clip(photograph.film(image), moved, photograph)


def _look(image: np.ndarray, pose: np.ndarray, size: int, interpolation: int) -> np.ndarray:
    """Return a frame whose pixels are sampled from ``image`` at the places that ``pose`` gives."""
    how = interpolation | cv2.WARP_INVERSE_MAP
    return cv2.warpAffine(image, pose, (size, size), flags=how, borderMode=cv2.BORDER_REFLECT_101)


def _to_working_size(image: np.ndarray, plan: ClipPlan) -> tuple[np.ndarray, np.ndarray]:
    """Return the part that the camera may see, at most as fine as the clip, and the map to it.

    The map (2, 3) goes from pixels of the clip to pixels of that part.
    """
    x, y, side = plan.window
    room = int(np.ceil(MARGIN * side))
    left, top, reach = x - room, y - room, side + 2 * room
    if left < 0 or top < 0 or left + reach > image.shape[1] or top + reach > image.shape[0]:
        raise ClipError(f"Clip {plan.stem}: its window does not fit into {plan.footage}.")
    image = image[top : top + reach, left : left + reach]
    size = min(reach, round(reach * plan.size / side))
    if size < reach:  # area averaging, so that the moving resampling does not shimmer
        image = cv2.resize(image, (size, size), interpolation=cv2.INTER_AREA)
    factor = size / reach
    zoom = side * factor / plan.size
    # Pixel centres: clip (-0.5, -0.5) is the window's upper left corner.
    shift = room * factor + 0.5 * zoom - 0.5
    return np.ascontiguousarray(image), np.array([[zoom, 0.0, shift], [0.0, zoom, shift]])


def camera_path(rng: np.random.Generator, plan: ClipPlan) -> tuple[np.ndarray, np.ndarray]:
    """Return the path of a hand-held camera, in pixels of the clip.

    Args:
        rng: generator of the phases of the slow and fast sway
        plan: the clip, for its size and the times of its frames

    Returns:
        (FRAMES, 3, 3) maps from pixels of a frame to pixels of the unmoved window, and (FRAMES,)
        exposure gains around 1
    """
    seconds = np.arange(plan.frames) / plan.fps
    slow = rng.uniform(0.15, 0.4, 5)
    fast = rng.uniform(0.7, 1.3, 5)
    phases = rng.uniform(0, 2 * np.pi, (2, 5))
    sway = 0.8 * np.sin(2 * np.pi * seconds[:, None] * slow + phases[0])
    sway += 0.2 * np.sin(2 * np.pi * seconds[:, None] * fast + phases[1])
    pan = sway[:, :2] * _PAN * plan.size
    zoom = 1.0 + sway[:, 2] * _ZOOM
    roll = sway[:, 3] * _ROLL
    centre = (plan.size - 1) / 2
    paths = np.zeros((plan.frames, 3, 3))
    paths[:, 0, 0] = paths[:, 1, 1] = zoom * np.cos(roll)
    paths[:, 1, 0] = zoom * np.sin(roll)
    paths[:, 0, 1] = -paths[:, 1, 0]
    paths[:, 2, 2] = 1.0
    middle = np.array([centre, centre])
    paths[:, :2, 2] = middle + pan - np.einsum("fij,j->fi", paths[:, :2, :2], middle)
    return paths, 1.0 + sway[:, 4] * _EXPOSURE


def _segment(plan: ClipPlan, footage: Path, detector: FaceDetector) -> Clip:
    x, y, side = plan.window
    size = plan.size
    frames = np.empty((plan.frames, size, size, 3), np.uint8)
    how = cv2.INTER_AREA if side > size else cv2.INTER_CUBIC
    for frame, image in zip(frames, _read(footage, plan.source_frames), strict=True):
        height, width = image.shape[:2]
        if min(x, y) < 0 or x + side > width or y + side > height:
            raise ClipError(f"Clip {plan.stem}: its window does not fit into {plan.footage}.")
        cut = image[y : y + side, x : x + side]
        frame[:] = cv2.resize(cut, (size, size), interpolation=how)
    return Clip(frames, _smooth(_one_face(detector, list(frames), plan)))


def _read(path: Path, numbers: list[int]) -> list[np.ndarray]:
    """Return exactly these frames, RGB uint8.

    Raises:
        ClipError: a frame cannot be read
    """
    images = []
    for frame in open_source(path, threads=1).read(numbers):
        if frame.image is None:
            raise ClipError(f"Frame {frame.index} of {path.name} cannot be read: {frame.reason}.")
        images.append(frame.image)
    return images


def _one_face(detector: FaceDetector, frames: list[np.ndarray], plan: ClipPlan) -> np.ndarray:
    """Return the (N, 5, 2) landmarks of the only face of each frame.

    Raises:
        ClipError: a frame does not show exactly one face
    """
    found = detector.detect(frames, score_threshold=0.5)
    for number, faces in enumerate(found):
        if len(faces) != 1:
            raise ClipError(
                f"Clip {plan.stem} ({plan.footage}): {len(faces)} faces in frame {number}, not one."
            )
    return np.array([faces[0].landmarks for faces in found], dtype=np.float64)


def _smooth(track: np.ndarray) -> np.ndarray:
    """Return the Gaussian average of (N, 5, 2) over time; weights are renormalised at the ends."""
    offsets = np.arange(len(track))
    weights = np.exp(-0.5 * ((offsets[:, None] - offsets) / _SMOOTHING_FRAMES) ** 2)
    weights /= weights.sum(axis=1, keepdims=True)
    return np.einsum("ij,jpc->ipc", weights, track)
