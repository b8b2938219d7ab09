"""How a long function tells how far it is, and how it is told to stop.

Every long function takes ``progress(done, total, text)`` and ``should_stop()``; it knows nothing
of bars, jobs or the App. Here are the ends that turn those calls into something to look at.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from ..detector.runners.pace import pace

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


def in_app(ctx: Any) -> Progress:
    """Progress of a delegated operation, as FiftyOne shows it; notes who works on it."""
    from .scheduled_jobs import note_worker

    note_worker(ctx)

    began = time.monotonic()

    def step(done: int, total: int, text: str) -> None:
        words = [f"{done} of {total} {text}", pace(done, total, time.monotonic() - began)]
        ctx.set_progress(progress=done / max(total, 1), label=", ".join(filter(None, words)))

    return at_most_every(1.0, step)


def stop_of(ctx: Any) -> ShouldStop:
    """Whether the delegated operation of ``ctx`` was cancelled (its record set to failed)."""
    run_doc = ctx.request_params.get("run_doc") if ctx.delegated else None
    if run_doc is None:
        return never
    last = [time.monotonic(), False]

    def stopped() -> bool:
        from fiftyone.operators.delegated import DelegatedOperationService

        if time.monotonic() - last[0] > 2.0:  # a database look-up: not for every frame
            last[0] = time.monotonic()
            last[1] = DelegatedOperationService().get(run_doc).run_state == "failed"
        return bool(last[1])

    return stopped
