"""Operator ``train_detector``: LN-tuning on the selected view, in a process of its own."""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import fiftyone as fo
import fiftyone.operators as foo
from fiftyone.operators import types

from ..detector.allowed_roots import require_allowed, require_files
from ..detector.errors import Cancelled, ForensicsError
from . import fields, forms, jobs, views
from .progress import Progress, ShouldStop, in_app, never, silent, stop_of, terminal
from .registry import TRAINING_PREFIX

if TYPE_CHECKING:
    from ..training.manifest import Manifest

RECIPES = (
    ("linear_probe", "linear_probe: the head alone, on the untuned tower (the baseline)"),
    ("ln", "ln: LayerNorm parameters and the head"),
    ("ln_l2", "ln_l2: LN-tuning with unit-length features"),
    ("ln_l2_unal", "ln_l2_unal: with alignment and uniformity"),
    ("ln_l2_unal_slerp", "ln_l2_unal_slerp: with slerp augmentation (paper 1, in full)"),
    ("gend", "gend: the recipe of the successor paper"),
)
BACKBONES = (
    ("vit-s14-dinov2-saliency", "DINOv2 ViT-S/14, saliency-tuned (offline weights)"),
    ("clip-vit-l14", "CLIP ViT-L/14 (the papers' tower; 0.9 GB of weights)"),
)


def default_runs_dir(dataset: fo.Dataset) -> Path:
    """Where the training runs of ``dataset`` are kept unless the user names another folder."""
    return Path(fo.config.default_dataset_dir) / "media_forensics" / "runs" / dataset.name


def build_manifest(samples: Any, *, validation_fraction: float = 0.2, seed: int = 0) -> Manifest:
    """Freeze the faces of ``samples`` into training and validation rows.

    Faces of split ``train`` train, faces of split ``val`` validate; faces of split ``test`` are
    never used. Where no face has split ``val``, whole groups of the training faces are set aside.

    Args:
        samples: faces dataset or view
        validation_fraction: share of the groups set aside, where the source has no validation
        seed: of that choice

    Raises:
        ForensicsError: empty view, or nothing but test faces
    """
    from ..training.manifest import Manifest, ManifestRow

    view = views.flat(samples)
    views.require_samples(view, "faces")
    names = ["filepath", f"{fields.GROUND_TRUTH}.label", "video_id", "frame_number", "track"]
    names += ["pair_id", "group_id", "split", "method", "source_dataset", "recipe"]
    names += ["crop_landmarks", "subject"]
    views.require_fields(view, names, "Extract faces")
    columns = view.values(names)
    rows = [dict(zip(names, row, strict=True)) for row in zip(*columns, strict=True)]
    rows = [row for row in rows if row["split"] != "test" and row["subject"] is not False]
    if not rows:
        raise ForensicsError(
            "The view holds only faces of the test split, and those are never trained on.",
            "Choose a view with faces of the training split.",
        )
    if not any(row["split"] == "val" for row in rows):
        aside = _groups_aside([row["group_id"] for row in rows], validation_fraction, seed)
        for row in rows:
            row["split"] = "val" if row["group_id"] in aside else "train"
    made = []
    for row in rows:
        points = row["crop_landmarks"]
        made.append(
            ManifestRow(
                crop=row["filepath"],
                label=0 if row[f"{fields.GROUND_TRUTH}.label"] == "real" else 1,
                video_id=row["video_id"],
                frame_number=fields.frame_index(row["frame_number"] or 1),
                track=row["track"] or 0,
                pair_id=row["pair_id"],
                group_id=row["group_id"] or row["video_id"],
                split="val" if row["split"] == "val" else "train",
                weight=1.0,
                method=row["method"] or "",
                source_dataset=row["source_dataset"] or "",
                recipe_hash=row["recipe"] or "",
                crop_landmarks=tuple(zip(points[::2], points[1::2], strict=True))
                if points
                else None,
            )
        )
    return Manifest(tuple(made))


