"""Builds the form of ``train_detector``: its questions, its notices, and the arguments it gives."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ...detector.errors import ForensicsError
from ...detector.model.known_towers import KNOWN_TOWERS, REFERENCE
from ...detector.model.tower_files import is_here, require_here
from ...training import budget, devices, event_files
from ...training.config import RECIPE_WORDS, RECIPES, TrainConfig, named_recipe
from ..app.form import Form
from ..dataset import fields
from . import training_manifest, training_words

DEVICES = (
    (devices.AUTO, "auto: a CUDA GPU where there is one"),
    (devices.CPU, "cpu"),
    (devices.CUDA, "cuda: the GPU"),
    (devices.MPS, "mps: Apple's GPU (not tested)"),
)
VALIDATIONS = (
    ("auto", "auto: the split 'val' where there is one, else groups set aside"),
    ("split", "the split 'val' of the source"),
    ("groups", "groups set aside here"),
)
DEFAULT_RECIPE, DEFAULT_BACKBONE = "ln_l2_unal_slerp", REFERENCE
LONGEST_WAIT = 480.0
"""Seconds. The App stops an operator after ten minutes."""


def recipes() -> list[tuple[str, str]]:
    """Return the named recipes that can be trained, as choices of a form."""
    return [(name, f"{name}: {words}") for name, words in RECIPE_WORDS.items()]


def backbones() -> list[tuple[str, str]]:
    """Return the towers that can be tuned, as choices of a form."""
    return [
        (name, tower.title if is_here(name) else f"{tower.title}: not on this machine")
        for name, tower in KNOWN_TOWERS.items()
    ]


def fill(form: Form, faces: Any) -> None:
    """Ask for all settings, and show what training on the view ``faces`` would mean."""
    text = "Names the run, the new detector and later its fields"
    form.text("key", "Name", text, default="ln_tuned", required=True)
    form.choice("recipe", recipes(), "Recipe", "The published recipes and their ablations")
    form.choice("backbone", backbones(), "Tower", "The pretrained vision transformer")
    saved = [(name, f"saved view {name}") for name in form.dataset.list_saved_views()]
    text = "Whose videos choose the best checkpoint; never those of the test split"
    form.choice("validation", (*VALIDATIONS, *saved), "Validation", text)
    own = RECIPES[form.value("recipe")]
    text = f"Faces per step; empty is the recipe's own, {own.batch_size}"
    form.whole("batch_size", "Batch size", text, least=2)
    text = f"Passes over the faces; empty is the recipe's own, {own.epochs}"
    form.whole("epochs", "Epochs", text, least=1)
    _hard_examples(form)
    text = "Share of the real faces that also give a fresh self-blended fake"
    form.number("self_blend_probability", "Self-blends", text, least=0.0, most=1.0, default=0.0)
    form.whole("seed", "Seed", "Seed of every random draw", default=0)
    form.choice("device", DEVICES, "Device", "Where it trains", default=devices.AUTO)
    text = "That train together, each on a GPU of its own; the result is the same"
    form.whole("processes", "Processes", text, least=1)
    text = "Also write the curves into the folder 'events' of the run"
    form.flag("tensorboard", "TensorBoard files", text, default=False)
    text = "Do not wait here; the panel 'Training runs' shows how far it is"
    form.flag("background", "In the background", text, default=False)
    if form.params.get("key"):
        form.check(lambda: fields.ScoreFields(form.params["key"]))
    form.describe_device()
    _contents(form, faces, params_of(form.params))


def _hard_examples(form: Form) -> None:
    """Ask which queue is drawn more often, if there is one."""
    tags = [tag for tag in form.dataset.distinct("tags") if tag.startswith("hard:")]
    if tags:
        text = "Faces of this queue are drawn more often"
        form.choice("hard_tag", [(tag, tag) for tag in sorted(tags)], "Hard examples", text)
        text = "The config's weight_cap limits it"
        form.number("hard_weight", "How much more often", text, least=1.0, default=2.0)


def _contents(form: Form, faces: Any, params: dict[str, Any]) -> None:
    """Show what the view holds and what the run costs, or why it cannot be trained on."""

    def looked_at() -> tuple[training_manifest.Contents, budget.Budget]:
        config, contents, where = asked(faces, params, files=False)
        known = budget.known(config, where.device)
        return contents, budget.budget(config, contents.manifest, known)

    found = form.check(looked_at)
    if found is None:
        return
    contents, cost = found
    form.notice("contents", training_words.contents(contents), "No group is on both sides")
    if contents.warnings:
        form.warning("warnings", " ".join(contents.warnings))
    text = training_words.cost(cost)
    if cost.seconds is not None and cost.seconds > LONGEST_WAIT:
        form.warning("cost", text, training_words.TOO_LONG)
    else:
        form.notice("cost", text)


def config_of(
    recipe: str,
    backbone: str,
    settings: dict[str, Any] | None = None,
    tag_weights: dict[str, float] | None = None,
) -> TrainConfig:
    """Return the config that the arguments of :func:`run` stand for.

    Raises:
        ForensicsError: if a recipe or setting is unknown, or a value is out of range
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
    """Check the arguments ``params`` of :func:`run`; return config, manifest and placement."""
    names = ("recipe", "backbone", "settings", "tag_weights")
    defaults = {"recipe": DEFAULT_RECIPE, "backbone": DEFAULT_BACKBONE}
    config = config_of(**{**defaults, **{k: params[k] for k in names if k in params}})
    require_here(config.backbone)
    if config.tensorboard:
        event_files.require_package()
    where = devices.placement(params.get("device"), params.get("processes", 1), config.batch_size)
    names = ("validation", "validation_fraction", "tag_weights")
    given = {k: params[k] for k in names if k in params}
    contents = training_manifest.read(samples, seed=config.seed, files=files, **given)
    contents.manifest.check(files=False, batch_size=config.batch_size)
    return config, contents, where


def params_of(form: dict[str, Any]) -> dict[str, Any]:
    """Return the arguments of :func:`run` that a form gives."""
    keep = ("key", "recipe", "backbone", "validation", "validation_fraction", "tag_weights")
    keep = (*keep, "runs_dir", "device", "processes")
    names = ("epochs", "batch_size", "self_blend_probability", "seed", "tensorboard")
    settings = {name: form[name] for name in names if form.get(name) is not None}
    # A delegated call from Python also gets the form's defaults, so its own values come first.
    settings |= form.get("settings") or {}
    given = {k: form[k] for k in keep if form.get(k) is not None}
    given.setdefault("key", "ln_tuned")
    if form.get("hard_tag") and "tag_weights" not in given:
        given["tag_weights"] = {form["hard_tag"]: float(form.get("hard_weight") or 2.0)}
    return {**given, "settings": settings}
