"""Connects progress and cancel of a delegated operation to FiftyOne's record of it."""

from __future__ import annotations

import time
from typing import Any

from ...detector.progress import Progress, ShouldStop, never
from ...detector.runners.pace import pace
from ..app.progress_bar import at_most_every, how_far
from .heartbeat import Heart


def note_worker(ctx: Any) -> None:
    """Record which process works on the delegated operation of ``ctx``."""
    run_doc = ctx.request_params.get("run_doc")
    if run_doc:
        Heart(str(run_doc)).say()


def in_app(ctx: Any) -> Progress:
    """Return a progress callback that FiftyOne shows; record which process does the work."""
    note_worker(ctx)
    began = time.monotonic()

    def step(done: int, total: int, text: str) -> None:
        label = how_far(done, total, text, pace(done, total, time.monotonic() - began))
        ctx.set_progress(progress=done / max(total, 1), label=label)

    return at_most_every(1.0, step)


def stop_of(ctx: Any) -> ShouldStop:
    """Return a function that tells whether the operation was cancelled (record set to failed)."""
    run_doc = ctx.request_params.get("run_doc") if ctx.delegated else None
    if run_doc is None:
        return never
    last = [time.monotonic(), False]

    def stopped() -> bool:
        from fiftyone.operators.delegated import DelegatedOperationService

        if time.monotonic() - last[0] > 2.0:  # a database query, so not for every frame
            last[0] = time.monotonic()
            last[1] = DelegatedOperationService().get(run_doc).run_state == "failed"
        return bool(last[1])

    return stopped
