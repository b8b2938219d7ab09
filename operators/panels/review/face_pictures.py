"""Makes the picture of a face that no file holds: its whole frame."""

from __future__ import annotations

import base64
import io
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import fiftyone as fo
import fiftyone.core.media as fomm
import numpy as np

from ....detector.errors import ForensicsError
from ....detector.files.allowed_roots import require_files
from ...dataset import fields, marked_views
from ...dataset.face_columns import Source

WIDEST = 960  # pixels of a frame as it is sent
UNKNOWN = "The frame is not known: these crops came without their videos."


def frames_of(source: Source, ids: Sequence[str]) -> list[dict[str, Any]]:
    """Return the whole frame of each face, or why there is none, see :func:`_picture`."""
    schema = source.faces.get_field_schema()
    names = [n for n in ("id", "video_id", "video_path", "frame_number") if n in schema]
    columns = marked_views.columns(source.faces, ids, names)
    rows = [dict(zip(names, row, strict=True)) for row in zip(*columns, strict=True)]
    return [_picture(source, row) for row in rows]


def _picture(source: Source, row: dict[str, Any]) -> dict[str, Any]:
    uri, why = "", ""
    try:
        uri = _jpeg(_frame(source, row))
    except ForensicsError as error:
        why = error.message
    return {"id": row["id"], "uri": uri, "why": why}


def _frame(source: Source, row: dict[str, Any]) -> np.ndarray:
    """Return the frame that a face was cut from, decoded by its number as extraction did."""
    from ....detector.frames import read_frames

    path, number = row.get("video_path"), row.get("frame_number")
    if not path or number is None:
        raise ForensicsError(UNKNOWN)
    index = fields.frame_index(number)
    if source.videos is not None and source.videos.media_type == fomm.IMAGE:
        path, index = _own_file(source.videos, row["video_id"], number), 0
    require_files([path], "videos")
    if not Path(path).is_file():
        raise ForensicsError(f"The video {Path(path).name} is not there any more.")
    _, image = next(read_frames(path, [index]), (0, None))
    if image is None:
        raise ForensicsError(f"{Path(path).name} has no frame {number}.")
    return image


def _own_file(videos: fo.Dataset, video_id: str, number: int) -> str:
    """Return the file of a frame of a dataset whose videos are single pictures."""
    names = [fields.here(videos, name) for name in ("video_id", "frame_number")]
    found = videos.match({names[0]: video_id, names[1]: number}).limit(1).values("filepath")
    if not found:
        raise ForensicsError(UNKNOWN)
    return found[0]


def _jpeg(image: np.ndarray) -> str:
    from PIL import Image

    picture = Image.fromarray(image)
    picture.thumbnail((WIDEST, WIDEST))
    stream = io.BytesIO()
    picture.save(stream, "JPEG", quality=84)
    return "data:image/jpeg;base64," + base64.b64encode(stream.getvalue()).decode()
