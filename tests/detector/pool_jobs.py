"""Work for a pool that needs no network: what one unit does, by its name."""

from __future__ import annotations

import ctypes
import os
import signal
import sys
import threading
import time

import numpy as np
from media_forensics.detector.errors import ForensicsError
from media_forensics.detector.runners.process_pool import PoolWork, run_in_pool

_stop = []
_ask = []


def start(setup, workers, stop, *ask):
    _stop[:] = [stop]
    _ask[:] = ask
    if setup == "wrong weights":
        raise ForensicsError("Other weights here.", "Copy them.", "weights")
    if setup == "no memory":
        raise MemoryError("no room")
    if setup == "killed":
        os.kill(os.getpid(), signal.SIGKILL)


def do(task: str):
    if task == "hangs":
        ctypes.PyDLL(None).sleep(3600)  # keeps the interpreter's lock: no Python runs here any more
    if task == "killed":
        os.kill(os.getpid(), signal.SIGKILL)  # as the kernel does when the memory is full
    if task == "no memory":
        raise MemoryError("no room")
    if task == "ends":
        sys.exit(1)  # the status with which a time limit ends a process, but no limit was reached
    if task == "prints":
        print("to standard output")
        os.write(1, b"and below Python")
        sys.stdin.read()
    if task == "raises":
        raise KeyError("no such thing")
    if task == "cannot be sent":
        return lambda: task
    if task == "large":
        return bytes(20_000_000)
    if task == "waits for stop":
        _stop[0].wait()
        return None
    if task == "slow":
        time.sleep(0.3)
    if task.startswith("asks"):
        arrays = [np.full((300, 1000, n), n, np.uint8) for n in (1, 2, 3)]
        return f"{task}: {_ask[0](task, arrays)}"
    if task.startswith("dies"):  # while it asks, or while it waits for the answer
        view = memoryview(bytes(5_000_000))
        threading.Timer(0.5, os.kill, (os.getpid(), signal.SIGKILL)).start()
        _ask[0](task, [view] * (20 if task == "dies asking" else 0))
    if task == "main":
        return sys.modules["__main__"].__spec__.name
    return f"{task} done"


def died(task: str, hung: bool) -> str:
    return f"{task} hung" if hung else f"{task} died"


def limit(task: str) -> float | None:
    return 3.0 if task in ("hangs", "fine 0") else None


def results(tasks, workers=2, setup=None, should_stop=lambda: False, answer=None):
    work = PoolWork(start, do, died, setup, limit, answer=answer)
    return run_in_pool(work, tasks, workers, should_stop)
