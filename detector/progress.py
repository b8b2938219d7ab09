"""How a long function tells how far it is, and how it is told to stop.

Every long function takes ``progress(done, total, text)`` and ``should_stop()``; it knows nothing
of bars, jobs or the App.
"""

from __future__ import annotations

from collections.abc import Callable

Progress = Callable[[int, int, str], None]
ShouldStop = Callable[[], bool]


def silent(done: int, total: int, text: str) -> None:
    """Progress that nobody looks at."""


def never() -> bool:
    """A job that cannot be stopped."""
    return False
