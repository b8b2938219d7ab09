"""Effects on one picture: they stay under their masks, and the visible setting changes more."""

from __future__ import annotations

import cv2
import numpy as np
import pytest
from media_forensics.operators.demo import effects
from media_forensics.operators.demo.face_swap import face_mask

pytestmark = pytest.mark.weights

EFFECTS = {
    "swap": lambda image, points, setting: effects.swap(
        image, points, effects.mirrored(image, points), setting
    ),
    "bottleneck": effects.bottleneck,
    "expression": effects.expression,
}


@pytest.fixture(scope="module")
def face(rendered):
    clip = rendered(12)  # a large, sharp face
    return clip.frames[0], clip.landmarks[0]


def changed(face, name, setting):
    image, points = face
    fake, mask = EFFECTS[name](image, points, setting)
    return np.abs(fake.astype(int) - image).max(axis=2), mask


@pytest.mark.parametrize("setting", effects.SETTINGS)
@pytest.mark.parametrize("name", EFFECTS)
def test_nothing_changes_outside_of_the_mask(face, name, setting):
    difference, mask = changed(face, name, setting)
    assert set(np.unique(mask)) == {0, 255}
    assert difference[mask == 0].max() == 0
    assert difference[mask > 0].mean() > 0.5


@pytest.mark.parametrize("name", EFFECTS)
def test_visible_changes_more_than_subtle(face, name):
    visible, subtle = (changed(face, name, setting)[0].mean() for setting in effects.SETTINGS)
    assert visible > subtle > 0


def test_a_mirror_turns_the_landmarks_too(face, face_detector):
    image, points = effects.mirrored(*face)
    (found,) = face_detector.detect([image])[0]
    eyes = np.linalg.norm(points[1] - points[0])
    assert np.linalg.norm(points - np.array(found.landmarks), axis=1).max() < 0.12 * eyes


def test_a_bottleneck_takes_detail_and_keeps_colour(face):
    image, points = face
    inside = cv2.erode(face_mask(points, image.shape[:2]), np.ones((31, 31))) > 0
    fake, _ = effects.bottleneck(image, points, effects.VISIBLE)
    grey = [cv2.cvtColor(i, cv2.COLOR_RGB2GRAY).astype(np.float32) for i in (image, fake)]
    before, after = (cv2.Laplacian(g, cv2.CV_32F)[inside].var() for g in grey)
    assert after < 0.3 * before
    assert np.abs(fake[inside].mean(axis=0) - image[inside].mean(axis=0)).max() < 4


def test_the_mouth_opens(face):
    """The mouth's picture moves down; the eyes stay."""
    image, points = face
    _, mask = effects.expression(image, points, effects.SUBTLE)
    left, right = points[:2].round().astype(int)
    assert mask[left[1], left[0]] == 0 and mask[right[1], right[0]] == 0
    mouth = points[3:].mean(axis=0).round().astype(int)
    assert mask[mouth[1], mouth[0]] == 255
    still, _ = effects.expression(image, points, effects.SUBTLE, 0.0)
    assert np.array_equal(still, image)
