"""Runs are listed as they stand, and every action does what it says or says why not."""

from __future__ import annotations

import json
import shutil
import time
from pathlib import Path

import pytest
from fiftyone import ViewField as F
from media_forensics.detector.errors import ForensicsError
from media_forensics.operators.training import (
    detector_list,
    manage_runs,
    train_detector,
    training_manifest,
    training_records,
)

pytestmark = [pytest.mark.fiftyone, pytest.mark.weights]

QUICK = {"epochs": 3, "batch_size": 8, "augmentation": "none", "save_every_seconds": 0.0}
MANY = {**QUICK, "epochs": 20_000}


@pytest.fixture
def prepared(demo_dataset, tmp_path):
    """Function: (key, settings) -> a run that is registered and prepared, not started."""
    made = []

    def make(key: str, settings: dict):
        from media_forensics.training import launch

        config = train_detector.config_of("linear_probe", "vit-s14-dinov2-saliency", settings)
        found = training_manifest.read(demo_dataset, seed=config.seed)
        folder = tmp_path / "runs" / key
        launch.prepare(folder, config, found.manifest)
        training_records.register(
            demo_dataset.view(), key, config, found.manifest.sha256, folder, {}
        )
        made.append(key)
        return folder

    yield make
    for name in demo_dataset.list_runs():
        if name.removeprefix("training_") in {*made, "renamed", "renamed_again"}:
            demo_dataset.delete_run(name)


def wait_for(dataset, key: str, *states: str) -> training_records.TrainingRun:
    deadline = time.monotonic() + 180
    while time.monotonic() < deadline:
        run = training_records.training_run(dataset, key)
        if run.status in states:
            return run
        time.sleep(0.2)
    raise AssertionError(f"{key} is {run.status}, not {states}")


def test_list_names_every_run(demo_dataset, operators):
    found = operators("manage_runs")(demo_dataset)
    probe = next(run for run in found["runs"] if run["key"] == "probe")
    assert probe["status"] == "completed" and probe["step"] > 0
    assert probe["best"]["auroc"] == pytest.approx(
        demo_dataset.get_run_info("training_probe").config.best["auroc"]
    )
    assert "| probe | completed" in found["table"]


def test_stop_resume_kill_and_settle(demo_dataset, operators, prepared):
    import psutil

    folder = prepared("long", MANY)
    assert training_records.training_run(demo_dataset, "long").status == "starting"
    from media_forensics.training import launch

    handle = launch.start(folder, threads=1)
    wait_for(demo_dataset, "long", "running")
    with pytest.raises(ForensicsError, match="cannot be renamed now"):
        operators("manage_runs")(demo_dataset, action="rename", key="long", new_key="renamed")
    with pytest.raises(ForensicsError, match="cannot be deleted now"):
        operators("manage_runs")(demo_dataset, action="delete", key="long")
    operators("manage_runs")(demo_dataset, action="stop", key="long")
    stopped = wait_for(demo_dataset, "long", "stopped")
    assert handle.wait(120) == 3 and stopped.step >= 0
    assert demo_dataset.get_run_info("training_long").config.status == "stopped"

    operators("manage_runs")(demo_dataset, action="resume", key="long")
    again = wait_for(demo_dataset, "long", "running")
    deadline = time.monotonic() + 300
    while (again.step <= stopped.step or not again.best) and time.monotonic() < deadline:
        time.sleep(0.2)
        again = training_records.training_run(demo_dataset, "long")
    assert again.step > stopped.step and again.best
    child = psutil.Process(json.loads((folder / "status.json").read_text())["pid"])
    child.kill()
    child.wait(120)
    dead = wait_for(demo_dataset, "long", "interrupted")
    assert "resume" in manage_runs.possible(dead)
    assert dead.best["auroc"] is not None


def test_settle_rename_export_delete(demo_dataset, operators, prepared, tmp_path):
    from media_forensics.training import launch

    folder = prepared("first", QUICK)
    launch.start(folder, threads=1).wait(60)  # nobody watches
    assert demo_dataset.get_run_info("training_first").config.status == "starting"
    assert "first" in detector_list.training_runs(demo_dataset)
    config = demo_dataset.get_run_info("training_first").config
    assert config.status == "completed" and config.best["auroc"] is not None
    assert (
        Path(detector_list.detector_source(demo_dataset, "first"))
        == folder / "checkpoints" / "best"
    )

    manage = operators("manage_runs")
    done = manage(demo_dataset, action="rename", key="first", new_key="renamed")
    assert done["key"] == "renamed" and not folder.exists()
    run = training_records.training_run(demo_dataset, "renamed")
    assert run.status == "completed" and run.folder == folder.with_name("renamed")
    assert not demo_dataset.has_run("training_first")

    # as a call that was killed after it had moved the folder leaves it: the same call goes on
    run.folder.rename(run.folder.with_name("renamed_again"))
    done = manage(demo_dataset, action="rename", key="renamed", new_key="renamed_again")
    assert done["key"] == "renamed_again"
    done = manage(demo_dataset, action="rename", key="renamed_again", new_key="renamed")
    assert done["key"] == "renamed" and run.folder.is_dir()

    out = manage(demo_dataset, action="export", key="renamed", folder=str(tmp_path / "out"))
    assert out["export"]["parity"]["kind"] == "validation crops"
    assert out["export"]["parity"]["largest_difference"] < 1e-5

    manage(demo_dataset, action="delete", key="renamed")
    assert run.folder.is_dir() and not demo_dataset.has_run("training_renamed")


