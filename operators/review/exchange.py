"""Turns decisions into rows of a file, and rows of a file into decisions.

A row is one decision on one face, with who, when, and on which score. A face is found by its id, or
in another copy of the dataset by its video, frame and place in it. What is there already (same
person, time, action and face) is not added twice.
"""

from __future__ import annotations

import csv
import io
import json
from collections import Counter
from collections.abc import Iterable, Sequence
from datetime import datetime
from itertools import groupby
from typing import Any

import fiftyone as fo

from ...detector.errors import ForensicsError
from ...detector.text.csv_cells import cell, from_cell
from ..dataset import fields, marked_views
from . import decisions, record_rules, review_log
from .record_rules import moment
from .review_log import DECIDE, SET, Record
from .states import ACTIONS, DECISION, KEEP, NOTE

_WHERE = ("video_id", "frame_number", "face_index")
_OF_ACTION = ("number", "reviewer", "time", "action", "note", "resolves", "detector", "checkpoint")
COLUMNS = ("face", *_WHERE, "label", *_OF_ACTION, "p_fake")
FORMATS = ("csv", "json")
OLDER = "older than what the same person decided here"
NOWHERE = "no such face here"
UNDONE = "undone here"
FIRST = "0"  # where a decision without a time stands: before all others
_UNREADABLE = (
    ValueError,
    KeyError,
    TypeError,
    AttributeError,
    OverflowError,
    RecursionError,
    csv.Error,
)


def rows_of(dataset: fo.Dataset) -> list[dict[str, Any]]:
    """Return one row for each decision on a face that is not undone, in order."""
    standing, _ = _rows(dataset)
    return standing


def _rows(dataset: fo.Dataset) -> tuple[list[dict[str, Any]], list[dict[str, Any]]]:
    """Return the rows of what stands, and of what is undone."""
    records = review_log.read(dataset)
    gone = review_log.undone(map(vars, records))
    records = [record for record in records if record.what in (DECIDE, SET)]
    known = _places(dataset, {face for record in records for face in record.faces})
    standing: list[dict[str, Any]] = []
    undone: list[dict[str, Any]] = []
    for record in records:
        (undone if record.number in gone else standing).extend(_rows_of(record, known))
    return standing, undone


def _rows_of(record: Record, known: dict[str, tuple[Any, ...]]) -> Iterable[dict[str, Any]]:
    """Yield the rows of a record: what it says first of every face, then what it says second."""
    common = {name: getattr(record, name) for name in _OF_ACTION}
    states = record.states or [None] * len(record.faces)
    said = [_said(record, state) for state in states]
    scores = record.p_fake or [None] * len(record.faces)
    for step in range(max(map(len, said), default=0)):
        for face, score, actions in zip(record.faces, scores, said, strict=True):
            if step < len(actions):
                where = known.get(face) or (None,) * 4
                about = dict(zip(("face", *_WHERE, "label"), (face, *where), strict=True))
                action, note = actions[step]
                yield {**about, **common, "action": action, "note": note, "p_fake": score}


def _said(record: Record, state: dict[str, Any] | None) -> list[tuple[str, str | None]]:
    """Return the actions and notes of a record; of an adopted state as many as say the same.

    A note that an action removes is an action of its own, because a table cannot tell an empty note
    from one that stays.
    """
    if state is None:
        if record.note == "" and record.action not in ("note", "clear"):
            return [(record.action, None), ("note", "")]
        return [(record.action, record.note)]
    keep = {True: "keep", False: "drop"}.get(state.get(KEEP))  # type: ignore[arg-type]
    actions = [action for action in (state.get(DECISION), keep) if action]
    note = state.get(NOTE)
    return [(action, note) for action in actions or (["note"] if note else [])]


def _places(dataset: fo.Dataset, faces: Iterable[str]) -> dict[str, tuple[Any, ...]]:
    names = ["id", *_WHERE, f"{fields.GROUND_TRUTH}.label"]
    rows = zip(*marked_views.columns(dataset, list(faces), names), strict=True)
    return {row[0]: row[1:] for row in rows}


def text_of(dataset: fo.Dataset, rows: Sequence[dict[str, Any]], kind: str) -> str:
    """Return ``rows`` as the text of a file; ``kind`` is one of :data:`FORMATS`."""
    if kind not in FORMATS:
        raise ForensicsError(f"There is no format {kind!r}.", f"Known: {', '.join(FORMATS)}.")
    if kind == "json":
        return json.dumps({"dataset": dataset.name, "decisions": rows}, indent=1) + "\n"
    stream = io.StringIO()
    # everything in quotes: a note may hold any kind of line end
    writer = csv.DictWriter(stream, COLUMNS, lineterminator="\n", quoting=csv.QUOTE_ALL)
    writer.writeheader()
    writer.writerows({name: cell(row[name]) for name in COLUMNS} for row in rows)
    return stream.getvalue()


def rows_in(text: str) -> list[dict[str, Any]]:
    """Return the rows of a text of :func:`text_of`, of either kind.

    Raises:
        ForensicsError: it is none, lacks a column, or a row names an unknown action or no time
    """
    try:
        text = text.lstrip("\ufeff")
        if text.lstrip().startswith("{"):
            rows = json.loads(text)["decisions"]
        else:
            rows = [{k: from_cell(v) or None for k, v in row.items()} for row in _table(text)]
        return [_checked(number, row) for number, row in enumerate(rows, 1)]
    except _UNREADABLE as error:
        raise ForensicsError(
            f"This file holds no decisions: {error}.", "Give one that the review has exported."
        ) from error


