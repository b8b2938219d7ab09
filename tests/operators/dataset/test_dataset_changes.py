"""Two processes change one dataset at once; what crashes left behind is mended."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

pytestmark = pytest.mark.fiftyone
ROOT = Path(__file__).resolve().parents[3]

SCRIPT = """
import sys
import fiftyone as fo
from media_forensics.operators.dataset import fields, saved_views, stored_runs, video_scores
name, mine = sys.argv[1:]
dataset = fo.load_dataset(name)
print("ready", flush=True)
sys.stdin.readline()
for number in range(4):
    key = f"{mine}{number}"
    video_scores.declare(dataset, fields.ScoreFields(key))
    saved_views.save(dataset, key, dataset.limit(number + 1), "")
    saved_views.save(dataset, "same", dataset.limit(number + 1), mine)
    stored_runs.put(dataset, f"scores_{key}", method="m", key=key, results={"n": number})
    stored_runs.put(dataset, "same", method="m", results={"of": mine})
    fields.set_description(dataset, **{key: number})
"""


@pytest.fixture
def dataset(fiftyone_db):
    dataset = fiftyone_db.Dataset()
    dataset.add_samples([fiftyone_db.Sample(f"/{n}.png") for n in range(5)])
    yield dataset
    fiftyone_db.delete_dataset(dataset.name)


def test_indexes_that_a_killed_creation_left_out_come_back(fiftyone_db):
    """FiftyOne makes them one by one; its unique one keeps a frame from being there twice."""
    from media_forensics.operators.dataset import dataset_changes

    dataset = fiftyone_db.Dataset()
    dataset.media_type = "video"
    whole = {}
    for name in (dataset._sample_collection_name, dataset._frame_collection_name):
        collection = dataset_changes.documents(name)
        whole[name] = collection.index_information()
        collection.drop_indexes()
    assert all(len(indexes) > 2 for indexes in whole.values())
    with dataset_changes.changing(dataset):
        pass
    for name, indexes in whole.items():
        assert dataset_changes.documents(name).index_information() == indexes
    fiftyone_db.delete_dataset(dataset.name)


def test_who_waits_too_long_is_told_the_dataset_by_its_name(dataset, monkeypatch):
    import threading

    from media_forensics.detector.errors import ForensicsError
    from media_forensics.operators.dataset import dataset_changes

    monkeypatch.setattr(dataset_changes, "WAIT_SECONDS", 0.1)
    held, done = threading.Event(), threading.Event()

    def first():
        with dataset_changes.changing(dataset):
            held.set()
            done.wait(60)

    thread = threading.Thread(target=first)
    thread.start()
    try:
        assert held.wait(60)
        with (
            pytest.raises(ForensicsError, match=f"on '{dataset.name}'") as error,
            dataset_changes.changing(dataset),
        ):
            pytest.fail("two at once")
        assert str(dataset._doc.id) not in str(error.value)
    finally:
        done.set()
        thread.join()


def test_three_processes_at_once_lose_nothing(dataset, fiftyone_db):
    from media_forensics.operators.dataset import fields

    environment = {**os.environ, "PYTHONPATH": str(ROOT / "_mount")}
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "stderr": subprocess.PIPE}
    started = [
        subprocess.Popen(
            [sys.executable, "-c", SCRIPT, dataset.name, name], text=True, env=environment, **pipes
        )
        for name in "abc"
    ]
    for process in started:
        assert process.stdout.readline(), process.stderr.read()
    for process in started:
        process.stdin.write("go\n")
        process.stdin.flush()
    for process in started:
        _, errors = process.communicate(timeout=300)
        assert process.returncode == 0, errors[-2000:]
    dataset.reload()
    keys = [f"{name}{number}" for name in "abc" for number in range(4)]
    schema = dataset.get_field_schema()
    for key in keys:
        names = fields.ScoreFields(key)
        assert {names.p_fake, names.label, names.embedding, names.video_p_fake} <= set(schema)
        assert dataset.load_run_results(names.run).n == int(key[1])
    assert sorted(dataset.list_saved_views()) == sorted([*keys, "same"])
    assert len(dataset.load_saved_view("same")) == 4
    assert dataset.load_run_results("same").of in "abc"
    assert set(keys) <= set(fields.describe(dataset))


def test_no_record_replaces_one_of_another_kind(dataset):
    from media_forensics.detector.errors import ForensicsError
    from media_forensics.operators.dataset import stored_runs

    a_set, a_run = (f"media_forensics/training{end}" for end in ("_set", ""))
    stored_runs.put(dataset, "training_set_a", method=a_set, n=1)
    with pytest.raises(
        ForensicsError, match=f"has a record 'training_set_a' already, of {a_set!r}"
    ):
        stored_runs.put(dataset, "training_set_a", method=a_run, n=2)
    assert dataset.get_run_info("training_set_a").config.n == 1
    stored_runs.put(dataset, "training_set_a", method=a_set, n=3)
    stored_runs.put(dataset, "training_b", method=a_run)
    assert stored_runs.listed(dataset, "training_") == ["b"]
    assert stored_runs.listed(dataset, "training_set_") == ["a"]


def test_what_a_crash_left_is_mended(dataset, fiftyone_db):
    from media_forensics.operators.dataset import dataset_changes, saved_views, stored_runs

    runs, saved = (dataset_changes.documents(name) for name in ("runs", "views"))
    for name in ("one", "two"):
        stored_runs.put(dataset, name, method="m", results={"n": 1})
        saved_views.save(dataset, name, dataset.limit(1), "")
    runs.delete_one({"_dataset_id": dataset._doc.id, "key": "one"})
    saved.delete_one({"_dataset_id": dataset._doc.id, "name": "one"})
    dataset._sample_collection.update_many({}, {"$set": {"k_p_fake": 0.5}})
    with dataset_changes.changing(dataset):
        assert dataset.list_saved_views() == ["two"]
        assert dataset.list_runs() == ["two"]
    dataset_changes.declare(dataset, {"k_p_fake": fiftyone_db.FloatField})
    assert dataset.values("k_p_fake") == [0.5] * 5
    saved_views.save(dataset, "one", dataset.limit(2), "")
    saved_views.drop(dataset, "two")
    stored_runs.drop(dataset, "two")
    assert dataset.list_saved_views() == ["one"] and dataset.list_runs() == []
    left = [c.count_documents({"_dataset_id": dataset._doc.id}) for c in (runs, saved)]
    assert left == [0, 1]


def test_another_name_is_found_and_a_deletion_said(fiftyone_db):
    from media_forensics.detector.errors import ForensicsError
    from media_forensics.operators.dataset import dataset_changes, fields, views

    dataset = fiftyone_db.Dataset()
    dataset.add_sample(fiftyone_db.Sample("/a.png"))
    documents = dataset_changes.documents("datasets")
    new = f"renamed {dataset.name}"
    documents.update_one({"_id": dataset._doc.id}, {"$set": {"name": new}})
    fields.set_description(dataset, kind="faces")
    assert dataset.name == new
    documents.delete_one({"_id": dataset._doc.id})  # as another process deletes it
    for write in (
        lambda: fields.set_description(dataset, kind="videos"),
        lambda: views.set_by_id(dataset, "tags", {"1" * 24: ["x"]}),
    ):
        with pytest.raises(ForensicsError, match="was deleted while this run was writing to it"):
            write()
