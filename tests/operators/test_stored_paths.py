"""Paths that a dataset carries (fields, info, run records) are asked for where they are used.

A dataset may come from elsewhere, by import or clone, with whatever its author wrote into it.
"""

from __future__ import annotations

import ast
import json
from pathlib import Path

import pytest
from media_forensics.detector.errors import ForensicsError
from media_forensics.detector.records import CropRecipe
from media_forensics.operators.dataset import fields
from media_forensics.operators.embeddings import embedding_files
from media_forensics.operators.faces import contact_sheet
from media_forensics.operators.training import (
    compare_runs,
    detector_list,
    manage_runs,
    training_records,
)
from path_cases import folders, samples

pytestmark = pytest.mark.fiftyone
__all__ = ["folders", "samples"]  # fixtures
ROOT = Path(__file__).resolve().parents[2]

# Stored name -> who reads it and how it is asked for. A new name has to be put here, and tried.
CATALOGUE = {
    "filepath": "require_files where samples are read; again by the readers (still_allowed)",
    "mask_path": "views.video_records: require_files; again by open_source",
    "video_path": "source_faces and report: require_files, is_allowed; again by open_source",
    "crops": "contact_sheet: given; the crops below it by inside",
    "embedding_files": "embedding_files: given, at each use",
    "run_dir": "training_records._joined and own_folder: given, again before each action",
    "detector": "find_detector: given, at each load",
    "checkpoint": "written for people; a run's checkpoint is taken from its folder",
    "manifest": "written for people (training sets); nobody opens it",
    "folder": "written for people (ablations)",
    "figure": "written for people (ablations)",
}
_NAMES = set(CATALOGUE) | {
    "path", "dir", "crops_dir", "embeddings_dir", "parts_dir", "runs_dir", "weights", "file",
}  # fmt: skip


def stored_names(path: Path) -> set[str]:
    """Names that look like a path in what a module writes into records, info and their dicts."""
    text = path.read_text()
    names = set()
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, ast.Call):
            called = ast.unparse(node.func).split(".")[-1]
            if called in ("init_run", "set_description", "update", "put", "change"):
                names |= {k.arg for k in node.keywords if k.arg}
        elif isinstance(node, ast.Dict) and "set_description" in text:
            keys = {k.value for k in node.keys if isinstance(k, ast.Constant)}
            names |= keys - {"path", "file", "file_path"}  # of answers, which nobody stores
    ends = ("_dir", "_path", "_folder", "_file", "_root")
    return {n for n in names if isinstance(n, str) and (n in _NAMES or n.endswith(ends))}


def test_every_stored_path_is_in_the_catalogue():
    written = set()
    for path in (ROOT / "operators").rglob("*.py"):
        written |= stored_names(path)
    for name in {**fields.COMMON_FIELDS, **fields.FACE_FIELDS}:
        if name.endswith(("path", "dir", "file", "folder")):
            written.add(name)
    assert written <= set(CATALOGUE), "say who asks for it, and try it below"
    assert {"run_dir", "detector", "crops", "mask_path", "video_path"} <= written


@pytest.mark.parametrize("folder", ["operators", "detector", "training"])
def test_nobody_but_the_door_expands_or_checks_a_path(folder):
    allowed = {
        "paths.py",
        "allowed_roots.py",
        "cache.py",
        "towers.py",
        "tower_files.py",
    }  # the caches of libraries
    for path in (ROOT / folder).rglob("*.py"):
        if path.name in allowed:
            continue
        calls = {
            ast.unparse(node.func).split(".")[-1]
            for node in ast.walk(ast.parse(path.read_text()))
            if isinstance(node, ast.Call)
        }
        assert not calls & {"expanduser", "require_allowed", "absolute_path"}, path


@pytest.fixture
def hostile(folders, samples):
    """A faces dataset whose run record names a folder outside that holds a finished-looking run."""
    dataset = samples("faces", folders.inside)
    run = folders.outside / "run"
    (run / "checkpoints/best").mkdir(parents=True)
    (run / "run.json").write_text(json.dumps({"manifest_sha256": "m", "config_hash": "c"}))
    (run / "config.json").write_text("{}")
    (run / "status.json").write_text(json.dumps({"status": "stopped"}))
    (run / "validation.json").write_text(json.dumps({"videos": []}))
    (run / "manifest.jsonl").write_text("")
    (run / "metrics.jsonl").write_text('{"step": 5, "steps": 9, "epoch": 1}\n')
    record = dataset.init_run(
        method="media_forensics/training", key="bad", status="stopped", started=1.0, config={},
        config_hash="c", manifest_sha256="m", run_dir=str(run), checkpoint="", best={}, counts={},
    )  # fmt: skip
    dataset.register_run("training_bad", record)
    return dataset, run


