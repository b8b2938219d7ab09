"""Writes saved views of a dataset so that a name always shows the old view or the new one."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any

import fiftyone as fo
import fiftyone.core.media as fomm
from bson import json_util
from fiftyone import ViewField as F
from fiftyone.core.utils import to_slug

from . import fields, marked_views
from .dataset_changes import changing, documents

PAIRS, BESIDE = "pairs", "pairs side by side"


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


def save_pairs(dataset: fo.Dataset) -> None:
    """Save two views that show each fake with the real that it names, or drop them if none does.

    :data:`PAIRS` has one tile for a real and its fakes, of images at the same frame: FiftyOne's
    dynamic groups. :data:`BESIDE` has all of them, each fake after its real.
    """
    videos = _tied(dataset)
    if not videos:
        for name in (PAIRS, BESIDE):
            drop(dataset, name)
        return
    view = marked_views.marked(dataset, _mark(PAIRS), videos, "video_id")
    # in these views the real has the name of its pair too, which is its own
    view = view.set_field("pair_id", F("pair_id").if_else(F("pair_id"), F("video_id")))
    label, by = f"{fields.GROUND_TRUTH}.label", ["pair_id"]
    what = "A real with the fakes made from it"
    if dataset.media_type == fomm.IMAGE and dataset.has_field("frame_number"):
        by.append("frame_number")
        what += ", at the same frame"
    groups = view.group_by(by if len(by) > 1 else by[0], order_by=label, reverse=True)
    save(dataset, PAIRS, groups, f"{what}, on one tile")
    order: list[Any] = [*((name, 1) for name in by), (label, -1), ("video_id", 1)]
    save(dataset, BESIDE, view.sort_by(order), f"{what}, one after the other")


def _tied(dataset: fo.Dataset) -> list[str]:
    """Return the ids of the videos that have a counterpart in ``dataset``."""
    videos, pairs = dataset.values(["video_id", "pair_id"])
    there = set(videos)
    tied = {(video, pair) for video, pair in zip(videos, pairs, strict=True) if pair in there}
    return sorted({video for both in tied for video in both})
