"""Alignment against OpenCV called by hand, the published numbers of the templates, and inverses."""

from __future__ import annotations

import cv2
import numpy as np
import pytest
from hypothesis import given, strategies as st
from media_forensics.detector.crops.align import (
    TEMPLATES,
    AlignError,
    align_face,
    border_share,
    estimate,
    invert,
    native_size,
    template_points,
    transform,
    warp,
)
from media_forensics.detector.errors import ForensicsError
from media_forensics.detector.records import Reason

POINTS = np.array([[101.2, 118.4], [160.9, 121.7], [133.0, 158.2], [108.8, 190.3], [155.1, 193.4]])


def picture(height: int = 300, width: int = 260) -> np.ndarray:
    rng = np.random.default_rng(0)
    coarse = rng.integers(0, 256, (12, 12, 3), dtype=np.uint8)
    return cv2.resize(coarse, (width, height), interpolation=cv2.INTER_CUBIC)


def similarity(angle: float, zoom: float, shift: tuple[float, float]) -> np.ndarray:
    c, s = zoom * np.cos(angle), zoom * np.sin(angle)
    return np.array([[c, -s, shift[0]], [s, c, shift[1]]])


def test_templates_at_256_are_the_published_targets():
    gend = [[96.492, 120.123], [159.508, 120.123], [128.0, 155.569], [102.4, 191.015]]
    gend += [[153.6, 191.015]]
    dfb = [[96.870, 120.433], [158.825, 120.090], [128.044, 155.669], [102.592, 191.939]]
    dfb += [[153.899, 191.656]]
    ffhq = [[192.98138, 239.94708], [318.90277, 240.1936], [256.63416, 314.01935]]
    ffhq += [[201.26117, 371.41043], [313.08905, 371.15118]]
    assert np.allclose(template_points("gend"), gend, atol=6e-4)
    assert np.allclose(template_points("dfb"), dfb, atol=6e-4)
    assert np.allclose(template_points("ffhq", 512, 1.0), ffhq, atol=1e-9)


@given(st.sampled_from(sorted(TEMPLATES)), st.integers(16, 600), st.floats(0.8, 2.0))
def test_templates_grow_with_the_size_and_shrink_to_the_centre(template, size, scale):
    points = template_points(template, size, scale)
    assert np.allclose(points, template_points(template, 1, scale) * size)
    centre = size / 2
    assert np.allclose((points - centre) * scale, template_points(template, size, 1.0) - centre)


@pytest.mark.parametrize("template", sorted(TEMPLATES))
@pytest.mark.parametrize("size", [64, 256, 299])
@pytest.mark.parametrize("scale", [1.0, 1.3, 1.7])
def test_same_pixels_as_the_reference_procedure(template, size, scale):
    image = picture()
    target = template_points(template, size, scale)
    matrix, _ = cv2.estimateAffinePartial2D(POINTS, target, method=cv2.LMEDS)
    wanted = cv2.warpAffine(
        image, matrix, (size, size), flags=cv2.INTER_LINEAR, borderMode=cv2.BORDER_CONSTANT
    )
    crop, found = align_face(image, POINTS, template, size, scale)
    assert np.array_equal(found, matrix)
    assert np.array_equal(crop, wanted)


@pytest.mark.weights
@pytest.mark.parametrize("key", ["astronaut", "hopper"])
@pytest.mark.parametrize("size", [512, 256])
def test_ffhq_crops_are_those_of_facexlib(key, size, footage, weights_dir, monkeypatch):
    import torch
    from facexlib.utils import face_restoration_helper as facexlib
    from media_forensics.detector.frames.images import read_image

    # it loads a parsing network even where none is asked for; that one is not needed here
    monkeypatch.setattr(facexlib, "init_parsing_model", lambda **_: None)
    helper = facexlib.FaceRestoreHelper(
        1,
        face_size=size,
        det_model="retinaface_mobile0.25",
        device="cpu",
        model_rootpath=str(weights_dir / "retinaface"),
    )
    image = read_image(footage[key])
    helper.read_image(np.ascontiguousarray(image[:, :, ::-1]))
    with torch.no_grad():
        assert helper.get_face_landmarks_5() == 1
    helper.align_warp_face()
    crop, matrix = align_face(image, helper.all_landmarks_5[0], "ffhq", size, 1.0)
    assert np.array_equal(matrix, helper.affine_matrices[0])
    inside = cv2.warpAffine(np.full(image.shape[:2], 255, np.uint8), matrix, (size, size)) == 255
    assert inside.mean() > 0.8
    # the border differs: facexlib paints it grey
    assert np.array_equal(crop[inside], helper.cropped_faces[0][:, :, ::-1][inside])


def test_native_size_keeps_the_resolution():
    zoomed = POINTS * 2.0
    one, two = native_size(POINTS), native_size(zoomed)
    assert abs(two - 2 * one) <= 1
    crop, matrix = align_face(picture(600, 520), zoomed, size=0)
    assert crop.shape == (two, two, 3)
    assert np.sqrt(np.linalg.det(matrix[:, :2])) == pytest.approx(1.0, abs=0.05)
    # the formula written out: mean ratio of the ten distances, times the scale
    ratios = []
    for i in range(5):
        for j in range(i + 1, 5):
            d = np.hypot(*(POINTS[i] - POINTS[j]))
            ratios.append(d / np.hypot(*(TEMPLATES["gend"][i] - TEMPLATES["gend"][j])))
    assert one == round(np.mean(ratios) * 1.3)


