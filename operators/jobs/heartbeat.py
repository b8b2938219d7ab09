"""Shares heartbeats between a worker and the App: who works, how far, and the request to stop.

A worker may run on another machine than the App, so the heartbeats are in FiftyOne's execution
store, which both reach. All of it is volatile. The lasting record is the dataset's custom run, or
the operation in FiftyOne's queue.
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
"""Work on another machine that has not reported for this long counts as dead."""


@dataclass(frozen=True, slots=True)
class Beat:
    """The last report of a piece of work.

    Attributes:
        process: the process that does it
        done, total: how far it is; 0 of 0 if unknown
        text: one line for the user
        said: Unix time of the report; 0 if it was not noted
    """

    process: ProcessIdentity
    done: int = 0
    total: int = 0
    text: str = ""
    said: float = 0.0

    @classmethod
    def from_record(cls, record: Mapping[str, Any]) -> Beat:
        """Return the report of :meth:`Heart.say`, or of an older version with only the process."""
        kept = {n: record[n] for n in ("done", "total", "text", "said") if n in record}
        return cls(ProcessIdentity.from_record(record), **kept)


class Heart:
    """The reporter of the work ``name``: it writes how far the work is and reads requests to stop.

    As a context manager it ignores earlier requests to stop, and removes its records at the end.

    Args:
        name: name of the work; without a colon
        dataset: dataset whose deletion also deletes the records; None for work on no single dataset
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
        """Write how far the work is, at most once in :data:`WRITE_SECONDS`."""
        if time.monotonic() - self._said < WRITE_SECONDS:
            return
        self._said = time.monotonic()
        state = {"done": int(done), "total": int(total), "text": text, "said": time.time()}
        self._store.set(self._name, ProcessIdentity.of().record() | state, ttl=KEEP_SECONDS)

    def stop_asked(self) -> bool:
        """Return whether a stop was requested; query at most once in :data:`WRITE_SECONDS`."""
        if not self._stop and time.monotonic() - self._asked > WRITE_SECONDS:
            self._asked = time.monotonic()
            self._stop = self._store.has(_wish(self._name))
        return self._stop


def last_beat(name: str, dataset: Any = None) -> Beat | None:
    """Return the last report of the work ``name``, or None if there is none or it has ended."""
    record = _store(dataset).get(name)
    return None if record is None else Beat.from_record(record)


def forget(name: str, dataset: Any = None) -> None:
    """Remove the records of the work ``name``, which has ended; its process may be gone."""
    _store(dataset).delete(name)
    _store(dataset).delete(_wish(name))


def why_dead(beat: Beat | None, heard: float = 0.0) -> str:
    """Return why the work counts as dead, or "" if a process may still work on it.

    On this machine the process decides; elsewhere, the time since the last report.

    Args:
        beat: the last report
        heard: Unix time of another sign of life
    """
    if beat is not None and beat.process.is_of_this_machine:
        gone = "its worker process ended (killed or out of memory)."
        return gone if beat.process.is_known_dead else ""
    silent = time.time() - max(heard, beat.said if beat else 0.0)
    if silent < SILENT_SECONDS:
        return ""
    where = f"its worker on {beat.process.host}" if beat else "its worker"
    return f"{where} has sent no sign of life for {silent / 60:.0f} min."


def ask_to_stop(name: str, dataset: Any = None) -> None:
    """Ask the work ``name`` to stop after its current step, on any machine."""
    _store(dataset).set(_wish(name), True, ttl=KEEP_SECONDS)


def _wish(name: str) -> str:
    return f"stop:{name}"


def _store(dataset: Any = None) -> Any:
    from fiftyone.operators.store import ExecutionStore

    return ExecutionStore.create(_STORE, None if dataset is None else dataset._doc.id)
