"""Whether a noted process is still there: dead, ended, replaced by another of the same id."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path

import pytest
from media_forensics.detector.runners.process_identity import (
    BIRTH_TOLERANCE_SECONDS,
    ProcessIdentity,
)
from media_forensics.detector.runners.shard_notes import FOLDER, noted, shard_notes

ROOT = Path(__file__).resolve().parents[3]
LAST_PID = Path("/proc/sys/kernel/ns_last_pid")


def sleeper() -> subprocess.Popen:
    return subprocess.Popen([sys.executable, "-c", "import time; time.sleep(600)"])


def test_a_running_process_and_a_dead_one():
    child = sleeper()
    noted = ProcessIdentity.of(child.pid)
    assert noted.born is not None and not noted.is_known_dead
    child.kill()
    while child.returncode is None and not noted.is_known_dead:
        time.sleep(0.01)  # a dead process that nobody has waited for is dead too
    child.wait()
    assert noted.is_known_dead
    assert ProcessIdentity.of(child.pid).born is None


def test_a_used_again_id_is_another_process():
    me = ProcessIdentity.of()
    assert not me.is_known_dead
    assert replace(me, born=me.born - 3600).is_known_dead
    assert replace(me, born=me.born + 3600).is_known_dead


@pytest.mark.skipif(
    not os.access(LAST_PID, os.W_OK), reason="only Linux's root chooses the next id"
)
def test_an_id_that_the_system_really_gives_again():
    child = sleeper()
    before = ProcessIdentity.of(child.pid)
    child.kill()
    child.wait()
    time.sleep(BIRTH_TOLERANCE_SECONDS + 0.5)
    for _ in range(50):
        try:
            LAST_PID.write_text(str(before.pid - 1))
        except OSError as error:
            pytest.skip(f"the next process id cannot be chosen here: {error}")
        again = sleeper()
        if again.pid == before.pid:
            break
        again.kill()
        again.wait()
    else:
        pytest.skip("others took the process id each time")
    try:
        assert before.is_known_dead
        assert not ProcessIdentity.of(again.pid).is_known_dead
        assert not replace(before, born=None).is_known_dead  # a note that is too old to know
    finally:
        again.kill()
        again.wait()


@pytest.mark.parametrize("pid", [0, -1, 2**22 + 1, 2**70])
def test_an_id_that_no_process_has(pid):
    assert (
        ProcessIdentity.of().host and ProcessIdentity(ProcessIdentity.of().host, pid).is_known_dead
    )


def test_another_machine_is_never_known_dead():
    assert not ProcessIdentity("elsewhere", 2**22 + 1, 1.0).is_known_dead


def test_notes_of_older_versions():
    me = ProcessIdentity.of()
    assert ProcessIdentity.from_record(me.record()) == me
    assert ProcessIdentity.from_record({"pid": me.pid, "created": me.born}) == me
    without = ProcessIdentity.from_record({"pid": me.pid})
    assert without.born is None and not without.is_known_dead
    assert ProcessIdentity.from_record({"pid": me.pid, "created": 1.0}).is_known_dead


def test_a_shard_whose_process_id_was_given_to_another_has_died(tmp_path):
    with noted(tmp_path, "extract, shard 0/4", 3):
        (path,) = (tmp_path / FOLDER).glob("*.json")
        values = json.loads(path.read_text())
        assert shard_notes(tmp_path)[0].alive
        path.write_text(json.dumps({**values, "born": values["born"] - 3600}))
        assert shard_notes(tmp_path)[0].died
        del values["born"]  # as 0.3 wrote it
        path.write_text(json.dumps(values))
        assert shard_notes(tmp_path)[0].alive
        path.write_text(json.dumps({**values, "born": "yesterday"}))
        assert shard_notes(tmp_path) == []


def test_nobody_else_asks_whether_a_process_is_there():
    asks = re.compile(r"os\.kill\(|pid_exists|create_time\(|psutil\.Process\(|platform\.node\(\)")
    found = [
        (path.relative_to(ROOT).as_posix(), match)
        for layer in ("detector", "training", "operators")
        for path in sorted((ROOT / layer).rglob("*.py"))
        for match in asks.findall(path.read_text())
        if path.name != "process_identity.py"
    ]
    # the name of the machine in a table of measured times is no question about a process
    assert found == [("training/budget.py", "platform.node()")]
