"""Bytes that follow a question through the pipe of a pool's process."""

from __future__ import annotations

import logging
from typing import IO, Any

log = logging.getLogger(__name__)
_PIPE_BYTES = 1 << 20  # of a pipe that they come through, where that can be chosen


class CutShortError(EOFError):
    """A process ended in the middle of what it said."""


class Attached:
    """The bytes that follow a question."""

    def __init__(self, stream: IO[bytes], left: int) -> None:
        self._stream, self.left = stream, left

    def read_into(self, room: Any) -> None:
        """Fill ``room`` (a contiguous buffer) with the next of them."""
        view = memoryview(room).cast("B")
        if len(view) > self.left:
            raise ValueError(f"{self.left} bytes are left, not {len(view)}")
        while len(view):
            count = self._stream.readinto(view)  # pyright: ignore[reportAttributeAccessIssue]
            if not count:
                raise CutShortError
            view, self.left = view[count:], self.left - count

    def skip(self) -> None:
        """Read what nobody has read."""
        while self.left:
            self.read_into(bytearray(min(self.left, _PIPE_BYTES)))


def widen(pipe: Any) -> None:
    """Let ``pipe`` hold more than 64 KB, where the system can; fewer turns for a frame."""
    try:
        import fcntl

        fcntl.fcntl(pipe, fcntl.F_SETPIPE_SZ, _PIPE_BYTES)
    except (ImportError, AttributeError, OSError) as error:
        log.debug("pipes keep their size: %s", error)
