"""A unit that hangs in native code, and one that the kernel kills, beside units that are fine."""

from __future__ import annotations

import gc
import os
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

import numpy as np
import psutil
import pytest
from media_forensics.detector.errors import ForensicsError

sys.path.append(str(Path(__file__).parents[1]))  # workers get this path, too
import pool_jobs


def children() -> list[psutil.Process]:
    return psutil.Process().children(recursive=True)


def test_each_of_them_gets_its_reason_and_the_others_are_done():
    tasks = ["fine 0", "hangs", "fine 1", "killed", "fine 2"]
    assert sorted(pool_jobs.results(tasks)) == [
        "fine 0 done",
        "fine 1 done",
        "fine 2 done",
        "hangs hung",
        "killed died",
    ]


def test_more_deaths_than_processes_lose_nothing():
    tasks = [word for n in range(12) for word in ("killed", f"fine {n + 1}")]
    found = sorted(pool_jobs.results(tasks, 3))
    assert found == sorted([*(f"fine {n + 1} done" for n in range(12)), *["killed died"] * 12])


def test_what_a_unit_prints_or_reads_does_not_reach_the_pipes():
    assert list(pool_jobs.results(["prints", "fine 1"], 1)) == ["prints done", "fine 1 done"]


def test_a_large_result_comes_whole():
    (found,) = pool_jobs.results(["large"], 1)
    assert len(found) == 20_000_000


@pytest.mark.parametrize(
    ("task", "error", "says"),
    [
        ("raises", KeyError, "no such thing"),
        ("cannot be sent", RuntimeError, "pickle|local object"),
        ("ends", RuntimeError, "SystemExit"),
    ],
)
def test_what_a_unit_raises_is_raised_here_with_its_traceback(task, error, says):
    before = children()
    with pytest.raises(error, match=says) as caught:
        list(pool_jobs.results(["fine 1", task]))
    if task == "raises":
        assert "in do" in str(caught.value.__cause__)
    assert children() == before


def test_a_unit_without_memory_gets_its_own_result_and_takes_no_other_with_it():
    before = children()
    found = pool_jobs.results(["fine 1", "no memory", "fine 2"], 1)
    assert sorted(found) == ["fine 1 done", "fine 2 done", "no memory died"]
    assert children() == before


@pytest.mark.parametrize(
    ("setup", "says"),
    [
        ("wrong weights", "Other weights here"),
        ("no memory", "could not start: MemoryError: no room"),
        ("killed", r"None of the 2 worker processes started .* -9"),
    ],
)
def test_processes_that_cannot_start_say_why(setup, says):
    with pytest.raises(ForensicsError, match=says):
        list(pool_jobs.results(["fine 1", "fine 2", "fine 3"], 2, setup))


def test_a_wish_to_stop_reaches_the_unit_in_hand():
    seen = []
    found = pool_jobs.results(
        ["fine 1", *["waits for stop"] * 4, "fine 2"], 2, should_stop=lambda: bool(seen)
    )
    for result in found:
        seen.append(result)
    assert seen == ["fine 1 done"]


def test_a_caller_that_goes_away_leaves_no_process_behind():
    before = children()
    found = pool_jobs.results(["fine 1", *["waits for stop"] * 4], 2)
    assert next(found) == "fine 1 done"
    assert len(children()) == len(before) + 2
    found.close()
    del found
    gc.collect()
    assert children() == before


def test_a_slow_caller_loses_nothing():
    found = pool_jobs.results([f"fine {n + 1}" for n in range(200)], 2)
    first = next(found)
    time.sleep(1.0)  # the processes go on until their results wait for us
    assert sorted([first, *found]) == sorted(f"fine {n + 1} done" for n in range(200))


def total(question, attached):
    """The sum of three arrays, read in two parts."""
    first = bytearray(300_000)
    rest = np.empty(1_500_000, np.uint8)
    attached.read_into(first)
    attached.read_into(rest)
    assert attached.left == 0
    return sum(first) + int(rest.sum())


def test_processes_ask_and_are_answered():
    tasks = [f"asks {n}" for n in range(7)]
    wanted = 300_000 * (1 + 4 + 9)
    found = pool_jobs.results([*tasks, "fine 1"], 3, answer=total)
    assert sorted(found) == [*(f"{task}: {wanted}" for task in tasks), "fine 1 done"]


def test_what_an_answer_does_not_read_is_skipped():
    found = pool_jobs.results(["asks 0", "asks 1"], 1, answer=lambda question, _: question[-1])
    assert sorted(found) == ["asks 0: 0", "asks 1: 1"]


def test_what_an_answer_raises_is_raised_here_and_everybody_ends():
    before = children()

    def fails(question, attached):
        raise ForensicsError("The card is gone.", "Put it back.", "device")

    with pytest.raises(ForensicsError, match="The card is gone") as caught:
        list(pool_jobs.results(["asks 0", "asks 1", "asks 2"], answer=fails))
    assert "in fails" in str(caught.value.__cause__)
    assert children() == before


@pytest.mark.parametrize("task", ["dies asking", "dies waiting"])
def test_a_process_that_dies_over_a_question_gets_a_result(task):
    answered = []

    def late(question, attached):
        if question == task:
            time.sleep(1.5)
            answered.append(question)
        return len(question)

    found = pool_jobs.results(["asks 0", task, "asks 1"], answer=late)
    assert sorted(found) == ["asks 0: 6", "asks 1: 6", f"{task} died"]
    assert answered == [task] * 2  # the second time alone


def test_a_wish_to_stop_reaches_a_process_that_waits_for_an_answer():
    asked, answer_now = threading.Event(), threading.Event()

    def slow(question, attached):
        asked.set()
        answer_now.wait(5.0)
        return 0

    before = children()
    assert list(pool_jobs.results(["asks 0"] * 4, 2, None, asked.is_set, slow)) == []
    answer_now.set()
    assert children() == before


SCRIPT = """
import sys
sys.path.append(sys.argv[1])
import pool_jobs
for result in pool_jobs.results(["fine 1", "waits for stop"]):
    print(result, flush=True)
"""


def test_workers_end_when_whoever_started_them_is_killed(tmp_path):
    job = subprocess.Popen(
        [sys.executable, "-c", SCRIPT, str(Path(__file__).parents[1])],
        stdout=subprocess.PIPE,
        text=True,
        env={**os.environ, "PYTHONPATH": str(Path(__file__).resolve().parents[3] / "_mount")},
    )
    assert job.stdout.readline() == "fine 1 done\n"
    orphans = psutil.Process(job.pid).children(recursive=True)
    assert len(orphans) == 2
    job.send_signal(signal.SIGKILL)
    job.wait()
    _, alive = psutil.wait_procs(orphans, timeout=60)
    assert not alive
