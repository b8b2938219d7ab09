"""How a long function tells how far it is, and how it is told to stop.

Every long function takes ``progress(done, total, text)`` and ``should_stop()``; it knows nothing
of bars, jobs or the App. Here are the ends that turn those calls into something to look at.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

Progress = Callable[[int, int, str], None]
ShouldStop = Callable[[], bool]


def silent(done: int, total: int, text: str) -> None:
    """Progress that nobody looks at."""


def never() -> bool:
    """A job that cannot be stopped."""
    return False


def at_most_every(seconds: float, progress: Progress) -> Progress:
    """``progress``, called at most once per ``seconds`` and always for the last step."""
    last = [0.0]

    def throttled(done: int, total: int, text: str) -> None:
        now = time.monotonic()
        if done >= total or now - last[0] >= seconds:
            last[0] = now
            progress(done, total, text)

    return throttled


@contextmanager
def terminal(label: str) -> Iterator[Progress]:
    """A progress bar with rate and time left on standard error."""
    from tqdm.auto import tqdm

    bar = tqdm(desc=label, unit="", dynamic_ncols=True, smoothing=0.1)

    def step(done: int, total: int, text: str) -> None:
        bar.total = total
        bar.n = done
        bar.set_postfix_str(text, refresh=False)
        bar.refresh()

    try:
        yield at_most_every(0.2, step)
    finally:
        bar.close()
