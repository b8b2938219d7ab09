"""Merges crop stores of several machines: every recipe and every complete video."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from ..crops.store import CropStore
from ..errors import ForensicsError
from ..files.paths import inside
from ..records import CropRecipe, VideoRecord
from .merge_report import MergeReport
from .shard_notes import shard_notes


@dataclass(frozen=True, slots=True)
class Merged:
    """The number of videos of a recipe that were copied from one store."""

    source: str
    recipe_hash: str
    videos: int


def merge_stores(target: str | Path, sources: Sequence[str | Path]) -> list[Merged]:
    """Copy videos that ``target`` lacks, or has with fewer frames, from each of ``sources``.

    All sources are checked before the first copy. A repeated call copies nothing.

    Args:
        target: root of the destination store; may be new
        sources: roots of the shards' stores; one without videos is not an error

    Raises:
        ForensicsError: a source is not a crop store, or a recipe cannot be read
    """
    plan = [(Path(source), recipe) for source in sources for recipe in stored_recipes(source)]
    made = []
    for source, recipe in plan:
        itself = source.resolve() == Path(target).resolve()
        copied = 0 if itself else CropStore(target, recipe).merge(source)
        made.append(Merged(str(source), recipe.hash, copied))
    return made


def examine_stores(
    sources: Sequence[str | Path], records: Sequence[VideoRecord] | None = None
) -> MergeReport:
    """Return what several stores hold of the same videos and what they lack; write nothing.

    A video that two stores have cut from different files is a conflict, because their crops show
    different content.

    Args:
        sources: roots of the shards' stores
        records: videos that must be complete; None: do not look for gaps

    Raises:
        ForensicsError: see :func:`merge_stores`
    """
    stores = [CropStore(s, recipe) for s in sources for recipe in stored_recipes(s)]
    folders = {store.folder.resolve(): store for store in stores}  # count a shared store once
    found: dict[tuple[str, str], list[CropStore]] = {}
    for store in folders.values():
        for video_id in store.video_ids():
            found.setdefault((store.recipe.hash, video_id), []).append(store)
    twice: set[str] = set()
    conflicts: set[str] = set()
    for (_, video_id), where in found.items():
        if len(where) > 1:
            known = [stored for s in where if (stored := s.load_stored(video_id))]
            hashes = {stored.faces.source_sha256 for stored in known} - {""}
            (conflicts if len(hashes) > 1 else twice).add(video_id)
    there = {video_id for _, video_id in found}
    wanted = [record.video_id for record in records] if records is not None else sorted(there)
    gaps = tuple(sorted(set(wanted) - there))
    notes = [note for root in {Path(s).resolve() for s in sources} for note in shard_notes(root)]
    return MergeReport(
        units=len(wanted),
        complete=len(wanted) - len(gaps),
        duplicates=tuple(sorted(twice - conflicts)),
        conflicts=tuple(sorted(conflicts)),
        gaps=gaps,
        foreign=tuple(sorted(there - set(wanted))),
        running=tuple(note for note in notes if note.alive),
        died=tuple(note for note in notes if note.died),
    )


def stored_recipes(root: str | Path) -> list[CropRecipe]:
    """Return the recipes below a store's root.

    Raises:
        ForensicsError: there are none, or one was changed by hand
    """
    found = []
    for path in sorted(Path(root).glob("*/recipe.json")):
        inside(root, f"{path.parent.name}/{path.name}", "recipe")
        try:
            recipe = CropRecipe.from_json(json.loads(path.read_text()))
        except (OSError, ValueError, TypeError, RecursionError) as error:
            raise ForensicsError(f"{path} cannot be read: {error}.", "Restore it.") from error
        if recipe.hash != path.parent.name:
            raise ForensicsError(
                f"{path} is not the recipe of its folder.", "It was changed; restore it."
            )
        found.append(recipe)
    if not found:
        raise ForensicsError(f"{root} holds no crop store.", "Give the folder of a finished shard.")
    return found
