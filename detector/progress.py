"""Defines how a long function reports progress and is told to stop.

Every long function takes ``progress(done, total, text)`` and ``should_stop()``. It has no
dependency on progress bars, jobs or the App.
"""

from __future__ import annotations

from collections.abc import Callable

Progress = Callable[[int, int, str], None]
ShouldStop = Callable[[], bool]


def silent(done: int, total: int, text: str) -> None:
    """Ignore the reported progress."""


def never() -> bool:
    """Return False: the job is never stopped."""
    return False