@given(
    angle=st.floats(-3.1, 3.1),
    zoom=st.floats(0.05, 20.0),
    x=st.floats(-500, 500),
    y=st.floats(-500, 500),
)
def test_a_similarity_is_recovered_and_inverted(angle, zoom, x, y):
    forward = similarity(angle, zoom, (x, y))
    target = template_points()
    source = transform(target, invert(forward))
    found = estimate(source, target, 256)
    assert np.allclose(transform(source, found), target, atol=1e-2)
    grid = np.array([[0.0, 0.0], [255.0, 0.0], [0.0, 255.0], [17.0, 99.0]])
    assert np.allclose(transform(transform(grid, invert(found)), found), grid, atol=1e-6)
    assert np.allclose(invert(invert(found)), found, atol=1e-9 + 1e-9 * np.abs(found).max())


def test_one_wild_landmark_does_not_turn_the_crop():
    wild = POINTS.copy()
    wild[4] += 60
    straight, tilted = (
        estimate(POINTS, template_points(), 256),
        estimate(wild, template_points(), 256),
    )
    angle = [np.degrees(np.arctan2(m[1, 0], m[0, 0])) for m in (straight, tilted)]
    assert abs(angle[0] - angle[1]) < 6


@pytest.mark.parametrize(
    "points",
    [
        np.full((5, 2), 50.0),
        np.full((5, 2), np.nan),
        np.array([[1.0, 1.0]] * 4 + [[np.inf, 2.0]]),
        POINTS[:4],
        POINTS * 1e-4,
        POINTS * 1e5,
        # eyes and mouth collapsed into a line through the nose: no face
        np.array([[0.0, 100.0], [100.0, 100.0], [50.0, 100.0], [20.0, 100.0], [80.0, 100.0]])
        * 1e-3,
    ],
)
@pytest.mark.parametrize("size", [256, 0])
def test_degenerate_points_are_refused(points, size):
    with pytest.raises(AlignError) as caught:
        align_face(picture(), points, size=size)
    assert caught.value.reason is Reason.ALIGN_FAILED


def test_scattered_points_are_refused():
    rng = np.random.default_rng(5)
    refused = 0
    for _ in range(200):
        try:
            estimate(rng.uniform(0, 200, (5, 2)), template_points(), 256)
        except AlignError:
            refused += 1
    assert refused > 60  # LMEDS fits the others by chance


@pytest.mark.parametrize("border", ["zero", "reflect", "replicate"])
@pytest.mark.parametrize("interpolation", ["linear", "cubic"])
def test_borders_and_interpolations_are_opencvs(border, interpolation):
    flags = {"linear": cv2.INTER_LINEAR, "cubic": cv2.INTER_CUBIC}[interpolation]
    mode = {
        "zero": cv2.BORDER_CONSTANT,
        "reflect": cv2.BORDER_REFLECT_101,
        "replicate": cv2.BORDER_REPLICATE,
    }[border]
    points = POINTS - [90, 60]  # near the corner: part of the crop is outside
    crop, matrix = align_face(picture(), points, border=border, interpolation=interpolation)
    wanted = cv2.warpAffine(picture(), matrix, (256, 256), flags=flags, borderMode=mode)
    assert np.array_equal(crop, wanted)
    assert (crop[0, 0].sum() == 0) == (border == "zero")


def test_area_averages_when_shrinking_and_equals_linear_when_not():
    rng = np.random.default_rng(0)
    noise = rng.integers(0, 256, (800, 800, 3), dtype=np.uint8)
    shrink = np.array([[0.25, 0.0, -0.375], [0.0, 0.25, -0.375]])  # 4 x 4 block means exactly
    found = warp(noise, shrink, 200, interpolation="area").astype(float)
    wanted = noise.reshape(200, 4, 200, 4, 3).mean(axis=(1, 3))
    assert np.abs(found - wanted).max() <= 0.51
    grow = np.array([[1.5, 0.0, 3.0], [0.0, 1.5, 2.0]])
    assert np.array_equal(warp(noise, grow, 128, interpolation="area"), warp(noise, grow, 128))


@given(
    angle=st.floats(-3.1, 3.1),
    zoom=st.floats(0.2, 4),
    x=st.floats(-300, 300),
    y=st.floats(-300, 300),
)
def test_border_share_is_what_a_white_frame_leaves_black(angle, zoom, x, y):
    matrix = similarity(angle, zoom, (x, y))
    white = np.full((90, 120), 255, np.uint8)
    nearest = cv2.warpAffine(white, matrix, (128, 128), flags=cv2.INTER_NEAREST)
    assert border_share(matrix, 128, white.shape) == pytest.approx((nearest == 0).mean(), abs=0.02)


def test_what_is_drawn_on_the_crop_lands_on_the_frame():
    image = picture()
    _, matrix = align_face(image, POINTS)
    back = transform(transform(POINTS, matrix), invert(matrix))
    assert np.allclose(back, POINTS, atol=1e-9)


def test_unknown_options_name_the_known_ones():
    with pytest.raises(ForensicsError, match="template") as caught:
        template_points("arcface")
    assert "gend" in caught.value.hint
    with pytest.raises(ForensicsError, match="border"):
        align_face(picture(), POINTS, border="wrap")
    with pytest.raises(ForensicsError, match="interpolation"):
        align_face(picture(), POINTS, interpolation="nearest")
    with pytest.raises(ForensicsError, match="positive"):
        template_points("gend", 0)
    with pytest.raises(AlignError):
        invert(np.zeros((2, 3)))
