"""Trains named recipes with several seeds on one manifest: the papers' ablation on any data.

Each cell is an ordinary run in its folder. A worker takes the next cell that is neither finished
nor in progress. So any number of workers can share one folder, and an interrupted call continues.
"""

from __future__ import annotations

import json
import logging
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np

from ..detector.errors import Cancelled, ForensicsError, MetricUndefined
from ..detector.files.atomic import write_json
from ..detector.files.paths import given
from ..detector.metrics.jackknife import paired_difference
from . import launch, runs
from .comparison import holm, mean_of, rank_of
from .config import named_recipe
from .manifest import Manifest
from .runs import RunFolder

log = logging.getLogger(__name__)

LADDER = ("linear_probe", "ln", "ln_l2", "ln_l2_unal", "ln_l2_unal_slerp")
"""Figure 1 of arXiv 2503.19683: each recipe adds one thing to the one before."""


@dataclass(frozen=True)
class Cell:
    """One recipe with one seed.

    Attributes:
        recipe, seed: recipe and seed of the run
        folder: folder of the run
    """

    recipe: str
    seed: int
    folder: Path

    @property
    def name(self) -> str:
        """The name of the cell, for the user and for the folder."""
        return f"{self.recipe}_s{self.seed}"


@dataclass(frozen=True)
class RecipeRow:
    """The results of one recipe over its finished seeds. An undefined value is None.

    Attributes:
        recipe: its name
        seeds: the finished seeds
        aurocs: validation AUROC (video level, best checkpoint) of each seed
        mean, spread: mean and standard deviation (n - 1) of ``aurocs``
        auroc: AUROC of each video's mean score over the seeds
        before: the recipe that it is compared with, None for the first
        difference, difference_low, difference_high, p_value: ``auroc`` minus that of ``before``
            over the seeds that both have, paired over groups
        p_holm: ``p_value`` corrected for the number of comparisons
    """

    recipe: str
    seeds: tuple[int, ...]
    aurocs: tuple[float | None, ...]
    mean: float | None
    spread: float | None
    auroc: float | None
    before: str | None
    difference: float | None
    difference_low: float | None
    difference_high: float | None
    p_value: float | None
    p_holm: float | None


def prepare(
    folder: str | Path,
    manifest: Manifest,
    recipes: Sequence[str] = LADDER,
    seeds: Sequence[int] = (0, 1, 2),
    settings: Mapping[str, Any] | None = None,
    crop_recipe: dict[str, Any] | None = None,
    crop_recipe_hash: str | None = None,
) -> list[Cell]:
    """Prepare the run of every cell; cells that were prepared before are recognised.

    Args:
        folder: folder of the ablation; each cell gets a subfolder
        manifest: the crops, the same for all
        recipes: names of recipes in the order of the ladder
        seeds: seeds of each recipe
        settings: fields of ``TrainConfig`` for all cells (tower, epochs, ...), never ``seed``

    Returns:
        the cells, seed by seed, so that every recipe soon has a result

    Raises:
        ForensicsError: unknown recipe or setting, what :meth:`Manifest.check` refuses, or a folder
            that holds another ablation (the message says what differs)
    """
    settings = dict(settings or {})
    if "seed" in settings:
        raise ForensicsError("The seed is not a setting here.", "Give 'seeds'.", "seeds")
    for name, values in (("recipes", recipes), ("seeds", seeds)):
        if not values or len(set(values)) < len(values):
            raise ForensicsError(
                f"{name} = {list(values)} cannot be used.", "Give each once, at least one.", name
            )
    root = given(folder, "folder")
    cells, configs = [], {}
    for seed in seeds:
        for recipe in recipes:
            cell = Cell(recipe, int(seed), root / f"{recipe}_s{seed}")
            configs[cell] = named_recipe(recipe, **settings, seed=int(seed))
            cells.append(cell)
    manifest.check(batch_size=max(config.batch_size for config in configs.values()))
    for cell in cells:
        run = RunFolder(cell.folder)
        if run.is_running():
            continue
        try:
            launch.prepare(
                cell.folder, configs[cell], manifest, crop_recipe, crop_recipe_hash, cell.name
            )
        except ForensicsError:
            if not run.is_running():  # otherwise another worker has just taken it
                raise
    write_json(
        root / "ablation.json",
        {
            "recipes": list(recipes),
            "seeds": [int(seed) for seed in seeds],
            "settings": settings,
            "manifest_sha256": manifest.sha256,
        },
    )
    return cells


