"""Defines the operator ``train_detector``: LN-tuning on the chosen view, in its own process."""

from __future__ import annotations

from collections.abc import Generator
from typing import Any

import fiftyone as fo
from fiftyone.operators import types

from ...detector.errors import Cancelled, ForensicsError
from ...detector.files import packages
from ...detector.files.allowed_roots import require_files
from ...detector.files.paths import given
from ...detector.model.tower_files import require_here
from ...detector.progress import Progress, ShouldStop, never, silent
from ...training import budget, devices
from ...training.config import TrainConfig
from ..app.form import Form
from ..app.outcome import Ending
from ..dataset import default_folders, fields, views
from ..jobs import job as jobs
from ..jobs.heartbeat import Heart
from ..jobs.path_arguments import with_paths
from ..jobs.workflow import JobWorkflow
from . import training_form, training_manifest, training_records, training_words
from .training_form import (
    DEFAULT_BACKBONE,
    DEFAULT_RECIPE,
    LONGEST_WAIT,
    asked,
    config_of,
    params_of,
)


@with_paths("runs_dir", detectors=("backbone",))
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
    """LN-tune a detector on the faces of ``samples``.

    A run that was interrupted is resumed; one that is in progress is followed, even if the process
    that started it is gone.

    Args:
        samples: faces dataset or view
        key: name of the run and of the new detector
        recipe: named recipe of :mod:`training.config`
        backbone: tower, see :func:`detector.model.backbone.load_backbone`; the papers' CLIP
            ViT-L/14 by default, whose weights must be here
        settings: fields of ``TrainConfig`` that replace the recipe's
        validation, validation_fraction, tag_weights: see :func:`training_manifest.read`
        runs_dir: parent of the run folder
        device: ``auto`` (a GPU if there is one), ``cpu``, ``cuda`` or ``cuda:N``
        processes: number of ranks that train together on this machine
        progress, should_stop: see :mod:`detector.progress`

    Returns:
        ``{"key", "checkpoint", "run_dir", "backbone", "best": {...}, "manifest_sha256",
        "counts": {...}, "left_out": {reason: faces}, "warnings": [...]}``

    Raises:
        ForensicsError: if there is a leak between training and validation or only one class, a
            setting is unknown, the device does not exist, weights are missing, or the process
            failed
        Cancelled: if the user stopped it; the same call resumes the run
    """
    from ...detector.model.backbone import load_backbone
    from ...training import launch

    names = fields.ScoreFields(key)  # checks that the key can name fields
    view = views.flat(samples)
    dataset = views.dataset_of(view)
    training_records.require_own(dataset, key)
    usual = default_folders.of_dataset(default_folders.RUNS, dataset)
    parent = given(runs_dir or usual, "runs_dir")
    run_dir = given(parent / names.key, "runs_dir")
    require_files(view.values("filepath"), "faces")
    config = config_of(recipe, backbone, settings, tag_weights)
    require_here(config.backbone)  # never another tower without a word
    where = devices.placement(device, processes, config.batch_size)
    contents = training_manifest.read(
        view,
        validation=validation,
        validation_fraction=validation_fraction,
        tag_weights=tag_weights,
        seed=config.seed,
    )
    manifest = contents.manifest
    manifest.check(files=False, batch_size=config.batch_size)
    load_backbone(config.backbone, device="cpu")  # reports missing weights before anything starts
    counts = training_manifest.counts(manifest)
    about = fields.describe(dataset)
    handle = launch.attach(run_dir, config, manifest)
    if handle is None:
        launch.prepare(
            run_dir,
            config,
            manifest,
            crop_recipe=about.get("recipe") or {},
            crop_recipe_hash=about.get("recipe_hash"),
        )
        training_records.register(view, key, config, manifest.sha256, run_dir, counts)
        handle = launch.start(run_dir, device=where.device, processes=where.processes)
    try:
        with Heart(key, dataset) as live:
            for state in launch.follow(handle):
                live.say(state["step"], state["steps"], state["text"])
                progress(state["step"], state["steps"], state["text"])
                if should_stop() or live.stop_asked():
                    handle.stop()
        outcome = handle.result()
    except KeyboardInterrupt:
        handle.stop()  # it runs in its own session and would continue
        raise
    finally:
        if training_records.has(dataset, key):
            training_records.training_run(dataset, key)  # updates the record
    if outcome["status"] != "completed":
        raise Cancelled("Training was stopped.", "Run it again with the same key to resume.")
    return {
        "key": key,
        "checkpoint": str(run_dir / "checkpoints" / "best"),
        "run_dir": str(run_dir),
        "backbone": config.backbone,
        "best": outcome["best"],
        "manifest_sha256": manifest.sha256,
        "counts": counts,
        "left_out": contents.left_out,
        "warnings": list(contents.warnings),
    }


def cancelled(dataset: fo.Dataset, params: dict[str, Any]) -> None:
    """Stop the training of a cancelled operation, whose process FiftyOne does not know."""
    from .manage_runs import stop

    key = str(params.get("key") or "")
    if training_records.has(dataset, key) and training_records.training_run(dataset, key).live:
        stop(dataset, key)


class TrainDetector(JobWorkflow):
    """Operator that LN-tunes a tower and a head on the faces of the chosen view."""

    label = "Train detector"
    description = (
        "Tune LayerNorm parameters and a linear head on the chosen faces; never on "
        "the test split, never over a leak"
    )
    icon = "model_training"
    risk = types.RiskLevel.MEDIUM
    parts = (packages.PICTURES, packages.MODELS)
    bar, doing = "train {key}", "Training"
    first = ("key", "recipe", "backbone", "hard_tag", "hard_weight", "background")
    writes = "It writes a run folder with a small checkpoint; no face is changed."
    then = ("score_faces",)

    def fill(self, form: Form, target: Any) -> None:
        training_form.fill(form, target)

    def resolve_run_name(self, ctx: Any) -> str:
        return f"Train {ctx.params.get('key') or 'a detector'} on {ctx.dataset.name}"

    def arguments(self, ctx: Any) -> dict[str, Any]:
        return params_of(ctx.params)

    def before(self, ctx: Any, target: Any, params: dict[str, Any]) -> Generator[Any, None, bool]:
        if ctx.params.get("background"):
            asked(target, params)  # reports here, not in a log, what cannot be trained on
            jobs.start("train_detector", target, params)
            text = f"Training of {params['key']!r} is starting; see the panel 'Training runs'"
            yield ctx.ops.notify(text, variant="success")
            return True
        yield ctx.ops.set_progress(label="Measuring a step", progress=0.0)
        config, contents, where = asked(target, params)
        refuse_long(config, contents, where.device)
        return False

    def ending(self, ctx: Any, done: dict[str, Any]) -> Ending:
        text = f"{done['key']!r} is trained on the tower {done['backbone']}"
        return Ending(f"{text}; score faces with it to see what it does")

    def how_long(self) -> str:
        """Return "": the form says what this run costs."""
        return ""


def refuse_long(
    config: TrainConfig, contents: training_manifest.Contents, device: str | None = None
) -> budget.Budget:
    """Return the expected cost of a run that someone waits for, measured if it is unknown.

    Raises:
        ForensicsError: if it takes longer than the App lets an operator run
    """
    known = budget.known(config, device) or budget.measure_apart(config, device)
    cost = budget.budget(config, contents.manifest, known)
    if cost.seconds is not None and cost.seconds > LONGEST_WAIT:
        raise ForensicsError(training_words.cost(cost), training_words.TOO_LONG, "background")
    return cost
