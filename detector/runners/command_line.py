"""Shares parsing, exit status and signals among the commands of the command line.

The exit status is 0 if all is done, 1 if something failed, 2 for a user error, and 3 if the command
was stopped (SIGTERM, Ctrl-C) and can be repeated to continue.
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
from ..text.terminal import log_to_terminal
from .pace import pace

log = logging.getLogger(__name__)

DONE, FAILED, MISTAKE, STOPPED = 0, 1, 2, 3
LOG_SECONDS = 10.0


class OneSentenceParser(argparse.ArgumentParser):
    """Reports a user error in one sentence, without printing the usage."""

    def error(self, message: str) -> NoReturn:
        self.exit(MISTAKE, f"{self.prog}: {message}; '{self.prog} --help' lists the options.\n")


def carry_out(command: Callable[[argparse.Namespace], int], options: argparse.Namespace) -> int:
    """Run ``command(options)``, log to standard error, and return the exit status."""
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
    """Return a callback (done, total, text) that logs progress and speed every 10 seconds."""
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
    """Yield a function that returns whether SIGTERM or Ctrl-C has come, so that work can stop.

    ``at_once`` is called when a signal comes.
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
