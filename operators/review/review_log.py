"""Stores every review action as an unchanging record: who, when, what, and on which scores.

The records of a dataset are in FiftyOne's execution store: they follow a rename and a clone, and
are deleted with the dataset. The state of a face is computed from them in :mod:`.decisions`, so a
killed process can never lose or mix decisions; the fields on the faces are a copy for filters and
panels.
"""

from __future__ import annotations

import getpass
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass, field
from datetime import datetime, timezone
from typing import Any

import fiftyone as fo

from ..dataset.dataset_changes import documents, require_there

STORE = "media_forensics_reviews"
_HEAD = "copied"  # holds the number up to which the fields are a copy of the records
DECIDE, SET, UNDO, REDO = "decide", "set", "undo", "redo"
#: Most faces of one record, because a document of the database holds 16 MB.
MOST_FACES = 200_000


@dataclass(frozen=True)
class Record:
    """One action of one person.

    Attributes:
        number: place in the order of all actions on the dataset, from 1
        what: :data:`DECIDE`; :data:`SET` for states adopted from version 0.3 or a copy;
            :data:`UNDO` and :data:`REDO` of the action ``of``
        reviewer: who decided; "" if unknown
        time: ISO 8601, UTC
        faces: sample ids
        action: action of a decision, see :data:`decisions.ACTIONS`
        note: note given with it, None if the notes stay
        states: states of :data:`SET`, one per face
        of: number of the action that is undone or redone
        detector: key whose scores the reviewer saw, "" for none
        checkpoint: checkpoint that gave these scores
        p_fake: (N,) those scores, None if a face has none; empty without a detector
    """

    number: int
    what: str
    reviewer: str
    time: str
    faces: Sequence[str] = ()
    action: str = ""
    note: str | None = None
    states: Sequence[dict[str, Any]] = ()
    of: int = 0
    detector: str = ""
    checkpoint: str = ""
    p_fake: Sequence[float | None] = field(default_factory=tuple)


def person(name: str | None) -> str:
    """Return the reviewer's name, by default that of the system's user."""
    if name:
        return name
    try:
        return getpass.getuser()
    except (ImportError, KeyError, OSError):  # a container without a user entry
        return ""


def now() -> str:
    """Return the time of a record that is made now."""
    return datetime.now(timezone.utc).isoformat(timespec="seconds")


def append(dataset: fo.Dataset, record: Record) -> Record:
    """Store ``record`` under the next free number, in one insert; return it with that number."""
    require_there(dataset)
    store, number = _store(dataset), max(record.number, last(dataset) + 1)
    while True:
        numbered = Record(**{**asdict(record), "number": number})
        value = asdict(numbered)
        if store.set_if_absent(_key(number), value):
            return numbered
        number += 1  # another process took it at the same moment


def put_adopted(dataset: fo.Dataset, records: Iterable[Record]) -> None:
    """Store records of adopted states under their own numbers; repeating it changes nothing."""
    store = _store(dataset)
    for record in records:
        store.set(_key(record.number), asdict(record))


def read(dataset: fo.Dataset) -> list[Record]:
    """Return every record of ``dataset``, in order."""
    found = documents("execution_store").find(
        {**_of(dataset), "key": {"$regex": "^[0-9]"}}, {"value": 1}
    )
    return [Record(**row["value"]) for row in found.sort("key")]


def last(dataset: fo.Dataset) -> int:
    """Return the highest number, or 0 before the first record."""
    found = documents("execution_store").find(
        {**_of(dataset), "key": {"$regex": "^[0-9]"}}, {"key": 1}
    )
    return next((int(row["key"]) for row in found.sort("key", -1).limit(1)), 0)


def copied(dataset: fo.Dataset) -> int | None:
    """Return the number up to which the faces' fields are a copy, or None before the first."""
    found = _store(dataset).get(_HEAD)
    return None if found is None else int(found)


def set_copied(dataset: fo.Dataset, number: int) -> None:
    """Note that the fields are a copy up to ``number``."""
    _store(dataset).set(_HEAD, number)


def undone(records: Iterable[Record]) -> set[int]:
    """Return the numbers of the actions that are undone."""
    found: set[int] = set()
    for record in records:
        if record.what == UNDO:
            found.add(record.of)
        elif record.what == REDO:
            found.discard(record.of)
    return found


def stacks(records: Iterable[Record], reviewer: str) -> tuple[list[int], list[int]]:
    """Return the actions that ``reviewer`` can undo and redo, the next one last.

    An action of an unknown person (adopted from version 0.3) can be undone by anybody.
    """
    done: list[int] = []
    taken_back: list[int] = []
    of_whom: dict[int, str] = {}
    for record in records:
        if record.what in (DECIDE, SET):
            of_whom[record.number] = record.reviewer
            if record.reviewer in ("", reviewer):
                done.append(record.number)
                taken_back = taken_back if record.what == SET else []
        elif of_whom.get(record.of) in ("", reviewer):
            source, target = (done, taken_back) if record.what == UNDO else (taken_back, done)
            if record.of in source:
                source.remove(record.of)
                target.append(record.of)
    return done, taken_back


def _key(number: int) -> str:
    return f"{number:012d}"


def _of(dataset: fo.Dataset) -> dict[str, Any]:
    return {"store_name": STORE, "dataset_id": dataset._doc.id}


def _store(dataset: fo.Dataset) -> Any:
    from fiftyone.operators.store import ExecutionStore

    try:
        from fiftyone.operators.store.clone import register_cloneable_store
    except ImportError:  # this FiftyOne does not clone stores; the fields are adopted there
        pass
    else:
        register_cloneable_store(STORE)
    return ExecutionStore.create(STORE, dataset._doc.id)