def _groups_aside(groups: list[str], fraction: float, seed: int) -> set[str]:
    import numpy as np

    names = sorted(set(groups))
    count = max(1, round(fraction * len(names)))
    if len(names) < 2:
        raise ForensicsError(
            "All faces belong to one group, so nothing independent is left to validate on.",
            "Choose a view with more videos.",
        )
    chosen = np.random.default_rng(seed).permutation(len(names))[:count]
    return {names[i] for i in chosen}


def run(
    samples: Any,
    *,
    key: str,
    recipe: str = "ln_l2_unal_slerp",
    backbone: str = "vit-s14-dinov2-saliency",
    settings: dict[str, Any] | None = None,
    validation_fraction: float = 0.2,
    runs_dir: str | None = None,
    device: str | None = None,
    progress: Progress = silent,
    should_stop: ShouldStop = never,
) -> dict[str, Any]:
    """LN-tune a detector on the faces of ``samples``; resumes a run that was cut off.

    Args:
        samples: faces dataset or view, see :func:`build_manifest`
        key: name of the run and of the new detector
        recipe: named recipe of :mod:`training.config`
        backbone: tower, see :func:`detector.backbone.load_backbone`
        settings: fields of ``TrainConfig`` that replace the recipe's
        validation_fraction: see :func:`build_manifest`
        runs_dir: parent of the run folder
        device: torch device; a GPU where there is one
        progress, should_stop: see :mod:`.progress`

    Returns:
        ``{"key", "checkpoint", "run_dir", "best": {...}, "manifest_sha256", "counts": {...}}``

    Raises:
        ForensicsError: a leak between training and validation, one class only, unknown setting,
            missing weights, or the training process failed
        Cancelled: stopped by the user; the run can be resumed by the same call
    """
    from ..detector.backbone import load_backbone
    from ..training import launch
    from ..training.config import named_recipe

    names = fields.ScoreFields(key)  # the key must be able to name fields
    view = views.flat(samples)
    dataset = views.dataset_of(view)
    run_dir = (Path(runs_dir) if runs_dir else default_runs_dir(dataset)) / names.key
    require_allowed(run_dir, "runs_dir")
    require_files(view.values("filepath"), "faces")
    config = named_recipe(recipe, backbone=backbone, **(settings or {}))
    manifest = build_manifest(
        view, validation_fraction=validation_fraction, seed=getattr(config, "seed", 0)
    )
    manifest.check()
    load_backbone(config.backbone, device="cpu")  # missing weights are said before anything starts
    counts = _counts(manifest)
    crop_recipe = fields.describe(dataset).get("recipe") or {}
    launch.prepare(
        run_dir,
        config,
        manifest,
        crop_recipe=crop_recipe,
        crop_recipe_hash=fields.describe(dataset).get("recipe_hash"),
    )
    _register(view, dataset, key, config, manifest, run_dir, counts, status="running")
    handle = launch.start(run_dir, device=device)
    status = "failed"
    try:
        for state in launch.follow(handle):
            progress(state["step"], state["steps"], state["text"])
            if should_stop():
                handle.stop()
        outcome = handle.result()
        status = outcome["status"]
    except KeyboardInterrupt:
        handle.stop()  # it runs in a session of its own and would go on
        raise
    finally:
        extra = {"status": status, "ended": time.time()}
        if status == "completed":
            extra |= {"checkpoint": str(run_dir / "checkpoints" / "best"), "best": outcome["best"]}
        _update(dataset, key, **extra)
    if status != "completed":
        raise Cancelled("Training was stopped.", "Run it again with the same key to resume.")
    return {
        "key": key,
        "checkpoint": str(run_dir / "checkpoints" / "best"),
        "run_dir": str(run_dir),
        "best": outcome["best"],
        "manifest_sha256": manifest.sha256,
        "counts": counts,
    }


