"""Every form and panel answers in words, in states that people reach."""

from __future__ import annotations

import every_screen
import pytest
from media_forensics.detector.errors import ForensicsError
from media_forensics.operators.dataset import derived, fields, run_names, stored_runs
from media_forensics.operators.panels.audit.error_audit import ErrorAudit as Panel
from media_forensics.operators.training import training_records

pytestmark = pytest.mark.fiftyone
KEY = {"key": "det"}


def prefixes() -> list[str]:
    own = [value for value in vars(run_names).values() if isinstance(value, str)]
    return [value for value in own if value.endswith("_")] + [f"{k}_" for k in derived.CATALOGUE]


def test_runs_of_others_are_nobody_s_whatever_their_name(faces_of, client):
    """Of all our prefixes: with the key of our detector, and with a key of nothing."""
    faces = faces_of(60, embeddings=4).dataset
    foreign = [f"{prefix}{key}" for prefix in prefixes() for key in ("det", "set_july")]
    for name in foreign:
        if not faces.has_run(name):
            faces.register_run(name, faces.init_run(method="somebody/else", number=1))
    shown = every_screen.open_all(faces, client, ({}, KEY))
    assert {"manage_runs", "analyze_file", "training_runs", "error_audit"} <= set(shown)
    assert training_records.training_runs(faces) == []
    assert fields.detector_keys(faces) == ["det"]
    assert not derived.stale_numbers(faces, "det")
    assert stored_runs.config_of(faces, run_names.CALIBRATION, "det") is None


def test_a_training_set_is_no_training_run(faces_of, client):
    faces = faces_of(60, embeddings=4).dataset
    method = run_names.method_of(run_names.TRAINING_SET)
    stored_runs.put(faces, "training_set_july", method=method, manifest="m", manifest_sha256="s")
    shown = every_screen.open_all(faces, client, ({}, KEY))
    assert training_records.keys(faces) == []
    assert "set_july" not in str(shown["manage_runs"])
    assert "set_july" not in str(shown["analyze_file"])


def test_views_of_a_longer_key_stay_when_scores_are_replaced(faces_of):
    faces = faces_of(20).dataset
    run = faces.init_run(method=fields.SCORES_METHOD, key="det_two")
    faces.register_run("scores_det_two", run)
    for name in ("flips_det_blur", "flips_det_two_blur", "regressions_det_two_det"):
        faces.save_view(name, faces.limit(1))
    derived.drop_shown(faces, "det")
    assert set(faces.list_saved_views()) == {"flips_det_two_blur", "regressions_det_two_det"}


@pytest.fixture
def bare(faces_of):
    """Scored faces of which nobody knows which are real."""
    faces = faces_of(120, embeddings=4).dataset
    faces.set_values("ground_truth", [None] * len(faces))
    faces.set_values("split", [None] * len(faces))
    return faces


def test_without_labels_every_screen_answers(bare, client):
    shown = every_screen.open_all(bare, client, ({}, KEY, {**KEY, "only": "errors"}))
    assert "no ground truth" in str(shown["find_hard_examples"])
    for level in ("face", "person", "video"):
        panel = client(Panel(), bare)
        panel.state = {"choice": {"level": level}}
        panel.send("on_load")
        total = panel.data["table"]["total"]
        assert total["unlabelled"] and not total["real"] and total["fpr"] is None


def test_without_labels_what_needs_none_runs(bare, operators, tmp_path):
    queues = operators("find_hard_examples")(bare, key="det")
    assert queues["unsteady"]["faces"] and not queues["false_positive"]["faces"]
    report = operators("export_report")(bare, key="det", folder=str(tmp_path / "r"))
    page = (tmp_path / "r" / "report.html").read_text()
    assert "states no error rate" in page and report["folder"]
    path = str(tmp_path / "scores.csv")
    rows = operators("export_scores")(bare, key="det", path=path, level="video")["rows"]
    assert rows == len(bare.distinct("video_id"))
    assert operators("map_embeddings")(bare, key="det", parts=["pca"])["runs"]


@pytest.mark.parametrize("name", ["evaluate_detector", "calibrate_threshold", "retrain_head"])
def test_without_labels_what_needs_some_says_so(bare, operators, name):
    params = {"key": "new", "detector": "det"} if name == "retrain_head" else KEY
    with pytest.raises(ForensicsError, match=r"ground truth|label|No face"):
        operators(name)(bare, **params)


def test_some_labels_are_enough_for_rates(faces_of, operators):
    faces = faces_of(400).dataset
    ids = faces.match({"source_dataset": "beta"}).values("id")
    faces.set_values("ground_truth", dict.fromkeys(ids), key_field="id")
    found = operators("evaluate_detector")(faces, key="det", replicates=20, write_evaluations=False)
    assert f"{len(ids):,} faces have no ground truth" in found["table"]
    assert not any(row["source_dataset"] == "beta" for row in found["rows"])
