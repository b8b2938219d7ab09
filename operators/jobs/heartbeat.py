"""Signs of life of work that the App and a worker elsewhere can both see: who, how far, and stop.

A folder says the same to whoever can read its disk. A worker may sit on another machine than the
App; what both share is the database, so this lies in FiftyOne's execution store. All of it is
volatile: what lasts is the dataset's custom run, or the operation in FiftyOne's queue.
"""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from ...detector.runners.process_identity import ProcessIdentity

_STORE = "media_forensics_workers"
KEEP_SECONDS = 30 * 86400
WRITE_SECONDS = 2.0
SILENT_SECONDS = 300.0
"""Work on another machine that says nothing for this long is held for dead."""


@dataclass(frozen=True, slots=True)
class Beat:
    """What work last said.

    Attributes:
        process: who does it
        done, total: how far it is; 0 of 0 where it does not say
        text: one line for people
        said: Unix time; 0 where it was not noted
    """

    process: ProcessIdentity
    done: int = 0
    total: int = 0
    text: str = ""
    said: float = 0.0

    @classmethod
    def from_record(cls, record: Mapping[str, Any]) -> Beat:
        """What :meth:`Heart.say` wrote, or a version that noted the process only."""
        kept = {n: record[n] for n in ("done", "total", "text", "said") if n in record}
        return cls(ProcessIdentity.from_record(record), **kept)


class Heart:
    """Says how far the work ``name`` is, and hears the wish that it stops.

    As a context manager it leaves nothing behind, and no earlier wish counts.

    Args:
        name: of the work; without a colon
        dataset: whose deletion takes it along; None for work that is not one dataset's
    """

    def __init__(self, name: str, dataset: Any = None) -> None:
        self._store, self._name = _store(dataset), name
        self._said = self._asked = float("-inf")
        self._stop = False

    def __enter__(self) -> Heart:
        self._store.delete(_wish(self._name))
        return self

    def __exit__(self, *exception: object) -> None:
        self._store.delete(self._name)
        self._store.delete(_wish(self._name))

    def say(self, done: int = 0, total: int = 0, text: str = "") -> None:
        """Write how far it is, at most once in :data:`WRITE_SECONDS`."""
        if time.monotonic() - self._said < WRITE_SECONDS:
            return
        self._said = time.monotonic()
        state = {"done": int(done), "total": int(total), "text": text, "said": time.time()}
        self._store.set(self._name, ProcessIdentity.of().record() | state, ttl=KEEP_SECONDS)

    def stop_asked(self) -> bool:
        """Whether somebody has asked it to stop; looks at most once in two seconds."""
        if not self._stop and time.monotonic() - self._asked > WRITE_SECONDS:
            self._asked = time.monotonic()
            self._stop = self._store.has(_wish(self._name))
        return self._stop


def last_beat(name: str, dataset: Any = None) -> Beat | None:
    """What the work ``name`` last said, None where it says nothing or has ended."""
    record = _store(dataset).get(name)
    return None if record is None else Beat.from_record(record)


def forget(name: str, dataset: Any = None) -> None:
    """Remove what the work ``name`` last said: it has ended, and whoever said it may be gone."""
    _store(dataset).delete(name)
    _store(dataset).delete(_wish(name))


def why_dead(beat: Beat | None, heard: float = 0.0) -> str:
    """Why nobody works on it any more, or "" where somebody may.

    On this machine the process decides, elsewhere how long it has said nothing.

    Args:
        beat: what it last said
        heard: Unix time of another sign of life
    """
    if beat is not None and beat.process.is_of_this_machine:
        gone = "its worker is gone (killed, or out of memory)."
        return gone if beat.process.is_known_dead else ""
    silent = time.time() - max(heard, beat.said if beat else 0.0)
    if silent < SILENT_SECONDS:
        return ""
    where = f"its worker on {beat.process.host}" if beat else "its worker"
    return f"{where} has said nothing for {silent / 60:.0f} min."


def ask_to_stop(name: str, dataset: Any = None) -> None:
    """Ask the work ``name`` to stop after the step in hand, wherever it runs."""
    _store(dataset).set(_wish(name), True, ttl=KEEP_SECONDS)


def _wish(name: str) -> str:
    return f"stop:{name}"


def _store(dataset: Any = None) -> Any:
    from fiftyone.operators.store import ExecutionStore

    return ExecutionStore.create(_STORE, None if dataset is None else dataset._doc.id)
