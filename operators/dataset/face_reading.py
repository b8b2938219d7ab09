"""Reads columns of all faces of a dataset in one pass over the database.

Most columns have the same value for every face of a video, and the cost of a read is mainly the
number of values that are sent and decoded. So the database groups the faces by those columns and
sends each of their values once per group.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

#: Approximate faces per group: a group is one document, limited to 16 MB by the database.
PART = 4096


@dataclass(frozen=True)
class Reading:
    """The columns that were read.

    Attributes:
        ids: sample ids (N,), ascending
        group: (N,) group of each face
        shared: columns by name, one value per group (None if there is none)
        own: columns by name (N,) float64, NaN if there is no number
    """

    ids: list[str]
    group: np.ndarray
    shared: dict[str, list[Any]]
    own: dict[str, np.ndarray]


def read(view: Any, shared: dict[str, str], own: dict[str, str]) -> Reading:
    """Return columns of the samples of ``view``.

    Args:
        view: a dataset or view of faces
        shared: name -> field, for columns whose values mostly agree within a video; any value
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
    """Return a push's value; a missing field would push nothing and shift later values."""
    return {"$ifNull": [f"${path}", None]}


def _part(view: Any) -> dict[str, Any]:
    """Return an expression that splits large groups, by frames or by the order of insertion."""
    added = {"$substrBytes": [{"$toString": "$_id"}, 0, 21]}  # the last 3 hex digits count to PART
    if not (view.has_field("video_id") and view.has_field("frame_number")):
        return added
    frames = {"$ifNull": [{"$trunc": {"$divide": ["$frame_number", PART]}}, added]}
    return {"$cond": [{"$gt": ["$video_id", None]}, frames, added]}


def _ascending(raw: bytes) -> np.ndarray:
    """Return the (N,) ascending order of ids of 12 bytes each."""
    words = np.frombuffer(raw, ">u4").reshape(-1, 3)
    return np.lexsort((words[:, 2], words[:, 1], words[:, 0]))