def test_a_folder_that_is_gone_is_said_and_can_be_deleted(demo_dataset, operators, prepared):
    folder = prepared("lost", QUICK)
    shutil.rmtree(folder)
    assert training_records.training_run(demo_dataset, "lost").status == "gone"
    with pytest.raises(ForensicsError, match="is gone"):
        operators("manage_runs")(demo_dataset, action="resume", key="lost")
    with pytest.raises(ForensicsError, match="checkpoint of 'lost' no longer exists"):
        detector_list.detector_source(demo_dataset, "lost")
    operators("manage_runs")(demo_dataset, action="delete", key="lost", delete_files=True)
    assert not demo_dataset.has_run("training_lost")


@pytest.mark.parametrize(
    ("params", "words"),
    [
        ({"action": "burn"}, "no action 'burn'"),
        ({"action": "stop"}, "No run is chosen"),
        ({"action": "stop", "key": "nobody"}, "no training run 'nobody'"),
        ({"action": "stop", "key": "probe"}, "is completed"),
        ({"action": "resume", "key": "probe"}, "cannot be resumed"),
        ({"action": "rename", "key": "probe", "new_key": "Not a key"}, "cannot name"),
        ({"action": "rename", "key": "probe", "new_key": "probe"}, "already"),
        ({"action": "export", "key": "probe", "format": "zip", "folder": "/nowhere/x"}, "zip"),
        ({"action": "export", "key": "probe"}, "No folder"),
    ],
)
def test_wrong_input_is_one_clear_sentence(demo_dataset, operators, params, words):
    with pytest.raises(ForensicsError, match=words) as error:
        operators("manage_runs")(demo_dataset, **params)
    assert error.value.hint


def test_validation_is_chosen_and_never_a_test_split(demo_dataset):
    official = training_manifest.read(demo_dataset, validation="auto")
    aside = training_manifest.read(demo_dataset, validation="groups", seed=3)
    for found in (official, aside):
        train = {row.group_id for row in found.manifest.train}
        assert not train & {row.group_id for row in found.manifest.val}
        assert found.left_out["test split, never trained on"] == len(
            demo_dataset.match(F("split") == "test")
        )
    groups = {row.group_id for row in official.manifest.train}
    chosen = demo_dataset.match(F("group_id") == sorted(groups)[0])
    demo_dataset.save_view("my_validation", chosen)
    demo_dataset.save_view("my_test", demo_dataset.match(F("split") == "test"))
    try:
        mine = training_manifest.read(demo_dataset, validation="my_validation")
        assert {r.video_id for r in mine.manifest.val} == set(chosen.distinct("video_id"))
        with pytest.raises(ForensicsError, match="test split"):
            training_manifest.read(demo_dataset, validation="my_test")
        with pytest.raises(ForensicsError, match="no saved view 'nothing'"):
            training_manifest.read(demo_dataset, validation="nothing")
    finally:
        demo_dataset.delete_saved_view("my_validation")
        demo_dataset.delete_saved_view("my_test")


def test_tags_weigh_training_faces_only(demo_dataset):
    chosen = demo_dataset.match(F("split") != "test").limit(6)
    chosen.tag_samples("hard:mine")
    try:
        found = training_manifest.read(demo_dataset, tag_weights={"hard:mine": 3.0})
        tagged = set(chosen.values("filepath"))
        for row in found.manifest.rows:
            heavy = row.crop in tagged and row.split == "train"
            assert row.weight == (3.0 if heavy else 1.0)
        with pytest.raises(ForensicsError, match="No face of the view has a tag"):
            training_manifest.read(demo_dataset, tag_weights={"hard:other": 3.0})
        config = train_detector.config_of("ln", "x", None, {"hard:mine": 3.0})
        assert config.use_weights
    finally:
        chosen.untag_samples("hard:mine")


def test_a_long_run_is_not_waited_for(demo_dataset):
    config = train_detector.config_of("ln", "vit-s14-dinov2-saliency", MANY)
    found = training_manifest.read(demo_dataset)
    with pytest.raises(ForensicsError, match="measured") as error:
        train_detector.refuse_long(config, found)
    assert error.value.field == "background" and "Schedule" in error.value.hint
    short = config.changed(epochs=1, max_steps=1)  # another length, the same measured step
    cost = train_detector.refuse_long(short, found)
    assert 0 < cost.seconds < train_detector.LONGEST_WAIT


def test_a_copy_of_the_dataset_leaves_the_originals_run_alone(prepared, demo_dataset, operators):
    folder = prepared("original", QUICK)
    copy = demo_dataset.clone()
    try:
        run = training_records.training_run(copy, "original")
        assert run.original == demo_dataset.name
        for action in ("resume", "rename", "delete"):
            more = {"new_key": "renamed", "delete_files": True}
            with pytest.raises(ForensicsError, match=f"belongs to '{demo_dataset.name}'"):
                operators("manage_runs")(copy, action=action, key="original", **more)
        assert (folder / "run.json").is_file()
        operators("manage_runs")(copy, action="delete", key="original")
        assert (folder / "run.json").is_file()
        assert training_records.training_run(demo_dataset, "original").original == ""
    finally:
        copy.delete()
