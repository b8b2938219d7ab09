"""No number outlives what it was made from: each is made for real, then its ingredients change."""

from __future__ import annotations

import json
import uuid
from pathlib import Path

import fiftyone as fo
import numpy as np
import pytest
from fiftyone import ViewField as F
from media_forensics.detector.errors import ForensicsError
from media_forensics.operators import fields, views

pytestmark = [pytest.mark.fiftyone, pytest.mark.weights]


@pytest.fixture
def faces(demo_dataset):
    """The scored demo faces and their videos, in datasets of this test's own."""
    name = f"own-{uuid.uuid4().hex[:8]}"
    videos = views.videos_of(demo_dataset).clone(f"{name}-videos")
    own = demo_dataset.clone(name)
    for run in own.list_runs():  # what other tests have left behind
        if run.startswith(("evaluation_", "calibration_")):
            own.delete_run(run)
    fields.set_description(own, video_dataset=videos.name)
    fields.set_description(videos, faces_dataset=own.name)
    yield own
    fo.delete_dataset(own.name)
    fo.delete_dataset(videos.name)


@pytest.fixture(scope="session")
def other_checkpoint(demo_dataset, operators, tmp_path_factory):
    """Another head on the demo's tower: a checkpoint whose scores differ."""
    copy = demo_dataset.clone(f"head-{uuid.uuid4().hex[:8]}")
    fields.set_description(copy, video_dataset=None)
    try:
        found = operators("retrain_head")(
            copy, detector="probe", key="other", folds=3, runs_dir=str(tmp_path_factory.mktemp("h"))
        )
    finally:
        fo.delete_dataset(copy.name)
    return found["checkpoint"]


@pytest.fixture
def change(faces, operators, other_checkpoint):
    """``change(what)``: change one ingredient of every number, as a user would."""

    def rescore():
        operators("score_faces")(faces, key="probe", detector=other_checkpoint, overwrite=True)

    def rule():
        operators("score_faces")(faces, key="probe", rule="max")

    def delete():
        for part in ("train", "val", "test"):
            view = faces.match(F("split") == part)
            faces.delete_samples(view.values("id")[::2])

    def label():
        for part in ("train", "val", "test"):
            sample = faces.match(F("split") == part).first()
            label = "fake" if sample.ground_truth.label == "real" else "real"
            sample.ground_truth.label = label
            sample.save()

    def recipe():
        faces.set_values("recipe", ["0123456789abcdef"] * len(faces))

    return {f.__name__: f for f in (rescore, rule, delete, label, recipe)}


CHANGES = {
    "rescore": "another checkpoint",
    "rule": "rule 'max' now",
    "delete": "are gone",
    "label": "labels have been changed",
    "recipe": "another recipe",
}


def calibrate(faces, operators):
    view = faces.match(F("split") != "test")
    return operators("calibrate_threshold")(view, key="probe", target_fpr=0.25, level="video")


def report(faces, folder, operators, **params):
    test = faces.match(F("split") == "test")
    found = operators("export_report")(
        test, key="probe", folder=str(folder), hash_files=False, examples=0, **params
    )
    return json.loads((Path(found["folder"]) / "report.json").read_text())


@pytest.mark.parametrize("what", CHANGES)
def test_thresholds_do_not_outlive_what_they_were_chosen_on(
    faces, operators, change, what, tmp_path
):
    test = faces.match(F("split") == "test")
    found = calibrate(faces, operators)
    operators("evaluate_detector")(
        test, key="probe", threshold="calibrated", replicates=20, write_evaluations=False
    )
    for source in ("calibration", "evaluation"):
        before = report(faces, tmp_path / source, operators, threshold_from=source)["threshold"]
        assert before["honest"] and before["value"] == pytest.approx(found["threshold"])
    change[what]()
    with pytest.raises(ForensicsError, match=CHANGES[what]):
        operators("evaluate_detector")(test, key="probe", threshold="calibrated")
    with pytest.raises(ForensicsError, match=CHANGES[what]):
        operators("analyze_file")(
            str(test.first().filepath), samples=faces, detector="probe", calibrated_for="probe"
        )
    for source in ("calibration", "evaluation"):
        with pytest.raises(ForensicsError, match=CHANGES[what]):
            report(faces, tmp_path / f"late-{source}", operators, threshold_from=source)
    by_itself = report(faces, tmp_path / "by_itself", operators)["threshold"]
    assert by_itself["source"] == "fixed" and by_itself["value"] == 0.5
    again = calibrate(faces, operators)
    now = report(faces, tmp_path / "again", operators)["threshold"]
    assert now["honest"] and now["value"] == pytest.approx(again["threshold"])


def test_a_calibration_is_not_honest_on_files_that_it_has_seen(faces, operators, tmp_path):
    calibrate(faces, operators)
    seen = faces.match(F("split") != "test").first()[fields.SOURCE_SHA256]
    test = faces.match(F("split") == "test")
    one = test.first().video_id
    twin = test.match(F("video_id") == one)
    twin.set_values(fields.SOURCE_SHA256, [seen] * len(twin))
    found = report(faces, tmp_path / "r", operators)
    assert not found["threshold"]["honest"]
    assert "1 of its files" in found["threshold"]["provenance"]
    assert any("1 of its files" in text for text in found["limits"])


def test_the_promised_rate_is_that_of_the_rule_it_was_made_for(faces, operators):
    view = faces.match(F("split") != "test")
    for rule, reduce in (("mean", np.mean), ("max", np.max)):
        operators("score_faces")(faces, key="probe", rule=rule)
        threshold = calibrate(faces, operators)["threshold"]
        by_video: dict[str, list[float]] = {}
        names = ["video_id", "ground_truth.label", "probe_p_fake"]
        for video, label, p_fake in zip(*view.values(names), strict=True):
            if label == "real":
                by_video.setdefault(video, []).append(p_fake)
        called = np.array([reduce(values) for values in by_video.values()]) >= threshold
        assert called.mean() <= 0.25


@pytest.mark.parametrize("what", ["rescore", "delete", "label"])
def test_out_of_fold_scores_do_not_outlive_their_embeddings(
    faces, operators, change, what, tmp_path
):
    def fit():
        operators("retrain_head")(
            faces, detector="probe", key="new_head", folds=3, runs_dir=str(tmp_path)
        )

    fit()
    readers = {
        "evaluate_detector": {"write_evaluations": False, "replicates": 20},
        "calibrate_threshold": {"target_fpr": 0.3},
        "find_hard_examples": {},
        "export_scores": {"path": str(tmp_path / "s.csv"), "overwrite": True},
        "export_report": {"folder": str(tmp_path / "r"), "hash_files": False, "examples": 0},
    }
    used = faces.match(F("split") != "test")
    for name in ("evaluate_detector", "export_scores"):
        operators(name)(used, key="new_head_oof", **readers[name])
    change[what]()
    for name, params in readers.items():
        with pytest.raises(ForensicsError, match=CHANGES[what]):
            operators(name)(used, key="new_head_oof", **params)
    fit()
    operators("evaluate_detector")(used, key="new_head_oof", **readers["evaluate_detector"])
