"""Finds the faces that the rows of a score table describe: by id, video, path, or end of the path.

Tables come from other machines, so a whole path rarely matches. A row belongs to the face or video
whose path shares the longest end with the row's path, unless their folders say different methods,
compressions or labels. If two share equally long ends, the row is ambiguous and gives no score.
Names are compared in Unicode's composed form.
"""

from __future__ import annotations

import re
import unicodedata
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import fiftyone as fo

from ...detector.errors import ForensicsError
from ...detector.records import LABELS
from ...detector.scoring.score_tables import ScoreTable
from ..importers.suffixes import is_video, stem_of
from .path_facts import contradict, facts, facts_of_each
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
    wanted, lost = _in_full([key[0] for key in table.keys], [key[0] for key in keys])
    rows = {
        (video, *key[1:]): row
        for row, (video, key) in enumerate(zip(wanted, table.keys, strict=True))
        if video is not None
    }
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
    return Matches("face", by_id, lost, keys[0])


def require_one_truth(dataset: fo.Dataset, table: ScoreTable, found: Matches) -> int:
    """Return how many faces have another true label in the table than in the dataset.

    Raises:
        ForensicsError: most have, so that the table's class 1 is probably "real"
    """
    if not table.truth or "ground_truth" not in dataset.get_field_schema():
        return 0
    ids, labels = dataset.values(["id", "ground_truth.label"])
    pairs = [
        (label, table.truth[found.by_id[i]])
        for i, label in zip(ids, labels, strict=True)
        if i in found.by_id and label in LABELS and table.truth[found.by_id[i]] is not None
    ]
    other = sum(LABELS.index(label) != truth for label, truth in pairs)
    if other * 2 > len(pairs):
        raise ForensicsError(
            f"The table's true labels contradict the dataset's for {other} of {len(pairs)} faces.",
            "Its class 1 may mean real (an alphabet of folders gives fake 0, real 1): say "
            "scores_of='real' to turn the scores, or 'fake' to take them as they are.",
            "scores_of",
        )
    return other


def _in_full(
    wanted: Sequence[str], there: Sequence[str]
) -> tuple[list[str | None], tuple[int, ...]]:
    """Return the ``video_id`` that each row means, and the rows that fit several videos."""
    videos = list(dict.fromkeys(there))
    spelled = {_composed(video): video for video in videos}
    if any(_composed(name) in spelled for name in wanted):
        return [spelled.get(_composed(name)) for name in wanted], ()
    names = list(dict.fromkeys(wanted))
    found, lost = _longest_ends([_without_ending(name) for name in names], videos)
    meant = {names[row]: videos[at] for row, at in found.items()}
    lost_names = {names[row] for row in lost}
    ambiguous = tuple(row for row, name in enumerate(wanted) if name in lost_names)
    return [meant.get(name) for name in wanted], ambiguous


def _composed(text: str) -> str:
    return text if text.isascii() else unicodedata.normalize("NFC", text)


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
    exact = {_composed(video): row for row, video in enumerate(wanted)}
    by_video = {v: exact[_composed(v)] for v in videos if _composed(v) in exact}
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
    path = _composed(path).replace("\\", "/")
    parts = [part for part in path.split("/") if part not in ("", ".")]
    return parts or [""]


def _longest_ends(
    wanted: Sequence[str], there: Sequence[str]
) -> tuple[dict[int, int], tuple[int, ...]]:
    """Return position in ``there`` by row, by the longest common path end, and ambiguous rows."""
    by_name: dict[tuple[str, ...], list[int]] = defaultdict(list)
    ends = [_parts(path)[::-1] for path in there]
    on_disk = all(re.match(r"[/\\]|[A-Za-z]:", path) for path in there)
    said = facts_of_each(ends) if on_disk else [facts(end[1:]) for end in ends]
    for at, end in enumerate(ends):
        for length in {1, min(2, len(end))}:
            by_name[tuple(end[:length])].append(at)
    found: dict[int, int] = {}
    taken: dict[int, list[int]] = defaultdict(list)
    ambiguous: list[int] = []
    for row, path in enumerate(wanted):
        end = _parts(path)[::-1]
        about = facts(end[1:])
        same: list[int] = []
        for length in (2, 1):  # frames share their names: the few of the same folder come first
            there_too = by_name.get(tuple(end[:length]), ()) if len(end) >= length else ()
            same = same or [at for at in there_too if not contradict(about, said[at])]
        lengths = [(_common(end, ends[at]), at) for at in same]
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
