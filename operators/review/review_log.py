"""Stores every review action as an unchanging record: who, when, what, and on which scores.

The records of a dataset are in FiftyOne's execution store: they follow a rename and a clone, and
are deleted with the dataset. The state of a face is computed from them in :mod:`.decisions`, so a
killed process can never lose or mix decisions; the fields on the faces are a copy for filters and
panels.
"""

from __future__ import annotations

import getpass
import unicodedata
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import asdict, dataclass, field, replace
from datetime import datetime, timedelta, timezone
from typing import Any

import fiftyone as fo

from ...detector.errors import ForensicsError
from ..dataset.dataset_changes import changing, documents, require_there
from . import record_rules

STORE = "media_forensics_reviews"
_HEAD = "copied"  # holds the number up to which the fields are a copy of the records
DECIDE, SET, UNDO, REDO = "decide", "set", "undo", "redo"
#: Most faces of one record, because a document of the database holds 16 MB.
MOST_FACES = 200_000
_MANY = 10_000  # faces above which all records are read instead of those about them
_AT_ONCE = 1_000  # records of one insert
_DUPLICATE = 11_000  # code of the database


@dataclass(frozen=True)
class Record:
    """One action of one person.

    Attributes:
        number: place in the order of all actions on the dataset, from 1
        what: :data:`DECIDE`; :data:`SET` for states adopted from version 0.3 or a copy;
            :data:`UNDO` and :data:`REDO` of the action ``of``; :data:`record_rules.ASIDE`
        reviewer: who decided; "" if unknown
        time: when it was decided, ISO 8601, UTC
        faces: sample ids
        action: action of a decision, see :data:`decisions.ACTIONS`
        note: note given with it, None if the notes stay
        states: states of :data:`SET`, one per face
        of: number of the action that is undone or redone
        detector: key whose scores the reviewer saw, "" for none
        checkpoint: checkpoint that gave these scores
        p_fake: (N,) those scores, None if a face has none; empty without a detector
        resolves: whether the decision settles what reviewers decided differently
        mark: name that who sent the action gave it, so that sent twice it counts once
        placed: moment at which an imported decision stands among others, "" for one made here
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
    resolves: bool = False
    mark: str = ""
    placed: str = ""


def person(name: str | None) -> str:
    """Return the reviewer's name, by default that of the system's user."""
    if name and (found := plain(name)):
        return found
    try:
        return getpass.getuser()
    except (ImportError, KeyError, OSError):  # a container without a user entry
        return ""


def plain(name: str) -> str:
    """Return a name so that the same one typed on two systems is one person's."""
    return unicodedata.normalize("NFC", name).strip()


def now(ago: float = 0.0) -> str:
    """Return the time of an action ``ago`` seconds before now, at most a year."""
    past = timedelta(seconds=min(max(ago, 0.0), 366 * 86_400))
    return (datetime.now(timezone.utc) - past).isoformat(timespec="milliseconds")


def append(dataset: fo.Dataset, record: Record) -> Record:
    """Store ``record`` under the next free number, in one insert; return it with that number.

    Raises:
        ForensicsError: the database cannot hold it
    """
    if why := record_rules.flaw(vars(record)):
        raise ForensicsError(f"This decision cannot be stored: {why}.")
    require_there(dataset)
    store, number = _store(dataset), max(record.number, last(dataset) + 1)
    while True:
        numbered = Record(**{**asdict(record), "number": number})
        value = asdict(numbered)
        if store.set_if_absent(_key(number), value):
            return numbered
        number += 1  # another process took it at the same moment


def append_all(dataset: fo.Dataset, records: Sequence[Record]) -> Record:
    """Store ``records`` in bulk under the next free numbers, in their order; return the last."""
    stored = append(dataset, records[0])
    like = next(_found(dataset, {"key": _key(stored.number)}, {"_id": 0}))
    done = 1
    while part := records[done : done + _AT_ONCE]:
        first = last(dataset) + 1
        numbered = [replace(record, number=first + i) for i, record in enumerate(part)]
        count = _insert([{**like, "key": _key(r.number), "value": asdict(r)} for r in numbered])
        if count:
            stored = numbered[count - 1]
        done += count
    return stored


def _insert(rows: list[dict[str, Any]]) -> int:
    """Insert ``rows`` up to one whose number another process has taken; return how many."""
    from pymongo.errors import BulkWriteError

    try:
        return len(documents("execution_store").insert_many(rows).inserted_ids)
    except BulkWriteError as error:
        if any(one["code"] != _DUPLICATE for one in error.details["writeErrors"]):
            raise
        return error.details["nInserted"]


def prepare(dataset: fo.Dataset) -> None:
    """Create the indexes by which the records about a face are found among 100,000."""
    _store(dataset)
    wanted = {f"{STORE}_{name}": name for name in ("faces", "of", "mark")}
    there = {index["name"] for index in documents("execution_store").list_indexes()}
    if there.issuperset(wanted):
        return
    with changing(dataset):
        for index, name in wanted.items():
            documents("execution_store").create_index(
                f"value.{name}",
                name=index,
                partialFilterExpression={"store_name": STORE, f"value.{name}": {"$exists": True}},
            )


