"""What people decided about faces: fields with a time, an undo for every action, and progress.

A decision changes no label and deletes no sample. What a face said before an action is kept on the
face itself (:data:`HISTORY`), so that an undo needs nothing but the dataset, also after a clone or
an export.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Sequence
from datetime import datetime, timezone
from typing import Any

import fiftyone as fo
from fiftyone import ViewField as F

from ..detector.errors import ForensicsError
from . import dataset_changes, views
from .dataset_changes import changing

DECISION, KEEP, NOTE = "review", "review_keep", "review_note"
TIME, BATCH, HISTORY = "review_time", "review_batch", "review_history"
CONFIRMED = "confirm_label"
#: action -> in words; the first four exclude each other
DECISIONS = {
    CONFIRMED: "Confirm label: the label is right",
    "wrong_label": "Wrong label",
    "wrong_face": "Wrong face: not the person that the label is of",
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
}
_STATE: tuple[str, ...] = (DECISION, KEEP, NOTE, TIME, BATCH)


def declare(dataset: fo.Dataset) -> None:
    """Create the fields of a review."""
    with changing(dataset):
        dataset_changes.declare(dataset, _FIELDS)
        if not dataset.has_field(HISTORY):
            dataset.add_sample_field(HISTORY, fo.ListField, subfield=fo.StringField)
        dataset.create_index(DECISION)
        dataset.create_index(BATCH)


def act(samples: Any, action: str, note: str | None = None) -> int:
    """Apply ``action`` to every face of ``samples``; returns how many.

    Args:
        samples: faces dataset or view
        action: a key of :data:`ACTIONS`
        note: replaces the note of these faces; None leaves it, "" removes it

    Raises:
        ForensicsError: unknown action, an empty view, or a note that is missing
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
    declare(dataset)
    columns = [list(c) for c in view.values(["id", HISTORY, *_STATE])]
    ids, histories = columns[0], columns[1]
    before = [dict(zip(_STATE, row, strict=True)) for row in zip(*columns[2:], strict=True)]
    number = latest(dataset) + 1
    now = datetime.now(timezone.utc).replace(microsecond=0)
    after = [_after(state, action, note) | {TIME: now, BATCH: number} for state in before]
    for name in _STATE:
        views.set_by_id(dataset, name, {i: s[name] for i, s in zip(ids, after, strict=True)})
    stacks = {
        i: [*(stack or []), _text(state)]
        for i, stack, state in zip(ids, histories, before, strict=True)
    }
    views.set_by_id(dataset, HISTORY, stacks)
    return len(ids)


def _after(state: dict[str, Any], action: str, note: str | None) -> dict[str, Any]:
    new = dict(state)
    if action == "clear":
        return dict.fromkeys(_STATE)
    if action in DECISIONS:
        new[DECISION] = action
        if action != CONFIRMED:
            new[KEEP] = None  # what cannot be trusted is not trained on
    elif action in ("keep", "drop"):
        new[KEEP] = action == "keep"
    if note is not None:
        new[NOTE] = note or None
    return new


def latest(dataset: fo.Dataset) -> int:
    """Number of the newest action, 0 before the first."""
    if not dataset.has_field(BATCH):
        return 0
    return dataset.max(BATCH) or 0


def undo(dataset: fo.Dataset) -> int:
    """Take the newest action back; returns how many faces it was on.

    Every call goes one action further back.

    Raises:
        ForensicsError: there is nothing to undo
    """
    number = latest(dataset)
    if not number:
        raise ForensicsError("There is no review action to undo.", "Review some faces first.")
    view = dataset.match(F(BATCH) == number)
    ids, histories = view.values(["id", HISTORY])
    before = [_state(stack[-1]) for stack in histories]
    for name in _STATE:
        views.set_by_id(dataset, name, {i: s[name] for i, s in zip(ids, before, strict=True)})
    left = {i: stack[:-1] for i, stack in zip(ids, histories, strict=True)}
    views.set_by_id(dataset, HISTORY, left)
    return len(ids)


def _text(state: dict[str, Any]) -> str:
    when = state[TIME]
    return json.dumps({**state, TIME: None if when is None else when.isoformat()})


def _state(text: str) -> dict[str, Any]:
    state = json.loads(text)
    when = state[TIME]
    return {**state, TIME: None if when is None else datetime.fromisoformat(when)}


def progress(dataset: fo.Dataset, rank_fields: Sequence[str]) -> dict[str, dict[str, int]]:
    """How far the review is: per queue (its rank field) and over all faces (key ``all``).

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
    """The faces to train on: kept or confirmed ones, and none that was called wrong or unusable.

    Raises:
        ForensicsError: there is none
    """
    if not dataset.has_field(DECISION):
        raise ForensicsError(
            f"No face of {dataset.name!r} has been reviewed.", "Use 'Review faces' first."
        )
    bad = [name for name in DECISIONS if name != CONFIRMED]
    wanted = (F(KEEP) == True) | ((F(DECISION) == CONFIRMED) & (F(KEEP) != False))  # noqa: E712
    view = dataset.match(wanted & ~F(DECISION).is_in(bad))
    views.require_samples(view, "confirmed or kept faces")
    return view
