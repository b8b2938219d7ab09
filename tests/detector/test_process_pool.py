"""A unit that hangs in native code, and one that the kernel kills, beside units that are fine."""

from __future__ import annotations

import ctypes
import os
import signal

from media_forensics.detector.process_pool import PoolWork, run_in_pool


def start(setup, workers, stop):
    pass


def do(task: str) -> str:
    if task == "hangs":
        ctypes.PyDLL(None).sleep(3600)  # keeps the interpreter's lock: no Python runs here any more
    if task == "killed":
        os.kill(os.getpid(), signal.SIGKILL)  # as the kernel does when the memory is full
    return f"{task} done"


def died(task: str, hung: bool) -> str:
    return f"{task} hung" if hung else f"{task} died"


def limit(task: str) -> float | None:
    return 3.0 if task in ("hangs", "fine 0") else None


def test_each_of_them_gets_its_reason_and_the_others_are_done():
    tasks = ["fine 0", "hangs", "fine 1", "killed", "fine 2"]
    work = PoolWork(start, do, died, None, limit)
    got = sorted(run_in_pool(work, tasks, 2, lambda: False))
    assert got == ["fine 0 done", "fine 1 done", "fine 2 done", "hangs hung", "killed died"]
