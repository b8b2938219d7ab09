"""Shows the progress of a long function, in the App or a terminal."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager

from ...detector.progress import Progress


def how_far(done: int, total: int, text: str, pace: str = "") -> str:
    """Return the sentence on how far a job is: ``12 of 40 faces, 2.4 per second, 12 s left``."""
    return f"{done} of {total} {text}" + (f", {pace}" if pace else "")


def at_most_every(seconds: float, progress: Progress) -> Progress:
    """Return ``progress``, called at most once per ``seconds`` and always for the last step."""
    last = [0.0]

    def throttled(done: int, total: int, text: str) -> None:
        now = time.monotonic()
        if done >= total or now - last[0] >= seconds:
            last[0] = now
            progress(done, total, text)

    return throttled


@contextmanager
def terminal(label: str) -> Iterator[Progress]:
    """Provide a progress bar with rate and time left on standard error."""
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
