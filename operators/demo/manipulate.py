"""Makes fake clips from real ones: one manipulation per clip that follows the face.

A photograph is manipulated once, before the camera moves over it. So the fake moves exactly as the
real does and costs the encoder no additional bits. In a video each frame is manipulated with the
same random draw, to avoid flicker.
"""

from __future__ import annotations

from collections.abc import Callable

import cv2
import numpy as np

from ...training.batches.self_blend import self_blend
from .camera import Clip
from .face_swap import face_swap

Changed = tuple[np.ndarray, np.ndarray]  # a fake picture and its mask

_DRAWS = 16
_LEAST_CHANGE = 2.0  # grey levels, mean over the mask
_MOST_STAIN = 10.0  # grey levels between the mean shifts of two channels


def self_blend_clip(
    clip: Clip, seed: list[int], sharper: bool, strongest: bool = False
) -> tuple[np.ndarray, np.ndarray]:
    """Return a self-blended copy of a clip (Shiohara and Yamasaki, CVPR 2022).

    The method sharpens or softens and shifts the colour at random. Over a few dozen clips, plain
    draws would make the fakes softer on average, a cue outside the face, and give some of them
    green skin. So several draws are made. Among those that are visible and do not stain the skin,
    the one is taken whose effect on sharpness is closest to the clip's median effect, in the wanted
    direction.

    Args:
        clip: the real clip
        seed: seed of the draws; the accepted draw is used for all frames
        sharper: whether the fake should be slightly sharper than the real, or softer
        strongest: take the draw that changes most (without staining the skin) instead

    Returns:
        frames (N, H, W, 3) RGB uint8 and masks (N, H, W) uint8, 255 wherever a pixel was changed
    """
    seed = [*seed, _choose_draw(clip, seed, sharper, strongest)]

    def blend(image: np.ndarray, points: np.ndarray, _: int | None) -> Changed:
        fake, share = self_blend(image, points, np.random.default_rng(seed))
        return fake, np.where(share > 0, 255, 0).astype(np.uint8)

    return change_clip(clip, blend)


def _choose_draw(clip: Clip, seed: list[int], sharper: bool, strongest: bool) -> int:
    """Return the number of the draw that :func:`self_blend_clip` takes, by the middle frame."""
    image, points = face_at(clip, None)
    before = _sharpness(image)
    gains, amounts = np.empty(_DRAWS), np.empty(_DRAWS)  # log ratio of sharpness; mean change
    decent = np.empty(_DRAWS, bool)
    for number in range(_DRAWS):
        fake, share = self_blend(image, points, np.random.default_rng([*seed, number]))
        change = fake[share > 0].astype(np.float32) - image[share > 0]
        stain = np.ptp(change.mean(axis=0))
        amounts[number] = np.abs(change).mean()
        decent[number] = amounts[number] >= _LEAST_CHANGE and stain <= _MOST_STAIN
        gains[number] = np.log((_sharpness(fake) + 1e-9) / (before + 1e-9))
    if not decent.any():
        decent[:] = True
    if strongest:
        return int(np.argmax(np.where(decent, amounts, -1.0)))
    usual = float(np.median(np.abs(gains[decent])))
    distance = np.abs(gains - (usual if sharper else -usual))
    return int(np.argmin(np.where(decent, distance, np.inf)))


def _sharpness(image: np.ndarray) -> float:
    """Return the variance of the Laplacian at half size, which survives compression."""
    grey = cv2.cvtColor(image, cv2.COLOR_RGB2GRAY)
    half = cv2.resize(grey, None, fx=0.5, fy=0.5, interpolation=cv2.INTER_AREA)
    return float(cv2.Laplacian(half, cv2.CV_64F).var())


def face_swap_clip(target: Clip, source: Clip) -> tuple[np.ndarray, np.ndarray]:
    """Return the target's clip with the source's face.

    The swap is made frame by frame, or once if the target is a photograph.

    Returns:
        frames (N, H, W, 3) RGB uint8 and masks (N, H, W) uint8, 0 or 255
    """

    def swap(image: np.ndarray, points: np.ndarray, number: int | None) -> Changed:
        return face_swap(image, points, *face_at(source, number))

    return change_clip(target, swap)


def change_clip(
    clip: Clip, change: Callable[[np.ndarray, np.ndarray, int | None], Changed]
) -> tuple[np.ndarray, np.ndarray]:
    """Return the clip changed frame by frame, or once if it is a photograph in motion.

    Args:
        clip: the real clip
        change: called with a picture, its landmarks and the number of the frame (None for a
            photograph); returns the fake picture and its mask, 0 or 255

    Returns:
        frames (N, H, W, 3) RGB uint8 and masks (N, H, W) uint8, 0 or 255
    """
    photo = clip.photograph
    if photo is not None:
        image, mask = change(photo.image, photo.landmarks, None)
        return photo.film(image), photo.film_mask(mask)
    frames, masks = np.empty_like(clip.frames), np.empty(clip.frames.shape[:3], np.uint8)
    for i, (image, points) in enumerate(zip(clip.frames, clip.landmarks, strict=True)):
        frames[i], masks[i] = change(image, points, i)
    return frames, masks


def face_at(clip: Clip, number: int | None) -> tuple[np.ndarray, np.ndarray]:
    """Return picture and landmarks of a clip at frame ``number``, by default its middle one."""
    if clip.photograph is not None:
        return clip.photograph.image, clip.photograph.landmarks
    number = len(clip.frames) // 2 if number is None else number
    return clip.frames[number], clip.landmarks[number]