def snapshot(folder: Path) -> dict[str, tuple[int, bytes]]:
    return {
        str(p.relative_to(folder)): (p.stat().st_mtime_ns, p.read_bytes() if p.is_file() else b"")
        for p in folder.rglob("*")
    }


def set_run_dir(dataset, value) -> None:
    record = dataset.get_run_info("training_bad").config
    record.run_dir = value
    dataset.update_run_config("training_bad", record)


ACTIONS = {
    "rename": {"new_key": "other"},
    "delete": {"delete_files": True},
    "resume": {},
    "stop": {},
    "export": {"format": "detector"},
}


@pytest.mark.parametrize("way", ["straight", "dots", "link"])
@pytest.mark.parametrize("action", ACTIONS)
def test_a_run_outside_is_not_touched(action, way, hostile, folders):
    dataset, run = hostile
    if way == "dots":
        set_run_dir(dataset, f"{folders.inside}/../out/run")
    elif way == "link":
        (folders.inside / "run").symlink_to(run)
        set_run_dir(dataset, str(folders.inside / "run"))
    before = snapshot(folders.outside)
    given = dict(ACTIONS[action])
    if action == "export":
        given["folder"] = str(folders.inside / "exported")
    with pytest.raises(ForensicsError, match=r"outside|no checkpoint"):
        manage_runs.run(dataset, action=action, key="bad", **given)
    assert snapshot(folders.outside) == before
    assert dataset.has_run("training_bad")


def test_a_run_outside_is_listed_as_such_and_its_record_can_go(hostile, folders):
    dataset, _ = hostile
    before = snapshot(folders.outside)
    (row,) = manage_runs.run(dataset)["runs"]
    assert row["status"] == "outside" and row["step"] == 0
    assert "outside the folders" in row["error"]
    for read in (
        lambda: training_records.validation_view(dataset, "bad"),
        lambda: detector_list.detector_source(dataset, "bad"),
        lambda: compare_runs._recorded(dataset.view(), "bad"),
    ):
        with pytest.raises(ForensicsError, match="outside the folders"):
            read()
    manage_runs.run(dataset, action="delete", key="bad")
    assert not dataset.has_run("training_bad") and snapshot(folders.outside) == before


@pytest.mark.parametrize("value", [None, 3, "", "a\0b", ["x"]])
def test_a_record_without_a_path_is_no_crash(value, hostile):
    dataset, _ = hostile
    set_run_dir(dataset, value)
    assert [run.status for run in training_records.training_runs(dataset)] == ["outside"]


@pytest.mark.parametrize("action", ["rename", "delete", "resume"])
def test_the_folder_of_another_run_is_not_that_of_the_record(action, hostile, folders):
    dataset, run = hostile
    inside = folders.inside / "runs/theirs"
    inside.parent.mkdir()
    run.rename(inside)
    (inside / "run.json").write_text(json.dumps({"manifest_sha256": "another"}))
    set_run_dir(dataset, str(inside))
    before = snapshot(folders.inside)
    with pytest.raises(ForensicsError, match="not the folder of the run"):
        manage_runs.run(dataset, action=action, key="bad", **ACTIONS[action])
    assert snapshot(folders.inside) == before


def test_crops_outside_are_neither_read_nor_written(folders, samples):
    dataset = samples("videos", folders.inside)
    recipe = CropRecipe(detector_sha256="d" * 64)
    (folders.outside / "crops" / recipe.hash).mkdir(parents=True)
    before = snapshot(folders.outside)
    for crops in (str(folders.outside / "crops"), f"{folders.inside}/../out/crops", 3):
        fields.set_description(dataset, crops=crops, recipe=recipe.to_json())
        with pytest.raises(ForensicsError, match=r"outside the folders|not a path"):
            contact_sheet.run(dataset)
    assert snapshot(folders.outside) == before


def test_embeddings_and_checkpoints_outside_are_not_read(folders, samples):
    dataset = samples("faces", folders.inside)
    (folders.outside / "e").mkdir()
    fields.set_description(dataset, embedding_files={"k_embedding": str(folders.outside / "e")})
    with pytest.raises(ForensicsError, match="outside the folders"):
        embedding_files.shards_of(dataset, "k_embedding")
    config = dataset.init_run(
        method="media_forensics/scores", detector=str(folders.outside / "model"), head_weight=[1]
    )
    dataset.register_run("scores_k", config)
    with pytest.raises(ForensicsError, match="outside the folders"):
        detector_list.scored_model(dataset, "k", None)
