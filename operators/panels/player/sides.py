"""Finds what can be played of a video: its file, its frames as pictures, or its crops.

A path comes from a sample of the open dataset or of its partner, never from the browser.
"""

from __future__ import annotations

import base64
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import fiftyone as fo
import fiftyone.core.media as fomm
import numpy as np

from ....detector.errors import ForensicsError
from ....detector.files.allowed_roots import require_files
from ...dataset import fields
from ...dataset.face_columns import Source
from .previews import times_of

VIDEO, PICTURES, NONE = "video", "pictures", "none"
MOST_PICTURES = 5000  # that a browser gets of a sequence
CROPS = "These are crops: the videos that they were cut from did not come along."


@dataclass(frozen=True)
class Side:
    """One of the two videos that are shown.

    Attributes:
        video, label: ``video_id`` and ground truth
        kind: ``video``, ``pictures`` (a sequence) or ``none``
        why: what a person should know of it; with ``none`` why nothing is shown
        path: file of a video
        type: media type with codec to ask the browser about; "" if no browser plays the file
        times: base64 of float64, little endian: seconds at which each frame of a video is shown
        start: seconds at which its container starts
        numbers: frame number of each picture
        files: file of each picture
        crops: whether the pictures are crops of one person
        width, height: pixels of a frame, 0 if not known
    """

    video: str
    label: str | None
    kind: str = NONE
    why: str = ""
    path: str = ""
    type: str = ""
    times: str = ""
    start: float = 0.0
    numbers: Sequence[int] = ()
    files: Sequence[str] = ()
    crops: bool = False
    width: int = 0
    height: int = 0

    @property
    def frames(self) -> int:
        """Number of frames or pictures."""
        return len(self.numbers) or len(base64.b64decode(self.times)) // 8


def side_of(source: Source, video_id: str, label: str | None, track: int | None) -> Side:
    """Return what can be shown of a video.

    Args:
        source: the open dataset and its partner
        video_id, label: of the video
        track: the person whose crops are shown where there is nothing else
    """
    empty = Side(video_id, label)
    try:
        return _side(source, empty, track)
    except ForensicsError as error:
        return replace(empty, why=f"{error.message} {error.hint}".strip())


def _side(source: Source, empty: Side, track: int | None) -> Side:
    videos = source.videos
    if videos is not None and videos.media_type == fomm.IMAGE:
        found = _pictures(videos, {fields.here(videos, "video_id"): empty.video})
        if found:
            return _sequence(empty, found)
    path = video_path(source, empty.video)
    if not path or Path(path).is_dir():
        return _crops(source, empty, track)
    try:
        return _film(empty, path)
    except ForensicsError as error:  # at least the crops can be shown
        return replace(_crops(source, empty, track), why=f"{error.message} These are its crops.")


def video_path(source: Source, video_id: str) -> str | None:
    """Return the file of a video as the dataset states it, None if it states none."""
    videos = source.videos
    if videos is not None and videos.media_type == fomm.VIDEO:
        found = videos.match({fields.here(videos, "video_id"): video_id}).limit(1)
        return next(iter(found.values("filepath")), None)
    if not source.faces.has_field("video_path"):
        return None
    found = source.faces.match({"video_id": video_id}).limit(1).values("video_path")
    return next(iter(found), None)


def checked(path: str) -> str:
    """Return the path of a video after a look at whether it may be read.

    Raises:
        ForensicsError: it is gone, or outside the folders that this server allows
    """
    require_files([path], "videos")
    if not Path(path).is_file():
        raise ForensicsError(f"The video {Path(path).name} is not there any more.")
    return path


def _film(empty: Side, path: str) -> Side:
    times = times_of(checked(path))
    if not len(times.pts):
        raise ForensicsError(f"No frame of {Path(path).name} can be decoded.")
    seconds = np.ascontiguousarray(times.seconds, "<f8")
    return replace(
        empty,
        kind=VIDEO,
        path=path,
        type=media_type(times.info, Path(path).suffix) if times.stated else "",
        times=base64.b64encode(seconds.tobytes()).decode(),
        start=times.start,
        width=times.info.width,
        height=times.info.height,
    )


def _crops(source: Source, empty: Side, track: int | None) -> Side:
    query: dict[str, Any] = {"video_id": empty.video}
    if track is not None and source.faces.has_field("track"):
        query["track"] = None if track < 0 else track
    found = _pictures(source.faces, query)
    if not found:
        raise ForensicsError(f"Nothing of {empty.video} is in this dataset.")
    return replace(_sequence(empty, found), crops=True, why=CROPS)


def _pictures(dataset: fo.Dataset, query: dict[str, Any]) -> list[tuple[int, str]]:
    """Return (frame number, file) of the samples of a sequence, in order, one of each frame."""
    name = fields.here(dataset, "frame_number")
    name = name if dataset.has_field(name) else "frame_number"
    if not dataset.has_field(name):
        return []
    numbers, files = dataset.match(query).values([name, "filepath"])
    found: dict[int, str] = {}
    for number, file in sorted(zip(numbers, files, strict=True), key=lambda row: row[0] or 0):
        if number is not None:
            found.setdefault(int(number), file)
    return list(found.items())


def _sequence(empty: Side, found: list[tuple[int, str]]) -> Side:
    shown = found[:MOST_PICTURES]
    files = [file for _, file in shown]
    require_files(files, "pictures")
    if not any(Path(file).is_file() for file in (files[0], files[-1])):
        raise ForensicsError(f"The picture {Path(files[0]).name} is not there any more.")
    left = len(found) - len(shown)
    why = f"The first {len(shown):,} of {len(found):,} pictures." if left else ""
    numbers = [number for number, _ in shown]
    return replace(empty, kind=PICTURES, why=why, numbers=numbers, files=files)


#: Media type of a codec in 8 and in more bits; "" where browsers differ or none plays it.
_CODECS = {
    "h264": ("avc1.640028", "avc1.6e0028"),
    "hevc": ("hvc1.1.6.L120.B0", "hvc1.2.4.L120.B0"),
    "av1": ("av01.0.08M.08", "av01.0.08M.10"),
    "vp9": ("vp09.00.40.08", "vp09.02.40.10"),
    "vp8": ("vp8", ""),
}
_CONTAINERS = {".mp4": "mp4", ".m4v": "mp4", ".mov": "mp4", ".webm": "webm"}


def media_type(info: Any, suffix: str) -> str:
    """Return the media type of a file for ``canPlayType``, "" if it needs a preview anyway.

    Args:
        info: :class:`detector.frames.frame.VideoInfo` of the file
        suffix: ending of its name, by which the App's server says what it is
    """
    eight, deep = _CODECS.get(info.codec, ("", ""))
    plain = info.pixel_format in ("yuv420p", "yuvj420p")
    codec = eight if plain else deep if info.pixel_format == "yuv420p10le" else ""
    container = _CONTAINERS.get(suffix.lower())
    if not codec or container is None:
        return ""
    stored = "mp4" if "mp4" in info.container else "webm" if "webm" in info.container else ""
    if container != stored or (container == "webm" and info.codec in ("h264", "hevc")):
        return ""
    if container == "mp4" and info.codec == "vp8":
        return ""
    return f'video/{container}; codecs="{codec}"'
