"""Finds which videos and faces datasets belong together, by their ids.

A name is no proof: a dataset may be renamed, and a copy (cloned, or exported and imported again)
carries the description of its original. A link therefore names, by id, the dataset that it was
written on and the partner. A copy is no partner of its original's partner, and reports so. Names
are only a hint, so that a dataset that was deleted and imported again can take its former place.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import fiftyone as fo
from bson import ObjectId
from bson.errors import InvalidId

from . import fields
from .dataset_changes import changing, documents

VIDEOS, FACES = "video_dataset", "faces_dataset"  # roles; the description holds partner names
_OTHER = {VIDEOS: FACES, FACES: VIDEOS}
LINKS = "links"  # in the description: role -> {"of", "as", "to", "named"}: ids and names


def link(videos: fo.Dataset, faces: fo.Dataset) -> None:
    """Link ``videos`` and ``faces`` with each other; other faces of the videos keep their link."""
    for dataset, role, partner in ((faces, VIDEOS, videos), (videos, FACES, faces)):
        with changing(dataset):
            record = {
                "of": str(dataset._doc.id),
                "as": dataset.name,
                "to": str(partner._doc.id),
                "named": partner.name,
            }
            links = {**_links(dataset), role: record}
            fields.set_description(dataset, **{role: partner.name, LINKS: links})


def partner(dataset: fo.Dataset, role: str) -> fo.Dataset | None:
    """Return the dataset that is ``role`` for ``dataset``, or None if there is none any more."""
    name, _ = _found(dataset, role)
    return None if name is None else fo.load_dataset(name, reload=True)


def is_own(dataset: fo.Dataset, role: str) -> bool:
    """Return whether the ``role`` link of ``dataset`` was written on it, not on its original."""
    record = _links(dataset).get(role)
    return record is not None and _stands_for(dataset, record)


def why_lost(dataset: fo.Dataset, role: str) -> str:
    """Return why the named partner of ``dataset`` does not belong to it; "" if it does."""
    return _found(dataset, role)[1]


def name_of(dataset_id: Any) -> str | None:
    """Return the current name of the dataset with that id, or None if there is none."""
    try:
        found = documents("datasets").find_one({"_id": ObjectId(dataset_id)}, {"name": 1})
    except (InvalidId, TypeError):
        return None
    return found and found["name"]


def ids_of(names: Iterable[str]) -> dict[str, str]:
    """Return id -> name of the datasets that now have these names."""
    rows = documents("datasets").find({"name": {"$in": list(names)}}, {"name": 1})
    return {str(row["_id"]): row["name"] for row in rows}


def original_of(dataset: fo.Dataset, dataset_id: Any) -> str | None:
    """Return the name of the dataset that a record on ``dataset`` was written on, if another.

    Folders and runs in such a record belong to the original: they may be read, not changed. Once
    the original is deleted, they belong to the copy.

    Args:
        dataset: dataset with the record
        dataset_id: id in the record; None in records of version 0.3
    """
    if dataset_id is None or str(dataset_id) == str(dataset._doc.id):
        return None
    return name_of(dataset_id)


def are_copies(videos: fo.Dataset, faces: fo.Dataset) -> bool:
    """Return whether both are copies of linked datasets, and are not linked themselves yet."""
    of_videos, of_faces = _links(videos).get(FACES), _links(faces).get(VIDEOS)
    if not (of_videos and of_faces) or of_videos["of"] == str(videos._doc.id):
        return False
    copied = of_faces["of"] != str(faces._doc.id)
    return copied and (of_faces["to"], of_faces["of"]) == (of_videos["of"], of_videos["to"])


def _links(dataset: fo.Dataset) -> dict[str, dict[str, str]]:
    found = fields.describe(dataset).get(LINKS)  # also of a dataset from elsewhere
    known = {"of", "as", "to", "named"}
    rows = found.items() if isinstance(found, dict) else ()
    return {role: r for role, r in rows if isinstance(r, dict) and known <= r.keys()}


def _found(dataset: fo.Dataset, role: str) -> tuple[str | None, str]:
    """Return the partner's current name, and why there is none although one is named."""
    named = fields.describe(dataset).get(role)
    if not named:
        return None, ""
    record = _links(dataset).get(role)
    if record is None or record["named"] != named:
        return _by_name(dataset, role, named)
    if not _stands_for(dataset, record):
        return None, (
            f"{dataset.name!r} is a copy of {record['as']!r}, and {named!r} belongs to the original"
        )
    now = name_of(record["to"])
    if now is not None:
        return now, ""
    if fo.dataset_exists(named):  # deleted, and imported again under its name?
        heir = fo.load_dataset(named, reload=True)
        back = _links(heir).get(_OTHER[role], {})
        wanted = (record["to"], named, record["of"])
        if (back.get("of"), back.get("as"), back.get("to")) == wanted:
            return named, ""
    return None, f"the dataset {named!r} no longer exists"


def _stands_for(dataset: fo.Dataset, record: dict[str, str]) -> bool:
    """Return whether ``record`` was written on ``dataset``, or ``dataset`` replaces that one."""
    if record["of"] == str(dataset._doc.id):
        return True
    return name_of(record["of"]) is None and dataset.name == record["as"]


def _by_name(dataset: fo.Dataset, role: str, named: str) -> tuple[str | None, str]:
    """Resolve a link of version 0.3, which is a name: the partner must name ``dataset`` in turn."""
    if not fo.dataset_exists(named):
        return None, f"the dataset {named!r} no longer exists, or was renamed"
    there = fo.load_dataset(named, reload=True)
    if fields.describe(there).get(_OTHER[role]) != dataset.name:
        return None, f"{named!r} belongs to another dataset than {dataset.name!r}"
    return named, ""
