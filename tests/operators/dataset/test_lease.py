"""Two runs on one dataset: the second is told who is at it; the lease of the dead is taken over."""

from __future__ import annotations

import subprocess
import sys
from datetime import timedelta
from pathlib import Path

import pytest
from media_forensics.detector.errors import ForensicsError
from media_forensics.operators.dataset import lease

pytestmark = pytest.mark.fiftyone
ROOT = Path(__file__).resolve().parents[3]
HOLD = """
import sys, time
from media_forensics.operators.dataset.lease import held
with held("set", "score"):
    print("held", flush=True)
    time.sleep(600)
"""


@pytest.fixture(autouse=True)
def no_leases(fiftyone_db):
    yield
    lease._leases().delete_many({})


@pytest.fixture
def holder():
    """A process that holds the lease."""
    import os

    environment = {**os.environ, "PYTHONPATH": str(ROOT / "_mount")}
    process = subprocess.Popen(
        [sys.executable, "-c", HOLD], stdout=subprocess.PIPE, text=True, env=environment
    )
    assert process.stdout.readline().strip() == "held"
    yield process
    process.kill()
    process.wait()


def test_the_second_run_is_told_who_is_at_it(holder):
    said = rf"'set' \(process {holder.pid} on "
    with pytest.raises(ForensicsError, match=said) as error, lease.held("set", "score"):
        pytest.fail("two runs at once")
    assert error.value.hint
    with lease.held("set", "extract"), lease.held("another set", "score"):
        pass  # other work, other data


def test_the_lease_of_a_killed_process_is_taken_over_at_once(holder):
    holder.kill()
    holder.wait()
    with lease.held("set", "score"):
        assert lease._leases().count_documents({}) == 1
    assert lease._leases().count_documents({}) == 0


def test_a_lease_ends_with_its_work_also_by_an_error():
    with pytest.raises(ZeroDivisionError), lease.held("set", "score"):
        raise ZeroDivisionError
    with lease.held("set", "score"):
        pass


def test_two_threads_of_one_process_are_two_runs():
    again = pytest.raises(ForensicsError, match="Another run")
    with lease.held("set", "score"), again, lease.held("set", "score"):
        pytest.fail("two runs at once")


@pytest.mark.parametrize(
    ("silent", "taken"),
    [(lease.SILENCE_SECONDS + 30, True), (10, False), (-3600, True)],
    ids=["long silent", "just heard of", "the server's clock was set back"],
)
def test_a_machine_that_says_nothing_loses_its_lease(silent, taken, monkeypatch):
    monkeypatch.setattr(lease, "WATCH_SECONDS", 0.2)
    leases = lease._leases()
    now = leases.database.command("hello")["localTime"]
    owner = {"token": "t", "host": "elsewhere", "pid": 1, "born": 0.0}
    seen = now - timedelta(seconds=silent)
    leases.insert_one({"_id": "set: score", **owner, "since": seen, "seen": seen})
    if taken:
        with lease.held("set", "score"):
            assert leases.find_one({})["host"] != "elsewhere"
    else:
        with pytest.raises(ForensicsError, match="elsewhere"), lease.held("set", "score"):
            pytest.fail("two runs at once")


def test_a_clock_that_jumps_takes_no_lease_from_the_living(monkeypatch):
    """The server's clock is an hour later at once; the other machine goes on renewing."""
    import threading

    leases = lease._leases()
    seen = leases.database.command("hello")["localTime"] - timedelta(hours=1)
    owner = {"token": "t", "host": "elsewhere", "pid": 1, "born": 0.0, "beats": 0}
    leases.insert_one({"_id": "set: score", **owner, "since": seen, "seen": seen})
    stop = threading.Event()

    def renew():
        while not stop.wait(0.01):
            leases.update_one({"_id": "set: score"}, {"$inc": {"beats": 1}})

    renewing = threading.Thread(target=renew)
    renewing.start()
    try:
        with pytest.raises(ForensicsError, match="elsewhere"), lease.held("set", "score"):
            pytest.fail("two runs at once")
    finally:
        stop.set()
        renewing.join()


def test_on_the_same_machine_only_the_process_counts(holder):
    leases = lease._leases()
    early = leases.find_one({})["seen"] - timedelta(hours=1)
    leases.update_one({}, {"$set": {"seen": early}})
    with pytest.raises(ForensicsError, match=f"process {holder.pid}"), lease.held("set", "score"):
        pytest.fail("two runs at once")


def test_a_pid_that_is_used_again_is_another_process(monkeypatch):
    import os
    import socket

    leases = lease._leases()
    now = leases.database.command("hello")["localTime"]
    owner = {"token": "t", "host": socket.gethostname(), "pid": os.getpid(), "born": 1.0}
    leases.insert_one({"_id": "set: score", **owner, "since": now, "seen": now})
    with lease.held("set", "score"):
        assert leases.find_one({})["token"] != "t"


def test_the_lease_is_renewed(monkeypatch):
    import time

    monkeypatch.setattr(lease, "RENEW_SECONDS", 0.05)
    with lease.held("set", "score"):
        first = lease._leases().find_one({})["seen"]
        deadline = time.monotonic() + 20
        while lease._leases().find_one({})["seen"] == first:
            assert time.monotonic() < deadline
            time.sleep(0.05)


def test_an_operator_holds_its_lease(fiftyone_db):
    from media_forensics.operators.faces import extract_faces

    dataset = fiftyone_db.Dataset()
    try:
        with lease.held(dataset, "extract faces"), pytest.raises(ForensicsError) as error:
            extract_faces.run(dataset)
        assert "Another run is already working on this: extract faces" in str(error.value)
        with pytest.raises(ForensicsError, match="holds no videos"):
            extract_faces.run(dataset)
        assert lease._leases().count_documents({}) == 0
    finally:
        dataset.delete()