def _table(text: str) -> csv.DictReader[str]:
    reader = csv.DictReader(io.StringIO(text, newline=""))
    missing = {"reviewer", "time", "action"} - set(reader.fieldnames or ())
    if missing:
        raise ValueError(f"there is no column {min(missing)!r}")
    return reader


def _checked(line: int, row: dict[str, Any]) -> dict[str, Any]:
    if why := record_rules.flaw(row):
        raise ValueError(f"row {line}: {why}")
    if row["action"] not in ACTIONS:
        raise ValueError(f"row {line}: {row['action']!r} is no action")
    for name in ("face", "video_id"):
        if not record_rules.is_text(row.get(name)):
            raise ValueError(f"row {line}: {name} is no text")
    note = row.get("note")
    score = None if row.get("p_fake") is None else float(row["p_fake"])
    if score is not None and not 0 <= score <= 1:
        raise ValueError(f"row {line}: p_fake {score} is not from 0 to 1")
    whole = {name: row.get(name) for name in ("number", "frame_number", "face_index")}
    return {
        **{name: row.get(name) for name in COLUMNS},
        **{name: None if value is None else int(value) for name, value in whole.items()},
        "note": "" if note is None and row["action"] == "note" else note,
        "p_fake": score,
        "resolves": str(row.get("resolves")).lower() == "true",
        **{name: row.get(name) or "" for name in ("time", "detector", "checkpoint")},
        "reviewer": review_log.plain(row.get("reviewer") or ""),
    }


def merge(dataset: fo.Dataset, rows: Sequence[dict[str, Any]]) -> dict[str, Any]:
    """Add the decisions ``rows`` after those that are there; return what became of them.

    Returns:
        ``{"added", "there", "left_out": {reason: n}}``
    """
    if all(row["number"] is not None for row in rows):  # the table may have been sorted otherwise
        rows = sorted(rows, key=lambda row: row["number"])
    with decisions.reviewing(dataset):
        standing, undone = _rows(dataset)
        there = {_name(row["face"], row) for row in standing}
        gone = {_name(row["face"], row) for row in undone}
        newest: dict[tuple[str, str], datetime] = {}
        for row in standing:
            whose, when = (row["face"], row["reviewer"]), moment(row["time"])
            newest[whose] = max(newest.get(whose, when), when)
        left_out: Counter[str] = Counter()
        added, doubles = [], 0
        for row, face in zip(rows, _found(dataset, rows), strict=True):
            if face is None:
                left_out[NOWHERE] += 1
                continue
            name, when = _name(face, row), moment(row["time"])
            if name in there:
                doubles += 1
            elif name in gone:
                left_out[UNDONE] += 1
            elif when < newest.get((face, row["reviewer"]), when):
                left_out[OLDER] += 1
            else:
                there.add(name)
                added.append((face, row))
        decisions.add(dataset, _records(added))
    return {"added": len(added), "there": doubles, "left_out": dict(left_out)}


def _name(face: str, row: dict[str, Any]) -> tuple[Any, ...]:
    return face, row["reviewer"], moment(row["time"]), row["action"], row["note"] or ""


def _records(added: Sequence[tuple[str, dict[str, Any]]]) -> list[Record]:
    """Return the records of rows; rows of one action on many faces are one record again."""

    def action(one: tuple[str, dict[str, Any]]) -> tuple[Any, ...]:
        face, row = one
        alone = face if row["number"] is None else None
        return (alone, *(row[name] for name in _OF_ACTION))

    out: list[Record] = []
    latest, now = "", review_log.now()
    for _, part in groupby(added, action):
        faces, rows = zip(*part, strict=True)
        common = {name: rows[0][name] for name in _OF_ACTION}
        scores = [row["p_fake"] for row in rows] if common["detector"] else ()
        common["time"] = time = common["time"] and moment(common["time"]).isoformat()
        if common["number"] is not None:  # their order counts, whatever the clock there said
            latest = time = max(latest, time)
        placed = min(time or FIRST, now)
        common |= {"number": 0, "placed": placed}
        out.append(Record(**common, what=DECIDE, faces=list(faces), p_fake=scores))
    return out


def _found(dataset: fo.Dataset, rows: Sequence[dict[str, Any]]) -> list[str | None]:
    """Return the face of each row, by its id or its place; None where there is none."""
    known = _places(dataset, {row["face"] for row in rows if is_id(row["face"])})
    videos = sorted({row["video_id"] for row in rows if row["face"] not in known} - {None})
    columns = marked_views.columns(dataset, videos, ["id", *_WHERE], "video_id")
    by_place = {row[1:]: row[0] for row in zip(*columns, strict=True)}
    out: list[str | None] = []
    for row in rows:
        place = tuple(row[name] for name in _WHERE)
        out.append(row["face"] if row["face"] in known else by_place.get(place))
    return out


def is_id(text: Any) -> bool:
    """Return whether ``text`` has the form of a sample's id."""
    return isinstance(text, str) and len(text) == 24 and not set(text) - set("0123456789abcdef")
