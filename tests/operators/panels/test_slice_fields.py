"""Which fields slices are made of: what users gave comes first, what scores made never comes."""

from __future__ import annotations

import uuid

import fiftyone as fo
import numpy as np
import pytest
from media_forensics.operators.dataset import face_columns
from media_forensics.operators.panels import slice_fields


@pytest.fixture
def faces():
    dataset = fo.Dataset(f"slices-{uuid.uuid4().hex[:8]}")
    samples = []
    for n in range(6):
        sample = fo.Sample(f"/nowhere/{n}.png", tags=["night"] if n % 2 else ["night", "hard:fp"])
        sample["ground_truth"] = fo.Classification(label="fake" if n % 2 else "real")
        sample["site"], sample["age"] = "east" if n < 3 else "west", 20 + n
        sample["weather"] = fo.Classification(label="rain")
        sample["flags"] = ["a", "b"] if n < 2 else ["b"]
        sample["source_dataset"], sample["sharpness"] = "made", 0.1 * n
        sample["det"] = fo.Classification(label="fake")
        for name in ("det_p_fake", "det_margin", "det_video_p_fake", "other_p_fake", "det_score"):
            sample[name] = 0.5
        sample["det_rank_boundary"] = n
        sample["eval_det"] = "FP"
        sample["review"], sample["review_note"] = "wrong_label", "see"
        samples.append(sample)
    dataset.add_samples(samples)
    dataset.evaluate_classifications("det", gt_field="ground_truth", eval_key="mine")
    yield dataset
    dataset.delete()


def test_fields_of_users_come_first_and_nothing_that_errors_made(faces):
    found = slice_fields.slice_fields(faces)
    assert found[:3] == ["site", "age", "weather.label"]
    assert set(found[3:]) == {"source_dataset", "sharpness", "det_score"}


def test_each_value_of_a_list_is_a_column(faces):
    source = face_columns.Source(faces, faces, None)
    found = slice_fields.member_columns(source)
    assert set(found) == {"tags has night", "flags has a", "flags has b"}
    assert np.flatnonzero(found["flags has a"].codes == 0).tolist() == [0, 1]
    assert slice_fields.member_of("tags has night") == ("tags", "night")
    assert slice_fields.member_of("site") is None
    columns = face_columns.field_columns(source, ("weather.label",), "now")
    assert columns["weather.label"].present() == {"rain"}
