"""Stores what people decided about faces: fields with a time and a name, undo, redo, progress.

A decision changes no label and deletes no sample. It is first stored as a record
(:mod:`.review_log`) and then copied onto the faces. If a process was killed before the copy was
complete, the next process completes it.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from typing import Any

import fiftyone as fo
from fiftyone import ViewField as F

from ...detector.errors import ForensicsError
from ..app.current_detector import current
from ..dataset import appearance, dataset_changes, fields, made_from, marked_views, views
from . import opinions, record_rules, review_log
from .adopted import adopted
from .review_log import DECIDE, REDO, UNDO, Record
from .states import (
    ACTIONS,
    BATCH,
    CLEAR,
    CONFIRMED,
    DECISION,
    DECISIONS,
    HISTORY,
    KEEP,
    NOTE,
    REVIEWER,
    STATE,
    TIME,
    after,
    folded,
)

__all__ = ["ACTIONS", "CONFIRMED", "DECISION", "DECISIONS", "HISTORY", "KEEP", "NOTE", "TIME"]
_FIELDS: dict[str, type] = {
    DECISION: fo.StringField,
    KEEP: fo.BooleanField,
    NOTE: fo.StringField,
    TIME: fo.DateTimeField,
    BATCH: fo.IntField,
    REVIEWER: fo.StringField,
}


def declare(dataset: fo.Dataset) -> None:
    """Create the fields of a review, and their indexes before the last of the fields.

    Where all fields are there nothing is left to do, which a decision finds out without a query.
    """
    if all(dataset.has_field(name) for name in _FIELDS):
        return
    with dataset_changes.changing(dataset):
        dataset_changes.declare(dataset, {n: kind for n, kind in _FIELDS.items() if n != REVIEWER})
        dataset.create_index(DECISION)
        dataset.create_index(BATCH)
        dataset_changes.declare(dataset, _FIELDS)
        appearance.dress(dataset)


def act(
    samples: Any,
    action: str,
    note: str | None = None,
    reviewer: str | None = None,
    key: str | None = None,
    *,
    resolves: bool = False,
    mark: str = "",
    ago: float = 0.0,
) -> int:
    """Apply ``action`` to every face of ``samples``; return how many there are.

    Args:
        samples: faces dataset or view
        action: a key of :data:`ACTIONS`
        note: replaces the note of these faces; None keeps it, "" removes it
        reviewer: who decides; the system's user by default
        key: detector whose scores the reviewer saw; the current one by default
        resolves: whether this settles what reviewers decided differently (:mod:`.opinions`)
        mark: name of this very action; one that is stored already is not stored twice
        ago: seconds since it was decided

    Raises:
        ForensicsError: if the action is unknown, the view is empty, there are too many faces, a
            note is missing, or the database cannot hold what is given
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
    with reviewing(dataset):
        if mark and (there := review_log.marked(dataset, mark)):
            return len(there.faces)
        ids, seen = _in_sight(dataset, view, key)
        if len(ids) > review_log.MOST_FACES:
            raise ForensicsError(
                f"{len(ids):,} faces are too many for one action; at most "
                f"{review_log.MOST_FACES:,}.",
                "Choose fewer.",
            )
        who = review_log.person(reviewer)
        record = Record(0, DECIDE, who, review_log.now(ago), ids, action, note, **seen)
        record = review_log.append(dataset, replace(record, resolves=resolves, mark=mark))
        if action == CLEAR:
            states = folded(review_log.read_about(dataset, ids), ids)
        else:
            states = {i: after(s, record) for i, s in _states(dataset, ids).items()}
        _copy(dataset, states, record)
    return len(ids)


def add(dataset: fo.Dataset, records: Sequence[Record]) -> None:
    """Append decisions that were made elsewhere, in their order, and write what they add up to.

    The caller is :func:`reviewing`.
    """
    if not records:
        return
    last = review_log.append_all(dataset, records)
    faces = list(dict.fromkeys(face for record in records for face in record.faces))
    _copy(dataset, folded(review_log.read_about(dataset, faces), faces), last)


def _in_sight(dataset: fo.Dataset, view: Any, key: str | None) -> tuple[list[str], dict[str, Any]]:
    """Return the ids of the faces, and what was seen: the detector, its checkpoint, its scores."""
    key = key or current(dataset)
    if not key or not dataset.has_field(fields.ScoreFields(key).p_fake):
        return view.values("id"), {}
    ids, p_fake = view.values(["id", fields.ScoreFields(key).p_fake])
    checkpoint = made_from.checkpoint_of(dataset, key) or ""
    known = [p if p is not None and 0 <= p <= 1 else None for p in p_fake]
    return ids, {"detector": key, "checkpoint": checkpoint, "p_fake": known}


