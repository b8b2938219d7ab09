"""The form of ``train_detector``: what it asks, what it shows before the start, and the arguments
that come out of it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from fiftyone.operators import types

from ...detector.errors import ForensicsError
from ...training import budget, devices, event_files
from ...training.config import RECIPES as RECIPES_BY_NAME, TrainConfig, named_recipe
from ..app import forms
from ..dataset import fields
from . import training_manifest, training_words

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
DEVICES = (
    (devices.AUTO, "auto: a CUDA GPU where there is one"),
    (devices.CPU, "cpu"),
    (devices.CUDA, "cuda: the GPU"),
    (devices.MPS, "mps: Apple's GPU (never run)"),
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


def add_inputs(inputs: types.Object, ctx: Any, faces: Any) -> None:
    """Ask for everything, and show what training on the view ``faces`` would be."""
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
    epochs = inputs.int(
        "epochs",
        min=1,
        label="Epochs",
        description=f"Passes over the faces; empty is the recipe's own, {own.epochs}",
    )
    _hard_examples(inputs, ctx.dataset)
    blend = inputs.float(
        "self_blend_probability",
        default=0.0,
        min=0.0,
        max=1.0,
        label="Self-blends",
        description="Share of the real faces that also give a fresh self-blended fake",
    )
    inputs.int("seed", default=0, label="Seed", description="Of every random draw")
    device, processes = _where(inputs)
    tensorboard = forms.flag(
        inputs,
        "tensorboard",
        default=False,
        label="TensorBoard files",
        description="Also write the curves into the folder 'events' of the run",
    )
    forms.flag(
        inputs,
        "background",
        default=False,
        label="In the background",
        description="Do not wait here; the panel 'Training runs' shows how far it is",
    )
    if ctx.params.get("key"):
        forms.check(inputs, {"key": key}, lambda: fields.ScoreFields(ctx.params["key"]))
    at = {"validation": validation, "batch_size": batch, "epochs": epochs, "device": device}
    forms.device(inputs, ctx.params, at)
    at |= {"self_blend_probability": blend, "processes": processes, "tensorboard": tensorboard}
    _contents(inputs, faces, params_of(ctx.params), at)


def _hard_examples(inputs: types.Object, dataset: Any) -> None:
    """Ask which queue is drawn more often, where there is one."""
    tags = [tag for tag in dataset.distinct("tags") if tag.startswith("hard:")]
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


def _where(inputs: types.Object) -> tuple[types.Property, types.Property]:
    """Ask for device and number of processes."""
    device = forms.choice(
        inputs,
        "device",
        DEVICES,
        default=devices.AUTO,
        label="Device",
        description="Where it trains",
    )
    processes = inputs.int(
        "processes",
        default=1,
        min=1,
        label="Processes",
        description="That train together, each on a GPU of its own; the result is the same",
    )
    return device, processes


def _contents(
    inputs: types.Object, faces: Any, params: dict[str, Any], at: dict[str, types.Property]
) -> None:
    """What the view holds and the run costs, or why it cannot be trained on."""

    def looked_at() -> tuple[training_manifest.Contents, budget.Budget]:
        config, contents, where = asked(faces, params, files=False)
        known = budget.known(config, where.device)
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
    for name, given in (("settings", settings), ("tag_weights", tag_weights)):
        if given is not None and not isinstance(given, Mapping):
            raise ForensicsError(
                f"{name} = {given!r} cannot be used.", "Give a dict of names and values.", name
            )
    weights = {"use_weights": True} if tag_weights else {}
    return named_recipe(recipe, backbone=backbone, **{**weights, **(settings or {})})


def asked(
    samples: Any, params: dict[str, Any], files: bool = True
) -> tuple[TrainConfig, training_manifest.Contents, devices.Placement]:
    """Config, manifest and place of the arguments ``params`` of :func:`run`, checked."""
    names = ("recipe", "backbone", "settings", "tag_weights")
    defaults = {"recipe": DEFAULT_RECIPE, "backbone": DEFAULT_BACKBONE}
    config = config_of(**{**defaults, **{k: params[k] for k in names if k in params}})
    if config.tensorboard:
        event_files.require_package()
    where = devices.placement(params.get("device"), params.get("processes", 1), config.batch_size)
    names = ("validation", "validation_fraction", "tag_weights")
    given = {k: params[k] for k in names if k in params}
    contents = training_manifest.read(samples, seed=config.seed, files=files, **given)
    contents.manifest.check(files=False, batch_size=config.batch_size)
    return config, contents, where


def params_of(form: dict[str, Any]) -> dict[str, Any]:
    """The arguments of :func:`run` that a form gives."""
    keep = ("key", "recipe", "backbone", "validation", "validation_fraction", "tag_weights")
    keep = (*keep, "runs_dir", "device", "processes")
    names = ("epochs", "batch_size", "self_blend_probability", "seed", "tensorboard")
    settings = {name: form[name] for name in names if form.get(name) is not None}
    # A delegated call from Python gets the form's defaults too: what it asked for goes first.
    settings |= form.get("settings") or {}
    given = {k: form[k] for k in keep if form.get(k) is not None}
    given.setdefault("key", "ln_tuned")
    if form.get("hard_tag") and "tag_weights" not in given:
        given["tag_weights"] = {form["hard_tag"]: float(form.get("hard_weight") or 2.0)}
    return {**given, "settings": settings}
