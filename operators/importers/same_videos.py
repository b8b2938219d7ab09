"""Finds videos that are the same file under several names, so that no split separates them."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence

from ...detector.files.allowed_roots import is_allowed
from ...detector.files.same_files import same_files, sizes_of
from ...detector.records import UNKNOWN, VideoRecord
from .leakage_groups import KnownVideo

#: Size in bytes below which a file cannot be a video with a picture; such files are broken.
LEAST = 1024


def same_videos(
    records: Sequence[VideoRecord], known: Iterable[KnownVideo], size: Callable[[str], int]
) -> dict[str, str]:
    """Return the sha256 by video id of each video whose file has the same bytes as another's.

    Only files of equal size are read. Frame sources are skipped here; their crops are compared
    before a training run.

    Args:
        records: what an importer read
        known: videos of the dataset already
        size: function that returns the size in bytes of a record's file
    """
    paths = {record.video_id: record.path for record in records if not record.frames}
    sizes = {path: size(path) for path in paths.values()}
    more = {v.video_id: v.path for v in known if v.path and v.video_id not in paths}
    more = {name: path for name, path in more.items() if is_allowed(path)}
    sizes |= sizes_of(more.values())
    found = same_files(sizes, LEAST)
    return {name: found[path] for name, path in (paths | more).items() if path in found}


def words(records: Sequence[VideoRecord], same: Mapping[str, str]) -> list[str]:
    """Return the sentences about :func:`same_videos` that the report shows."""
    by_content: dict[str, list[VideoRecord]] = defaultdict(list)
    for record in records:
        if record.video_id in same:
            by_content[same[record.video_id]].append(record)
    out = []
    torn = [f for f in by_content.values() if len({record.label for record in f} - {UNKNOWN}) > 1]
    if torn:
        one = " and ".join(f"{r.video_id} ({r.label_name})" for r in torn[0][:2])
        out.append(
            f"{len(torn)} files occur under several names, real under one and fake under "
            f"another: {one}. One of the labels is wrong."
        )
    if same:
        names = sorted(next(iter(sorted(by_content.values(), key=len, reverse=True)), []), key=_id)
        shown = " and ".join(record.video_id for record in names[:3])
        out.append(
            f"{len(same)} videos are {len(set(same.values()))} files under several names"
            f"{f', for example {shown}' if shown else ''}; those of one file are one group."
        )
    return out


def _id(record: VideoRecord) -> str:
    return record.video_id
