"""Defines the operator ``run_ablation``: recipes times seeds on one manifest, with tests."""

from __future__ import annotations

import re
import time
from collections.abc import Generator, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any, ClassVar

import fiftyone as fo
from fiftyone.operators import types

from ...detector.errors import ForensicsError
from ...detector.files import packages
from ...detector.files.allowed_roots import require_files
from ...detector.files.atomic import holds_nothing
from ...detector.files.outputs import claim_folder, json_with
from ...detector.files.paths import given
from ...detector.model.tower_files import require_here
from ...detector.progress import Progress, ShouldStop, never, silent
from ...training import ablation, ablation_results, budget, devices
from ...training.ablation import LADDER
from ...training.config import named_recipe
from ...training.manifest import Manifest
from ..app.form import Form, arguments
from ..dataset import default_folders, fields, run_names, stored_runs, views
from ..jobs import job as jobs
from ..jobs.path_arguments import with_paths
from ..jobs.workflow import JobWorkflow
from . import training_manifest, training_records, training_words
from .training_form import (
    DEFAULT_BACKBONE,
    DEVICES,
    VALIDATIONS,
    backbones,
    recipes as recipe_choices,
)


@with_paths("runs_dir", detectors=("backbone",))
def run(
    samples: Any,
    *,
    name: str = "ablation",
    recipes: Sequence[str] = LADDER,
    seeds: Sequence[int] = (0, 1, 2),
    backbone: str = DEFAULT_BACKBONE,
    settings: dict[str, Any] | None = None,
    validation: str = "auto",
    validation_fraction: float = 0.2,
    runs_dir: str | None = None,
    device: str | None = None,
    progress: Progress = silent,
    should_stop: ShouldStop = never,
) -> dict[str, Any]:
    """Train every recipe with every seed on one manifest, and compare each with the one before.

    Call it again to continue after a stop. Call it in several processes (or schedule it for several
    workers) to share the work: each takes the next run that no other process has.

    Args:
        samples: faces dataset or view
        name: name of the ablation; its runs are ``<name>_<recipe>_s<seed>``
        recipes: named recipes in the order of the figure
        seeds: seeds of the head, the order and the augmentation
        backbone: tower of all runs
        settings: fields of ``TrainConfig`` for all runs, for example ``{"epochs": 4}``
        validation, validation_fraction: see :func:`training_manifest.read`
        runs_dir: parent of the ablation's folder
        device: ``auto`` (a GPU if there is one), ``cpu``, ``cuda`` or ``cuda:N``
        progress, should_stop: see :mod:`detector.progress`

    Returns:
        ``{"rows": [...], "table": str, "figure": path, "folder": path, "runs": [keys],
        "failed": {run: why}, "done": n, "of": n}``; a row is a
        :class:`training.ablation.RecipeRow`

    Raises:
        ForensicsError: if the input is wrong, or the folder holds another ablation of that name
        Cancelled: if the user stopped it; what is trained stays
    """
    from ...detector.model.backbone import load_backbone

    if not re.fullmatch(r"[a-z][a-z0-9_]{0,15}", name):
        raise ForensicsError(
            f"{name!r} cannot name an ablation.",
            "Use a lower-case word of at most 16 letters, digits and underscores.",
            "name",
        )
    view = views.flat(samples)
    dataset = views.dataset_of(view)
    usual = default_folders.of_dataset(default_folders.RUNS, dataset)
    parent = given(runs_dir or usual, "runs_dir")
    root = claim_folder(parent / name, "runs_dir", _is_ablation)
    require_files(view.values("filepath"), "faces")
    require_here(backbone)  # never another tower without a word
    where = devices.placement(device)
    found = training_manifest.read(
        view, validation=validation, validation_fraction=validation_fraction
    )
    load_backbone(backbone, device="cpu")  # reports missing weights before anything starts
    about = fields.describe(dataset)
    cells = ablation.prepare(
        root,
        found.manifest,
        recipes,
        seeds,
        {**(settings or {}), "backbone": backbone},
        about.get("recipe") or {},
        about.get("recipe_hash"),
    )
    counts = training_manifest.counts(found.manifest)
    keys = [f"{name}_{cell.name}" for cell in cells]
    for key, cell in zip(keys, cells, strict=True):
        config = named_recipe(
            cell.recipe, **{**(settings or {}), "backbone": backbone, "seed": cell.seed}
        )
        if not training_records.has(dataset, key):
            training_records.register(view, key, config, found.manifest.sha256, cell.folder, counts)
    failed = ablation.work(cells, progress, should_stop, where.device)
    rows = ablation.summarise(cells)
    files = ablation_results.save(root, cells, rows)
    done = sum(map(ablation.completed, cells))
    result = {
        "rows": [{k: _plain(v) for k, v in asdict(row).items()} for row in rows],
        "table": ablation_results.table(rows, len(cells)),
        "figure": str(files["figure"]),
        "folder": str(root),
        "runs": keys,
        "failed": failed,
        "done": done,
        "of": len(cells),
    }
    _record(dataset, name, found.manifest.sha256, result)
    return result


