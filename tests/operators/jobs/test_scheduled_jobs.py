"""FiftyOne's queue as it really behaves: order, dead workers, cancelling, a worker of our own."""

from __future__ import annotations

import os
import platform
import subprocess
import sys
import time

import fiftyone as fo
import pytest
from bson import ObjectId
from media_forensics.detector.errors import ForensicsError
from media_forensics.detector.runners.process_identity import ProcessIdentity
from media_forensics.operators.jobs import heartbeat, job_list, scheduled_jobs, work_row

pytestmark = pytest.mark.fiftyone


@pytest.fixture
def dataset(fiftyone_db):
    made = fiftyone_db.Dataset()
    made.persistent = True
    yield made
    scheduled_jobs._service().delete_for_dataset(made._doc.id)
    made.delete()


def queue(dataset, label: str):
    """An operation of ours in FiftyOne's queue, that a worker would fail quickly."""
    from fiftyone.operators.executor import ExecutionContext

    context = ExecutionContext(
        {"dataset_name": dataset.name, "view": [], "params": {"key": "nobody"}}
    )
    operation = scheduled_jobs._service().queue_operation(
        operator="@mediaforensics/deepfake/evaluate_detector", label=label, context=context
    )
    time.sleep(0.01)  # the queue's order is by time, in milliseconds
    return str(operation.id)


def start(dataset, name: str, **worker):
    """The operation as a worker leaves it that began and noted itself."""
    scheduled_jobs._service().set_running(ObjectId(name))
    if worker:
        heartbeat._store().set(name, worker)


def row(dataset, name: str) -> work_row.WorkRow:
    return next(r for r in job_list.rows({dataset.name}) if r.name == name)


def test_the_newest_runs_first_unless_another_is_moved_up(dataset):
    first, second = queue(dataset, "first"), queue(dataset, "second")
    service = scheduled_jobs._service()

    def next_of_fiftyone() -> str:
        return service.list_operations(run_state="queued", dataset_name=dataset.name)[0].label

    assert next_of_fiftyone() == "second"
    assert "next" in row(dataset, first).actions and "next" in row(dataset, second).actions
    assert "runs next" in job_list.act({dataset.name}, first, "next")
    assert next_of_fiftyone() == "first"
    assert [op.label for op in scheduled_jobs.queued_operations()][-2:] == ["second", "first"]


def test_a_worker_that_is_alive_is_left_alone(dataset):
    name = queue(dataset, "alive")
    start(dataset, name, **ProcessIdentity.of().record())
    found = row(dataset, name)
    assert found.state == "running" and found.actions == ("cancel",)
    assert not any("dead" in f["text"] for f in scheduled_jobs.findings([found]))


def test_a_dead_worker_is_found_and_its_work_queued_again(dataset):
    child = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(60)"])
    name = queue(dataset, "struck")
    start(dataset, name, **ProcessIdentity.of(child.pid).record())
    assert row(dataset, name).state == "running"
    child.kill()
    child.wait(10)
    found = row(dataset, name)
    assert found.state == "dead" and "again" in found.actions and "ended" in found.text
    assert any("is dead" in f["text"] for f in scheduled_jobs.findings([found]))
    job_list.act({dataset.name}, name, "again")
    assert row(dataset, name).state == "failed"
    assert [r.label for r in job_list.rows({dataset.name}) if r.state == "queued"] == ["struck"]


def test_a_reused_process_id_is_not_taken_for_the_worker(dataset):
    name = queue(dataset, "reused")
    start(dataset, name, **{**ProcessIdentity.of().record(), "born": 1.0})
    assert row(dataset, name).state == "dead"
    start(dataset, name, host=platform.node(), pid=os.getpid(), created=1.0)  # as 0.3 noted it
    assert row(dataset, name).state == "dead"


def test_without_a_note_only_long_silence_counts(dataset, monkeypatch):
    name = queue(dataset, "silent")
    start(dataset, name)
    assert row(dataset, name).state == "running"
    monkeypatch.setattr(heartbeat, "SILENT_SECONDS", -1.0)
    found = row(dataset, name)
    assert found.state == "dead" and "no sign of life" in found.text


def test_cancelling_is_seen_by_the_operator_that_runs(dataset):
    from types import SimpleNamespace

    from media_forensics.operators.jobs.delegated import note_worker, stop_of

    name = queue(dataset, "cancelled")
    context = SimpleNamespace(delegated=True, request_params={"run_doc": ObjectId(name)})
    should_stop = stop_of(context)
    note_worker(context)
    start(dataset, name)
    assert row(dataset, name).state == "running"
    job_list.act({dataset.name}, name, "cancel")
    found = row(dataset, name)
    assert found.state == "failed" and "Cancelled" in found.text
    deadline = time.monotonic() + 10
    while not should_stop() and time.monotonic() < deadline:
        time.sleep(0.2)
    assert should_stop()


def test_what_does_not_fit_is_refused(dataset):
    name = queue(dataset, "only")
    with pytest.raises(ForensicsError, match="forget is not possible"):
        job_list.act({dataset.name}, name, "forget")
    with pytest.raises(ForensicsError, match="no job 'nothing'"):
        job_list.act({dataset.name}, "nothing", "cancel")
    assert job_list.rows({"another dataset"}) == [] or all(
        r.name != name for r in job_list.rows({"another dataset"})
    )


def test_greyed_out_scheduling_is_explained_and_allowed(dataset, monkeypatch):
    monkeypatch.setattr(fo.config, "allow_legacy_orchestrators", False)
    found = scheduled_jobs.findings([])
    assert [f["repair"] for f in found] == ["allow"]
    scheduled_jobs.repair("allow")
    assert scheduled_jobs.findings([]) == []


def test_our_worker_runs_the_queue_and_ends(dataset, monkeypatch):
    monkeypatch.setattr(fo.config, "allow_legacy_orchestrators", True)
    name = queue(dataset, "only")
    assert scheduled_jobs.findings([row(dataset, name)])[0]["repair"] == "work"
    for other in scheduled_jobs.queued_operations():
        if str(other.id) != name:  # left by another test
            scheduled_jobs._service().delete_operation(other.id)
    pid = scheduled_jobs.start_worker()
    deadline = time.monotonic() + 20
    while pid not in scheduled_jobs.workers() and time.monotonic() < deadline:
        time.sleep(0.05)  # a process has no command line for a moment after it was started
    assert pid in scheduled_jobs.workers()
    os.waitpid(pid, 0)
    found = row(dataset, name)
    assert found.state == "failed" and "is not a faces dataset" in found.text  # it did run
