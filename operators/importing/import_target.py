"""Reads and updates the dataset that an import writes to.

It adds no samples; import_writer.py does that. Existing samples get their new groups, pairs and
splits, and their new paths after a folder has moved. Values of users and models stay.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import fiftyone as fo

from ...detector.errors import ForensicsError
from ...detector.records import VideoRecord
from ..dataset import fields, marked_views, views
from ..dataset.label_sync import set_by_video
from ..importers.leakage_groups import KnownVideo, changes_of_known


@dataclass(slots=True)
class Stored:
    """The content of a dataset before an import.

    Attributes:
        videos: the videos, for linking
        paths: video id -> path of the video, or of one of its frames
        rows: (video id, 1-based frame number or None) of every sample
    """

    videos: list[KnownVideo] = field(default_factory=list)
    paths: dict[str, str] = field(default_factory=dict)
    rows: set[tuple[str, int | None]] = field(default_factory=set)


def new_dataset(name: str) -> fo.Dataset:
    """Create the persistent dataset ``name``.

    Raises:
        ForensicsError: FiftyOne does not take the name
    """
    try:
        return fo.Dataset(name, persistent=True)
    except ValueError as error:
        raise ForensicsError(
            f"{name!r} cannot name a dataset: {error}.", "Choose another name.", "name"
        ) from error


def stored(dataset: fo.Dataset | None) -> Stored:
    """Return the content of ``dataset``, read by columns."""
    found = Stored()
    if dataset is None or views.is_empty(dataset):
        return found
    names = ["video_id", "compression", "group_id", "pair_id", "pair_status", "split", "filepath"]
    is_video = dataset.media_type == fo.core.media.VIDEO
    columns = dataset.values(names if is_video else [*names, "frame_number"])
    numbers = [None] * len(columns[0]) if is_video else columns[7]
    for video_id, compression, group, pair, status, split, path, number in zip(
        *columns[:7], numbers, strict=True
    ):
        found.rows.add((video_id, number))
        if video_id not in found.paths:
            found.paths[video_id] = path
            about = (compression or "", group or "", pair, status or "none", split)
            found.videos.append(KnownVideo(video_id, *about, path if is_video else ""))
    return found


def update_known(
    dataset: fo.Dataset,
    records: Sequence[VideoRecord],
    there: Stored,
    same: Mapping[str, str] | None = None,
) -> int:
    """Write the new groups and pairs of existing videos; return the number of changed videos."""
    if not there.videos:
        return 0
    changed: set[str] = set()
    for name, values in changes_of_known(records, there.videos, same).items():
        changed |= values.keys()
        set_by_video(dataset, name, values)
    # A list that was missing at the first import may be present now; no value is overwritten.
    of_now = {record.video_id: record for record in records}
    for name in ("split", "mask_path"):
        view = dataset.match({name: None})
        lacking = set(view.values("video_id")) if len(view) else set()
        values = {
            video_id: getattr(of_now[video_id], name)
            for video_id in lacking & of_now.keys()
            if getattr(of_now[video_id], name) is not None
        }
        changed |= values.keys()
        set_by_video(dataset, name, values)
        if name == "split":
            sources = {video_id: of_now[video_id].split_source for video_id in values}
            set_by_video(dataset, "split_source", sources)
    return len(changed)


def files_of(record: VideoRecord) -> Iterator[tuple[int | None, str]]:
    """Yield (1-based frame number or None, path) of each sample of a record."""
    if not record.frames:
        yield None, record.path
    for index, path in record.frames:
        yield fields.frame_number(index), path


def moved_videos(records: Sequence[VideoRecord], there: Stored) -> list[VideoRecord]:
    """Return the videos of the dataset whose stored path no longer exists."""
    moved = []
    for record in records:
        old = there.paths.get(record.video_id)
        if old is None or old in {path for _, path in files_of(record)}:
            continue
        gone_from_its_folder = record.frames and str(Path(old).parent) == record.path
        if not gone_from_its_folder and not Path(old).exists():
            moved.append(record)
    return moved


def relocate(dataset: fo.Dataset, moved: Sequence[VideoRecord]) -> int:
    """Point the samples of moved videos to their new paths; nothing else changes.

    Returns:
        number of samples
    """
    by_id = {record.video_id: record for record in moved}
    ids = list(by_id)
    is_video = dataset.media_type == fo.core.media.VIDEO
    count = 0
    for start in range(0, len(ids), 5000):
        view = dataset.match({"video_id": {"$in": ids[start : start + 5000]}})
        names = ["id", "video_id"] if is_video else ["id", "video_id", "frame_number"]
        paths, masks, folders = {}, {}, {}
        for row in zip(*view.values(names), strict=True):
            record = by_id[row[1]]
            files = dict(files_of(record))
            path = files.get(None if is_video else row[2])
            if path is not None:
                paths[row[0]] = path
                folders[row[0]] = record.path
            masks[row[0]] = record.mask_path
        dataset.set_values("filepath", paths, key_field="id")
        dataset.set_values("mask_path", masks, key_field="id")
        if not is_video:
            dataset.set_values("video_path", folders, key_field="id")
        count += len(paths)
    return count


def relocate_faces(videos: fo.Dataset, moved: Sequence[VideoRecord]) -> None:
    """Write the new paths of moved videos to the faces dataset as well."""
    faces = views.faces_of(videos)
    if faces is None:
        return
    by_id = {record.video_id: record for record in moved}
    columns = marked_views.columns(faces, list(by_id), ["id", "video_id"], "video_id")
    rows = list(zip(*columns, strict=True))
    views.set_by_id(faces, "video_path", {i: by_id[v].path for i, v in rows})
    views.set_by_id(faces, "mask_path", {i: by_id[v].mask_path for i, v in rows})