def undo(dataset: fo.Dataset, reviewer: str | None = None) -> int:
    """Undo the newest action of ``reviewer``; return how many faces it was on.

    Each call undoes one more action. What others decided later on the same faces stays.

    Raises:
        ForensicsError: if there is nothing to undo
    """
    return len(turn(dataset, UNDO, reviewer))


def redo(dataset: fo.Dataset, reviewer: str | None = None) -> int:
    """Redo the action that ``reviewer`` undid last; return how many faces it is on.

    Raises:
        ForensicsError: if nothing was undone since the last decision
    """
    return len(turn(dataset, REDO, reviewer))


def turn(
    dataset: fo.Dataset,
    what: str,
    reviewer: str | None = None,
    mark: str = "",
    ago: float = 0.0,
) -> Sequence[str]:
    """Do as :func:`undo` or :func:`redo`, and return the faces; the rest as in :func:`act`."""
    who = review_log.person(reviewer)
    with reviewing(dataset):
        if mark and (there := review_log.marked(dataset, mark)):
            return review_log.faces_of(dataset, there.of)
        number = review_log.next_of(dataset, what, who)
        if number is None:
            whose = f" of {who!r}" if who else ""
            raise ForensicsError(
                f"There is no review action to {what}{whose}.",
                "Review some faces first."
                if what == UNDO
                else "Only an undone action can be redone.",
            )
        faces = review_log.faces_of(dataset, number)
        record = Record(0, what, who, review_log.now(ago), of=number, mark=mark)
        record = review_log.append(dataset, record)
        _copy(dataset, folded(review_log.read_about(dataset, faces), faces), record)
    return faces


def next_undo(dataset: fo.Dataset, reviewer: str | None = None) -> int | None:
    """Return the number of the action that :func:`undo` would undo, without writing anything."""
    if not review_log.last(dataset) and dataset.has_field(BATCH):
        return dataset.max(BATCH)  # of version 0.3
    return review_log.next_of(dataset, UNDO, review_log.person(reviewer))


@contextmanager
def reviewing(dataset: fo.Dataset) -> Iterator[None]:
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
        review_log.prepare(dataset)
        review_log.put_adopted(dataset, adopted(dataset))
        review_log.set_copied(dataset, review_log.last(dataset))
        return
    if review_log.last(dataset) <= upto:
        return
    records = review_log.read(dataset)
    flawed = [r for r in records if r.number > upto and record_rules.flaw(vars(r))]
    if flawed:  # of an import that an earlier version did not check; it would block the review
        review_log.set_aside(dataset, flawed)
        records = review_log.read(dataset)
    numbers = {number for r in records if r.number > upto for number in (r.number, r.of)}
    faces = {face for r in records if r.number in numbers for face in r.faces}
    _copy(dataset, folded(records, faces), records[-1])


def rebuild(dataset: fo.Dataset) -> int:
    """Write the fields of every face again from the records; return how many faces they name."""
    with reviewing(dataset):
        records = review_log.read(dataset)
        faces = {face for record in records for face in record.faces}
        if records:
            _copy(dataset, folded(records, faces), records[-1])
    return len(faces)


def _states(dataset: fo.Dataset, ids: Sequence[str]) -> dict[str, dict[str, Any]]:
    """Return the states that are copied on the faces ``ids``."""
    columns = marked_views.columns(dataset, ids, ["id", *STATE])
    return {row[0]: dict(zip(STATE, row[1:], strict=True)) for row in zip(*columns, strict=True)}


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


def chosen_for_training(dataset: fo.Dataset, disputed: Collection[str] | None = None) -> Any:
    """Return the faces to train on: kept or confirmed, and not called wrong or unusable.

    Args:
        dataset: faces dataset
        disputed: faces on which reviewers differ, which are left out; None looks them up

    Raises:
        ForensicsError: if there is none
    """
    if not dataset.has_field(DECISION):
        raise ForensicsError(
            f"No face of {dataset.name!r} has been reviewed.", "Use 'Review faces' first."
        )
    with reviewing(dataset):  # completes a copy that a killed process left half done
        bad = [name for name in DECISIONS if name != CONFIRMED]
        wanted = (F(KEEP) == True) | ((F(DECISION) == CONFIRMED) & (F(KEEP) != False))  # noqa: E712
        view = dataset.match(wanted & ~F(DECISION).is_in(bad))
        views.require_samples(view, "confirmed or kept faces")
        differ = opinions.disputed(dataset) if disputed is None else disputed
        agreed = view.exclude(list(differ)) if differ else view
        if not agreed.count():
            raise ForensicsError(
                "Reviewers differ on every confirmed or kept face.",
                "Resolve the differences in the panel 'Review' (key A).",
            )
        return agreed
