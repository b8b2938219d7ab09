"""Fake clips out of real ones: one manipulation per clip, following the face, without flicker.

A photograph is manipulated once, before the camera moves over it: the fake then moves exactly as
the real does, and costs the encoder no more bits for it. In a video each frame is manipulated, with
the same random draw.
"""

from __future__ import annotations

import cv2
import numpy as np

from ...training.batches.self_blend import self_blend
from .camera import Clip
from .face_swap import face_swap
from .plan import FRAMES

_DRAWS = 16
_LEAST_CHANGE = 2.0  # levels, mean over the mask
_MOST_STAIN = 10.0  # levels between the shifts of two channels


def self_blend_clip(clip: Clip, seed: list[int], sharper: bool) -> tuple[np.ndarray, np.ndarray]:
    """Self-blended copy of a clip (Shiohara and Yamasaki, CVPR 2022).

    The method sharpens or softens and shifts the colour at random. Over a few dozen clips that
    leaves fakes softer on the whole, which tells them apart without a look at the face, and a few
    with green skin. So of several draws that can be seen and do not stain the skin, that one is
    taken whose effect on the sharpness has the usual size of this clip, in the wanted direction.

    Args:
        clip: the real clip
        seed: of the draws; the accepted one holds for all frames
        sharper: whether the fake is to be sharper than the real (a little), or softer

    Returns:
        frames (N, H, W, 3) RGB uint8 and masks (N, H, W) uint8, 255 wherever a pixel was touched
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
    """Number of the draw that :func:`self_blend_clip` takes, judged on the middle frame."""
    image, points = _face(clip, FRAMES // 2)
    before = _sharpness(image)
    gains = np.empty(_DRAWS)  # of sharpness, logarithmic
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
    """Variance of the Laplacian at half size: what survives compression."""
    grey = cv2.cvtColor(image, cv2.COLOR_RGB2GRAY)
    half = cv2.resize(grey, None, fx=0.5, fy=0.5, interpolation=cv2.INTER_AREA)
    return float(cv2.Laplacian(half, cv2.CV_64F).var())


def face_swap_clip(target: Clip, source: Clip) -> tuple[np.ndarray, np.ndarray]:
    """The target's clip with the source's face: frame by frame, or once where one is a photograph.

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
    """Picture and landmarks of the source at frame ``number``."""
    if source.photograph is not None:
        return source.photograph.image, source.photograph.landmarks
    return source.frames[number], source.landmarks[number]
