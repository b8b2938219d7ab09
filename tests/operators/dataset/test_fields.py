"""The border to FiftyOne: frame numbers, boxes, labels, names."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, strategies as st
from media_forensics.detector.errors import ForensicsError
from media_forensics.detector.records import VideoRecord
from media_forensics.operators.dataset import fields

pytestmark = pytest.mark.fiftyone


@given(st.integers(0, 10**6))
def test_frame_numbers_convert_both_ways(index):
    assert fields.frame_number(index) == index + 1
    assert fields.frame_index(fields.frame_number(index)) == index


def test_boxes_are_relative_and_clipped():
    assert fields.relative_box((10, 20, 30, 60), 100, 200) == pytest.approx((0.1, 0.1, 0.2, 0.2))
    assert fields.relative_box((-10, -20, 120, 220), 100, 200) == pytest.approx((0, 0, 1, 1))


@given(st.floats(0, 1))
def test_label_and_confidence_give_the_score_back(p_fake):
    found = fields.classification(p_fake)
    assert found.label == ("fake" if p_fake >= 0.5 else "real")
    back = found.confidence if found.label == "fake" else 1 - found.confidence
    assert back == pytest.approx(p_fake)


def test_logits_are_kept_for_brain_methods():
    found = fields.classification(0.9, [0.1, 2.3])
    assert np.asarray(found.logits).tolist() == pytest.approx([0.1, 2.3])


@pytest.mark.parametrize(
    "key", ["", "Probe", "9a", "a b", "method", "ground_truth", "a" * 60, "a.b"]
)
def test_keys_that_cannot_name_fields_are_refused(key):
    with pytest.raises(ForensicsError) as error:
        fields.ScoreFields(key)
    assert error.value.field == "key" and error.value.hint


def record(**changes):
    values = {
        "video_id": "ds/original/c23/000",
        "path": "/videos/000.mp4",
        "label": 1,
        "source_dataset": "ds",
    }
    return VideoRecord(**{**values, **changes})


def test_record_fields_carry_label_and_attributes(fiftyone_db):
    values = fields.record_fields(record(method="FaceSwap", attributes={"sex": "f"}))
    assert values["ground_truth"].label == "fake"
    assert values["method"] == "FaceSwap" and values["sex"] == "f"
    assert set(fields.COMMON_FIELDS) <= set(values)


def test_an_attribute_cannot_overwrite_a_field_of_ours(fiftyone_db):
    with pytest.raises(ForensicsError, match="split"):
        fields.record_fields(record(attributes={"split": "x"}))


def test_declared_fields_have_indexes(fiftyone_db):
    dataset = fiftyone_db.Dataset()
    fields.declare_common_fields(dataset, faces=True)
    fields.declare_common_fields(dataset, faces=True)
    assert set(fields.COMMON_FIELDS) | set(fields.FACE_FIELDS) <= set(dataset.get_field_schema())
    assert set(fields.INDEXED) <= set(dataset.list_indexes())
    dataset.delete()


def test_description_is_merged_and_kept(fiftyone_db):
    dataset = fiftyone_db.Dataset()
    assert fields.describe(dataset) == {}
    fields.set_description(dataset, kind="faces")
    fields.set_description(dataset, recipe_hash="ab")
    dataset.reload()
    assert fields.describe(dataset) == {"kind": "faces", "recipe_hash": "ab"}
    dataset.delete()
