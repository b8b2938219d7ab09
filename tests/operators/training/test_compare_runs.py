"""Stored scores and recorded validations give the same comparison; regressions become views."""

from __future__ import annotations

import numpy as np
import pytest
from fiftyone import ViewField as F
from media_forensics.detector.errors import ForensicsError
from media_forensics.operators.training import training_records

pytestmark = [pytest.mark.fiftyone, pytest.mark.weights]


@pytest.fixture
def inverted(demo_dataset):
    """A detector key whose videos score the other way round; removed afterwards."""
    videos, p_fake = demo_dataset.values(["video_id", "probe_video_p_fake"])
    demo_dataset.set_values("inverted_video_p_fake", [1 - p for p in p_fake])
    yield dict(zip(videos, p_fake, strict=True))
    demo_dataset.delete_sample_field("inverted_video_p_fake")
    for name in demo_dataset.list_saved_views():
        if "inverted" in name:
            demo_dataset.delete_saved_view(name)


def test_stored_scores_on_a_view(demo_dataset, operators, inverted):
    view = demo_dataset.match(F("split") != "test")
    found = operators("compare_runs")(
        view, keys=["probe", "inverted"], scores="stored", fpr=0.5, replicates=200
    )
    base, row = found["rows"]
    assert found["videos"] == len(view.distinct("video_id"))
    assert row["auroc"] == pytest.approx(1 - base["auroc"])
    assert row["difference"] == pytest.approx(row["auroc"] - base["auroc"])
    labels = dict(zip(*demo_dataset.values(["video_id", "ground_truth.label"]), strict=True))
    for name in row["regressions"]:
        p = inverted[name]
        assert (p >= base["threshold"]) == (labels[name] == "fake")
        assert (1 - p >= row["threshold"]) != (labels[name] == "fake")
    saved = demo_dataset.load_saved_view("regressions_inverted_probe")
    assert set(saved.distinct("video_id")) == set(row["regressions"])
    assert "regressions_inverted_probe" in found["views"]
    assert "| inverted |" in found["table"] and "nan" not in found["table"]


def test_the_recorded_validation_is_that_of_the_best_checkpoint(demo_dataset, operators):
    from media_forensics.operators.training.compare_runs import _recorded

    rows = _recorded(demo_dataset.view(), "probe")
    faces = training_records.validation_view(demo_dataset, "probe")
    stored = {}
    for video, p_fake in zip(*faces.values(["video_id", "probe_p_fake"]), strict=True):
        stored.setdefault(video, []).append(p_fake)
    assert {row["video_id"] for row in rows} == set(stored)
    for row in rows:
        assert row["p_fake"] == pytest.approx(np.mean(stored[row["video_id"]]), abs=1e-4)


@pytest.mark.parametrize(
    ("params", "words"),
    [
        ({"keys": ["probe"]}, "One run"),
        ({"keys": ["probe", "nobody"]}, "no training run 'nobody'"),
        ({"keys": ["probe", "nobody"], "scores": "stored"}, "nobody_video_p_fake"),
        ({"keys": ["probe", "x"], "scores": "guessed"}, "no scores 'guessed'"),
    ],
)
def test_wrong_input_is_one_clear_sentence(demo_dataset, operators, params, words):
    with pytest.raises(ForensicsError, match=words) as error:
        operators("compare_runs")(demo_dataset, **params)
    assert error.value.hint
