"""Rendering of photographs and segments, against independent decoding and resampling."""

from __future__ import annotations

import av
import cv2
import numpy as np
import pytest
from media_forensics.operators.demo import camera
from media_forensics.operators.demo.camera import ClipError, camera_path, render
from media_forensics.operators.demo.clips import CLIPS, FRAMES, SIZE, ClipPlan

pytestmark = pytest.mark.weights
PLANS = {plan.number: plan for plan in CLIPS}


def moved(path: np.ndarray, points: np.ndarray) -> np.ndarray:
    return points @ path[:2, :2].T + path[:2, 2]


@pytest.mark.parametrize("seed", range(20))
def test_camera_never_looks_past_its_margin_and_moves_slowly(seed):
    paths, gains = camera_path(np.random.default_rng(seed), CLIPS[0])
    corners = np.array([[-0.5, -0.5], [SIZE - 0.5, -0.5], [-0.5, SIZE - 0.5], [SIZE - 0.5] * 2])
    seen = np.array([moved(path, corners) for path in paths])
    room = camera.MARGIN * SIZE
    assert seen.min() >= -0.5 - room and seen.max() <= SIZE - 0.5 + room
    step = np.linalg.norm(np.diff(seen, axis=0), axis=2)
    assert 0 < step.max() < 4  # pixels a frame, at the corners
    assert np.abs(gains - 1).max() <= 0.03 + 1e-9
    assert np.ptp(seen[:, 0], axis=0).max() > 2  # it does move


def test_a_still_camera_shows_the_plain_window(footage, face_detector, monkeypatch):
    """Without motion a frame is the window, resized by OpenCV in one call."""

    def still(rng, plan):
        return np.tile(np.eye(3), (FRAMES, 1, 1)), np.ones(FRAMES)

    monkeypatch.setattr(camera, "camera_path", still)
    for number in (12, 20):  # enlarged, shrunk
        plan = PLANS[number]
        clip = render(plan, footage[plan.footage], face_detector, np.random.default_rng(0))
        x, y, side = plan.window
        image = cv2.imread(str(footage[plan.footage]))[y : y + side, x : x + side, ::-1]
        how = cv2.INTER_AREA if side > SIZE else cv2.INTER_CUBIC
        wanted = cv2.resize(np.ascontiguousarray(image), (SIZE, SIZE), interpolation=how)
        error = np.abs(clip.frames[7].astype(int) - wanted)[8:-8, 8:-8]
        assert error.mean() < 2.5  # two resamplings instead of one
        assert np.array_equal(clip.frames[0], clip.frames[-1])


def test_landmarks_of_a_photograph_are_where_the_detector_sees_them(rendered, face_detector):
    clip = rendered(12)
    for number in (0, 20, 49):
        (face,) = face_detector.detect([clip.frames[number]])[0]
        eyes = np.linalg.norm(np.subtract(face.landmarks[0], face.landmarks[1]))
        gap = np.linalg.norm(clip.landmarks[number] - np.array(face.landmarks), axis=1)
        assert gap.max() < 0.08 * eyes


def test_a_segment_is_the_decoded_window(footage, face_detector):
    plan = ClipPlan(900, "webcam", "carphone_pristine.mp4", (4, 2, 140), 10, 1.2)
    clip = render(plan, footage[plan.footage], face_detector, np.random.default_rng(0))
    with av.open(str(footage[plan.footage])) as container:
        # its pixels are 12 : 11; square ones make 193 of 176 columns
        decoded = [
            f.reformat(width=193, height=144, format="rgb24").to_ndarray()
            for f in container.decode(video=0)
        ]
    for i in (0, 1, 25, 49):
        cut = np.ascontiguousarray(decoded[plan.source_frames[i]][2:142, 4:144])
        wanted = cv2.resize(cut, (SIZE, SIZE), interpolation=cv2.INTER_CUBIC)
        assert np.array_equal(clip.frames[i], wanted)
    assert clip.photograph is None


def test_landmarks_of_a_video_are_smooth_but_not_late(rendered, face_detector):
    clip = rendered(29)
    raw = np.array(
        [faces[0].landmarks for faces in face_detector.detect(list(clip.frames))], np.float64
    )
    jitter = np.abs(np.diff(clip.landmarks, n=2, axis=0)).mean()
    assert jitter < 0.5 * np.abs(np.diff(raw, n=2, axis=0)).mean()
    assert np.linalg.norm(clip.landmarks - raw, axis=2).mean() < 2.0
    assert np.allclose(clip.landmarks.mean(axis=(0, 1)), raw.mean(axis=(0, 1)), atol=0.5)


@pytest.mark.parametrize(
    ("plan", "words"),
    [
        (ClipPlan(901, "x", "no_face.mp4", (100, 0, 384), 0), "0 faces"),
        (ClipPlan(902, "x", "multi_face.jpg", (180, 40, 560)), "faces in frame 0, not one"),
        (ClipPlan(903, "x", "astronaut", (0, 0, 500)), "does not fit"),
        (ClipPlan(904, "x", "single_face.mp4", (400, 0, 360), 0), "does not fit"),
        (ClipPlan(905, "x", "single_face.mp4", (114, 0, 360), 50), "cannot be read"),
    ],
)
def test_bad_footage_is_refused_by_name(plan, words, footage, face_detector):
    with pytest.raises(ClipError, match=words):
        render(plan, footage[plan.footage], face_detector, np.random.default_rng(0))
