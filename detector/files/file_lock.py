"""Takes exclusive locks that the operating system frees when their process ends."""

from __future__ import annotations

from pathlib import Path

from filelock import BaseFileLock, FileLock, Timeout


def try_lock(path: Path, wait_seconds: float = 0.0) -> BaseFileLock | None:
    """Take the lock file ``path``, created if missing; return None if another holder has it.

    The caller releases the lock, from any thread.

    Raises:
        OSError: the file cannot be opened
    """
    lock = FileLock(path, thread_local=False)
    try:
        lock.acquire(timeout=wait_seconds, poll_interval=0.05)
    except Timeout:
        return None
    return lock
