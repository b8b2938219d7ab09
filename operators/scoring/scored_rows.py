"""Reads the rows of a score table from a dataset: of faces or of videos, under any key."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import PurePath
from typing import Any

import fiftyone as fo
from fiftyone import ViewField as F

from ...detector.errors import ForensicsError
from ...detector.scoring.table_shapes import NAME, PATH, SAMPLE_ID, VIDEO_ID, Scored
from ..dataset import views
from ..dataset.scored_items import items_of


def of_view(view: Any, key: str, level: str, by: str, first: int | None = None) -> Scored:
    """Return the rows of ``view``.

    Args:
        view: the faces
        key: detector key
        level: ``face`` or ``video``
        by: one of :data:`detector.scoring.table_shapes.KEYS`
        first: number of rows that suffice for a preview; videos are still scored by all their faces
    """
    if first is not None:
        view = _first(view, level, first)
    items = items_of(view, key, level)
    values = items.reason.values
    return Scored(
        keys=_of_faces(view, items.names.tolist(), by)
        if level == "face"
        else _of_videos(views.dataset_of(view), items.names.tolist(), by),
        label=items.label,
        p_fake=items.p_fake,
        margin=items.margins,
        reason=[values[code] if code >= 0 else "" for code in items.reason.codes],
    )


def _first(view: Any, level: str, first: int) -> Any:
    """Return a small part of ``view`` with whole rows."""
    if level == "face":
        return view.limit(first)
    wanted = list(dict.fromkeys(view.limit(500 * first).values("video_id")))[:first]
    return view.match(F("video_id").is_in(wanted))


def _of_faces(view: Any, ids: Sequence[str], by: str) -> dict[str, Sequence[Any]]:
    if by == SAMPLE_ID:
        return {"sample_id": ids}
    names = ["filepath"]
    if by == VIDEO_ID:
        names = ["video_id", "frame_number", "face_index"]
        names = [name for name in names if view.has_field(name)]
    found = dict(zip(view.values("id"), zip(*view.values(names), strict=True), strict=True))
    columns = [list(column) for column in zip(*(found[i] for i in ids), strict=True)]
    if by == NAME:
        return {"name": [PurePath(path).name for path in columns[0]]}
    if names[-1] == "face_index" and None in columns[-1]:  # datasets whose frames have one face
        del names[-1], columns[-1]
    return dict(zip(["path"] if by == PATH else names, columns, strict=True))


def _of_videos(dataset: fo.Dataset, video_ids: Sequence[str], by: str) -> dict[str, Sequence[Any]]:
    if by == VIDEO_ID:
        return {"video_id": video_ids}
    if by == SAMPLE_ID:
        raise ForensicsError("A video has no sample id here.", "Choose another key.", "by")
    known = video_files(dataset)
    paths = [known.get(name) for name in video_ids]
    if by == PATH:
        return {"path": paths}
    return {"name": [None if path is None else PurePath(path).name for path in paths]}


def video_files(dataset: fo.Dataset) -> dict[str, str]:
    """Return the path of each video's file, as far as the faces or video dataset knows it."""
    found: dict[str, str] = {}
    videos = views.videos_of(dataset)
    if videos is not None and videos.has_field("video_id"):
        found = dict(zip(*videos.values(["video_id", "filepath"]), strict=True))
    if dataset.has_field("video_path"):
        group = {"$group": {"_id": "$video_id", "path": {"$first": "$video_path"}}}
        rows = dataset._aggregate(pipeline=[group])
        found = {**{row["_id"]: row["path"] for row in rows if row["path"]}, **found}
    return found
