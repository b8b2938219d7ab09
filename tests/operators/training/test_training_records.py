"""A training run is known by what made its record, not by how the record's name begins."""

from __future__ import annotations

import sys
from pathlib import Path
from types import SimpleNamespace

import pytest
from media_forensics.detector.errors import ForensicsError
from media_forensics.operators.panels.runs.tables import SHOWN
from media_forensics.operators.panels.runs.training_runs import TrainingRuns
from media_forensics.operators.training import detector_list, training_records

sys.path.append(str(Path(__file__).resolve().parents[2] / "robustness"))
import killed_catalogue

pytestmark = pytest.mark.fiftyone
NAMES = ("july", "training_set")  # of exported sets; the second is the default


@pytest.fixture(scope="module")
def faces(fiftyone_db, tmp_path_factory):
    """Scored and reviewed faces with the training runs ``head`` and ``spare``, and two exports."""
    folder = tmp_path_factory.mktemp("records")
    stage = killed_catalogue.Stage(folder / "out", folder / "in")
    stage.folder.mkdir()
    stage.inputs.mkdir()
    killed_catalogue.faces(stage)
    dataset = killed_catalogue.load("faces")
    for name in NAMES:
        file = str(stage.folder / f"{name}.jsonl")
        killed_catalogue.call("export_training_set", dataset, name=name, file=file)
    yield SimpleNamespace(dataset=dataset, stage=stage)
    fiftyone_db.delete_dataset("faces")


def test_an_exported_set_is_no_training_run(faces, operators):
    dataset = faces.dataset
    assert {"training_set_july", "training_set_training_set"} <= set(dataset.list_runs())
    assert training_records.keys(dataset) == ["head", "spare"]
    assert [run.key for run in training_records.training_runs(dataset)] == ["head", "spare"]
    listed = operators("manage_runs")(dataset, action="list")
    assert [run["key"] for run in listed["runs"]] == ["head", "spare"]
    with pytest.raises(ForensicsError, match="has no training run 'set_july'"):
        operators("manage_runs")(dataset, action="delete", key="set_july")
    assert dataset.has_run("training_set_july")
    assert not training_records.has(dataset, "set_july")


def test_the_panel_lists_the_training_runs(faces, client):
    driven = client(TrainingRuns(), faces.dataset)
    driven.send("on_load")
    assert [row[0].removeprefix(SHOWN) for row in driven.data["runs"]["rows"]] == ["spare", "head"]


@pytest.mark.parametrize("operator", ["analyze_file", "score_faces", "manage_runs", "run_protocol"])
def test_forms_offer_training_runs_only(faces, operator, operators):
    from fiftyone.operators.executor import ExecutionContext, Executor

    request = {"dataset_name": "faces", "view": [], "params": {"action": "delete"}}
    ctx = ExecutionContext(request, executor=Executor())
    form = str(operators(operator).resolve_input(ctx).to_json())
    assert "'head'" in form
    assert "set_july" not in form and "set_training_set" not in form
    offered = dict(detector_list.known_detectors(faces.dataset))
    assert "head" in offered and not [key for key in offered if key.startswith("set_")]


def test_neither_replaces_the_others_record(faces, tmp_path):
    """A training ``set_july`` and the exported set ``july`` would have the same record."""
    dataset = faces.dataset
    before = dataset.get_run_info("training_set_july").config.manifest_sha256
    runs = str(tmp_path / "runs")
    with pytest.raises(ForensicsError, match="has a record 'training_set_july' already"):
        killed_catalogue.call(
            "train_detector", dataset, key="set_july", recipe="linear_probe", runs_dir=runs
        )
    with pytest.raises(ForensicsError, match="has a record 'training_set_july' already"):
        killed_catalogue.call(
            "retrain_head", dataset, detector="k", key="set_july", folds=2, runs_dir=runs
        )
    assert not Path(runs).exists()
    assert dataset.get_run_info("training_set_july").config.manifest_sha256 == before
    killed_catalogue.call(
        "retrain_head", dataset, detector="k", key="set_june", folds=2, runs_dir=runs
    )
    file = tmp_path / "june.jsonl"
    with pytest.raises(ForensicsError, match="has a record 'training_set_june' already"):
        killed_catalogue.call("export_training_set", dataset, name="june", file=str(file))
    assert not file.exists() and not dataset.has_saved_view("june")
    assert training_records.keys(dataset) == ["head", "spare", "set_june"]
    training_records.delete(dataset, "set_june", files=True)
