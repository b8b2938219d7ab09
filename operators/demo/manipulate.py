"""Makes fake clips from real ones: one manipulation per clip that follows the face.

A photograph is manipulated once, before the camera moves over it. So the fake moves exactly as the
real does and costs the encoder no additional bits. In a video each frame is manipulated with the
same random draw, to avoid flicker.
"""

from __future__ import annotations

import cv2
import numpy as np

from ...training.batches.self_blend import self_blend
from .camera import Clip
from .clips import FRAMES
from .face_swap import face_swap

_DRAWS = 16
_LEAST_CHANGE = 2.0  # grey levels, mean over the mask
_MOST_STAIN = 10.0  # grey levels between the mean shifts of two channels


def self_blend_clip(clip: Clip, seed: list[int], sharper: bool) -> tuple[np.ndarray, np.ndarray]:
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

    Returns:
        frames (N, H, W, 3) RGB uint8 and masks (N, H, W) uint8, 255 wherever a pixel was changed
    """
    seed = [*seed, _choose_draw(clip, seed, sharper)]
    photo = clip.photograph
    if photo is not None:
        image, share = self_blend(photo.image, photo.landmarks, np.random.default_rng(seed))
        return photo.film(image), photo.film_mask(share)
    frames, masks = np.empty_like(clip.frames), np.empty(clip.frames.shape[:3], np.uint8)
    for i, (image, points) in enumerate(zip(clip.frames, clip.landmarks, strict=True)):
        frames[i], share = self_blend(image, points, np.random.default_rng(seed))
        masks[i] = np.where(share > 0, 255, 0)
    return frames, masks


def _choose_draw(clip: Clip, seed: list[int], sharper: bool) -> int:
    """Return the number of the draw that :func:`self_blend_clip` takes, by the middle frame."""
    image, points = _face(clip, FRAMES // 2)
    before = _sharpness(image)
    gains = np.empty(_DRAWS)  # log ratio of sharpness
    decent = np.empty(_DRAWS, bool)
    for number in range(_DRAWS):
        fake, share = self_blend(image, points, np.random.default_rng([*seed, number]))
        change = fake[share > 0].astype(np.float32) - image[share > 0]
        stain = np.ptp(change.mean(axis=0))
        decent[number] = np.abs(change).mean() >= _LEAST_CHANGE and stain <= _MOST_STAIN
        gains[number] = np.log((_sharpness(fake) + 1e-9) / (before + 1e-9))
    if not decent.any():
        decent[:] = True
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
    photo = target.photograph
    if photo is not None:
        image, mask = face_swap(photo.image, photo.landmarks, *_face(source, FRAMES // 2))
        return photo.film(image), photo.film_mask(mask)
    frames, masks = np.empty_like(target.frames), np.empty(target.frames.shape[:3], np.uint8)
    for i, (image, points) in enumerate(zip(target.frames, target.landmarks, strict=True)):
        frames[i], masks[i] = face_swap(image, points, *_face(source, i))
    return frames, masks


def _face(source: Clip, number: int) -> tuple[np.ndarray, np.ndarray]:
    """Return picture and landmarks of the source at frame ``number``."""
    if source.photograph is not None:
        return source.photograph.image, source.photograph.landmarks
    return source.frames[number], source.landmarks[number]
