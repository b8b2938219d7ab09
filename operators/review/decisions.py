"""Stores what people decided about faces: fields with a time and a name, undo, redo, progress.

A decision changes no label and deletes no sample. It is first stored as a record
(:mod:`.review_log`) and then copied onto the faces. If a process was killed before the copy was
complete, the next process completes it.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import datetime
from typing import Any

import fiftyone as fo
from fiftyone import ViewField as F

from ...detector.errors import ForensicsError
from ..app.current_detector import current
from ..dataset import dataset_changes, fields, made_from, marked_views, views
from . import review_log
from .review_log import DECIDE, REDO, SET, UNDO, Record

DECISION, KEEP, NOTE = "review", "review_keep", "review_note"
TIME, BATCH, REVIEWER = "review_time", "review_batch", "review_by"
HISTORY = "review_history"  # of version 0.3, which stored earlier states on the face itself
CONFIRMED = "confirm_label"
#: Actions in words; the first four exclude each other.
DECISIONS = {
    CONFIRMED: "Confirm label: the label is right",
    "wrong_label": "Wrong label",
    "wrong_face": "Wrong face: not the person that the label refers to",
    "unusable": "Unusable: nothing can be judged on this crop",
}
ACTIONS = {
    **DECISIONS,
    "keep": "Keep for training",
    "drop": "Do not keep for training",
    "note": "Note only",
    "clear": "Clear: as if never reviewed",
}
_FIELDS: dict[str, type] = {
    DECISION: fo.StringField,
    KEEP: fo.BooleanField,
    NOTE: fo.StringField,
    TIME: fo.DateTimeField,
    BATCH: fo.IntField,
    REVIEWER: fo.StringField,
}
_STATE: tuple[str, ...] = tuple(_FIELDS)


def declare(dataset: fo.Dataset) -> None:
    """Create the fields of a review."""
    with dataset_changes.changing(dataset):
        dataset_changes.declare(dataset, _FIELDS)
        dataset.create_index(DECISION)
        dataset.create_index(BATCH)


def act(
    samples: Any,
    action: str,
    note: str | None = None,
    reviewer: str | None = None,
    key: str | None = None,
) -> int:
    """Apply ``action`` to every face of ``samples``; return how many there are.

    Args:
        samples: faces dataset or view
        action: a key of :data:`ACTIONS`
        note: replaces the note of these faces; None keeps it, "" removes it
        reviewer: who decides; the system's user by default
        key: detector whose scores the reviewer saw; the current one by default

    Raises:
        ForensicsError: if the action is unknown, the view is empty, there are too many faces, or a
            note is missing
    """
    if action not in ACTIONS:
        raise ForensicsError(
            f"There is no review action {action!r}.", f"Known: {', '.join(ACTIONS)}.", "action"
        )
    if action == "note" and note is None:
        raise ForensicsError("The note is empty.", "Write one, or choose another action.", "note")
    view = views.flat(samples)
    views.require_samples(view, "faces")
    dataset = views.dataset_of(view)
    with _reviewing(dataset):
        ids, seen = _in_sight(dataset, view, key)
        if len(ids) > review_log.MOST_FACES:
            raise ForensicsError(
                f"{len(ids):,} faces are too many for one action; at most "
                f"{review_log.MOST_FACES:,}.",
                "Choose fewer.",
            )
        who = review_log.person(reviewer)
        record = Record(0, DECIDE, who, review_log.now(), ids, action, note, **seen)
        record = review_log.append(dataset, record)
        _copy(dataset, {i: _after(s, record) for i, s in _states(dataset, ids).items()}, record)
    return len(ids)


def _in_sight(dataset: fo.Dataset, view: Any, key: str | None) -> tuple[list[str], dict[str, Any]]:
    """Return the ids of the faces, and what was seen: the detector, its checkpoint, its scores."""
    key = key or current(dataset)
    if not key or not dataset.has_field(fields.ScoreFields(key).p_fake):
        return view.values("id"), {}
    ids, p_fake = view.values(["id", fields.ScoreFields(key).p_fake])
    checkpoint = made_from.checkpoint_of(dataset, key) or ""
    return ids, {"detector": key, "checkpoint": checkpoint, "p_fake": p_fake}


def undo(dataset: fo.Dataset, reviewer: str | None = None) -> int:
    """Undo the newest action of ``reviewer``; return how many faces it was on.

    Each call undoes one more action. What others decided later on the same faces stays.

    Raises:
        ForensicsError: if there is nothing to undo
    """
    return _turn(dataset, UNDO, reviewer)


def redo(dataset: fo.Dataset, reviewer: str | None = None) -> int:
    """Redo the action that ``reviewer`` undid last; return how many faces it is on.

    Raises:
        ForensicsError: if nothing was undone since the last decision
    """
    return _turn(dataset, REDO, reviewer)


def _turn(dataset: fo.Dataset, what: str, reviewer: str | None) -> int:
    who = review_log.person(reviewer)
    with _reviewing(dataset):
        records = review_log.read(dataset)
        number = next(reversed(review_log.stacks(records, who)[what == REDO]), None)
        if number is None:
            whose = f" of {who!r}" if who else ""
            raise ForensicsError(
                f"There is no review action to {what}{whose}.",
                "Review some faces first."
                if what == UNDO
                else "Only an undone action can be redone.",
            )
        faces = next(list(r.faces) for r in records if r.number == number)
        record = Record(0, what, who, review_log.now(), of=number)
        record = review_log.append(dataset, record)
        _copy(dataset, _folded([*records, record], faces), record)
    return len(faces)


def next_undo(dataset: fo.Dataset, reviewer: str | None = None) -> int | None:
    """Return the number of the action that :func:`undo` would undo, without writing anything."""
    records = review_log.read(dataset)
    if not records and dataset.has_field(BATCH):
        return dataset.max(BATCH)  # of version 0.3
    return next(reversed(review_log.stacks(records, review_log.person(reviewer))[0]), None)


@contextmanager
def _reviewing(dataset: fo.Dataset) -> Iterator[None]:
    """Be the only process that reviews ``dataset``, after completing what a killed one left."""
    with dataset_changes.alone(dataset, "review faces"):
        dataset_changes.refresh(dataset)
        declare(dataset)
        settle(dataset)
        yield


def settle(dataset: fo.Dataset) -> None:
    """Complete the copy on the faces if a process was killed before it had finished it."""
    upto = review_log.copied(dataset)
    if upto is None:
        review_log.put_adopted(dataset, _adopted(dataset))
        review_log.set_copied(dataset, review_log.last(dataset))
        return
    if review_log.last(dataset) <= upto:
        return
    records = review_log.read(dataset)
    numbers = {number for r in records if r.number > upto for number in (r.number, r.of)}
    faces = {face for r in records if r.number in numbers for face in r.faces}
    _copy(dataset, _folded(records, faces), records[-1])


def rebuild(dataset: fo.Dataset) -> int:
    """Write the fields of every face again from the records; return how many faces they name."""
    with _reviewing(dataset):
        records = review_log.read(dataset)
        faces = {face for record in records for face in record.faces}
        if records:
            _copy(dataset, _folded(records, faces), records[-1])
    return len(faces)


def _adopted(dataset: fo.Dataset) -> list[Record]:
    """Return records of the states that the faces of ``dataset`` have without any record.

    Version 0.3 stored earlier states on the face, as a stack of JSON texts. What cannot be read of
    it is left out, and the present state counts.
    """
    if not dataset.has_field(BATCH):
        return []
    names = [name for name in (*_STATE, HISTORY) if dataset.has_field(name)]
    view = dataset.match(F(BATCH) != None)  # noqa: E711 - builds a database query
    by_number: dict[int, dict[str, dict[str, Any]]] = {}
    for face, *row in zip(view.values("id"), *view.values(names), strict=True):
        now = dict(zip(names, row, strict=True))
        for state in [*_read_stack(now.pop(HISTORY, None)), now]:
            if isinstance(state.get(BATCH), int) and state[BATCH] > 0:
                by_number.setdefault(state[BATCH], {})[face] = state
    records = []
    for number, states in sorted(by_number.items()):
        plain = [
            {k: v.isoformat() if isinstance(v, datetime) else v for k, v in state.items()}
            for state in states.values()
        ]
        whose = {state.get(REVIEWER) or "" for state in states.values()}
        who = whose.pop() if len(whose) == 1 else ""
        time = next((s[TIME] for s in plain if s.get(TIME)), "")
        records.append(Record(number, SET, who, time, list(states), states=plain))
    return records


def _read_stack(texts: Any) -> list[dict[str, Any]]:
    found = []
    for text in texts or []:
        try:
            state = json.loads(text)
        except (TypeError, ValueError):
            continue
        if isinstance(state, dict):
            found.append({name: state.get(name) for name in _STATE})
    return found


def _folded(records: Sequence[Record], faces: Any) -> dict[str, dict[str, Any]]:
    """Return the state of each of ``faces`` after all ``records`` that are not undone."""
    gone = review_log.undone(records)
    found = {face: dict.fromkeys(_STATE) for face in faces}
    for record in records:
        if record.what not in (DECIDE, SET) or record.number in gone:
            continue
        given = record.states or [None] * len(record.faces)
        for face, state in zip(record.faces, given, strict=True):
            if face in found:
                found[face] = _after(found[face], record, state)
    return found


def _after(
    state: dict[str, Any], record: Record, given: dict[str, Any] | None = None
) -> dict[str, Any]:
    """Return the state of a face after ``record``."""
    who = {REVIEWER: record.reviewer or None, BATCH: record.number, TIME: _time(record.time)}
    if given is not None:
        return {name: given.get(name) for name in (DECISION, KEEP, NOTE)} | {
            **who,
            TIME: _time(given.get(TIME) or record.time),
        }
    new = {name: state[name] for name in (DECISION, KEEP, NOTE)}
    if record.action == "clear":
        return dict.fromkeys(new) | who
    if record.action in DECISIONS:
        new[DECISION] = record.action
        if record.action != CONFIRMED:
            new[KEEP] = None  # what cannot be trusted is not trained on
    elif record.action in ("keep", "drop"):
        new[KEEP] = record.action == "keep"
    if record.note is not None:
        new[NOTE] = record.note or None
    return new | who


def _time(text: str) -> datetime | None:
    return datetime.fromisoformat(text) if text else None


def _states(dataset: fo.Dataset, ids: Sequence[str]) -> dict[str, dict[str, Any]]:
    """Return the states that are copied on the faces ``ids``."""
    columns = marked_views.columns(dataset, ids, ["id", *_STATE])
    return {row[0]: dict(zip(_STATE, row[1:], strict=True)) for row in zip(*columns, strict=True)}


def _copy(dataset: fo.Dataset, states: dict[str, dict[str, Any]], upto: Record) -> None:
    """Write ``states`` onto the faces that still exist, each in one update."""
    views.set_many_by_id(dataset, states)
    review_log.set_copied(dataset, upto.number)


def progress(dataset: fo.Dataset, rank_fields: Sequence[str]) -> dict[str, dict[str, int]]:
    """Count how far the review is: per queue (its rank field) and over all faces (key ``all``).

    Returns:
        ``{name: {"faces": n, "reviewed": n, <decision>: n, ...}}``
    """
    reviewed = dataset.has_field(DECISION)
    found = {}
    for name in ["all", *rank_fields]:
        part = dataset if name == "all" else dataset.match(F(name) != None)  # noqa: E711
        decisions = part.count_values(DECISION) if reviewed else {}
        counts = Counter({k: v for k, v in decisions.items() if k is not None})
        found[name] = {"faces": len(part), "reviewed": sum(counts.values()), **counts}
    return found


def chosen_for_training(dataset: fo.Dataset) -> Any:
    """Return the faces to train on: kept or confirmed, and not called wrong or unusable.

    Raises:
        ForensicsError: if there is none
    """
    if not dataset.has_field(DECISION):
        raise ForensicsError(
            f"No face of {dataset.name!r} has been reviewed.", "Use 'Review faces' first."
        )
    with _reviewing(dataset):  # completes a copy that a killed process left half done
        bad = [name for name in DECISIONS if name != CONFIRMED]
        wanted = (F(KEEP) == True) | ((F(DECISION) == CONFIRMED) & (F(KEEP) != False))  # noqa: E712
        view = dataset.match(wanted & ~F(DECISION).is_in(bad))
        views.require_samples(view, "confirmed or kept faces")
        return view
