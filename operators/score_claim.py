"""Whose scores a detector key holds: the custom run that is written before the first score."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import fiftyone as fo

from ..detector.errors import ForensicsError
from ..detector.records import CropRecipe
from . import embedding_files, fields

if TYPE_CHECKING:
    from ..detector.model import Detector


def claim(
    dataset: fo.Dataset,
    names: fields.ScoreFields,
    model: Detector,
    source: str,
    rule: str,
    overwrite: bool,
) -> None:
    """Record whose scores ``names`` hold, before the first one is written.

    Args:
        dataset: faces dataset
        names: fields of the key
        model, source: detector and where it was loaded from
        rule: video score rule
        overwrite: remove the scores of another checkpoint under this key

    Raises:
        ForensicsError: the key holds scores of another checkpoint
    """
    if dataset.has_run(names.run):
        old = dataset.get_run_info(names.run).config
        if old.checkpoint_sha256 == model.sha256:
            return
        if not overwrite:
            raise ForensicsError(
                f"The key {names.key!r} holds scores of another checkpoint "
                f"({old.checkpoint_sha256[:12]}, now {model.sha256[:12]}).",
                "Choose another key, or allow overwriting.",
                field="key",
            )
        dataset.delete_run(names.run)
        for field in (names.p_fake, names.label, names.margin, names.angle, names.embedding):
            if dataset.has_field(field):
                dataset.clear_sample_field(field)
        embedding_files.forget(dataset, names.embedding)
    about = fields.describe(dataset)
    config = dataset.init_run(
        method="media_forensics/scores",
        key=names.key,
        detector=source,
        checkpoint_sha256=model.sha256,
        backbone=model.backbone.name,
        backbone_sha256=model.backbone.sha256,
        head_weight=model.head.weight.detach().cpu().tolist(),
        head_bias=model.head.bias.detach().cpu().tolist(),
        normalize=bool(model.normalize),
        recipe_hash=about.get("recipe_hash"),
        trained_on_recipe=_made_for(model),
        rule=rule,
        code_version=code_version(),
    )
    dataset.register_run(names.run, config)


def code_version() -> str:
    import yaml

    text = (Path(__file__).resolve().parents[1] / "fiftyone.yml").read_text()
    return str(yaml.safe_load(text)["version"])


def _made_for(model: Detector) -> str | None:
    """Hash of the crop recipe that ``model`` was trained on, where it says so."""
    recipe = model.info.get("crop_recipe")
    return CropRecipe.from_json(recipe).hash if recipe else None


def recipe_warning(dataset: fo.Dataset, source: str) -> str | None:
    """A sentence if the detector at ``source`` was made for other crops than those of ``dataset``.

    Raises:
        ForensicsError: there is no such detector
    """
    from ..detector.recipe_agreement import made_for, mismatch

    return mismatch(made_for(source), fields.describe(dataset).get("recipe"))