def work(
    cells: Sequence[Cell],
    progress: Callable[[int, int, str], None],
    should_stop: Callable[[], bool],
    device: str | None = None,
) -> dict[str, str]:
    """Train the cells that are neither finished nor in progress, one after the other.

    A cell that fails does not stop the others. The next call tries it again.

    Returns:
        why each cell failed, by its name

    Raises:
        Cancelled: stopped on request; the current cell is saved
    """
    failed = {}
    for cell in cells:
        done = sum(map(completed, cells))
        run = RunFolder(cell.folder)
        if completed(cell) or run.is_running():
            continue
        try:
            handle = launch.start(cell.folder, device=device)
            for state in launch.follow(handle):
                if handle.busy:
                    break
                progress(done, len(cells), f"{cell.name}: {state['text']}")
                if should_stop():
                    handle.stop()
            if handle.busy:
                continue  # another worker took it between the check and the start
            if handle.result()["status"] == runs.STOPPED:
                raise Cancelled(
                    "The ablation was stopped.", "The same call continues where it stopped."
                )
        except Cancelled:
            raise
        except ForensicsError as error:
            if run.is_running():
                continue  # another worker was faster
            log.warning("%s failed: %s", cell.name, error)
            failed[cell.name] = str(error)
    progress(sum(map(completed, cells)), len(cells), "")
    return failed


def completed(cell: Cell) -> bool:
    """Return whether the run of ``cell`` is completed."""
    return RunFolder(cell.folder).status["status"] == runs.COMPLETED


def summarise(cells: Sequence[Cell]) -> list[RecipeRow]:
    """Return one row per recipe over its finished seeds; recipes without one are left out.

    Each recipe is compared with the finished one before it in the ladder. The comparison uses the
    mean score of each video over the seeds that both have, paired over groups.
    """
    recipes = list(dict.fromkeys(cell.recipe for cell in cells))
    found = {
        recipe: {
            cell.seed: json.loads((cell.folder / "validation.json").read_text(encoding="utf-8"))
            for cell in cells
            if cell.recipe == recipe and completed(cell)
        }
        for recipe in recipes
    }
    there = [recipe for recipe in recipes if found[recipe]]
    pairs = {recipe: _paired(found[recipe], found[before]) for before, recipe in pairwise(there)}
    p_values = {recipe: c.p_value for recipe, c in pairs.items() if c is not None}
    corrected = holm({recipe: p for recipe, p in p_values.items() if p is not None})
    rows = []
    for number, recipe in enumerate(there):
        aurocs = tuple(record["auroc"] for record in found[recipe].values())
        values = [value for value in aurocs if value is not None]
        pair = pairs.get(recipe)
        rows.append(
            RecipeRow(
                recipe=recipe,
                seeds=tuple(found[recipe]),
                aurocs=aurocs,
                mean=float(np.mean(values)) if values else None,
                spread=float(np.std(values, ddof=1)) if len(values) > 1 else None,
                auroc=_auroc_of_means(found[recipe]),
                before=there[number - 1] if number else None,
                difference=pair.difference if pair else None,
                difference_low=pair.low if pair else None,
                difference_high=pair.high if pair else None,
                p_value=pair.p_value if pair else None,
                p_holm=corrected.get(recipe),
            )
        )
    return rows


def _videos(records: Mapping[int, Any], seeds: Sequence[int]) -> dict[str, list[Any]]:
    """Return video -> [label, group, rank of the mean score over seeds]; cells share a manifest."""
    rows: dict[str, list[Any]] = {}
    for seed in seeds:
        for row in records[seed]["videos"]:
            rows.setdefault(row["video_id"], []).append(row)
    whole = {name: of_seeds for name, of_seeds in rows.items() if len(of_seeds) == len(seeds)}
    order = rank_of([mean_of(of_seeds) for of_seeds in whole.values()]).tolist()
    rows_of = zip(whole.items(), order, strict=True)
    return {name: [found[0]["label"], found[0]["group_id"], at] for (name, found), at in rows_of}


def _paired(a: Mapping[int, Any], b: Mapping[int, Any]) -> Any:
    seeds = sorted(set(a) & set(b))
    if not seeds:
        return None
    first, second = _videos(a, seeds), _videos(b, seeds)
    names = sorted(set(first) & set(second))
    groups = [first[name][1] for name in names]
    try:
        return paired_difference(
            [first[name][0] for name in names],
            [first[name][2] for name in names],
            [second[name][2] for name in names],
            "auroc",
            groups,
        )
    except MetricUndefined as error:
        log.info("no paired test: %s", error)
        return None


def _auroc_of_means(records: Mapping[int, Any]) -> float | None:
    from ..detector.metrics.rates import roc_auc

    videos = _videos(records, list(records)).values()
    try:
        return roc_auc([row[0] for row in videos], [row[2] for row in videos])
    except MetricUndefined:
        return None
