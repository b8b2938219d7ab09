"""Builds the form of ``score_faces``, and turns its values into the arguments of ``run``."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import fiftyone as fo

from ...detector.device import AUTO, ENGINES, PRECISIONS, precision_words
from ...detector.errors import ForensicsError
from ...detector.files import packages
from ...detector.files.paths import given_or_none
from ..app.form import A_FILE, Form, chosen_detector
from ..dataset import fields
from ..dataset.video_scores import RULES
from ..embeddings import embedding_files
from ..jobs import runners
from ..training.detector_list import detector_source, known_detectors
from .score_claim import recipe_warning

_PLAIN = (
    *("key", "rule", "batch_size", "device", "precision", "engine", "shard", "overwrite"),
    *("parts_dir", "embeddings", "embeddings_dir", "merge_from", "allow_gaps"),
)


def default_key(detector: str) -> str:
    """Return a field key made from a detector's name or path."""
    stem = Path(detector).stem if Path(detector).suffix else Path(detector).name
    key = "".join(c if c.isalnum() else "_" for c in stem.lower()).strip("_")
    return key if key[:1].isalpha() else f"detector_{key}"


def fill(form: Form, view: Any) -> None:
    """Add every field of the form; mistakes are shown at the wrong field."""
    known = known_detectors(form.dataset)
    checkpoint = form.detector_or_file(known)
    chosen = chosen_detector(form.params)
    if checkpoint is not None:
        form.check(lambda: given_or_none(chosen, "detector"), detector="checkpoint")
    elif not chosen:
        chosen = known[-1][0]  # the default, before the form has sent it
    _warn_of_recipe(form, chosen)
    text = "Name of the fields that are written: KEY, KEY_p_fake, KEY_embedding, ..."
    default = default_key(chosen) if chosen else None
    form.text("key", "Key", text, default=default, required=True)
    if form.params.get("key"):
        form.check(lambda: fields.ScoreFields(form.params["key"]))
    text = "How the faces of a video give its score; recomputable without the network"
    form.choice("rule", RULES, "Video score", text)
    text = "Where the unit vectors are kept"
    form.choice("embeddings", embedding_files.CHOICES, "Embeddings", text)
    if form.params.get("embeddings") == embedding_files.FILES:
        text = "Left empty: below FiftyOne's dataset folder, or where this key's are"
        form.text("embeddings_dir", "Folder of the embeddings", text)
    where = form.params.get("embeddings_dir")
    form.check(lambda: embedding_files.check(form.value("embeddings"), where))
    form.device()
    meaning = form.check(lambda: precision_words(form.params.get("device")))
    text = f"Of the network; auto: {meaning or 'what suits the device'}. A key goes on in its own"
    known = [(name, name) for name in (AUTO, *PRECISIONS)]
    form.choice("precision", known, "Precision", text, default=AUTO)
    text = "compile and graphs prepare the network for minutes; they may pay for many crops"
    form.choice("engine", [(name, name) for name in ENGINES], "Engine", text)
    runners.fill(form)
    text = "Folders that score_command made; they are written and nothing is computed"
    form.texts("merge_from", "Scores of shards", text)
    merged = form.params.get("merge_from")
    if merged:
        text = "Merge although some videos are not finished"
        form.flag("allow_gaps", "Allow gaps", text)
    form.check(lambda: runners.arguments(form.params))
    form.check(lambda: require_parts(form.params.get("runner"), merged))
    text = "Faces that this detector has already scored are skipped. The work "
    text += "runs in a process of its own; closing the App does not end it."
    form.notice("plan", f"{len(view)} faces", text)


def require_parts(runner: str | None, merge_from: Any) -> None:
    """Raise :class:`ForensicsError` if the Parquet files of workers' scores cannot be written."""
    if merge_from or runner in (runners.POOL, runners.RAY):
        packages.require(packages.PARQUET, "merge_from" if merge_from else "runner")


def _warn_of_recipe(form: Form, detector: str) -> None:
    """Add a warning if the crops are not of the recipe that the detector was trained on."""
    if not detector:
        return
    dataset = form.dataset
    found = form.check(lambda: recipe_warning(dataset, detector_source(dataset, detector)))
    if found:
        form.warning("recipe", "Other crops", found)


def arguments(form: Mapping[str, Any]) -> dict[str, Any]:
    """Return the arguments of ``score_faces.run`` that a form gives.

    Raises:
        ForensicsError: no detector, or an invalid runner
    """
    detector = chosen_detector(form)
    if not detector:
        raise ForensicsError("No detector is chosen.", "Choose one, or give a checkpoint.")
    kept = {name: form[name] for name in _PLAIN if form.get(name) not in (None, [])}
    if kept.get("precision") == AUTO:
        del kept["precision"]
    return {"detector": detector, **kept, **runners.arguments(form)}


def as_form(dataset: fo.Dataset, params: Mapping[str, Any]) -> dict[str, Any]:
    """Return arguments of ``score_faces.run`` as form values, the inverse of :func:`arguments`."""
    detector = params.get("detector")
    if detector in dict(known_detectors(dataset)):
        return dict(params)
    return {**params, "detector": A_FILE, "checkpoint": detector}
