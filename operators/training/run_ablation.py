"""Operator ``run_ablation``: recipes times seeds on one manifest, with figure, table and tests."""

from __future__ import annotations

import re
import time
from collections.abc import Iterator, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

import fiftyone as fo
import fiftyone.operators as foo
from fiftyone.operators import types

from ...detector.errors import ForensicsError
from ...detector.files import packages
from ...detector.files.allowed_roots import require_files
from ...detector.files.atomic import holds_nothing
from ...detector.files.outputs import claim_folder, json_with
from ...detector.files.paths import given
from ...training import ablation, budget, devices
from ...training.ablation import LADDER
from ...training.config import named_recipe
from ...training.manifest import Manifest
from ..app import forms
from ..app.needs import needs
from ..app.progress import Progress, ShouldStop, never, silent
from ..dataset import fields, stored_runs, views
from ..jobs import from_python, job as jobs
from ..jobs.delegated import in_app, stop_of
from ..jobs.path_arguments import with_paths
from . import training_manifest, training_records, training_words
from .train_detector import default_runs_dir
from .training_form import BACKBONES, DEFAULT_BACKBONE, DEVICES, RECIPES, VALIDATIONS

RUN_PREFIX = "ablation_"


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

    Call it again to go on after a stop; call it in several processes (or schedule it for several
    workers) to share the work: each takes the next run that nobody has.

    Args:
        samples: faces dataset or view
        name: of the ablation; its runs are ``<name>_<recipe>_s<seed>``
        recipes: named recipes in the order of the figure
        seeds: of the head, the order, the augmentation
        backbone: tower of all runs
        settings: fields of ``TrainConfig`` for all runs, for example ``{"epochs": 4}``
        validation, validation_fraction: see :func:`training_manifest.read`
        runs_dir: parent of the ablation's folder
        device: ``auto`` (a GPU where there is one), ``cpu``, ``cuda`` or ``cuda:N``
        progress, should_stop: see :mod:`operators.app.progress`

    Returns:
        ``{"rows": [...], "table": str, "figure": path, "folder": path, "runs": [keys],
        "failed": {run: why}, "done": n, "of": n}``; a row is a
        :class:`training.ablation.RecipeRow`

    Raises:
        ForensicsError: wrong input, or a folder that holds another ablation of that name
        Cancelled: stopped; what is trained stays
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
    parent = given(runs_dir or default_runs_dir(dataset), "runs_dir")
    root = claim_folder(parent / name, "runs_dir", _is_ablation)
    require_files(view.values("filepath"), "faces")
    where = devices.placement(device)
    found = training_manifest.read(
        view, validation=validation, validation_fraction=validation_fraction
    )
    load_backbone(backbone, device="cpu")  # missing weights are said before anything starts
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
        if not dataset.has_run(training_records.record_name(key)):
            training_records.register(view, key, config, found.manifest.sha256, cell.folder, counts)
    failed = ablation.work(cells, progress, should_stop, where.device)
    rows = ablation.summarise(cells)
    files = ablation.save(root, cells, rows)
    done = sum(map(ablation.completed, cells))
    result = {
        "rows": [{k: _plain(v) for k, v in asdict(row).items()} for row in rows],
        "table": ablation.table(rows, len(cells)),
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
    """Whether ``root`` holds an ablation, or one whose preparation was cut off: runs alone."""
    record = root / "ablation.json"
    if record.is_file():
        return json_with("recipes", "seeds", "manifest_sha256").is_ours(record)
    return holds_nothing(root, [path.name for path in root.iterdir() if path.is_dir()])


def _plain(value: Any) -> Any:
    return list(value) if isinstance(value, tuple) else value


def _record(dataset: fo.Dataset, name: str, manifest_sha256: str, result: dict[str, Any]) -> None:
    """Keep the result as a custom run of the dataset."""
    key = RUN_PREFIX + name
    names = ("folder", "runs", "failed", "done", "of", "figure")
    stored_runs.put(
        dataset,
        key,
        method="media_forensics/ablation",
        results={"rows": result["rows"], "table": result["table"]},
        name=name,
        manifest_sha256=manifest_sha256,
        ended=time.time(),
        **{k: result[k] for k in names},
    )


@needs(packages.PICTURES, packages.MODELS)
class RunAblation(foo.Operator):
    """Trains the named recipes over several seeds and draws the papers' Figure 1."""

    @property
    def config(self) -> foo.OperatorConfig:
        return foo.OperatorConfig(
            name="run_ablation",
            label="Run ablation",
            description="Train the named recipes over several seeds on one manifest; figure, table "
            "and paired tests of what each step of the recipe brings on your data",
            icon="stacked_line_chart",
            dynamic=True,
            execute_as_generator=True,
            allow_immediate_execution=True,
            allow_delegated_execution=True,
            default_choice_to_delegated=True,
            risk_level=types.RiskLevel.MEDIUM,
        )

    def __call__(
        self,
        samples: Any,
        *,
        delegate: bool = False,
        progress: Progress | None = None,
        **params: Any,
    ) -> Any:
        """Run from Python; the arguments and the result are those of :func:`run`."""
        return from_python.call(
            self, run, samples, params, delegate=delegate, progress=progress, bar="ablation"
        )

    def resolve_input(self, ctx: Any) -> types.Property:
        inputs = types.Object()
        form = types.Property(inputs, view=types.View(label="Run ablation"))
        faces = forms.check(inputs, {}, lambda: self._faces(ctx))
        if faces is None:
            return form
        inputs.str(
            "name",
            default="ablation",
            required=True,
            label="Name",
            description="The same name goes on with an ablation that was cut off",
        )
        many = types.DropdownView(multiple=True)
        for value, label in RECIPES:
            many.add_choice(value, label=label)
        inputs.list(
            "recipes",
            types.String(),
            default=list(LADDER),
            required=True,
            view=many,
            label="Recipes",
            description="Each is compared with the one before it",
        )
        inputs.int("seed_count", default=3, min=1, max=10, label="Seeds", description="0, 1, 2, …")
        forms.choice(
            inputs,
            "backbone",
            BACKBONES,
            default=DEFAULT_BACKBONE,
            label="Tower",
            description="The pretrained vision transformer",
        )
        forms.choice(
            inputs,
            "validation",
            VALIDATIONS,
            default="auto",
            label="Validation",
            description="Whose videos are compared; never those of the test split",
        )
        device = forms.choice(
            inputs,
            "device",
            DEVICES,
            default=devices.AUTO,
            label="Device",
            description="Where it trains",
        )
        inputs.int("epochs", min=1, label="Epochs", description="Empty: the recipes' own, 10")
        inputs.int("batch_size", min=2, label="Batch size", description="Empty: 128")
        forms.device(inputs, ctx.params, {"device": device})
        validation = ctx.params.get("validation") or "auto"
        found = forms.check(
            inputs, {}, lambda: training_manifest.read(faces, validation=validation, files=False)
        )
        if found is not None:
            inputs.view("contents", types.Notice(label=training_words.contents(found)))
            cost = forms.check(inputs, {}, lambda: _cost(_params(ctx.params), found.manifest)) or ""
            words = "It runs in the background; the panel 'Training runs' shows how far it is."
            inputs.view(
                "time",
                types.Notice(
                    label=f"{cost} {words}".strip(),
                    description="Scheduled more than once under one name, the workers share it.",
                ),
            )
        return form

    @staticmethod
    def _faces(ctx: Any) -> Any:
        forms.require_dataset(ctx, "faces")
        view = views.target(ctx)
        views.require_samples(view, "faces")
        return view

    def resolve_run_name(self, ctx: Any) -> str:
        """Label of the queued job."""
        return f"Ablation {ctx.params.get('name') or 'ablation'} on {ctx.dataset.name}"

    def execute(self, ctx: Any) -> Iterator[Any]:
        view = self._faces(ctx)
        params = _params(ctx.params)
        if ctx.delegated:
            yield run(view, progress=in_app(ctx), should_stop=stop_of(ctx), **params)
            return
        devices.placement(params.get("device"))
        given = {k: params[k] for k in ("validation", "validation_fraction") if k in params}
        training_manifest.read(view, **given)  # what cannot be trained on is said here
        jobs.start("run_ablation", view, params)
        yield ctx.ops.notify(
            "The ablation is starting; see the panel 'Training runs'", variant="success"
        )


def _cost(params: dict[str, Any], manifest: Manifest) -> str:
    """Number of runs and their expected time together, as far as steps were measured."""
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
    """The arguments of :func:`run` that a form gives."""
    keep = ("name", "recipes", "seeds", "backbone", "validation", "validation_fraction")
    keep = (*keep, "runs_dir", "device")
    settings = dict(form.get("settings") or {})
    for name in ("epochs", "batch_size"):
        if form.get(name) is not None:
            settings[name] = form[name]
    given = {k: form[k] for k in keep if form.get(k) is not None}
    if form.get("seed_count") is not None:
        given.setdefault("seeds", list(range(int(form["seed_count"]))))
    return {**given, "settings": settings}
