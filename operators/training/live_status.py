"""How far a training run is, and the wish that it stops, in FiftyOne's execution store.

A run's folder says the same to whoever can read its disk. A delegated worker may sit on another
machine than the App; what both share is the database. Everything here is volatile: the durable
record is the dataset's custom run, and the truth is the folder.
"""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import Any

import fiftyone as fo

from ...detector.runners.process_identity import this_host

_STORE = "media_forensics_runs"
KEEP_SECONDS = 86400
WRITE_SECONDS = 2.0
SILENT_SECONDS = 300.0
"""A run that has said nothing for this long is not called live."""


@dataclass(frozen=True)
class Live:
    """What a run last said.

    Attributes:
        host: name of the machine that it runs on
        step, steps: done and in all
        text: one line for people
        said: Unix time
    """

    host: str
    step: int
    steps: int
    text: str
    said: float


class Reporter:
    """Says how far the run ``key`` is while the ``with`` block runs, and hears the wish to stop."""

    def __init__(self, dataset: fo.Dataset, key: str) -> None:
        self._store, self._key = _store(dataset), key
        self._said = self._asked = 0.0
        self._stop = False

    def __enter__(self) -> Reporter:
        self._store.delete(_wish(self._key))
        return self

    def __exit__(self, *exception: object) -> None:
        self._store.delete(self._key)
        self._store.delete(_wish(self._key))

    def say(self, step: int, steps: int, text: str) -> None:
        """Write how far it is, at most once in :data:`WRITE_SECONDS`."""
        if time.monotonic() - self._said < WRITE_SECONDS:
            return
        self._said = time.monotonic()
        state = {"step": int(step), "steps": int(steps), "text": text}
        state |= {"host": this_host(), "said": time.time()}
        self._store.set(self._key, state, ttl=KEEP_SECONDS)

    def stop_asked(self) -> bool:
        """Whether somebody has asked the run to stop; looks at most once in two seconds."""
        if not self._stop and time.monotonic() - self._asked > WRITE_SECONDS:
            self._asked = time.monotonic()
            self._stop = self._store.has(_wish(self._key))
        return self._stop


def read(dataset: fo.Dataset, key: str) -> Live | None:
    """What the run ``key`` last said, None where it says nothing any more."""
    state = _store(dataset).get(key)
    if state is None or time.time() - state["said"] > SILENT_SECONDS:
        return None
    return Live(**state)


def ask_to_stop(dataset: fo.Dataset, key: str) -> None:
    """Ask the run ``key`` to stop after the step in hand, wherever it runs."""
    _store(dataset).set(_wish(key), True, ttl=KEEP_SECONDS)


def _wish(key: str) -> str:
    return f"stop:{key}"  # no key of a run holds a colon


def _store(dataset: fo.Dataset) -> Any:
    from fiftyone.operators.store import ExecutionStore

    return ExecutionStore.create(_STORE, dataset._doc.id)
