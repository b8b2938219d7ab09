"""Measures cheap quality values per face that indicate how far a score can be trusted.

The values are only measured; filtering is up to the user. There is no measure of occlusion, because
no cheap one was found that distinguishes a hand over the mouth from a beard.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import cv2
import numpy as np

# Height of the nose tip above the plane of the eyes, in inter-eye distances (a rough mean).
_NOSE_DEPTH = 0.5


@dataclass(frozen=True, slots=True)
class PixelQuality:
    """Values measured on the crop, in the rectangle around the landmarks.

    Attributes:
        sharpness: variance of the Laplacian of the grey values (0 .. 255); 0 is flat
        brightness: mean grey value in [0, 1]
        contrast: standard deviation of the grey value in [0, 0.5]
    """

    sharpness: float
    brightness: float
    contrast: float


def eye_distance(landmarks: Any) -> float:
    """Return the distance between the eyes in pixels of the frame."""
    points = np.asarray(landmarks, dtype=np.float64)
    return float(np.linalg.norm(points[1] - points[0]))


def roll_degrees(landmarks: Any) -> float:
    """Return the tilt of the eye line in degrees, (-180, 180]; positive is clockwise on screen."""
    points = np.asarray(landmarks, dtype=np.float64)
    dx, dy = points[1] - points[0]
    return math.degrees(math.atan2(dy, dx))


def yaw_degrees(landmarks: Any) -> float:
    """Return a rough yaw of the head in degrees, (-90, 90); positive: nose points to image right.

    It is ``atan(r / 0.5)``, where r is the offset of the nose from the middle of the eyes along the
    eye line, in inter-eye distances. This models a rigid head whose nose protrudes by half of that
    distance. It is good for strata, not for measuring poses. 0 if the eyes coincide.
    """
    points = np.asarray(landmarks, dtype=np.float64)
    axis = points[1] - points[0]
    length = float(np.linalg.norm(axis))
    if length == 0:
        return 0.0
    offset = float((points[2] - (points[0] + points[1]) / 2) @ axis) / length**2
    return math.degrees(math.atan(offset / _NOSE_DEPTH))


#: Measures of the five points in the frame, by their name in :data:`.video_faces.MEASURES`.
OF_LANDMARKS = {"eye_distance": eye_distance, "yaw": yaw_degrees, "roll": roll_degrees}


def face_region(crop_landmarks: Any, shape: tuple[int, ...]) -> tuple[int, int, int, int]:
    """Return (x1, y1, x2, y2) around a crop's landmarks, widened by half an eye distance.

    The rectangle is clipped to the crop and never empty unless the crop is.
    """
    points = np.asarray(crop_landmarks, dtype=np.float64)
    reach = 0.5 * eye_distance(points)
    height, width = shape[:2]
    x1, y1 = np.floor(points.min(axis=0) - reach).astype(int)
    x2, y2 = np.ceil(points.max(axis=0) + reach).astype(int)
    x1, y1 = min(max(int(x1), 0), width - 1), min(max(int(y1), 0), height - 1)
    return x1, y1, max(x1 + 1, min(int(x2), width)), max(y1 + 1, min(int(y2), height))


def measure_pixels(crop: np.ndarray, crop_landmarks: Any) -> PixelQuality:
    """Return sharpness, brightness and contrast of a crop around its landmarks.

    Args:
        crop: RGB uint8 (S, S, 3)
        crop_landmarks: (5, 2) in pixels of the crop
    """
    x1, y1, x2, y2 = face_region(crop_landmarks, crop.shape)
    grey = cv2.cvtColor(np.ascontiguousarray(crop[y1:y2, x1:x2]), cv2.COLOR_RGB2GRAY)
    laplacian = cv2.Laplacian(grey, cv2.CV_64F)
    return PixelQuality(
        sharpness=float(laplacian.var()),
        brightness=float(grey.mean() / 255.0),
        contrast=float(grey.std() / 255.0),
    )


def mask_share(mask: np.ndarray, box: Any, frame_size: tuple[int, int]) -> float | None:
    """Return the share of the mask's pixels, in [0, 1], in ``box``; None for an empty mask.

    Args:
        mask: bool (h, w); if its size differs from the frame's, the box is scaled
        box: (x1, y1, x2, y2) in frame pixels
        frame_size: (H, W) of the frame
    """
    total = int(mask.sum())
    if total == 0:
        return None
    sx, sy = mask.shape[1] / frame_size[1], mask.shape[0] / frame_size[0]
    x1, x2 = (int(np.clip(round(v * sx), 0, mask.shape[1])) for v in (box[0], box[2]))
    y1, y2 = (int(np.clip(round(v * sy), 0, mask.shape[0])) for v in (box[1], box[3]))
    return int(mask[y1:y2, x1:x2].sum()) / total
