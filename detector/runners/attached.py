"""Reads the bytes that follow a question in the pipe of a pool's worker process."""

from __future__ import annotations

import logging
from typing import IO, Any

log = logging.getLogger(__name__)
_PIPE_BYTES = 1 << 20  # size requested for the pipe, if the system allows it


class CutShortError(EOFError):
    """Raised when a process ends in the middle of a message."""


class Attached:
    """The bytes that follow a question; ``left`` of them are not read yet."""

    def __init__(self, stream: IO[bytes], left: int) -> None:
        self._stream, self.left = stream, left

    def read_into(self, room: Any) -> None:
        """Fill ``room`` (a contiguous buffer) with the next bytes."""
        view = memoryview(room).cast("B")
        if len(view) > self.left:
            raise ValueError(f"{self.left} bytes are left, not {len(view)}")
        while len(view):
            count = self._stream.readinto(view)  # pyright: ignore[reportAttributeAccessIssue]
            if not count:
                raise CutShortError
            view, self.left = view[count:], self.left - count

    def skip(self) -> None:
        """Discard the bytes that are not read yet."""
        while self.left:
            self.read_into(bytearray(min(self.left, _PIPE_BYTES)))


def widen(pipe: Any) -> None:
    """Enlarge ``pipe`` beyond 64 KB if the system allows it, so that a frame takes fewer reads."""
    try:
        import fcntl

        fcntl.fcntl(pipe, fcntl.F_SETPIPE_SZ, _PIPE_BYTES)
    except (ImportError, AttributeError, OSError) as error:
        log.debug("pipes keep their size: %s", error)
