"""An exclusive lock on an open file; the system frees it when its process ends, however it ends."""

from __future__ import annotations

import sys
from typing import Any


def try_lock(stream: Any) -> bool:
    """Take the lock without waiting; False where another process, or another open file, has it."""
    try:
        if sys.platform == "win32":
            import msvcrt

            msvcrt.locking(stream.fileno(), msvcrt.LK_NBLCK, 1)
        else:
            import fcntl

            fcntl.flock(stream, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        return False
    return True
