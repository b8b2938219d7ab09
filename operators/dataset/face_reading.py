"""Columns of all faces of a dataset in one pass over the database.

Most columns say the same of every face of a video, and what a read costs is above all the number
of values that are sent and decoded. So the database groups the faces by those columns and sends
each of their values once a group.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

#: Faces of one group, about: a group is one document, and 16 MB is the database's limit.
PART = 4096


@dataclass(frozen=True)
class Reading:
    """What was read.

    Attributes:
        ids: sample ids (N,), ascending
        group: (N,) group of each face
        shared: columns by name, one value per group (None where there is none)
        own: columns by name (N,) float64, NaN where there is no number
    """

    ids: list[str]
    group: np.ndarray
    shared: dict[str, list[Any]]
    own: dict[str, np.ndarray]


def read(view: Any, shared: dict[str, str], own: dict[str, str]) -> Reading:
    """Columns of the samples of ``view``.

    Args:
        view: a dataset or view of faces
        shared: name -> field, for columns that mostly say the same of a video's faces; any value
        own: name -> field, for numbers that differ from face to face
    """
    key = {f"k{i}": f"${path}" for i, path in enumerate(shared.values())}
    pushed = {f"v{i}": {"$push": _or_none(path)} for i, path in enumerate(own.values())}
    stage = {"$group": {"_id": {**key, "part": _part(view)}, "ids": {"$push": "$_id"}, **pushed}}
    documents = list(view._aggregate(pipeline=[stage, {"$project": {"_id.part": 0}}]))
    sizes = [len(document["ids"]) for document in documents]
    raw = b"".join(oid.binary for document in documents for oid in document["ids"])
    order = _ascending(raw)
    names = raw.hex()
    return Reading(
        ids=[names[24 * i : 24 * i + 24] for i in order.tolist()],
        group=np.repeat(np.arange(len(documents)), sizes)[order],
        shared={
            name: [document["_id"].get(f"k{i}") for document in documents]
            for i, name in enumerate(shared)
        },
        own={
            name: np.array([v for d in documents for v in d[f"v{i}"]], np.float64)[order]
            for i, name in enumerate(own)
        },
    )


def _or_none(path: str) -> dict[str, Any]:
    """A push of a missing field pushes nothing at all, which would shift all later values."""
    return {"$ifNull": [f"${path}", None]}


def _part(view: Any) -> dict[str, Any]:
    """Splits a group that may be large: by frames, or by the order in which samples were added."""
    added = {"$substrBytes": [{"$toString": "$_id"}, 0, 21]}  # the last 3 digits count to PART
    if not (view.has_field("video_id") and view.has_field("frame_number")):
        return added
    frames = {"$ifNull": [{"$trunc": {"$divide": ["$frame_number", PART]}}, added]}
    return {"$cond": [{"$gt": ["$video_id", None]}, frames, added]}


def _ascending(raw: bytes) -> np.ndarray:
    """(N,) order of ids of 12 bytes each."""
    words = np.frombuffer(raw, ">u4").reshape(-1, 3)
    return np.lexsort((words[:, 2], words[:, 1], words[:, 0]))
