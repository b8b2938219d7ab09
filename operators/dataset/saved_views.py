"""Writes saved views of a dataset so that a name always shows the old view or the new one."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any

import fiftyone as fo
from bson import json_util
from fiftyone.core.utils import to_slug

from . import marked_views
from .dataset_changes import changing, documents


def save(dataset: fo.Dataset, name: str, view: Any, description: str) -> str:
    """Save ``view`` under ``name``, replacing an older view of that name.

    FiftyOne refuses names that differ only in punctuation (``Deep Fakes``, ``deep-fakes``), which
    methods of a source may do. The later one gets a number.

    Returns:
        the name that it got
    """
    view = marked_views.compact(view, _mark(name))
    with changing(dataset):
        free = name = name[:200]
        slugs = {to_slug(other): other for other in dataset.list_saved_views()}
        number = 1
        while slugs.get(to_slug(free), free) != free:
            number += 1
            free = f"{name} ({number})"
        _put(dataset, free, view, description)
        if free == name:
            marked_views.forget_others(dataset, _mark(name), view)
        return free


def save_chosen(
    dataset: fo.Dataset, name: str, values: Sequence[Any], description: str, field: str = "id"
) -> str:
    """Save the view of the samples whose ``field`` is one of ``values``, however many they are."""
    view = marked_views.marked(dataset, _mark(name), values, field)
    return save(dataset, name, view, description)


def _mark(name: str) -> str:
    return f"view {name[:200]}"


def drop(dataset: fo.Dataset, name: str) -> None:
    """Delete a saved view, if it exists; its name is removed from the dataset first."""
    with changing(dataset):
        if not dataset.has_saved_view(name):
            return
        old = dataset._get_saved_view_doc(name).id
        _update(dataset, {"$pull": {"saved_views": old}})
        documents("views").delete_one({"_id": old})
        marked_views.forget_others(dataset, _mark(name))


def _put(dataset: fo.Dataset, name: str, view: Any, description: str) -> None:
    import fiftyone.core.odm as foo

    now = datetime.utcnow()
    record = foo.SavedViewDocument(
        dataset_id=dataset._doc.id,
        name=name,
        slug=to_slug(name),
        description=description,
        color=None,
        view_stages=[json_util.dumps(s) for s in view._serialize(include_uuids=False)],
        created_at=now,
        last_modified_at=now,
    )
    record.save(upsert=True)
    if not dataset.has_saved_view(name):
        _update(dataset, {"$push": {"saved_views": record.id}})
        return
    old = dataset._get_saved_view_doc(name).id
    place = {"_id": dataset._doc.id, "saved_views": old}
    documents("datasets").update_one(
        place, {"$set": {"saved_views.$": record.id, "last_modified_at": now}}
    )
    documents("views").delete_one({"_id": old})
    dataset._doc.reload("saved_views", "last_modified_at")


def _update(dataset: fo.Dataset, change: dict[str, Any]) -> None:
    change = {**change, "$set": {"last_modified_at": datetime.utcnow()}}
    documents("datasets").update_one({"_id": dataset._doc.id}, change)
    dataset._doc.reload("saved_views", "last_modified_at")
