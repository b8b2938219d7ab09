"""Builds views of chosen samples by a mark on the samples instead of their ids.

A view of named samples holds every id. With about 600,000 ids, a saved view, an evaluation or a
run would exceed MongoDB's limit of 16 MB, and the App would send the ids with every request. Here
the samples get a mark, in bulk, and the view asks for the mark: its size is the same for ten
samples and for a million.

A mark is a name and a token. The newest marks of a name are written before a view asks for them,
and older ones are removed when nothing asks for them any more.
"""

from __future__ import annotations

import time
import uuid
from collections.abc import Iterator, Sequence
from typing import Any

import fiftyone as fo
from bson import ObjectId, json_util

from .dataset_changes import changing, require_there

FIELD = "view_marks"
#: Most ids that a view names if it is only shown: 0.3 MB.
MOST_NAMED = 10_000
#: Bytes of a view's stages above which the view is stored by marks.
MOST_BYTES = 500_000
SLICE = 10_000  # values of one query
#: Number of sets shown at a time, by all people who look at a dataset.
KEPT_SHOWN = 8
_SHOWN = "shown"


def slices(values: Sequence[Any]) -> Iterator[Sequence[Any]]:
    """Yield ``values`` in parts that fit into one query each."""
    for start in range(0, len(values), SLICE):
        yield values[start : start + SLICE]


def marked(samples: Any, name: str, values: Sequence[Any], field: str = "id") -> Any:
    """Mark the samples whose ``field`` is one of ``values``, and return the view of them.

    Marks of earlier calls with ``name`` stay until :func:`forget_others`.

    Args:
        samples: the dataset, or a view of it, whose stages and order the new view then has
        name: what the samples are marked for
        values: ids, or values of ``field``
        field: ``id``, or an indexed field

    Raises:
        ForensicsError: the dataset was deleted
    """
    dataset = samples._root_dataset
    _declare(dataset)
    mark = f"{name}#{time.time_ns():x}{uuid.uuid4().hex[:6]}"
    for part in slices(values):
        require_there(dataset)
        wanted: dict[str, Any] = {field: {"$in": list(part)}}
        if field == "id":
            wanted = {"_id": {"$in": [ObjectId(value) for value in part]}}
        # not through FiftyOne, which would date the samples although no value of theirs changes
        there = {"$ifNull": [f"${FIELD}", []]}
        added = {FIELD: {"$setUnion": [there, [{"$literal": mark}]]}}
        dataset._sample_collection.update_many(wanted, [{"$set": added}])
    return samples.match({FIELD: mark})


def forget_others(dataset: fo.Dataset, name: str, view: Any = None, keep: int = 0) -> None:
    """Remove the marks of ``name``, except those of ``view`` and the newest ``keep``."""
    if not dataset.has_field(FIELD):
        return
    marks = _marks_of(dataset, name)
    asked = _dumped(view) if view is not None else ""
    gone = [m for m in marks[: len(marks) - keep] if m.rpartition("#")[2] not in asked]
    if gone:
        where = {FIELD: {"$in": gone}}
        dataset._sample_collection.update_many(where, {"$pullAll": {FIELD: gone}})


def shown(samples: Any, values: Sequence[Any], field: str = "id") -> Any:
    """Return a view for the App's grid of the samples whose ``field`` is one of ``values``.

    Args:
        samples: dataset or view
        values: ids, or values of ``field``; up to :data:`MOST_NAMED` are named, else marked
        field: ``id``, or an indexed field
    """
    if len(values) <= MOST_NAMED:
        return samples.select(values) if field == "id" else samples.select_by(field, values)
    view = marked(samples, _SHOWN, values, field)
    forget_others(samples._root_dataset, _SHOWN, view, KEPT_SHOWN)
    return view


def compact(view: Any, name: str) -> Any:
    """Return ``view``, or if it is too large to store, an equal view by marks of ``name``.

    The order of the samples is kept only in small views.
    """
    if isinstance(view, fo.Dataset) or len(_dumped(view)) <= MOST_BYTES:
        return view
    if view._is_dynamic_groups or view._root_dataset.media_type == fo.core.media.GROUP:
        return view
    return marked(view._root_dataset, name, view.values("id"))


def columns(samples: Any, values: Sequence[Any], names: Sequence[str], field: str = "id") -> list:
    """Return columns ``names`` of the samples whose ``field`` is in ``values``, in parts."""
    found: list[list[Any]] = [[] for _ in names]
    for part in slices(values):
        wanted = {field: {"$in": list(part)}}
        view = samples.select(part) if field == "id" else samples.match(wanted)
        for column, more in zip(found, view.values(list(names)), strict=True):
            column += more
    return found


def _declare(dataset: fo.Dataset) -> None:
    if dataset.has_field(FIELD):
        return
    with changing(dataset):
        if not dataset.has_field(FIELD):
            dataset.add_sample_field(FIELD, fo.ListField, subfield=fo.StringField)
        dataset.create_index(FIELD)


def _marks_of(dataset: fo.Dataset, name: str) -> list[str]:
    """Return the marks of ``name``, oldest first."""
    found = dataset._sample_collection.distinct(FIELD)
    return sorted(mark for mark in found if mark and mark.rpartition("#")[0] == name)


def _dumped(view: Any) -> str:
    return json_util.dumps(view._serialize(include_uuids=False))
