"""Makes self-blended images: a fake made from one real face, blended into itself.

Shiohara and Yamasaki, "Detecting Deepfakes with Self-Blended Images", CVPR 2022 (arXiv 2204.08376),
section 3: one of two copies of a picture is degraded, the source copy is moved and scaled a little,
and both are blended through a deformed, blurred face mask. The only remaining traces are those of
every face swap: a blending boundary and two sides that differ.

Differences from their code, which uses 81 landmarks and crops of about 256 px:

* The mask is a face oval built from five landmarks in a canonical face square of 256 px and then
  mapped into the picture, so crops and whole frames of any size are treated alike.
* All random numbers are drawn before the picture is read, in units of the face. So generators with
  the same seed give the same manipulation on every frame of a clip, and it moves with the face.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import cv2
import numpy as np

from ...detector.errors import ForensicsError

SIDE = 256
"""Side of the canonical face square in pixels; all sizes below are relative to it."""

# GenD's five-point template at scale 1.3 in the square (as detector.align computes it for 256 px).
_POINTS = np.array(
    [[96.492, 120.123], [159.508, 120.123], [128.0, 155.569], [102.4, 191.015], [153.6, 191.015]]
)
_CENTRE = np.array([128.0, 150.0])


@dataclass(frozen=True)
class _Draws:
    """All random choices for one fake."""

    degrade_target: bool  # True: the target is degraded, else the source
    rgb_shift: np.ndarray  # (3,) levels, all 0 in 7 of 10 cases
    brightness: float  # added share of 255
    contrast: float  # factor minus 1
    shrink: int  # 0: sharpen instead, else 2 or 4: downscale by this
    sharpen: float  # share of the sharpened picture
    scale: float  # of the source about the face centre
    shift: np.ndarray  # (2,) of the source, share of SIDE
    oval: np.ndarray  # (4,) of the oval: factors of width, top and bottom; its exponent
    elastic: np.ndarray  # (2, 16, 16) coarse displacement field in [-1, 1]
    blur: tuple[int, int, float]  # first kernel, second kernel, sigma of the second
    ratio: float  # share of the source where the mask is full


def self_blend(
    image: np.ndarray, landmarks: Any, rng: np.random.Generator
) -> tuple[np.ndarray, np.ndarray]:
    """Return one self-blended fake that differs from ``image`` only under the mask.

    Args:
        image: (H, W, 3) RGB uint8, a crop or a whole frame
        landmarks: (5, 2) pixels in ``image``: image-left eye, image-right eye, nose, image-left
            mouth corner, image-right mouth corner
        rng: generator of all random choices; its draws do not depend on the image

    Returns:
        the fake, (H, W, 3) RGB uint8, and the blending mask, (H, W) uint8: the share of the
        source in each pixel (255: all of it)

    Raises:
        ForensicsError: another kind of image, or landmarks that span no face
    """
    draws = _draw(rng)
    image = _checked(image)
    to_square = _to_square(landmarks)
    return _blend(image, _degrade(image, draws, _zoom(to_square)), draws, to_square)


def self_blend_pair(
    image: np.ndarray, landmarks: Any, rng: np.random.Generator
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return a real and its fake for training, as in the paper.

    In half of the cases the whole target is degraded instead of the source, and this target is the
    real. So no degradation separates the classes, only the blending does.

    Returns:
        real, fake (H, W, 3) RGB uint8, mask (H, W) uint8; see :func:`self_blend`
    """
    draws = _draw(rng)
    image = _checked(image)
    to_square = _to_square(landmarks)
    degraded = _degrade(image, draws, _zoom(to_square))
    target, source = (degraded, image) if draws.degrade_target else (image, degraded)
    return (target, *_blend(target, source, draws, to_square))


def _checked(image: Any) -> np.ndarray:
    image = np.asarray(image)
    if image.ndim != 3 or image.shape[2] != 3 or image.dtype != np.uint8 or not image.size:
        raise ForensicsError(f"Not an RGB uint8 image: {image.dtype} {image.shape}.")
    return image


def _draw(rng: np.random.Generator) -> _Draws:
    """Draw the random choices in the ranges of the authors' code.

    Motion, elasticity and blur are relative to its 256 px crops. Its hue, saturation and value
    shifts of +-0.3 levels are below one grey level and are left out.
    """
    shifted = rng.random() < 0.3
    return _Draws(
        degrade_target=bool(rng.random() < 0.5),
        rgb_shift=rng.uniform(-20, 20, 3) * shifted,
        brightness=rng.uniform(-0.1, 0.1),
        contrast=rng.uniform(-0.1, 0.1),
        shrink=int(rng.choice([0, 0, 2, 4])),
        sharpen=rng.uniform(0.2, 0.5),
        scale=rng.uniform(0.95, 1 / 0.95),
        shift=rng.uniform([-0.03, -0.015], [0.03, 0.015]),
        oval=rng.uniform([0.85, 0.8, 0.9, 2.0], [1.1, 1.15, 1.1, 2.8]),
        elastic=rng.uniform(-1, 1, (2, 16, 16)),
        blur=(
            int(rng.integers(2, 13)) * 2 + 1,
            int(rng.integers(2, 13)) * 2 + 1,
            float(rng.integers(5, 46)),
        ),
        ratio=float(rng.choice([0.25, 0.5, 0.75, 1.0, 1.0, 1.0])),
    )


