"""Operator ``train_detector``: LN-tuning on the selected view, in a process of its own."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import fiftyone as fo
import fiftyone.operators as foo
from fiftyone.operators import types

from ..detector.allowed_roots import require_allowed, require_files
from ..detector.errors import Cancelled, ForensicsError
from ..training import budget
from ..training.config import RECIPES as RECIPES_BY_NAME
from ..training.config import TrainConfig, named_recipe
from . import fields, forms, jobs, training_manifest, training_records, training_words, views
from .progress import Progress, ShouldStop, in_app, never, silent, stop_of, terminal

RECIPES = (
    ("linear_probe", "linear_probe: the head alone, on the untuned tower (the baseline)"),
    ("ln", "ln: LayerNorm parameters and the head"),
    ("ln_l2", "ln_l2: LN-tuning with unit-length features"),
    ("ln_l2_unal", "ln_l2_unal: with alignment and uniformity"),
    ("ln_l2_unal_slerp", "ln_l2_unal_slerp: with slerp augmentation (paper 1, in full)"),
    ("gend", "gend: the recipe of the successor paper"),
    ("bitfit", "bitfit: all biases instead of the LayerNorms (to compare)"),
    ("lora", "lora: rank-8 adapters on queries and values (to compare; larger checkpoint)"),
    ("full", "full: the whole tower (to compare; checkpoint as large as the tower)"),
)
BACKBONES = (
    ("vit-s14-dinov2-saliency", "DINOv2 ViT-S/14, saliency-tuned (offline weights)"),
    ("clip-vit-l14", "CLIP ViT-L/14 (the papers' tower; 0.9 GB of weights)"),
)


VALIDATIONS = (
    ("auto", "auto: the split 'val' where there is one, else groups set aside"),
    ("split", "the split 'val' of the source"),
    ("groups", "groups set aside here"),
)
DEFAULT_RECIPE, DEFAULT_BACKBONE = "ln_l2_unal_slerp", "vit-s14-dinov2-saliency"
LONGEST_WAIT = 480.0
"""Seconds. The App cuts an operator off after ten minutes."""


def default_runs_dir(dataset: fo.Dataset) -> Path:
    """Where the training runs of ``dataset`` are kept unless the user names another folder."""
    return Path(fo.config.default_dataset_dir) / "media_forensics" / "runs" / dataset.name


def run(
    samples: Any,
    *,
    key: str,
    recipe: str = DEFAULT_RECIPE,
    backbone: str = DEFAULT_BACKBONE,
    settings: dict[str, Any] | None = None,
    validation: str = "auto",
    validation_fraction: float = 0.2,
    tag_weights: dict[str, float] | None = None,
    runs_dir: str | None = None,
    device: str | None = None,
    processes: int = 1,
    progress: Progress = silent,
    should_stop: ShouldStop = never,
) -> dict[str, Any]:
    """LN-tune a detector on the faces of ``samples``; resumes a run that was cut off.

    Args:
        samples: faces dataset or view
        key: name of the run and of the new detector
        recipe: named recipe of :mod:`training.config`
        backbone: tower, see :func:`detector.backbone.load_backbone`
        settings: fields of ``TrainConfig`` that replace the recipe's
        validation, validation_fraction, tag_weights: see :func:`training_manifest.read`
        runs_dir: parent of the run folder
        device: torch device; a GPU where there is one
        processes: ranks that train together on this machine
        progress, should_stop: see :mod:`.progress`

    Returns:
        ``{"key", "checkpoint", "run_dir", "best": {...}, "manifest_sha256", "counts": {...},
        "warnings": [...]}``

    Raises:
        ForensicsError: a leak between training and validation, one class only, unknown setting,
            missing weights, or the training process failed
        Cancelled: stopped by the user; the run can be resumed by the same call
    """
    from ..detector.backbone import load_backbone
    from ..training import launch

    names = fields.ScoreFields(key)  # the key must be able to name fields
    view = views.flat(samples)
    dataset = views.dataset_of(view)
    run_dir = (Path(runs_dir) if runs_dir else default_runs_dir(dataset)) / names.key
    require_allowed(run_dir, "runs_dir")
    require_files(view.values("filepath"), "faces")
    config = config_of(recipe, backbone, settings, tag_weights)
    contents = training_manifest.read(
        view,
        validation=validation,
        validation_fraction=validation_fraction,
        tag_weights=tag_weights,
        seed=config.seed,
    )
    manifest = contents.manifest
    manifest.check(files=False, batch_size=config.batch_size)
    load_backbone(config.backbone, device="cpu")  # missing weights are said before anything starts
    counts = training_manifest.counts(manifest)
    about = fields.describe(dataset)
    launch.prepare(
        run_dir,
        config,
        manifest,
        crop_recipe=about.get("recipe") or {},
        crop_recipe_hash=about.get("recipe_hash"),
    )
    training_records.register(view, key, config, manifest.sha256, run_dir, counts)
    handle = launch.start(run_dir, device=device, processes=processes)
    try:
        for state in launch.follow(handle):
            progress(state["step"], state["steps"], state["text"])
            if should_stop():
                handle.stop()
        outcome = handle.result()
    except KeyboardInterrupt:
        handle.stop()  # it runs in a session of its own and would go on
        raise
    finally:
        if dataset.has_run(training_records.record_name(key)):
            training_records.training_run(dataset, key)  # brings the record up to date
    if outcome["status"] != "completed":
        raise Cancelled("Training was stopped.", "Run it again with the same key to resume.")
    return {
        "key": key,
        "checkpoint": str(run_dir / "checkpoints" / "best"),
        "run_dir": str(run_dir),
        "best": outcome["best"],
        "manifest_sha256": manifest.sha256,
        "counts": counts,
        "warnings": list(contents.warnings),
    }


def config_of(
    recipe: str,
    backbone: str,
    settings: dict[str, Any] | None = None,
    tag_weights: dict[str, float] | None = None,
) -> TrainConfig:
    """The config that the arguments of :func:`run` stand for.

    Raises:
        ForensicsError: unknown recipe or setting, or a value out of range
    """
    weights = {"use_weights": True} if tag_weights else {}
    return named_recipe(recipe, backbone=backbone, **{**weights, **(settings or {})})


class TrainDetector(foo.Operator):
    """LN-tunes the tower's LayerNorm parameters and a head on the faces of the chosen view."""

    @property
    def config(self) -> foo.OperatorConfig:
        return foo.OperatorConfig(
            name="train_detector",
            label="Train detector",
            description="Tune LayerNorm parameters and a linear head on the chosen faces; never on "
            "the test split, never over a leak",
            icon="model_training",
            dynamic=True,
            execute_as_generator=True,
            allow_immediate_execution=True,
            allow_delegated_execution=True,
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
        if delegate:
            return foo.execute_operator(
                self.uri, dict(view=samples.view()), params=params, request_delegation=True
            )
        if progress is not None:
            return run(samples, progress=progress, **params)
        with terminal(f"train {params.get('key', '')}") as bar:
            return run(samples, progress=bar, **params)

    def resolve_input(self, ctx: Any) -> types.Property:
        inputs = types.Object()
        form = types.Property(inputs, view=types.View(label="Train detector"))
        faces = forms.check(inputs, {}, lambda: self._faces(ctx))
        if faces is None:
            return form
        key = inputs.str(
            "key",
            default="ln_tuned",
            required=True,
            label="Name",
            description="Names the run, the new detector and later its fields",
        )
        forms.choice(
            inputs,
            "recipe",
            RECIPES,
            default=DEFAULT_RECIPE,
            label="Recipe",
            description="The published recipes and their ablations",
        )
        forms.choice(
            inputs,
            "backbone",
            BACKBONES,
            default=DEFAULT_BACKBONE,
            label="Tower",
            description="The pretrained vision transformer",
        )
        saved = [(name, f"saved view {name}") for name in ctx.dataset.list_saved_views()]
        validation = forms.choice(
            inputs,
            "validation",
            (*VALIDATIONS, *saved),
            default="auto",
            label="Validation",
            description="Whose videos choose the best checkpoint; never those of the test split",
        )
        own = RECIPES_BY_NAME[ctx.params.get("recipe") or DEFAULT_RECIPE]
        batch = inputs.int(
            "batch_size",
            min=2,
            label="Batch size",
            description=f"Faces per step; empty is the recipe's own, {own.batch_size}",
        )
        inputs.int(
            "epochs",
            min=1,
            label="Epochs",
            description=f"Passes over the faces; empty is the recipe's own, {own.epochs}",
        )
        tags = [tag for tag in ctx.dataset.distinct("tags") if tag.startswith("hard:")]
        if tags:
            forms.choice(
                inputs,
                "hard_tag",
                [(tag, tag) for tag in sorted(tags)],
                default=None,
                label="Hard examples",
                description="Faces of this queue are drawn more often",
            )
            inputs.float(
                "hard_weight",
                default=2.0,
                min=1.0,
                label="How much more often",
                description="The config's weight_cap limits it",
            )
        inputs.float(
            "self_blend_probability",
            default=0.0,
            min=0.0,
            max=1.0,
            label="Self-blends",
            description="Share of the real faces that also give a fresh self-blended fake",
        )
        inputs.int("seed", default=0, label="Seed", description="Of every random draw")
        forms.flag(
            inputs,
            "background",
            default=False,
            label="In the background",
            description="Do not wait here; the panel 'Training runs' shows how far it is",
        )
        if ctx.params.get("key"):
            forms.check(inputs, {"key": key}, lambda: fields.ScoreFields(ctx.params["key"]))
        self._contents(
            inputs, faces, _params(ctx.params), {"validation": validation, "batch_size": batch}
        )
        return form

    @staticmethod
    def _contents(
        inputs: types.Object, faces: Any, params: dict[str, Any], at: dict[str, types.Property]
    ) -> None:
        """What the view holds and the run costs, or why it cannot be trained on."""

        def looked_at() -> tuple[training_manifest.Contents, budget.Budget]:
            config, contents = _asked(faces, params, files=False)
            known = budget.known(config, params.get("device"))
            return contents, budget.budget(config, contents.manifest, known)

        found = forms.check(inputs, at, looked_at)
        if found is None:
            return
        contents, cost = found
        lines, description = training_words.contents(contents), "No group is on both sides"
        inputs.view("contents", types.Notice(label=lines, description=description))
        if contents.warnings:
            inputs.view("warnings", types.Warning(label=" ".join(contents.warnings)))
        text = training_words.cost(cost)
        if cost.seconds is not None and cost.seconds > LONGEST_WAIT:
            inputs.view("cost", types.Warning(label=text, description=training_words.TOO_LONG))
        else:
            inputs.view("cost", types.Notice(label=text))

    @staticmethod
    def _faces(ctx: Any) -> Any:
        forms.require_dataset(ctx, "faces")
        view = views.target(ctx)
        views.require_samples(view, "faces")
        return view

    def resolve_run_name(self, ctx: Any) -> str:
        """Label of the queued job."""
        return f"Train {ctx.params.get('key') or 'a detector'} on {ctx.dataset.name}"

    def execute(self, ctx: Any) -> Iterator[Any]:
        view = self._faces(ctx)
        params = _params(ctx.params)
        if ctx.delegated:
            yield run(view, progress=in_app(ctx), should_stop=stop_of(ctx), **params)
            return
        if ctx.params.get("background"):
            _asked(view, params)  # what cannot be trained on is said here, not in a log
            jobs.start("train_detector", view, params)
            yield ctx.ops.notify(
                f"Training of {params['key']!r} is starting; see the panel 'Training runs'",
                variant="success",
            )
            return
        yield ctx.ops.set_progress(label="Measuring a step", progress=0.0)
        refuse_long(*_asked(view, params), device=params.get("device"))
        job = jobs.start("train_detector", view, params)
        yield from jobs.follow(ctx, job, "Training")
        done = job.result()
        yield ctx.ops.notify(
            f"{done['key']!r} is trained; score faces with it to see what it does",
            variant="success",
        )
        yield ctx.ops.reload_dataset()


def refuse_long(
    config: TrainConfig, contents: training_manifest.Contents, device: str | None = None
) -> budget.Budget:
    """The expected cost of a run that someone waits for, measured where it is not known yet.

    Raises:
        ForensicsError: it takes longer than the App lets an operator run
    """
    known = budget.known(config, device) or budget.measure_apart(config, device)
    cost = budget.budget(config, contents.manifest, known)
    if cost.seconds is not None and cost.seconds > LONGEST_WAIT:
        raise ForensicsError(training_words.cost(cost), training_words.TOO_LONG, "background")
    return cost


def _asked(
    samples: Any, params: dict[str, Any], files: bool = True
) -> tuple[TrainConfig, training_manifest.Contents]:
    """Config and manifest of the arguments ``params`` of :func:`run`, checked."""
    names = ("recipe", "backbone", "settings", "tag_weights")
    defaults = {"recipe": DEFAULT_RECIPE, "backbone": DEFAULT_BACKBONE}
    config = config_of(**{**defaults, **{k: params[k] for k in names if k in params}})
    names = ("validation", "validation_fraction", "tag_weights")
    given = {k: params[k] for k in names if k in params}
    contents = training_manifest.read(samples, seed=config.seed, files=files, **given)
    contents.manifest.check(files=False, batch_size=config.batch_size)
    return config, contents


def _params(form: dict[str, Any]) -> dict[str, Any]:
    """The arguments of :func:`run` that a form gives."""
    keep = ("key", "recipe", "backbone", "validation", "validation_fraction", "tag_weights")
    keep = (*keep, "runs_dir", "device", "processes")
    names = ("epochs", "batch_size", "self_blend_probability", "seed")
    settings = {name: form[name] for name in names if form.get(name) is not None}
    # A delegated call from Python gets the form's defaults too: what it asked for goes first.
    settings |= form.get("settings") or {}
    given = {k: form[k] for k in keep if form.get(k) is not None}
    given.setdefault("key", "ln_tuned")
    if form.get("hard_tag") and "tag_weights" not in given:
        given["tag_weights"] = {form["hard_tag"]: float(form.get("hard_weight") or 2.0)}
    return {**given, "settings": settings}
