"""Merges the parts of many scoring runs: compares them with the requested units, without guessing.

Each face is taken once.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from ..errors import ForensicsError
from ..records import Reason
from .merge_report import MergeReport
from .score_parts import ScoredVideo, ScoreParts, provenance_of, read_part
from .score_units import ScoreUnit, check_units
from .shard_notes import shard_notes

# Other batches round differently: the allowed difference of one face between two runs.
TOLERANCE = {"fp32": 1e-4, "bf16": 2e-2, "fp16": 5e-3}


@dataclass(slots=True)
class _Seen:
    """The content of all parts so far for one video."""

    wanted: np.ndarray  # sorted keys
    there: np.ndarray  # (n,) bool, True if a row was found
    p_fake: np.ndarray  # (n,) float32, NaN if there is none
    margin: np.ndarray  # (n,) float32, NaN if there is none
    reasons: dict[int, str | None] = field(default_factory=dict)
    rowless: bool = False  # True if a row says that the video has no face


def examine(folders: Sequence[Path], units: Sequence[ScoreUnit]) -> MergeReport:
    """Compare the parts in ``folders`` with ``units``; read every part once, write nothing.

    Args:
        folders: of one recipe, checkpoint and precision, see :func:`score_parts.score_folders`
        units: the required units

    Raises:
        ForensicsError: folders of different detectors, or a duplicate unit
    """
    check_units(units)
    tolerance = TOLERANCE[same_provenance(folders)]
    seen = {unit.video_id: _seen(unit) for unit in units}
    sources = {unit.video_id: unit.source_sha256 for unit in units}
    twice, conflicts, outdated, foreign = set(), set(), set(), set()
    damaged: list[tuple[str, str]] = []
    for path in _paths(folders):
        try:
            videos = list(read_part(path))
        except ForensicsError as error:
            damaged.append((path.name, error.message))
            continue
        for video in videos:
            name = video.video_id
            if name not in seen:
                foreign.add(name)
            elif video.source_sha256 != sources[name]:
                outdated.add(name)
            else:
                again, differs = _take(seen[name], video, tolerance)
                twice |= {name} if again else set()
                conflicts |= {name} if differs else set()
    gaps = [
        name
        for name, found in seen.items()
        if not found.there.all() or not (found.rowless or len(found.wanted))
    ]
    notes = [note for folder in folders for note in shard_notes(folder)]
    return MergeReport(
        units=len(units),
        complete=len(units) - len(gaps),
        duplicates=tuple(sorted(twice - conflicts)),
        conflicts=tuple(sorted(conflicts)),
        gaps=tuple(sorted(gaps)),
        outdated=tuple(sorted(outdated)),
        foreign=tuple(sorted(foreign)),
        running=tuple(note for note in notes if note.alive),
        died=tuple(note for note in notes if note.died),
        damaged=tuple(damaged),
    )


def merged(folders: Sequence[Path], units: Sequence[ScoreUnit]) -> Iterator[ScoredVideo]:
    """Yield the rows of ``units`` in the parts, each face once; damaged parts are left out.

    Call :func:`examine` first, because this takes the first of several rows.
    """
    left = {unit.video_id: set(unit.keys.tolist()) for unit in units}
    sources = {unit.video_id: unit.source_sha256 for unit in units}
    faceless = {unit.video_id for unit in units if not unit.faces}
    died: list[ScoredVideo] = []  # few; results of other runs replace them

    def taken(video: ScoredVideo, allowed: np.ndarray) -> ScoredVideo:
        wanted = left[video.video_id]
        rows = [row for row in np.flatnonzero(allowed) if int(video.keys[row]) in wanted]
        wanted.difference_update(video.keys[rows].tolist())
        return video.rows(np.array(rows, np.int64))

    for path in _paths(folders):
        try:
            videos = list(read_part(path))
        except ForensicsError:
            continue  # reported by examine()
        for video in videos:
            if sources.get(video.video_id) != video.source_sha256:
                continue
            if not video.final.all():
                died.append(video.rows(np.flatnonzero(~video.final)))
            chosen = taken(video, video.final)
            if len(chosen.frame) or video.video_id in faceless:
                faceless.discard(video.video_id)
                yield chosen
    for video in died:
        chosen = taken(video, ~video.final)
        if len(chosen.frame):
            yield chosen


def copy_parts(target: ScoreParts, folders: Sequence[Path], units: Sequence[ScoreUnit]) -> int:
    """Write the merged rows of ``folders`` into ``target``; return the number of videos."""
    target.prepare()
    waiting: list[ScoredVideo] = []
    count = 0
    for video in merged(folders, target.missing(units)):
        waiting.append(video)
        count += 1
        if len(waiting) == 64:
            target.write(waiting)
            waiting = []
    if waiting:
        target.write(waiting)
    return count


def same_provenance(folders: Sequence[Path]) -> str:
    """Return the precision of folders that hold scores of one detector on one recipe.

    Raises:
        ForensicsError: the folders differ in recipe, checkpoint or precision
    """
    abouts = {folder: provenance_of(folder) for folder in folders}
    kinds = {(a.recipe_hash, a.checkpoint_sha256, a.precision) for a in abouts.values()}
    if len(kinds) != 1:
        lines = [f"{f.name} in {a.precision}" for f, a in abouts.items()]
        raise ForensicsError(
            f"The folders hold scores of different detectors: {', '.join(lines)}.",
            "Merge one detector, recipe and precision at a time.",
            "merge_from",
        )
    return next(iter(kinds))[2]


def _paths(folders: Sequence[Path]) -> list[Path]:
    return [path for folder in folders for path in sorted(folder.glob("part-*.parquet"))]


def _seen(unit: ScoreUnit) -> _Seen:
    keys = unit.keys
    nothing = np.full(len(keys), np.nan, np.float32)
    return _Seen(keys, np.zeros(len(keys), bool), nothing, nothing.copy())


def _take(found: _Seen, video: ScoredVideo, tolerance: float) -> tuple[bool, bool]:
    """Record the rows of ``video``; return whether some were known, and whether they differ."""
    if not len(video.frame):
        again, found.rowless = found.rowless, True
        return again, False
    keys = video.keys
    at = np.searchsorted(found.wanted, keys)
    inside = at < len(found.wanted)
    inside[inside] = found.wanted[at[inside]] == keys[inside]
    again = differs = False
    for row in np.flatnonzero(inside):
        place, score, reason = int(at[row]), video.p_fake[row], video.reasons[row]
        margin = video.margin[row]
        old = found.reasons.get(place)
        if found.there[place] and Reason.WORKER_DIED in (old, reason) and old != reason:
            if old == Reason.WORKER_DIED:  # a later run succeeded
                found.p_fake[place], found.margin[place] = score, margin
                found.reasons[place] = reason
            continue
        if found.there[place]:
            again = True
            both_none = np.isnan(score) and np.isnan(found.p_fake[place])
            close = bool(abs(score - found.p_fake[place]) <= tolerance)
            close = close and not _apart(margin, found.margin[place], tolerance)
            differs |= not (close or both_none) or reason != old
            continue
        found.there[place] = True
        found.p_fake[place], found.margin[place] = score, margin
        if reason is not None:
            found.reasons[place] = reason
    return again, bool(differs)


def _apart(margin: float, other: float, tolerance: float) -> bool:
    """Return whether margins differ by more than the rounding of other batches explains.

    p_fake is 1 for a margin of 20 and of 60. Rounding grows with the logits, and p_fake changes by
    at most a quarter of the change of its margin.
    """
    return bool(abs(margin - other) > 8 * tolerance * (1 + abs(other)))