def put_adopted(dataset: fo.Dataset, records: Iterable[Record]) -> None:
    """Store records of adopted states under their own numbers; repeating it changes nothing."""
    store = _store(dataset)
    for record in records:
        store.set(_key(record.number), asdict(record))


def read(dataset: fo.Dataset) -> list[Record]:
    """Return every record of ``dataset``, in order."""
    return [Record(**row["value"]) for row in _found(dataset, {}).sort("key")]


def rows(dataset: fo.Dataset, columns: Sequence[str]) -> Iterator[dict[str, Any]]:
    """Yield ``columns`` of every record, in order: a quarter of the time of :func:`read`."""
    wanted = {"key": 1, **{f"value.{name}": 1 for name in columns}}
    for row in _found(dataset, {}, wanted).sort("key"):
        yield row["value"]


def read_about(dataset: fo.Dataset, faces: Sequence[str]) -> list[Record]:
    """Return the records that say something about one of ``faces``, and maybe others, in order."""
    if len(faces) > _MANY:
        return read(dataset)
    rows = list(_found(dataset, {"value.faces": {"$in": list(faces)}}))
    numbers = [row["value"]["number"] for row in rows]
    rows += _found(dataset, {"value.of": {"$in": numbers}})
    return sorted((Record(**row["value"]) for row in rows), key=lambda record: record.number)


def people(dataset: fo.Dataset) -> set[str]:
    """Return the names of all who have decided something; "" stands for an unknown person."""
    where = {**_of(dataset), "value.what": {"$in": [DECIDE, SET]}}
    return set(documents("execution_store").distinct("value.reviewer", where))


def marked(dataset: fo.Dataset, mark: str) -> Record | None:
    """Return the action called ``mark``, None if there is none."""
    found = next(_found(dataset, {"value.mark": mark}).limit(1), None)
    return None if found is None else Record(**found["value"])


def set_aside(dataset: fo.Dataset, records: Iterable[Record]) -> None:
    """Let ``records`` count nowhere; they stay where they are."""
    store = _store(dataset)
    for record in records:
        store.set(_key(record.number), {**asdict(record), "what": record_rules.ASIDE})


def aside(dataset: fo.Dataset) -> int:
    """Return how many records are set aside."""
    where = {**_of(dataset), "value.what": record_rules.ASIDE}
    return documents("execution_store").count_documents(where)


def faces_of(dataset: fo.Dataset, number: int) -> list[str]:
    """Return the faces of action ``number``."""
    return next(_found(dataset, {"key": _key(number)}))["value"]["faces"]


def last(dataset: fo.Dataset) -> int:
    """Return the highest number, or 0 before the first record."""
    found = _found(dataset, {}, {"key": 1}).sort("key", -1).limit(1)
    return next((int(row["key"]) for row in found), 0)


def copied(dataset: fo.Dataset) -> int | None:
    """Return the number up to which the faces' fields are a copy, or None before the first."""
    found = _store(dataset).get(_HEAD)
    return None if found is None else int(found)


def set_copied(dataset: fo.Dataset, number: int) -> None:
    """Note that the fields are a copy up to ``number``."""
    _store(dataset).set(_HEAD, number)


def undone(rows: Iterable[dict[str, Any]]) -> set[int]:
    """Return the numbers of the actions that are undone after ``rows``, see :func:`rows`."""
    found: set[int] = set()
    for row in rows:
        if row["what"] == UNDO:
            found.add(row["of"])
        elif row["what"] == REDO:
            found.discard(row["of"])
    return found


def next_of(dataset: fo.Dataset, what: str, reviewer: str) -> int | None:
    """Return the action that ``reviewer`` can undo, or redo, next; None if there is none.

    It reads from the newest record back, no further than it needs to. An action of an unknown
    person (adopted from version 0.3) can be undone by anybody.
    """
    known = {f"value.{name}": 1 for name in ("number", "what", "reviewer", "of")}
    turned: dict[int, str] = {}  # action -> whether it was undone or redone last
    for row in _found(dataset, {}, known).sort("key", -1):
        value = row["value"]
        if value["what"] in (UNDO, REDO):
            if value["of"] in turned:
                continue
            turned[value["of"]] = value["what"]
            if what == REDO == _other(value["what"]) and _whose(dataset, value["of"]) in (
                "",
                reviewer,
            ):
                return value["of"]
        elif value["what"] != record_rules.ASIDE and value["reviewer"] in ("", reviewer):
            if what == UNDO and turned.get(value["number"]) != UNDO:
                return value["number"]
            if what == REDO and value["what"] == DECIDE:
                return None  # a new decision ends what could be redone
    return None


def _other(what: str) -> str:
    return REDO if what == UNDO else UNDO


def _whose(dataset: fo.Dataset, number: int) -> str:
    found = next(_found(dataset, {"key": _key(number)}, {"value.reviewer": 1}))
    return found["value"]["reviewer"]


def _found(
    dataset: fo.Dataset, query: dict[str, Any], columns: dict[str, Any] | None = None
) -> Any:
    """Return a cursor of the records that match ``query``."""
    wanted = {**_of(dataset), "key": {"$regex": "^[0-9]"}, **query}
    return documents("execution_store").find(wanted, columns or {"value": 1})


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
