"""Swaps faces without a neural network, in the way of FaceSwap in FaceForensics++.

Roessler et al., "FaceForensics++", ICCV 2019 (arXiv 1901.08971), section 3: the source's face
region is fitted to the target's landmarks, its colour is matched, and it is blended in. Deviation:
they render a 3-D model fitted to 68 landmarks; here five landmarks give an affine map, so the swap
is cruder if the heads are turned differently. Colour is matched by the moments of Lab (Reinhard et
al., 2001), and blending is Poisson editing (Perez et al., 2003).
"""

from __future__ import annotations

import cv2
import numpy as np

_OUTLINE = np.linspace(0.0, 2.0 * np.pi, 72, endpoint=False)


def face_swap(
    target: np.ndarray,
    target_points: np.ndarray,
    source: np.ndarray,
    source_points: np.ndarray,
) -> tuple[np.ndarray, np.ndarray]:
    """Put the face of ``source`` into ``target``.

    Args:
        target, source: (H, W, 3) RGB uint8
        target_points, source_points: (5, 2) landmarks in the project's order

    Returns:
        the swapped picture, (H, W, 3) RGB uint8, and the mask (H, W) uint8, 0 or 255; outside the
        mask the picture is the target's, bit for bit
    """
    height, width = target.shape[:2]
    to_target = affine(source_points, target_points)
    warped = cv2.warpAffine(
        source, to_target, (width, height), flags=cv2.INTER_CUBIC, borderMode=cv2.BORDER_REFLECT_101
    )
    mask = face_mask(target_points, (height, width))
    # Only the source's own face; outside it are hair, background or the edge of the picture.
    face = cv2.warpAffine(face_mask(source_points, source.shape[:2]), to_target, (width, height))
    mask[face < 255] = 0
    mask[:2] = mask[-2:] = 0  # Poisson editing needs an unchanged border
    mask[:, :2] = mask[:, -2:] = 0
    if not mask.any():
        return target.copy(), mask
    return _poisson(match_colour(warped, target, mask), target, mask), mask


def affine(points: np.ndarray, onto: np.ndarray) -> np.ndarray:
    """Return the least-squares affine map (2, 3) from ``points`` (N, 2) to ``onto`` (N, 2)."""
    padded = np.c_[points, np.ones(len(points))]
    return np.linalg.lstsq(padded, onto, rcond=None)[0].T


def face_mask(points: np.ndarray, shape: tuple[int, int]) -> np.ndarray:
    """Return the mask of the inner face, brows to chin, as (H, W) uint8, 0 or 255.

    It is an oval around the line from the eyes to the mouth, because five landmarks do not give the
    jaw.
    """
    eyes, mouth = points[:2].mean(0), points[3:].mean(0)
    down = mouth - eyes
    across = np.array([-down[1], down[0]])
    if across @ (points[1] - points[0]) < 0:
        across = -across
    # A turned head is narrower than it is high, so the width also follows the distance of the eyes.
    across *= np.clip(np.linalg.norm(points[1] - points[0]) / np.linalg.norm(down), 0.7, 1.1)
    side, up = np.cos(_OUTLINE), np.sin(_OUTLINE)
    reach = np.where(up < 0, 0.95, 1.05)  # above and below the centre
    centre = eyes + 0.45 * down
    outline = centre + side[:, None] * across * 0.95 + (up * reach)[:, None] * down
    mask = np.zeros(shape, np.uint8)
    cv2.fillPoly(mask, [np.rint(outline).astype(np.int32)], 255)
    return mask


def match_colour(image: np.ndarray, reference: np.ndarray, mask: np.ndarray) -> np.ndarray:
    """Return ``image`` with ``reference``'s Lab means and (limited) deviations in the mask."""
    ours = cv2.cvtColor(image, cv2.COLOR_RGB2LAB).astype(np.float32)
    theirs = cv2.cvtColor(reference, cv2.COLOR_RGB2LAB).astype(np.float32)
    inside = mask > 0
    for channel in range(3):
        a, b = ours[..., channel], theirs[..., channel]
        ratio = np.clip(b[inside].std() / max(float(a[inside].std()), 1e-3), 0.6, 1.6)
        ours[..., channel] = (a - a[inside].mean()) * ratio + b[inside].mean()
    return cv2.cvtColor(np.clip(np.rint(ours), 0, 255).astype(np.uint8), cv2.COLOR_LAB2RGB)


def _poisson(image: np.ndarray, target: np.ndarray, mask: np.ndarray) -> np.ndarray:
    """Return ``image`` blended into ``target`` inside ``mask`` by its gradients."""
    x, y, width, height = cv2.boundingRect(mask)
    centre = (x + width // 2, y + height // 2)
    # A copy: seamlessClone of OpenCV 4.14 inverts its mask argument in place.
    blended = cv2.seamlessClone(image, target, mask.copy(), centre, cv2.NORMAL_CLONE)
    return np.where(mask[..., None] > 0, blended, target)