def _counts(manifest: Manifest) -> dict[str, dict[str, int]]:
    """Faces, videos and groups of each split and label."""
    out: dict[str, dict[str, int]] = {}
    for split in ("train", "val"):
        rows = [row for row in manifest.rows if row.split == split]
        out[split] = {
            "real_faces": sum(row.label == 0 for row in rows),
            "fake_faces": sum(row.label == 1 for row in rows),
            "videos": len({row.video_id for row in rows}),
            "groups": len({row.group_id for row in rows}),
        }
    return out


def _register(
    view: Any,
    dataset: fo.Dataset,
    key: str,
    config: Any,
    manifest: Manifest,
    run_dir: Path,
    counts: dict[str, dict[str, int]],
    status: str,
) -> None:
    """The durable record of the run on the dataset, written before the first step."""
    name = TRAINING_PREFIX + key
    if dataset.has_run(name):
        dataset.delete_run(name)
    record = dataset.init_run(
        method="media_forensics/training",
        key=key,
        status=status,
        started=time.time(),
        config=config.to_json(),
        config_hash=config.hash,
        manifest_sha256=manifest.sha256,
        run_dir=str(run_dir),
        checkpoint="",
        best={},
        counts=counts,
    )
    view.register_run(name, record)


def _update(dataset: fo.Dataset, key: str, **values: Any) -> None:
    name = TRAINING_PREFIX + key
    record = dataset.get_run_info(name).config
    for field, value in values.items():
        setattr(record, field, value)
    dataset.update_run_config(name, record)


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
            default="ln_l2_unal_slerp",
            label="Recipe",
            description="The published recipes and their ablations",
        )
        forms.choice(
            inputs,
            "backbone",
            BACKBONES,
            default="vit-s14-dinov2-saliency",
            label="Tower",
            description="Only its LayerNorm parameters are tuned",
        )
        inputs.int("epochs", default=6, min=1, label="Epochs", description="Passes over the faces")
        inputs.float(
            "self_blend_probability",
            default=0.0,
            min=0.0,
            max=1.0,
            label="Self-blends",
            description="Share of the real faces that also give a fresh self-blended fake",
        )
        inputs.int("seed", default=0, label="Seed", description="Of every random draw")
        if ctx.params.get("key"):
            forms.check(inputs, {"key": key}, lambda: fields.ScoreFields(ctx.params["key"]))
        self._contents(inputs, faces)
        return form

    @staticmethod
    def _contents(inputs: types.Object, faces: Any) -> None:
        """What the chosen view holds, and why it cannot be trained on where that is so."""

        def counted() -> dict[str, dict[str, int]]:
            manifest = build_manifest(faces)
            manifest.check(files=False)
            return _counts(manifest)

        counts = forms.check(inputs, {}, counted)
        if counts is None:
            return
        lines = [
            f"{split}: {c['real_faces']} real and {c['fake_faces']} fake faces of {c['videos']} "
            f"videos in {c['groups']} groups"
            for split, c in counts.items()
        ]
        inputs.view(
            "contents",
            types.Notice(
                label="; ".join(lines), description="No group is in both; test is not used"
            ),
        )

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
        job = jobs.start("train_detector", view, params)
        yield from jobs.follow(ctx, job, "Training")
        done = job.result()
        yield ctx.ops.notify(
            f"{done['key']!r} is trained; score faces with it to see what it does",
            variant="success",
        )
        yield ctx.ops.reload_dataset()


def _params(form: dict[str, Any]) -> dict[str, Any]:
    """The arguments of :func:`run` that a form gives."""
    keep = ("key", "recipe", "backbone", "validation_fraction", "runs_dir", "device")
    settings = dict(form.get("settings") or {})
    for name in ("epochs", "self_blend_probability", "seed"):
        if form.get(name) is not None:
            settings[name] = form[name]
    given = {k: form[k] for k in keep if form.get(k) is not None}
    given.setdefault("key", "ln_tuned")
    return {**given, "settings": settings}
