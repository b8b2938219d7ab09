"""Computes the state of a face from the records of a review.

A state is what the fields of a face hold: its decision, whether it is kept for training, its note,
and by whom, when and with which action it came about.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Any

from . import record_rules, review_log
from .review_log import DECIDE, SET, Record

DECISION, KEEP, NOTE = "review", "review_keep", "review_note"
TIME, BATCH, REVIEWER = "review_time", "review_batch", "review_by"
HISTORY = "review_history"  # of version 0.3, which stored earlier states on the face itself
CONFIRMED, CLEAR = "confirm_label", "clear"
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
    CLEAR: "Clear: as if you had never reviewed it",
}
#: The fields of a face that hold its state.
STATE: tuple[str, ...] = (DECISION, KEEP, NOTE, TIME, BATCH, REVIEWER)


def folded(records: Sequence[Record], faces: Iterable[str]) -> dict[str, dict[str, Any]]:
    """Return the state of each of ``faces`` after all ``records`` that are not undone."""
    gone = review_log.undone(map(vars, records))
    said: dict[str, list[tuple[Record, dict[str, Any] | None]]] = {face: [] for face in faces}
    for record in (records[place] for place in record_rules.order([vars(r) for r in records])):
        if record.what not in (DECIDE, SET) or record.number in gone:
            continue
        given = record.states or [None] * len(record.faces)
        for face, state in zip(record.faces, given, strict=True):
            if face in said:
                if record.action == CLEAR:
                    said[face] = [one for one in said[face] if not _cleared(one[0], record)]
                said[face].append((record, state))
    found = {}
    for face, steps in said.items():
        found[face] = dict.fromkeys(STATE)
        for record, state in steps:
            found[face] = after(found[face], record, state)
    return found


def _cleared(earlier: Record, clear: Record) -> bool:
    """Return whether ``clear`` takes ``earlier`` back.

    That is a resolution, or else what the same person said, or nobody knows who; what others said
    stays.
    """
    return earlier.resolves or (not clear.resolves and earlier.reviewer in ("", clear.reviewer))


def after(
    state: dict[str, Any], record: Record, given: dict[str, Any] | None = None
) -> dict[str, Any]:
    """Return the state of a face after ``record``; of a clear, see :func:`folded`."""
    who = {REVIEWER: record.reviewer or None, BATCH: record.number, TIME: time_of(record.time)}
    if given is not None:
        return {name: given.get(name) for name in (DECISION, KEEP, NOTE)} | {
            **who,
            TIME: time_of(given.get(TIME) or record.time),
        }
    new = {name: state[name] for name in (DECISION, KEEP, NOTE)}
    if record.action == CLEAR:  # what it takes back is left out by folded()
        return state if any(value is not None for value in new.values()) else new | who
    if record.action in DECISIONS:
        new[DECISION] = record.action
        if record.action != CONFIRMED:
            new[KEEP] = None  # what cannot be trusted is not trained on
    elif record.action in ("keep", "drop"):
        new[KEEP] = record.action == "keep"
    if record.note is not None:
        new[NOTE] = record.note or None
    return new | who


def time_of(text: str) -> datetime | None:
    return datetime.fromisoformat(text) if text else None
