"""The browser gets what Python has, to the quantisation, in few bytes."""

from __future__ import annotations

import base64
import json

import numpy as np
import pytest
from media_forensics.detector.audit.columns import coded
from media_forensics.operators.panels.sphere import payload as payloads
from media_forensics.operators.panels.sphere.colouring import binned
from media_forensics.operators.panels.sphere.maps import placed


def unpacked(text: str, dtype: str) -> np.ndarray:
    return np.frombuffer(base64.b64decode(text), dtype)


@pytest.fixture
def faces():
    rng = np.random.default_rng(0)
    xyz = rng.normal(size=(5000, 3))
    xyz /= np.linalg.norm(xyz, axis=1, keepdims=True)
    label = rng.integers(-1, 2, 5000)
    return xyz, label, rng.random(5000)


def test_round_trip(faces):
    xyz, label, p_fake = faces
    p_fake = np.where(np.arange(5000) % 9 == 0, np.nan, p_fake)
    found = payloads.payload(xyz, label, p_fake, 0.5, 0.25)
    got = unpacked(found["xyz"], "<i2").reshape(-1, 3) / payloads.STEP
    assert np.abs(got - xyz).max() <= 0.5001 / payloads.STEP
    score = unpacked(found["score"], "u1")
    scored = np.isfinite(p_fake)
    assert np.abs(score[scored] / payloads.SCORES - p_fake[scored]).max() <= 0.5001 / 254
    assert set(score[~scored]) == {payloads.NO_SCORE}
    code = unpacked(found["code"], "u1")
    assert np.array_equal(code & 3, np.where(label < 0, 2, label))
    assert np.array_equal(code >> 2 & 7, payloads.errors(label, p_fake, 0.5))
    assert np.array_equal(code >> 5, p_fake >= 0.5)
    assert found["n"] == 5000 and found["boundary"] == 0.25
    json.dumps(found, allow_nan=False)


def test_errors_are_those_of_the_threshold(faces):
    _, label, p_fake = faces
    p_fake = np.where(np.arange(5000) % 9 == 0, np.nan, p_fake)
    codes = payloads.errors(label, p_fake, 0.37)
    for code, want in (
        (payloads.RIGHT_REAL, (label == 0) & (p_fake < 0.37)),
        (payloads.RIGHT_FAKE, (label == 1) & (p_fake >= 0.37)),
        (payloads.FALSE_POSITIVE, (label == 0) & (p_fake >= 0.37)),
        (payloads.FALSE_NEGATIVE, (label == 1) & (p_fake < 0.37)),
        (payloads.UNKNOWN, (label < 0) & np.isfinite(p_fake)),
        (payloads.NOT_SCORED, np.isnan(p_fake)),  # neither right nor real
    ):
        assert np.array_equal(codes == code, want)


def test_field_with_missing_and_with_very_many_values():
    found = payloads.field("f", coded(["a", None, "b"]))
    assert found["values"] == ["a", "b", "no value"] and not found["wide"]
    assert unpacked(found["codes"], "u1").tolist() == [0, 2, 1]
    names = [f"v{i:05d}" for i in range(1500)] + ["v00007"] * 9
    found = payloads.field("f", coded(names))
    codes = unpacked(found["codes"], "<u2")
    assert found["wide"] and found["values"][-1] == payloads.RARE
    assert len(found["values"]) == payloads.MOST_VALUES + 1
    assert found["values"][codes[-1]] == "v00007"


def test_numbers_to_colour_by_are_parts_of_about_equal_size():
    rng = np.random.default_rng(2)
    values = np.where(rng.random(1000) < 0.1, np.nan, rng.gamma(2, 20, 1000))
    column = binned(values)
    assert np.array_equal(column.codes < 0, np.isnan(values))
    sizes = np.bincount(column.codes[column.codes >= 0])
    assert len(sizes) == len(column.values) == 5 and sizes.min() > 150
    highest = [values[column.codes == code].max() for code in range(5)]
    assert highest == sorted(highest)
    for code, name in enumerate(column.values[:-1]):
        assert highest[code] < float(name.split()[-1])
    assert binned(np.full(3, np.nan)).codes.tolist() == [-1, -1, -1]


def test_a_million_faces_are_small():
    rng = np.random.default_rng(1)
    count = 100_000
    found = payloads.payload(
        rng.normal(size=(count, 3)) / 3, rng.integers(0, 2, count), rng.random(count), 0.5, None
    )
    assert len(json.dumps(found)) < 11 * count  # 1.1 MB for 100,000, 11 MB for a million


def test_places_of_a_map_and_faces_that_it_has_not():
    class Results:
        points = np.array([[0.0, 10.0], [4.0, 12.0], [2.0, 14.0]])
        sample_ids = ("b", "a", "c")

    places, missing = placed(Results(), ["a", "x", "b"])
    assert missing == 1
    assert np.allclose(places[[0, 2]], [[1, 0], [-1, -1]]) and np.isnan(places[1]).all()
    got = unpacked(payloads.flat_map(places), "<i2").reshape(-1, 2)
    assert got.tolist() == [[32767, 0], [-32768, -32768], [-32767, -32767]]


def test_boundary_is_where_the_head_says_the_threshold():
    rng = np.random.default_rng(2)
    weight, bias = rng.normal(size=(2, 16)), np.array([0.1, -0.3])
    axis = (weight[1] - weight[0]) / np.linalg.norm(weight[1] - weight[0])
    for threshold in (0.2, 0.5, 0.9):
        cosine = payloads.boundary(weight, bias, threshold)
        rest = np.linalg.qr(np.stack([axis, rng.normal(size=16)]).T)[0][:, 1]
        point = cosine * axis + np.sqrt(1 - cosine**2) * rest
        logits = weight @ point + bias
        p_fake = np.exp(logits[1]) / np.exp(logits).sum()
        assert p_fake == pytest.approx(threshold)
    assert payloads.boundary(weight, [0, 1e3], 0.5) is None  # reached nowhere
    assert payloads.boundary(weight, bias, 0.5, normalize=False) is None
    assert payloads.boundary(np.zeros((2, 4)), [0, 0], 0.5) is None


def test_indices_of_a_click_a_list_and_a_bit_set():
    assert payloads.indices({"idx": 3}, 10).tolist() == [3]
    assert payloads.indices({"idx": [9, 10, -1, 0]}, 10).tolist() == [9, 0]
    assert payloads.indices({}, 10).size == 0
    chosen = np.sort(np.random.default_rng(3).choice(5000, 2000, replace=False))
    bits = np.zeros(5000, np.uint8)
    bits[chosen] = 1
    sent = base64.b64encode(np.packbits(bits, bitorder="little").tobytes()).decode()
    assert np.array_equal(payloads.indices({"bits": sent}, 5000), chosen)
    assert payloads.indices({"bits": sent}, 100).max() < 100
