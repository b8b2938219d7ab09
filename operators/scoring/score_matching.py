"""Finds the faces that the rows of a score table describe: by id, video, path, or end of the path.

Tables come from other machines, so a whole path rarely matches. A row belongs to the face or video
whose path shares the longest end with the row's path. If two share equally long ends, the row is
ambiguous and gives no score.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import fiftyone as fo

from ...detector.errors import ForensicsError
from ...detector.scoring.score_tables import ScoreTable
from ..importers.suffixes import is_video, stem_of
from .scored_rows import video_files


@dataclass(frozen=True, slots=True)
class Matches:
    """The rows of a table matched to faces.

    Attributes:
        level: ``face``, or ``video`` if every face of a video has the video's row
        by_id: row number by sample id
        ambiguous: rows that match several faces or videos equally well
        asked: identification of one face of the dataset in the table's columns, for messages
    """

    level: str
    by_id: Mapping[str, int]
    ambiguous: tuple[int, ...]
    asked: tuple[Any, ...]


def match(dataset: fo.Dataset, table: ScoreTable) -> Matches:
    """Return the rows of ``table`` by sample id of the faces dataset.

    Raises:
        ForensicsError: a frame has several faces, and the table does not tell them apart
    """
    if table.key_columns == ("sample_id",):
        ids = dataset.values("id")
        rows = {key[0]: row for row, key in enumerate(table.keys)}
        return Matches("face", {i: rows[i] for i in ids if i in rows}, (), (ids[0],))
    if table.key_columns == ("filepath",):
        return _by_path(dataset, [str(key[0]) for key in table.keys])
    if table.key_columns == ("video_id",):
        return _by_video(dataset, [str(key[0]) for key in table.keys])
    ids, *columns = dataset.values(["id", *table.key_columns])
    keys = list(zip(*columns, strict=True))
    rows = {key: row for row, key in enumerate(table.keys)}
    if table.key_columns == ("video_id", "frame_number"):
        twice = [key for key, n in Counter(keys).items() if n > 1 and key in rows]
        if twice:
            raise ForensicsError(
                f"The frame {twice[0]} has several faces; the table does not say which one it "
                "scored.",
                "Add the column face_index.",
                "path",
            )
    by_id = {i: rows[key] for i, key in zip(ids, keys, strict=True) if key in rows}
    return Matches("face", by_id, (), keys[0])


def _by_path(dataset: fo.Dataset, wanted: Sequence[str]) -> Matches:
    """Match rows that name pictures or videos."""
    ids, paths = dataset.values(["id", "filepath"])
    found, ambiguous = _longest_ends(wanted, paths)
    if found or not wanted:
        by_path = {paths[at]: row for row, at in found.items()}
        by_id = {i: by_path[p] for i, p in zip(ids, paths, strict=True) if p in by_path}
        return Matches("face", by_id, ambiguous, (paths[0],))
    found, ambiguous = _longest_ends(wanted, list((files := video_files(dataset)).values()))
    if found and not set(wanted) & set(files):
        by_name = {list(files)[at]: row for row, at in found.items()}
        ids, of = dataset.values(["id", "video_id"])
        by_id = {i: by_name[v] for i, v in zip(ids, of, strict=True) if v in by_name}
        return Matches("video", by_id, ambiguous, (next(iter(files.values())),))
    return _by_video(dataset, wanted)


def _by_video(dataset: fo.Dataset, wanted: Sequence[str]) -> Matches:
    """Match rows that name videos: by ``video_id``, or by the end of a path."""
    ids, of = dataset.values(["id", "video_id"])
    videos = list(dict.fromkeys(of))
    exact = {video: row for row, video in enumerate(wanted)}
    by_video = {video: exact[video] for video in videos if video in exact}
    ambiguous: tuple[int, ...] = ()
    if not by_video:
        plain = [_without_ending(name) for name in wanted]
        found, ambiguous = _longest_ends(plain, videos)
        by_video = {videos[at]: row for row, at in found.items()}
    by_id = {i: by_video[v] for i, v in zip(ids, of, strict=True) if v in by_video}
    return Matches("video", by_id, ambiguous, (videos[0],))


def _without_ending(name: str) -> str:
    parts = _parts(name)
    return "/".join([*parts[:-1], stem_of(parts[-1]) if is_video(parts[-1]) else parts[-1]])


def _parts(path: str) -> list[str]:
    parts = [part for part in path.replace("\\", "/").split("/") if part not in ("", ".")]
    return parts or [""]


def _longest_ends(
    wanted: Sequence[str], there: Sequence[str]
) -> tuple[dict[int, int], tuple[int, ...]]:
    """Return position in ``there`` by row, by the longest common path end, and ambiguous rows."""
    by_name: dict[str, list[int]] = defaultdict(list)
    ends = [_parts(path)[::-1] for path in there]
    for at, end in enumerate(ends):
        by_name[end[0]].append(at)
    found: dict[int, int] = {}
    taken: dict[int, list[int]] = defaultdict(list)
    ambiguous: list[int] = []
    for row, path in enumerate(wanted):
        end = _parts(path)[::-1]
        lengths = [(_common(end, ends[at]), at) for at in by_name.get(end[0], ())]
        longest = max((length for length, _ in lengths), default=0)
        best = [at for length, at in lengths if length == longest]
        if len(best) == 1:
            taken[best[0]].append(row)
        elif best:
            ambiguous.append(row)
    for at, rows in taken.items():
        if len(rows) == 1:
            found[rows[0]] = at
            continue
        lengths = [(_common(_parts(wanted[row])[::-1], ends[at]), row) for row in rows]
        longest = max(length for length, _ in lengths)
        best = [row for length, row in lengths if length == longest]
        if len(best) == 1:
            found[best[0]] = at
        else:
            ambiguous.extend(best)
    return found, tuple(sorted(ambiguous))


def _common(first: Iterable[str], second: Iterable[str]) -> int:
    length = 0
    for one, other in zip(first, second, strict=False):
        if one != other:
            break
        length += 1
    return length
