"""What every command of the command line shares: one sentence for a mistake, the exit status.

The exit status is 0 when all is done, 1 when something failed, 2 for a mistake in what was asked
for, 3 when it was told to stop (SIGTERM, Ctrl-C) and can be repeated to continue.
"""

from __future__ import annotations

import argparse
import logging
import signal
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import NoReturn

from ..errors import Cancelled, ForensicsError
from ..text.console import log_to_terminal
from .pace import pace

log = logging.getLogger(__name__)

DONE, FAILED, MISTAKE, STOPPED = 0, 1, 2, 3
LOG_SECONDS = 10.0


class OneSentenceParser(argparse.ArgumentParser):
    """Says a mistake in one sentence, without the whole usage above it."""

    def error(self, message: str) -> NoReturn:
        self.exit(MISTAKE, f"{self.prog}: {message}; '{self.prog} --help' says what there is.\n")


def carry_out(command: Callable[[argparse.Namespace], int], options: argparse.Namespace) -> int:
    """The exit status of ``command(options)``; what it says goes to standard error."""
    log_to_terminal("%(asctime)s %(message)s", bare_errors=True)
    try:
        return command(options)
    except Cancelled as error:
        log.error("%s", error)
        return STOPPED
    except ForensicsError as error:
        log.error("%s", error)
        return MISTAKE
    except KeyboardInterrupt:
        log.error("Stopped. What was finished is kept; repeat the command to continue.")
        return STOPPED
    except OSError as error:
        log.error("%s: %s", type(error).__name__, error)
        return FAILED


def log_progress(to: logging.Logger, what: str) -> Callable[[int, int, str], None]:
    """A callback (done, total, text) that says now and then how far the work is, and how fast."""
    began = last = time.monotonic()

    def step(done: int, total: int, _text: str) -> None:
        nonlocal last
        now = time.monotonic()
        if now - last >= LOG_SECONDS or done == total:
            last = now
            to.info("%d of %d %s, %s", done, total, what, pace(done, total, now - began))

    return step


@contextmanager
def stop_signals(at_once: Callable[[], None] | None = None) -> Iterator[Callable[[], bool]]:
    """A function that says whether SIGTERM or Ctrl-C came; the unit in hand is then left.

    ``at_once`` is called when one comes.
    """
    seen: list[int] = []

    def heard(number: int, _frame: object) -> None:
        seen.append(number)
        if at_once is not None:
            at_once()

    numbers = (signal.SIGTERM, signal.SIGINT)
    before = [signal.signal(number, heard) for number in numbers]
    try:
        yield lambda: bool(seen)
    finally:
        for number, handler in zip(numbers, before, strict=True):
            signal.signal(number, handler)
