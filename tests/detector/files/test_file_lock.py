"""A lock has one holder at a time and does not outlive it."""

from __future__ import annotations

import subprocess
import sys
import threading

from media_forensics.detector.files.file_lock import try_lock

HOLD = """
import sys, time
from pathlib import Path
from media_forensics.detector.files.file_lock import try_lock
lock = try_lock(Path(sys.argv[1]))
print(lock is not None, flush=True)
time.sleep(600)
"""


def test_one_holder_at_a_time_and_any_thread_may_release(tmp_path):
    path = tmp_path / "lock"
    mine = try_lock(path)
    assert mine is not None and try_lock(path) is None
    thread = threading.Thread(target=mine.release)
    thread.start()
    thread.join()
    again = try_lock(path)
    assert again is not None
    again.release()


def test_a_killed_process_holds_nothing(tmp_path):
    path = tmp_path / "lock"
    command = [sys.executable, "-c", HOLD, str(path)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as holder:
        assert holder.stdout is not None and holder.stdout.readline() == "True\n"
        assert try_lock(path) is None
        holder.kill()
        holder.wait()
    lock = try_lock(path)
    assert lock is not None
    lock.release()


def test_a_lock_that_comes_free_is_waited_for(tmp_path):
    path = tmp_path / "lock"
    mine = try_lock(path)
    assert mine is not None
    timer = threading.Timer(0.2, mine.release)
    timer.start()
    lock = try_lock(path, wait_seconds=60)
    assert lock is not None
    lock.release()
    timer.join()