def _is_ablation(root: Path) -> bool:
    """Return whether ``root`` holds an ablation, or only the runs of an interrupted preparation."""
    record = root / "ablation.json"
    if record.is_file():
        return json_with("recipes", "seeds", "manifest_sha256").is_ours(record)
    return holds_nothing(root, [path.name for path in root.iterdir() if path.is_dir()])


def _plain(value: Any) -> Any:
    return list(value) if isinstance(value, tuple) else value


def _record(dataset: fo.Dataset, name: str, manifest_sha256: str, result: dict[str, Any]) -> None:
    """Record the result as a custom run of the dataset."""
    key = run_names.ABLATION + name
    names = ("folder", "runs", "failed", "done", "of", "figure")
    stored_runs.put(
        dataset,
        key,
        method=run_names.method_of(run_names.ABLATION),
        results={"rows": result["rows"], "table": result["table"]},
        name=name,
        manifest_sha256=manifest_sha256,
        ended=time.time(),
        **{k: result[k] for k in names},
    )


class RunAblation(JobWorkflow):
    """Operator that trains the named recipes over several seeds and draws the papers' Figure 1."""

    label = "Run ablation"
    description = (
        "Train the named recipes over several seeds on one manifest; figure, table "
        "and paired tests of what each step of the recipe brings on your data"
    )
    icon = "stacked_line_chart"
    risk = types.RiskLevel.MEDIUM
    parts = (packages.PICTURES, packages.MODELS)
    bar, doing = "ablation", "Ablation"
    options: ClassVar = {**JobWorkflow.options, "default_choice_to_delegated": True}

    def fill(self, form: Form, target: Any) -> None:
        text = "The same name continues an ablation that was interrupted"
        form.text("name", "Name", text, required=True)
        text = "Each is compared with the one before it"
        form.several("recipes", recipe_choices(), "Recipes", text, required=True)
        form.whole("seed_count", "Seeds", "0, 1, 2, …", least=1, most=10, default=3)
        form.choice("backbone", backbones(), "Tower", "The pretrained vision transformer")
        text = "Whose videos are compared; never those of the test split"
        form.choice("validation", VALIDATIONS, "Validation", text)
        form.choice("device", DEVICES, "Device", "Where it trains", default=devices.AUTO)
        form.whole("epochs", "Epochs", "Empty: the recipes' own, 10", least=1)
        form.whole("batch_size", "Batch size", "Empty: 128", least=2)
        form.describe_device()
        validation = form.value("validation")
        found = form.check(
            lambda: training_manifest.read(target, validation=validation, files=False)
        )
        if found is not None:
            form.notice("contents", training_words.contents(found))
            cost = form.check(lambda: _cost(_params(form.params), found.manifest)) or ""
            words = "It runs in the background; the panel 'Training runs' shows how far it is."
            text = "Scheduled more than once under one name, the workers share it."
            form.notice("time", f"{cost} {words}".strip(), text)

    def resolve_run_name(self, ctx: Any) -> str:
        return f"Ablation {ctx.params.get('name') or 'ablation'} on {ctx.dataset.name}"

    def arguments(self, ctx: Any) -> dict[str, Any]:
        return _params(ctx.params)

    def before(self, ctx: Any, target: Any, params: dict[str, Any]) -> Generator[Any, None, bool]:
        devices.placement(params.get("device"))
        given = {k: params[k] for k in ("validation", "validation_fraction") if k in params}
        training_manifest.read(target, **given)  # reports here what cannot be trained on
        jobs.start("run_ablation", target, params)
        yield ctx.ops.notify(
            "The ablation is starting; see the panel 'Training runs'", variant="success"
        )
        return True


def _cost(params: dict[str, Any], manifest: Manifest) -> str:
    """Return the number of runs and their expected total time, as far as steps were measured."""
    where = devices.placement(params.get("device"))
    seeds = params.get("seeds", (0, 1, 2))
    seconds, unknown = 0.0, []
    for recipe in params.get("recipes") or LADDER:
        backbone = params.get("backbone", DEFAULT_BACKBONE)
        config = named_recipe(recipe, **{**params["settings"], "backbone": backbone})
        one = budget.budget(config, manifest, budget.known(config, where.device))
        seconds += (one.seconds or 0.0) * len(seeds)
        unknown += [recipe] if one.seconds is None else []
    runs = len(params.get("recipes") or LADDER) * len(seeds)
    if unknown:
        return f"{runs} runs; no step of {', '.join(unknown)} was measured here yet."
    return f"{runs} runs, about {budget.duration(seconds)} of one worker (measured steps)."


def _params(form: dict[str, Any]) -> dict[str, Any]:
    """Return the arguments of :func:`run` that a form gives."""
    settings = dict(form.get("settings") or {})
    for name in ("epochs", "batch_size"):
        if form.get(name) is not None:
            settings[name] = form[name]
    given = arguments(run, form)
    if form.get("seed_count") is not None:
        given.setdefault("seeds", list(range(int(form["seed_count"]))))
    return {**given, "settings": settings}
