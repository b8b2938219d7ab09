"""Aligns a face by five landmarks to a square crop, and inverts the transform.

The reference procedure is the cropper released with GenD (Yermakov et al., arXiv 2508.06248):
``cv2.estimateAffinePartial2D(landmarks, template, method=cv2.LMEDS)``, then ``cv2.warpAffine``
with bilinear interpolation and a zero border. The same landmarks give the same pixels here.
"""

from __future__ import annotations

from typing import Any

import cv2
import numpy as np

from ..errors import ForensicsError
from ..records import Reason

# Points as fractions of the crop side at scale 1, in the project's landmark order.
TEMPLATES: dict[str, np.ndarray] = {
    # GenD: made for RetinaFace-type points
    "gend": np.array([[0.34, 0.46], [0.66, 0.46], [0.5, 0.64], [0.37, 0.82], [0.63, 0.82]]),
    # DeepfakeBench: 112-pixel points with its 8 pixel shift in x; made for dlib points
    "dfb": (
        np.array(
            [
                [30.2946, 51.6963],
                [65.5318, 51.5014],
                [48.0252, 71.7366],
                [33.5493, 92.3655],
                [62.7299, 92.2041],
            ]
        )
        + np.array([8.0, 0.0])
    )
    / 112.0,
    # facexlib FaceRestoreHelper, 512 pixel FFHQ template; it includes a margin (use scale 1)
    "ffhq": np.array(
        [
            [192.98138, 239.94708],
            [318.90277, 240.1936],
            [256.63416, 314.01935],
            [201.26117, 371.41043],
            [313.08905, 371.15118],
        ]
    )
    / 512.0,
}
#: Text of a form for each template.
TEMPLATE_TITLES = {
    "gend": "GenD (the reference)",
    "dfb": "DeepfakeBench",
    "ffhq": "FFHQ, as facexlib (use scale 1)",
}
BORDERS = {
    "zero": cv2.BORDER_CONSTANT,
    "reflect": cv2.BORDER_REFLECT_101,
    "replicate": cv2.BORDER_REPLICATE,
}
INTERPOLATIONS = {"linear": cv2.INTER_LINEAR, "cubic": cv2.INTER_CUBIC, "area": cv2.INTER_AREA}

_MIN_ZOOM, _MAX_ZOOM = 1e-2, 1e2  # crop pixels per frame pixel; every real face lies within
# Median landmark error as a share of the crop side. Full profiles reach 0.10; random points have
# 0.13 on average (a transform that shrinks all to the centre has 0.18).
_MAX_MISFIT = 0.13
_MAX_NATIVE_SIDE = 4096


class AlignError(ForensicsError):
    """Raised when landmarks give no usable transform; ``reason`` is ``align_failed``."""

    reason = Reason.ALIGN_FAILED


def template_points(template: str = "gend", size: float = 256, scale: float = 1.3) -> np.ndarray:
    """Return the target positions of the five landmarks, in pixels of a crop of side ``size``.

    The template gets a margin ``m = size * (scale - 1) / 2`` on each side, and the whole is shrunk
    back to ``size``: ``(t * size + m) * size / (size + 2 m)`` (as in GenD and DeepfakeBench).

    Returns:
        (5, 2) float64

    Raises:
        ForensicsError: unknown template, or size or scale is not positive
    """
    if template not in TEMPLATES:
        raise ForensicsError(
            f"Unknown template {template!r}.", f"Use one of {', '.join(TEMPLATES)}.", "template"
        )
    if size <= 0 or scale <= 0:
        raise ForensicsError(f"size {size} and scale {scale} must be positive.", "", "size")
    margin = size * (scale - 1.0) / 2.0
    return (TEMPLATES[template] * size + margin) * size / (size + 2.0 * margin)


def native_size(landmarks: np.ndarray, template: str = "gend", scale: float = 1.3) -> int:
    """Return the crop side in pixels at which the face keeps its source resolution.

    It is ``round(mean(d_landmarks / d_template) * scale)`` over the ten pairs of points, with the
    template's distances as fractions (GenD's ``target_size=none``).
    """
    first, second = np.triu_indices(5, k=1)
    points = np.asarray(landmarks, dtype=np.float64)
    reference = TEMPLATES[template]
    found = np.linalg.norm(points[first] - points[second], axis=1)
    wanted = np.linalg.norm(reference[first] - reference[second], axis=1)
    return round(float(np.mean(found / wanted) * scale))


def estimate(landmarks: Any, target: np.ndarray, size: int) -> np.ndarray:
    """Return the similarity transform (rotation, zoom, shift) from ``landmarks`` to ``target``.

    Args:
        landmarks: (5, 2) in frame pixels
        target: (5, 2) in crop pixels
        size: crop side, for the misfit limit

    Returns:
        (2, 3) float64, frame -> crop

    Raises:
        AlignError: not five finite points, no transform, an implausible zoom, or points so far
            from the template that the crop would not show the face
    """
    points = np.asarray(landmarks, dtype=np.float64)
    if points.shape != (5, 2) or not np.isfinite(points).all():
        raise AlignError("The landmarks are not five finite points.")
    matrix, _ = cv2.estimateAffinePartial2D(points, target, method=cv2.LMEDS)
    if matrix is None or not np.isfinite(matrix).all():
        raise AlignError("The landmarks give no similarity transform.")
    zoom = float(np.sqrt(max(np.linalg.det(matrix[:, :2]), 0.0)))
    if not _MIN_ZOOM < zoom < _MAX_ZOOM:
        raise AlignError(f"The landmarks give a zoom of {zoom:.3g}.")
    misfit = float(np.median(np.linalg.norm(transform(points, matrix) - target, axis=1)))
    if misfit > _MAX_MISFIT * size:
        raise AlignError(f"The landmarks miss the template by {misfit / size:.2f} of the crop.")
    return matrix


