from __future__ import annotations

import cv2
import numpy as np
import pytest
from media_forensics.detector.crops.align import template_points
from media_forensics.detector.errors import ForensicsError
from media_forensics.training.batches import self_blend as module
from media_forensics.training.batches.self_blend import self_blend, self_blend_pair

POINTS = np.array([[95.0, 121], [160, 119], [127, 157], [103, 190], [154, 192]])


def picture(height: int, width: int, seed: int = 0) -> np.ndarray:
    small = np.random.default_rng(seed).integers(0, 256, (height // 8, width // 8, 3), np.uint8)
    return cv2.resize(small, (width, height), interpolation=cv2.INTER_CUBIC)


def test_template_is_that_of_the_aligner():
    np.testing.assert_allclose(module._POINTS, template_points("gend", 256, 1.3), atol=1e-3)


@pytest.mark.parametrize("seed", range(12))
def test_only_what_is_under_the_mask_changes(seed):
    image = picture(256, 256)
    before = image.copy()
    fake, mask = self_blend(image, POINTS, np.random.default_rng(seed))
    assert fake.shape == image.shape
    assert fake.dtype == mask.dtype == np.uint8
    assert mask.shape == image.shape[:2]
    np.testing.assert_array_equal(image, before)  # the input is not touched
    np.testing.assert_array_equal(fake[mask == 0], image[mask == 0])
    assert (fake[mask > 60] != image[mask > 60]).any()
    # the mask covers the middle of the face and not the corners of the crop
    assert mask[150, 128] > 60
    assert mask[[0, 0, -1, -1], [0, -1, 0, -1]].max() == 0
    assert 0.03 < (mask > 0).mean() < 0.6


def test_the_same_seed_gives_the_same_bytes_and_another_another():
    image = picture(200, 300)
    points = POINTS * 0.5 + [90, 40]
    one = self_blend(image, points, np.random.default_rng(5))
    two = self_blend(image, points, np.random.default_rng(5))
    other = self_blend(image, points, np.random.default_rng(6))
    np.testing.assert_array_equal(one[0], two[0])
    assert (one[0] != other[0]).any()


def test_the_number_of_draws_does_not_depend_on_the_picture():
    a, b = np.random.default_rng(3), np.random.default_rng(3)
    self_blend(picture(256, 256), POINTS, a)
    self_blend(picture(480, 640), POINTS * 0.4 + 100, b)
    assert a.random() == b.random()


def test_the_mask_moves_and_scales_with_the_face():
    """Twice as large and shifted: the same mask, twice as large and shifted."""
    _, small = self_blend(picture(256, 256), POINTS, np.random.default_rng(8))
    _, large = self_blend(picture(640, 800), POINTS * 2 + [64, 32], np.random.default_rng(8))
    part = large[32 : 32 + 512, 64 : 64 + 512]
    assert np.abs(cv2.resize(part, (256, 256)).astype(int) - small).mean() < 2
    assert large.sum() == part.sum()


def test_a_turned_face_turns_the_mask():
    turn = cv2.getRotationMatrix2D((128, 128), 30, 1.0)
    points = POINTS @ turn[:, :2].T + turn[:, 2]
    _, plain = self_blend(picture(256, 256), POINTS, np.random.default_rng(8))
    _, turned = self_blend(picture(256, 256), points, np.random.default_rng(8))
    expected = cv2.warpAffine(plain, turn, (256, 256))
    assert np.abs(turned.astype(int) - expected).mean() < 2


def test_in_a_pair_both_or_neither_are_degraded_outside_the_mask():
    image = picture(256, 256)
    degraded = 0
    for seed in range(40):
        real, fake, mask = self_blend_pair(image, POINTS, np.random.default_rng(seed))
        np.testing.assert_array_equal(fake[mask == 0], real[mask == 0])
        degraded += bool((real != image).any())
        _, same = self_blend(image, POINTS, np.random.default_rng(seed))
        np.testing.assert_array_equal(mask, same)
    assert 10 < degraded < 30


def test_a_face_at_the_rim_of_the_frame():
    image = picture(240, 320)
    fake, mask = self_blend(image, POINTS * 0.5 + [-60, -60], np.random.default_rng(0))
    assert fake.shape == image.shape
    assert mask.any()


@pytest.mark.parametrize(
    "points",
    [
        POINTS[:4],
        np.full((5, 2), np.nan),
        np.full((5, 2), 7.0),
        POINTS + 5000,
    ],
)
def test_landmarks_that_span_no_face_are_refused(points):
    with pytest.raises(ForensicsError):
        self_blend(picture(256, 256), points, np.random.default_rng(0))


@pytest.mark.parametrize(
    "image", [np.zeros((9, 9), np.uint8), np.zeros((9, 9, 3)), np.zeros((0, 9, 3), np.uint8)]
)
def test_other_arrays_are_refused(image):
    with pytest.raises(ForensicsError):
        self_blend(image, POINTS, np.random.default_rng(0))
