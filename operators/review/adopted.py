"""Takes over the decisions that version 0.3 stored on the faces themselves."""

from __future__ import annotations

import json
from datetime import datetime
from typing import Any

import fiftyone as fo
from fiftyone import ViewField as F

from .review_log import SET, Record
from .states import BATCH, HISTORY, REVIEWER, STATE, TIME


def adopted(dataset: fo.Dataset) -> list[Record]:
    """Return records of the states that the faces of ``dataset`` have without any record.

    Version 0.3 stored earlier states on the face, as a stack of JSON texts. What cannot be read of
    it is left out, and the present state counts.
    """
    if not dataset.has_field(BATCH):
        return []
    names = [name for name in (*STATE, HISTORY) if dataset.has_field(name)]
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
            found.append({name: state.get(name) for name in STATE})
    return found