def align_face(
    image: np.ndarray,
    landmarks: Any,
    template: str = "gend",
    size: int = 256,
    scale: float = 1.3,
    border: str = "zero",
    interpolation: str = "linear",
) -> tuple[np.ndarray, np.ndarray]:
    """Cut a face out of a frame by its landmarks.

    Args:
        image: RGB uint8 (H, W, 3)
        landmarks: (5, 2) in pixels of ``image``, project order
        template: ``gend`` | ``dfb`` | ``ffhq``
        size: crop side in pixels; 0 keeps the face's resolution in the frame
        scale: margin around the template
        border: fill outside the frame: ``zero`` | ``reflect`` | ``replicate``
        interpolation: ``linear`` (reference) | ``cubic`` | ``area`` (averages when shrinking)

    Returns:
        crop RGB uint8 (size, size, 3) and the (2, 3) float64 matrix frame -> crop

    Raises:
        AlignError: see :func:`estimate`; also a native size above 4096 pixels
        ForensicsError: unknown option
    """
    side = size
    if size == 0:
        points = np.asarray(landmarks, dtype=np.float64)
        if points.shape != (5, 2) or not np.isfinite(points).all():
            raise AlignError("The landmarks are not five finite points.")
        side = native_size(points, template, scale)
        if not 1 <= side <= _MAX_NATIVE_SIDE:
            raise AlignError(f"The native crop side would be {side} pixels.")
    target = template_points(template, side, scale)
    matrix = estimate(landmarks, target, side)
    return warp(image, matrix, side, border, interpolation), matrix


def warp(
    image: np.ndarray,
    matrix: np.ndarray,
    size: int,
    border: str = "zero",
    interpolation: str = "linear",
) -> np.ndarray:
    """Resample ``image`` (H, W) or (H, W, C) through ``matrix`` into a (size, size) square.

    If the crop is k times smaller than its source, ``area`` averages k x k samples per pixel
    (``cv2.warpAffine`` itself treats INTER_AREA as bilinear). Otherwise it is bilinear.

    Raises:
        ForensicsError: unknown border or interpolation
    """
    if border not in BORDERS or interpolation not in INTERPOLATIONS:
        raise ForensicsError(
            f"Unknown border {border!r} or interpolation {interpolation!r}.",
            f"Borders: {', '.join(BORDERS)}; interpolations: {', '.join(INTERPOLATIONS)}.",
        )
    flags, mode = INTERPOLATIONS[interpolation], BORDERS[border]
    if interpolation != "area":
        return cv2.warpAffine(image, matrix, (size, size), flags=flags, borderMode=mode)
    zoom = float(np.sqrt(abs(np.linalg.det(matrix[:, :2]))))
    k = max(1, min(16, int(np.ceil(1.0 / zoom - 1e-9))))
    finer = matrix * k
    finer[:, 2] += (k - 1) / 2.0  # pixel centres: x_fine = k x + (k - 1) / 2
    large = cv2.warpAffine(
        image, finer, (size * k, size * k), flags=cv2.INTER_LINEAR, borderMode=mode
    )
    return cv2.resize(large, (size, size), interpolation=cv2.INTER_AREA) if k > 1 else large


def transform(points: Any, matrix: np.ndarray) -> np.ndarray:
    """Apply a (2, 3) matrix to (N, 2) points."""
    return np.asarray(points, dtype=np.float64) @ matrix[:, :2].T + matrix[:, 2]


def invert(matrix: Any) -> np.ndarray:
    """Return the (2, 3) float64 matrix crop -> frame for a matrix frame -> crop.

    Raises:
        AlignError: the matrix has no inverse
    """
    forward = np.asarray(matrix, dtype=np.float64)
    if abs(np.linalg.det(forward[:, :2])) < 1e-12:
        raise AlignError("The transform has no inverse.")
    linear = np.linalg.inv(forward[:, :2])
    return np.hstack([linear, -(linear @ forward[:, 2])[:, None]])


def border_share(matrix: np.ndarray, size: int, frame_shape: tuple[int, ...]) -> float:
    """Return the share of the crop's area, in [0, 1], that lies outside the frame.

    Args:
        matrix: (2, 3) frame -> crop
        size: crop side
        frame_shape: (H, W, ...) of the frame
    """
    height, width = frame_shape[:2]
    low, right, bottom, far = -0.5, width - 0.5, height - 0.5, size - 0.5  # edges of the pixels
    corners = transform([[low, low], [far, low], [far, far], [low, far]], invert(matrix))
    if (corners >= low).all() and (corners <= [right, bottom]).all():
        return 0.0
    frame = np.array([[low, low], [right, low], [right, bottom], [low, bottom]], np.float32)
    inside, _ = cv2.intersectConvexConvex(corners.astype(np.float32), frame)
    area = (size / np.sqrt(np.linalg.det(matrix[:, :2]))) ** 2
    return float(np.clip(1.0 - inside / area, 0.0, 1.0))
