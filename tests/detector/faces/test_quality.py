"""Quality numbers on faces and pictures whose values are known."""

from __future__ import annotations

import cv2
import numpy as np
import pytest
from hypothesis import given, strategies as st
from media_forensics.detector.crops.align import template_points
from media_forensics.detector.faces.quality import (
    eye_distance,
    face_region,
    mask_share,
    measure_pixels,
    roll_degrees,
    yaw_degrees,
)


def head(yaw: float, roll: float, shift=(0.0, 0.0)) -> np.ndarray:
    """Five points of a rigid head turned by ``yaw`` and tilted by ``roll`` degrees (parallel view).

    The nose stands out by half the eye distance; positive yaw turns it to image right.
    """
    solid = np.array([[-0.5, 0, 0], [0.5, 0, 0], [0, 0.55, 0.5], [-0.4, 1.1, 0], [0.4, 1.1, 0]])
    a, b = np.radians(yaw), np.radians(roll)
    x = solid[:, 0] * np.cos(a) + solid[:, 2] * np.sin(a)
    points = np.stack([x, solid[:, 1]], axis=1) * 60
    turn = np.array([[np.cos(b), -np.sin(b)], [np.sin(b), np.cos(b)]])
    return points @ turn.T + shift


@given(yaw=st.floats(-60, 60), roll=st.floats(-85, 85))
def test_yaw_and_roll_of_a_rigid_head(yaw, roll):
    points = head(yaw, roll, (100, 50))
    assert yaw_degrees(points) == pytest.approx(yaw, abs=1e-6)
    assert roll_degrees(points) == pytest.approx(roll, abs=1e-6)
    assert eye_distance(points) == pytest.approx(60 * np.cos(np.radians(yaw)))


def test_eyes_in_one_point_have_no_yaw():
    assert yaw_degrees(np.zeros((5, 2))) == 0.0


def test_real_profiles_turn_the_way_they_look(footage, face_detector):
    from media_forensics.detector.frames.images import read_image

    image = read_image(footage["obama"])
    face = face_detector.detect([image])[0][0]
    assert abs(yaw_degrees(face.landmarks)) < 15 and abs(roll_degrees(face.landmarks)) < 5
    mirrored = face_detector.detect([np.ascontiguousarray(image[:, ::-1])])[0][0]
    assert yaw_degrees(mirrored.landmarks) == pytest.approx(-yaw_degrees(face.landmarks), abs=8)


def test_blur_dark_and_flat_show():
    points = template_points()
    rng = np.random.default_rng(0)
    sharp = cv2.resize(rng.integers(0, 256, (64, 64, 3), dtype=np.uint8), (256, 256))
    blurred = cv2.GaussianBlur(sharp, (0, 0), 4)
    assert measure_pixels(sharp, points).sharpness > 5 * measure_pixels(blurred, points).sharpness
    flat = measure_pixels(np.full((256, 256, 3), 51, np.uint8), points)
    assert (flat.sharpness, flat.contrast) == (0.0, 0.0)
    assert flat.brightness == pytest.approx(0.2)
    assert (
        measure_pixels(sharp // 4, points).brightness
        < 0.3 * measure_pixels(sharp, points).brightness
    )


def test_the_corners_of_a_crop_are_not_measured():
    crop = np.full((256, 256, 3), 128, np.uint8)
    corners = crop.copy()
    corners[:40] = corners[:, :40] = corners[240:] = corners[:, 216:] = 0
    assert measure_pixels(corners, template_points()) == measure_pixels(crop, template_points())


@given(st.integers(1, 300), st.integers(1, 300), st.floats(-400, 700), st.floats(-400, 700))
def test_the_region_lies_in_the_crop_and_is_never_empty(height, width, x, y):
    points = template_points() + np.array([x, y])
    x1, y1, x2, y2 = face_region(points, (height, width, 3))
    assert 0 <= x1 < x2 <= width and 0 <= y1 < y2 <= height


def test_mask_share_counts_pixels_and_scales_the_box():
    mask = np.zeros((100, 200), bool)
    mask[20:60, 50:150] = True
    assert mask_share(mask, (50, 20, 150, 60), (100, 200)) == 1.0
    assert mask_share(mask, (50, 20, 100, 60), (100, 200)) == 0.5
    assert mask_share(mask, (100, 40, 200, 120), (200, 400)) == 0.5  # frame twice the mask
    assert mask_share(mask, (-80, -90, 10, 10), (100, 200)) == 0.0
    assert mask_share(np.zeros((4, 4), bool), (0, 0, 4, 4), (4, 4)) is None
