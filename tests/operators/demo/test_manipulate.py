"""Whole fake clips before encoding: where they change, and that they do not flicker."""

from __future__ import annotations

import cv2
import numpy as np
import pytest
from media_forensics.operators.demo.manipulate import face_swap_clip, self_blend_clip

pytestmark = pytest.mark.weights
PHOTOGRAPH, VIDEO = 20, 33


def make(rendered, what):
    """Fake frames and masks of one kind, and the real clip."""
    if what == "swap into video":
        return *face_swap_clip(rendered(VIDEO), rendered(29)), rendered(VIDEO)
    if what == "swap into photograph":
        return *face_swap_clip(rendered(12), rendered(15)), rendered(12)
    if what == "swap from photograph":
        return *face_swap_clip(rendered(15), rendered(12)), rendered(15)
    clip = rendered(PHOTOGRAPH if what == "blended photograph" else VIDEO)
    return *self_blend_clip(clip, [0, 1, 2], sharper=True), clip


KINDS = (
    "blended photograph",
    "blended video",
    "swap into video",
    "swap into photograph",
    "swap from photograph",
)


@pytest.mark.parametrize("kind", KINDS)
def test_changes_lie_in_the_mask_and_nowhere_else(rendered, kind):
    frames, masks, clip = make(rendered, kind)
    assert frames.shape == clip.frames.shape and masks.shape == clip.frames.shape[:3]
    assert set(np.unique(masks)) == {0, 255}
    for real, fake, mask in zip(clip.frames, frames, masks, strict=True):
        assert np.array_equal(real[mask == 0], fake[mask == 0])
        assert 0.01 < (mask > 0).mean() < 0.7
        changed = np.abs(real.astype(int) - fake)[mask > 0]
        assert changed.mean() > 1.0
        assert (changed.max(axis=1) > 0).mean() > 0.5  # the mask is not much too large


@pytest.mark.parametrize("kind", KINDS)
def test_no_flicker(rendered, kind):
    """From frame to frame the mask keeps its shape, and the added change its colour."""
    frames, masks, clip = make(rendered, kind)
    both = (masks[1:] > 0) & (masks[:-1] > 0)
    either = (masks[1:] > 0) | (masks[:-1] > 0)
    overlap = both.sum(axis=(1, 2)) / either.sum(axis=(1, 2))
    assert np.median(overlap) > 0.95 and overlap.min() > 0.7
    added = [
        (fake.astype(float) - real)[mask > 0].mean(axis=0)
        for real, fake, mask in zip(clip.frames, frames, masks, strict=True)
    ]
    steps = np.abs(np.diff(added, axis=0)).max(axis=1)
    assert np.median(steps) < 1.0 and steps.max() < 8.0


def test_a_blend_is_reproducible_and_depends_on_the_seed(rendered):
    clip = rendered(PHOTOGRAPH)
    first = self_blend_clip(clip, [0, 1, 2], sharper=False)
    again = self_blend_clip(clip, [0, 1, 2], sharper=False)
    other = self_blend_clip(clip, [1, 1, 2], sharper=False)
    assert all(np.array_equal(a, b) for a, b in zip(first, again, strict=True))
    assert not np.array_equal(first[0], other[0])


@pytest.mark.parametrize("number", [PHOTOGRAPH, VIDEO, 15, 6])
def test_sharpness_moves_as_told_and_by_like_amounts(rendered, number):
    clip = rendered(number)

    def sharpness(frames):
        grey = [cv2.cvtColor(f, cv2.COLOR_RGB2GRAY)[::2, ::2] for f in frames[::10]]
        smooth = [cv2.resize(g, (192, 192), interpolation=cv2.INTER_AREA) for g in grey]
        return np.mean([cv2.Laplacian(g, cv2.CV_64F).var() for g in smooth])

    before = sharpness(clip.frames)
    gains = [
        np.log(sharpness(self_blend_clip(clip, [0, number, 2], sharper)[0]) / before)
        for sharper in (True, False)
    ]
    assert gains[0] > gains[1]
    assert abs(sum(gains)) < 0.2


@pytest.mark.parametrize("seed", range(4))
def test_no_draw_stains_the_skin(rendered, seed):
    clip = rendered(6)
    frames, masks = self_blend_clip(clip, [seed, 6, 2], sharper=bool(seed % 2))
    shift = (frames[25].astype(float) - clip.frames[25])[masks[25] > 0].mean(axis=0)
    assert np.ptp(shift) <= 12