def _to_square(landmarks: Any) -> np.ndarray:
    """Return the least-squares similarity (2, 3) from the picture's landmarks to the template."""
    points = np.asarray(landmarks, dtype=np.float64)
    if points.shape != (5, 2) or not np.isfinite(points).all():
        raise ForensicsError(f"Self-blending needs five landmarks, not an array {points.shape}.")
    p, q = points - points.mean(0), _POINTS - _POINTS.mean(0)
    spread = max(float((p**2).sum()), 1e-9)
    # The best [[a, -b], [b, a]], a form that excludes reflections.
    a = (p * q).sum() / spread
    b = (p[:, 0] * q[:, 1] - p[:, 1] * q[:, 0]).sum() / spread
    if spread < 1 or np.hypot(a, b) < 1e-3:
        raise ForensicsError("The five landmarks span no face.", "Detect the face again.")
    linear = np.array([[a, -b], [b, a]])
    return np.hstack([linear, (_POINTS.mean(0) - linear @ points.mean(0))[:, None]])


def _zoom(to_square: np.ndarray) -> float:
    """Return the number of picture pixels per pixel of the face square."""
    return float(1.0 / np.hypot(to_square[0, 0], to_square[1, 0]))


def _blend(
    target: np.ndarray, source: np.ndarray, draws: _Draws, to_square: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Return fake and mask from two pictures of the same face; only the mask's box is computed."""
    height, width = target.shape[:2]
    fake, mask = target.copy(), np.zeros((height, width), np.uint8)
    corners = np.array([[0, 0], [SIDE, 0], [SIDE, SIDE], [0, SIDE]], dtype=np.float64)
    corners = (corners - to_square[:, 2]) @ np.linalg.inv(to_square[:, :2]).T
    x0, y0 = np.floor(corners.min(0)).astype(int).clip(0, [width, height])
    x1, y1 = np.ceil(corners.max(0)).astype(int).clip(0, [width, height])
    if x0 >= x1 or y0 >= y1:
        raise ForensicsError("The face lies outside the picture.", "Check the landmarks.")
    offset = np.array([x0, y0], dtype=np.float64)
    inside = to_square.copy()
    inside[:, 2] += inside[:, :2] @ offset
    size = (int(x1 - x0), int(y1 - y0))
    alpha = cv2.warpAffine(
        _mask(draws), inside, size, flags=cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP
    )
    alpha *= draws.ratio
    moved = cv2.warpAffine(
        source,
        _motion(draws, to_square, offset),
        size,
        flags=cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP,
        borderMode=cv2.BORDER_REFLECT_101,
    )
    below = target[y0:y1, x0:x1].astype(np.float32)
    mixed = below + alpha[..., None] * (moved.astype(np.float32) - below)
    fake[y0:y1, x0:x1] = _to_uint8(mixed)
    mask[y0:y1, x0:x1] = _to_uint8(alpha * 255)
    return fake, mask


def _mask(draws: _Draws) -> np.ndarray:
    """Return the blending mask (SIDE, SIDE) float32 in [0, 1]: oval, deformed, shrunk, blurred."""
    y, x = np.mgrid[0:SIDE, 0:SIDE].astype(np.float32)
    width, top, bottom, power = draws.oval
    # The semi-axes 74, 86 and 80 px reach from cheek to cheek, to the middle of the forehead and
    # to the chin of the template's face.
    dx = np.abs(x - _CENTRE[0]) / (74.0 * width)
    dy = np.where(y < _CENTRE[1], (_CENTRE[1] - y) / (86.0 * top), (y - _CENTRE[1]) / (80 * bottom))
    mask = (dx**power + dy**power < 1.0).astype(np.float32)
    # Elastic deformation with a correlation length of 16 px and up to about 10 px.
    push = [
        10.0 * cv2.resize(f, (SIDE, SIDE), interpolation=cv2.INTER_CUBIC).astype(np.float32)
        for f in draws.elastic
    ]
    mask = cv2.remap(mask, x + push[0], y + push[1], cv2.INTER_LINEAR)
    first, second, sigma = draws.blur
    mask = cv2.GaussianBlur(mask, (first, first), 0)
    inner = (mask >= mask.max() * (1 - 1e-4)).astype(np.float32)
    mask = cv2.GaussianBlur(inner, (second, second), sigma)
    return mask / mask.max()


def _degrade(image: np.ndarray, draws: _Draws, zoom: float) -> np.ndarray:
    """Return the picture with a colour change, and then downscaled or sharpened, uint8.

    Args:
        zoom: see :func:`_zoom`; the downscaling factor grows with the face
    """
    out = image.astype(np.float32) + draws.rgb_shift.astype(np.float32)
    out = np.clip(out * (1.0 + draws.contrast) + 255.0 * draws.brightness, 0, 255)
    if draws.shrink:
        factor = draws.shrink * max(zoom, 1.0)
        height, width = out.shape[:2]
        small = (max(1, round(width / factor)), max(1, round(height / factor)))
        out = cv2.resize(out, small, interpolation=cv2.INTER_NEAREST)
        return _to_uint8(cv2.resize(out, (width, height), interpolation=cv2.INTER_LINEAR))
    kernel = np.full((3, 3), -1.0, np.float32)
    kernel[1, 1] = 9.0  # the picture plus its Laplacian
    return _to_uint8((1 - draws.sharpen) * out + draws.sharpen * cv2.filter2D(out, -1, kernel))


def _motion(draws: _Draws, to_square: np.ndarray, offset: np.ndarray) -> np.ndarray:
    """Return the affine map (2, 3) from pixels of the box at ``offset`` to the source's pixels."""
    back = np.linalg.inv(to_square[:, :2])
    centre = back @ (_CENTRE - to_square[:, 2])
    shift = back @ (draws.shift * SIDE)
    # moved(x) = source(centre + (x - shift - centre) / scale)
    start = centre + (offset - shift - centre) / draws.scale
    return np.hstack([np.eye(2) / draws.scale, start[:, None]])


def _to_uint8(values: np.ndarray) -> np.ndarray:
    return np.clip(np.rint(values), 0, 255).astype(np.uint8)
