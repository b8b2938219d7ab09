"""The face swap: geometry by independent solvers, blending by what must not change."""

from __future__ import annotations

import cv2
import numpy as np
import pytest
from hypothesis import given, strategies as st
from media_forensics.operators.demo.face_swap import affine, face_mask, face_swap, match_colour

FACE = np.array([[96.0, 120], [160, 120], [128, 156], [102, 191], [154, 191]])


@given(st.lists(st.floats(-2, 2), min_size=4, max_size=4), st.floats(-90, 90))
def test_affine_recovers_an_exact_map(linear, shift):
    matrix = np.array(linear).reshape(2, 2) + 3 * np.eye(2)
    onto = FACE @ matrix.T + shift
    found = affine(FACE, onto)
    assert np.allclose(FACE @ found[:, :2].T + found[:, 2], onto, atol=1e-6)


def test_affine_is_the_least_squares_one():
    rng = np.random.default_rng(0)
    onto = FACE + rng.normal(0, 5, FACE.shape)
    found = affine(FACE, onto)
    best = ((FACE @ found[:, :2].T + found[:, 2] - onto) ** 2).sum()
    for _ in range(200):
        other = found + rng.normal(0, 1e-2, (2, 3))
        assert ((FACE @ other[:, :2].T + other[:, 2] - onto) ** 2).sum() >= best


def test_mask_covers_the_five_points_and_turns_with_the_face():
    mask = face_mask(FACE, (256, 256))
    assert all(mask[int(y), int(x)] == 255 for x, y in FACE)
    assert set(np.unique(mask)) == {0, 255}
    turn = cv2.getRotationMatrix2D((128, 150), 25, 1.0)
    turned = face_mask(FACE @ turn[:, :2].T + turn[:, 2], (256, 256))
    wanted = cv2.warpAffine(mask, turn, (256, 256), flags=cv2.INTER_NEAREST)
    overlap = ((turned > 0) & (wanted > 0)).sum() / ((turned > 0) | (wanted > 0)).sum()
    assert overlap > 0.97


@pytest.mark.weights
def test_only_the_mask_changes_and_it_does(rendered):
    target, source = rendered(29), rendered(33)
    frame, points = target.frames[20], target.landmarks[20]
    fake, mask = face_swap(frame, points, source.frames[20], source.landmarks[20])
    outside = mask == 0
    assert np.array_equal(fake[outside], frame[outside])
    change = np.abs(fake.astype(int) - frame)[~outside].mean()
    assert change > 8
    assert 0.03 < (~outside).mean() < 0.5
    assert fake.shape == frame.shape and fake.dtype == np.uint8


@pytest.mark.weights
def test_swapping_a_face_with_itself_changes_nothing(rendered):
    """Warp, colour match and Poisson blending are then all the identity: none moves a pixel."""
    clip = rendered(33)
    frame, points = clip.frames[10], clip.landmarks[10]
    fake, mask = face_swap(frame, points, frame, points)
    assert mask.any()
    assert np.abs(fake.astype(int) - frame).mean() < 0.5
    assert np.abs(fake.astype(int) - frame).max() <= 12


@pytest.mark.weights
def test_the_swapped_face_is_the_sources(rendered, face_detector):
    """Inside the mask the gradients are those of the warped source, not of the target."""
    target, source = rendered(29), rendered(33)
    frame, points = target.frames[0], target.landmarks[0]
    fake, mask = face_swap(frame, points, source.frames[0], source.landmarks[0])
    to_target = affine(source.landmarks[0], points)
    warped = cv2.warpAffine(source.frames[0], to_target, (384, 384), flags=cv2.INTER_CUBIC)
    inner = cv2.erode(mask, np.ones((9, 9), np.uint8)) > 0

    def edges(image):
        grey = cv2.cvtColor(image, cv2.COLOR_RGB2GRAY)
        return cv2.Laplacian(grey, cv2.CV_64F, ksize=5)[inner]

    assert np.corrcoef(edges(fake), edges(warped))[0, 1] > 0.8
    assert abs(np.corrcoef(edges(fake), edges(frame))[0, 1]) < 0.5
    (face,) = face_detector.detect([fake])[0]
    assert np.linalg.norm(np.array(face.landmarks) - points, axis=1).mean() < 8


def test_colour_match_takes_over_means_and_deviations():
    rng = np.random.default_rng(0)
    grey = rng.normal(120, 15, (64, 64, 1))
    image = np.clip(grey + np.array([10, 0, -10]), 0, 255).astype(np.uint8)
    reference = np.clip(grey[::-1] * 0.9 + np.array([20, -5, 5]), 0, 255).astype(np.uint8)
    mask = np.zeros((64, 64), np.uint8)
    mask[8:56, 8:56] = 255
    found = match_colour(image, reference, mask)
    lab = [cv2.cvtColor(x, cv2.COLOR_RGB2LAB)[mask > 0].astype(float) for x in (found, reference)]
    assert np.allclose(lab[0].mean(0), lab[1].mean(0), atol=1.0)
    assert np.allclose(lab[0].std(0), lab[1].std(0), atol=1.5)


@pytest.mark.weights
def test_a_source_that_shows_nothing_leaves_the_target(rendered):
    clip = rendered(33)
    far = clip.landmarks[0] + 2000
    fake, mask = face_swap(clip.frames[0], clip.landmarks[0], clip.frames[0], far)
    assert not mask.any() and np.array_equal(fake, clip.frames[0])
