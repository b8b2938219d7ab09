"""Changes one face of a picture: a mirrored or another face, a bottleneck, a moved mouth.

Each effect has a setting: ``visible`` leaves what early fakes left, ``subtle`` hides the same
traces better. An effect changes nothing outside of its mask, bit for bit.
"""

from __future__ import annotations

import cv2
import numpy as np

from .face_swap import affine, face_mask, face_swap, match_colour

VISIBLE, SUBTLE = "visible", "subtle"
SETTINGS = (VISIBLE, SUBTLE)

_SIDE = {VISIBLE: 48, SUBTLE: 80}  # pixels across the face region inside the bottleneck
_FEATHER = {VISIBLE: 0.03, SUBTLE: 0.10}  # blur of a mask, share of the line from eyes to mouth
_OPENING = {VISIBLE: 0.22, SUBTLE: 0.11}  # motion of the mouth, in the same unit
_ROUGH_SIDE = 64  # the visible mouth is also rendered coarsely, as reenactment networks do


def mirrored(image: np.ndarray, points: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return the picture and its (5, 2) landmarks as a mirror shows them, in the usual order."""
    turned = points[[1, 0, 2, 4, 3]].copy()
    turned[:, 0] = image.shape[1] - 1 - turned[:, 0]
    return np.ascontiguousarray(image[:, ::-1]), turned


def swap(
    target: np.ndarray, points: np.ndarray, source: tuple[np.ndarray, np.ndarray], setting: str
) -> tuple[np.ndarray, np.ndarray]:
    """Put the face of ``source`` into ``target``.

    Args:
        target: (H, W, 3) RGB uint8
        points: (5, 2) landmarks of the target
        source: picture and landmarks of the other face
        setting: ``subtle`` blends by Poisson editing, ``visible`` by a narrow ramp of the mask

    Returns:
        the fake and its mask (H, W) uint8, 0 or 255
    """
    if setting == SUBTLE:
        return face_swap(target, points, *source)
    height, width = target.shape[:2]
    to_target = affine(source[1], points)
    warped = cv2.warpAffine(
        *(source[0], to_target, (width, height)),
        flags=cv2.INTER_CUBIC,
        borderMode=cv2.BORDER_REFLECT_101,
    )
    inside = face_mask(points, (height, width))
    own = cv2.warpAffine(face_mask(source[1], source[0].shape[:2]), to_target, (width, height))
    inside[own < 255] = 0
    return _mixed(target, match_colour(warped, target, inside), inside, points, setting)


def bottleneck(
    image: np.ndarray, points: np.ndarray, setting: str
) -> tuple[np.ndarray, np.ndarray]:
    """Render the face with few pixels and enlarge it again, as small autoencoders do.

    Returns:
        the fake and its mask (H, W) uint8, 0 or 255
    """
    inside = face_mask(points, image.shape[:2])
    coarse = _coarse(image, points, _SIDE[setting])
    return _mixed(image, match_colour(coarse, image, inside), inside, points, setting)


def expression(
    image: np.ndarray, points: np.ndarray, setting: str, amount: float = 1.0
) -> tuple[np.ndarray, np.ndarray]:
    """Open the mouth by a smooth warp; the visible setting also renders it coarsely.

    Args:
        image: (H, W, 3) RGB uint8
        points: (5, 2) landmarks
        setting: how far the mouth moves
        amount: share of that motion, in [-1, 1]

    Returns:
        the fake and its mask (H, W) uint8, 0 or 255
    """
    height, width = image.shape[:2]
    eyes, mouth = points[:2].mean(0), points[3:].mean(0)
    down = mouth - eyes
    unit = float(np.linalg.norm(down))
    y, x = np.mgrid[:height, :width].astype(np.float32)
    lips = (mouth + 0.25 * down).astype(np.float32)
    distance = np.hypot(x - lips[0], y - lips[1]) / np.float32(unit)
    share = np.exp(-0.5 * (distance / np.float32(0.32)) ** 2)
    share[distance > 0.85] = 0  # below a thirtieth: the rest of the picture stays as it is
    moved = (down / unit * _OPENING[setting] * unit * amount).astype(np.float32)
    fake = cv2.remap(
        image,
        x - share * moved[0],
        y - share * moved[1],
        cv2.INTER_CUBIC,
        borderMode=cv2.BORDER_REFLECT_101,
    )
    mask = np.where(share > 0, 255, 0).astype(np.uint8)
    if setting == VISIBLE:
        ramp = np.clip(1.6 * share, 0, 1)[..., None]
        rough = _coarse(fake, points, _ROUGH_SIDE)
        fake = _rounded(fake + ramp * (rough.astype(np.float32) - fake))
    return np.where(mask[..., None] > 0, fake, image), mask


def _coarse(image: np.ndarray, points: np.ndarray, side: int) -> np.ndarray:
    """Return the picture whose face region went through ``side`` x ``side`` pixels."""
    eyes, mouth = points[:2].mean(0), points[3:].mean(0)
    reach = 1.35 * float(np.linalg.norm(mouth - eyes))
    centre = eyes + 0.45 * (mouth - eyes)
    left, top = np.maximum(np.floor(centre - reach), 0).astype(int)
    right, bottom = np.minimum(np.ceil(centre + reach), image.shape[1::-1]).astype(int)
    region = image[top:bottom, left:right]
    small = cv2.resize(region, (side, side), interpolation=cv2.INTER_AREA)
    found = image.copy()
    size = (region.shape[1], region.shape[0])
    found[top:bottom, left:right] = cv2.resize(small, size, interpolation=cv2.INTER_CUBIC)
    return found


def _mixed(
    image: np.ndarray, other: np.ndarray, inside: np.ndarray, points: np.ndarray, setting: str
) -> tuple[np.ndarray, np.ndarray]:
    """Return ``other`` blended into ``image`` inside the mask, whose ramp lies within it."""
    unit = float(np.linalg.norm(points[3:].mean(0) - points[:2].mean(0)))
    sigma = max(_FEATHER[setting] * unit, 0.5)
    border = np.ones((2 * int(np.ceil(2 * sigma)) + 1,) * 2, np.uint8)
    ramp = cv2.GaussianBlur(cv2.erode(inside, border).astype(np.float32) / 255, (0, 0), sigma)
    ramp[inside == 0] = 0
    fake = _rounded(image + ramp[..., None] * (other.astype(np.float32) - image))
    return fake, np.where(ramp > 0, 255, 0).astype(np.uint8)


def _rounded(image: np.ndarray) -> np.ndarray:
    return np.clip(np.rint(image), 0, 255).astype(np.uint8)
