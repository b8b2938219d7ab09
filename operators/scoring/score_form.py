"""The form of ``score_faces``: what it asks, and the arguments of ``run`` that it gives."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import fiftyone as fo
from fiftyone.operators import types

from ...detector.errors import ForensicsError
from ...detector.files import packages
from ...detector.files.paths import given_or_none
from ..app import forms
from ..dataset import fields
from ..dataset.video_scores import RULES
from ..embeddings import embedding_files
from ..jobs import runners
from ..training.registry import detector_source, known_detectors
from .score_claim import recipe_warning

_PLAIN = (
    *("key", "rule", "batch_size", "device", "precision", "shard", "overwrite"),
    *("parts_dir", "embeddings", "embeddings_dir", "merge_from", "allow_gaps"),
)


def default_key(detector: str) -> str:
    """A field key made of a detector's name or path."""
    stem = Path(detector).stem if Path(detector).suffix else Path(detector).name
    key = "".join(c if c.isalnum() else "_" for c in stem.lower()).strip("_")
    return key if key[:1].isalpha() else f"detector_{key}"


def fill(inputs: types.Object, ctx: Any, view: Any) -> None:
    """Add every field of the form; mistakes are shown at the field that is wrong."""
    known = known_detectors(ctx.dataset)
    checkpoint = forms.detector_or_file(inputs, ctx.params, known)
    chosen = forms.chosen_detector(ctx.params)
    if checkpoint is not None:
        props = {"detector": checkpoint}
        forms.check(inputs, props, lambda: given_or_none(chosen, "detector"))
    elif not chosen:
        chosen = known[-1][0]  # the default, before the form has sent it
    _warn_of_recipe(inputs, ctx.dataset, chosen)
    key = inputs.str(
        "key",
        default=default_key(chosen) if chosen else None,
        required=True,
        label="Key",
        description="Name of the fields that are written: KEY, KEY_p_fake, KEY_embedding, ...",
    )
    if ctx.params.get("key"):
        forms.check(inputs, {"key": key}, lambda: fields.ScoreFields(ctx.params["key"]))
    forms.choice(
        inputs,
        "rule",
        RULES,
        default="mean",
        label="Video score",
        description="How the faces of a video give its score; recomputable without the network",
    )
    made: dict[str, types.Property] = {}
    made["embeddings"] = forms.choice(
        inputs,
        "embeddings",
        embedding_files.CHOICES,
        default=embedding_files.AUTO,
        label="Embeddings",
        description="Where the unit vectors are kept",
    )
    if ctx.params.get("embeddings") == embedding_files.FILES:
        made["embeddings_dir"] = inputs.str(
            "embeddings_dir",
            label="Folder of the embeddings",
            description="Left empty: below FiftyOne's dataset folder, or where this key's are",
        )
    forms.check(inputs, made, lambda: _check_embeddings(ctx.params))
    runners.fill(inputs, ctx.params, made)
    made["merge_from"] = inputs.list(
        "merge_from",
        types.String(),
        label="Scores of shards",
        description="Folders that score_command made; they are written and nothing is computed",
    )
    if ctx.params.get("merge_from"):
        made["allow_gaps"] = forms.flag(
            inputs,
            "allow_gaps",
            default=False,
            label="Allow gaps",
            description="Merge what is there although some videos are not finished",
        )
    forms.check(inputs, made, lambda: runners.arguments(ctx.params))
    merged = ctx.params.get("merge_from")
    forms.check(inputs, made, lambda: require_parts(ctx.params.get("runner"), merged))
    inputs.view(
        "plan",
        types.Notice(
            label=f"{len(view)} faces",
            description="Faces that this detector has scored already are left alone. The work "
            "runs in a process of its own; closing the App does not end it.",
        ),
    )


def require_parts(runner: str | None, merge_from: Any) -> None:
    """Raise :class:`ForensicsError` where scores of workers cannot be kept: they are Parquet."""
    if merge_from or runner in (runners.POOL, runners.RAY):
        packages.require(packages.PARQUET, "merge_from" if merge_from else "runner")


def _check_embeddings(form: Mapping[str, Any]) -> None:
    where = form.get("embeddings") or embedding_files.AUTO
    embedding_files.check(where, form.get("embeddings_dir"))


def _warn_of_recipe(inputs: types.Object, dataset: fo.Dataset, detector: str) -> None:
    """A warning in the form where the crops are not those of the detector's training."""
    if not detector:
        return
    found = forms.check(
        inputs, {}, lambda: recipe_warning(dataset, detector_source(dataset, detector))
    )
    if found:
        inputs.view("recipe", types.Warning(label="Other crops", description=found))


def arguments(form: Mapping[str, Any]) -> dict[str, Any]:
    """The arguments of ``score_faces.run`` that a form gives.

    Raises:
        ForensicsError: no detector, or a runner that cannot be
    """
    detector = forms.chosen_detector(form)
    if not detector:
        raise ForensicsError("No detector is chosen.", "Choose one, or give a checkpoint.")
    kept = {name: form[name] for name in _PLAIN if form.get(name) not in (None, [])}
    return {"detector": detector, **kept, **runners.arguments(form)}


def as_form(dataset: fo.Dataset, params: Mapping[str, Any]) -> dict[str, Any]:
    """The arguments of ``score_faces.run`` as form values; the inverse of :func:`arguments`."""
    detector = params.get("detector")
    if detector in dict(known_detectors(dataset)):
        return dict(params)
    return {**params, "detector": forms.A_FILE, "checkpoint": detector}
