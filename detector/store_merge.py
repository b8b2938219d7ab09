"""Crop stores of several machines into one: every recipe, every video, complete or not at all."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from .crops import CropStore
from .errors import ForensicsError
from .records import CropRecipe


@dataclass(frozen=True, slots=True)
class Merged:
    """How many videos of a recipe were copied from one store."""

    source: str
    recipe_hash: str
    videos: int


def merge_stores(target: str | Path, sources: Sequence[str | Path]) -> list[Merged]:
    """Copy what ``target`` lacks, or knows fewer frames of, from each of ``sources``.

    All sources are looked at before the first copy. Repeating it copies nothing.

    Args:
        target: root of the store that gets everything; may be new
        sources: roots of the shards' stores; one without a video of its own is no error

    Raises:
        ForensicsError: a source that holds no crop store, or a recipe that cannot be read
    """
    plan = [(Path(source), recipe) for source in sources for recipe in stored_recipes(source)]
    made = []
    for source, recipe in plan:
        itself = source.resolve() == Path(target).resolve()
        copied = 0 if itself else CropStore(target, recipe).merge(source)
        made.append(Merged(str(source), recipe.hash, copied))
    return made


def stored_recipes(root: str | Path) -> list[CropRecipe]:
    """The recipes below a store's root.

    Raises:
        ForensicsError: there is none, or one was changed by hand
    """
    found = []
    for path in sorted(Path(root).glob("*/recipe.json")):
        try:
            recipe = CropRecipe.from_json(json.loads(path.read_text()))
        except (OSError, json.JSONDecodeError) as error:
            raise ForensicsError(f"{path} cannot be read: {error}.", "Restore it.") from error
        if recipe.hash != path.parent.name:
            raise ForensicsError(
                f"{path} is not the recipe of its folder.", "It was changed; restore it."
            )
        found.append(recipe)
    if not found:
        raise ForensicsError(f"{root} holds no crop store.", "Give the folder of a finished shard.")
    return found
