"""Training through FiftyOne's queue, in processes of its own: seen, orphaned, taken up, stopped."""

from __future__ import annotations

import json
import os
import time

import psutil
import pytest
from media_forensics.detector.errors import ForensicsError
from media_forensics.operators.jobs import heartbeat, job_list, scheduled_jobs
from media_forensics.operators.panels.runs.training_runs import TrainingRuns
from media_forensics.operators.training import manage_runs, training_records

pytestmark = [pytest.mark.fiftyone, pytest.mark.weights]

KEY = "queued"
ENDLESS = {"epochs": 50_000, "batch_size": 8, "augmentation": "none", "save_every_seconds": 0.0}


def until(what: str, test, seconds: float = 600.0):
    deadline = time.monotonic() + seconds
    while not (found := test()):
        assert time.monotonic() < deadline, f"{what}: not within {seconds} s"
        time.sleep(0.3)
    return found


@pytest.fixture
def clean(demo_dataset):
    scheduled_jobs._service().delete_for_dataset(demo_dataset._doc.id)
    yield
    if demo_dataset.has_run(training_records.record_name(KEY)):
        run = training_records.training_run(demo_dataset, KEY)
        if run.live:
            manage_runs.stop(demo_dataset, KEY)
            until("the end", lambda: not training_records.training_run(demo_dataset, KEY).live)
        training_records.delete(demo_dataset, KEY, files=True)
    scheduled_jobs._service().delete_for_dataset(demo_dataset._doc.id)


def kill_worker(pid: int) -> None:
    """The worker and the process in which it runs the operation, as if the machine had no memory
    left for them; not the training, which is a process of its own."""
    family = [psutil.Process(pid), *psutil.Process(pid).children(recursive=True)]
    family = [p for p in family if "media_forensics.training.entry" not in p.cmdline()]
    for process in family:
        process.kill()
    os.waitpid(pid, 0)
    psutil.wait_procs(family[1:], 30)


@pytest.mark.long("a minute and more")
def test_a_queued_training_is_shown_survives_its_worker_and_is_cancelled(
    demo_dataset, operators, client, clean
):
    operators("train_detector")(
        demo_dataset,
        key=KEY,
        recipe="linear_probe",
        backbone="vit-s14-dinov2-saliency",
        device="cpu",
        settings=ENDLESS,
        delegate=True,
    )
    names = {demo_dataset.name}

    def row():
        return next(r for r in job_list.rows(names) if r.scheduled)

    def working():
        found = row()
        assert found.state in ("queued", "running"), found.text
        return found.state == "running" and found.share and found

    def run():
        found = demo_dataset.has_run(training_records.record_name(KEY))
        return training_records.training_run(demo_dataset, KEY) if found else None

    assert row().state == "queued" and KEY in row().label
    worker = scheduled_jobs.start_worker()
    until("a share of the work", working)
    live = until("a live status", lambda: heartbeat.last_beat(KEY, demo_dataset))
    assert 0 < live.done < live.total and live.text

    panel = client(TrainingRuns(), demo_dataset)
    panel.send("on_load")
    (cells,) = [r for r in panel.data["jobs"]["rows"] if r[0].endswith("(scheduled)")]
    assert cells[1] == "running" and "of" in cells[2] and "%" in cells[2]
    assert any(KEY in r[0] and "step" in r[2] for r in panel.data["runs"]["rows"])
    assert "timer" in panel.schema["type"]["properties"]

    kill_worker(worker)  # FiftyOne goes on to call the operation running
    dead = until("the dead worker", lambda: row().state == "dead" and row())
    assert any("is dead" in f["text"] for f in scheduled_jobs.findings([dead]))
    assert run().status == "running"  # the training has a process of its own
    process = psutil.Process(json.loads((run().folder / "status.json").read_text())["pid"])
    step = run().step

    job_list.act(names, dead.name, "again")
    worker = scheduled_jobs.start_worker()
    again = until("the new worker", working)
    assert again.name != dead.name
    until("more steps", lambda: run().step > step)
    assert process.is_running()  # taken up, not started a second time

    job_list.act(names, again.name, "cancel")
    until("the stop", lambda: run().status == "stopped")
    os.waitpid(worker, 0)
    assert row().state == "failed" and "Cancelled" in row().text
    assert heartbeat.last_beat(KEY, demo_dataset) is None
    assert "resume" in manage_runs.possible(run())


def test_a_run_on_another_machine_is_known_by_what_it_says(demo_dataset, tmp_path):
    from media_forensics.operators.training.train_detector import config_of

    config = config_of("ln", "x")
    folder = tmp_path / "not_mounted_here"
    training_records.register(demo_dataset.view(), "away", config, "sha", folder, {})
    try:
        assert training_records.training_run(demo_dataset, "away").status == "gone"
        with heartbeat.Heart("away", demo_dataset) as there:
            there.say(3, 9, "epoch 1")
            run = training_records.training_run(demo_dataset, "away")
            assert (run.status, run.step, run.steps) == ("running", 3, 9) and run.host
            assert not there.stop_asked()
            manage_runs.stop(demo_dataset, "away")
            there._asked = float("-inf")
            assert there.stop_asked()
        assert training_records.training_run(demo_dataset, "away").status == "gone"
        with pytest.raises(ForensicsError, match="Only a run in progress can be stopped"):
            manage_runs.stop(demo_dataset, "away")
    finally:
        demo_dataset.delete_run(training_records.record_name("away"))
