"""Lists the detectors that a dataset knows: trained on it, or known by name everywhere."""

from __future__ import annotations

from typing import TYPE_CHECKING

import fiftyone as fo

from ...detector.errors import ForensicsError
from ...detector.weights.known_detectors import absolute_source, named_detectors
from ...training.runs import COMPLETED
from ..dataset import fields
from . import training_records

if TYPE_CHECKING:
    from ...detector.model.detector import Detector


def training_runs(dataset: fo.Dataset) -> list[str]:
    """Return the keys of the finished training runs of ``dataset``, oldest first."""
    found = training_records.training_runs(dataset)
    return [run.key for run in found if run.status == COMPLETED]


def known_detectors(dataset: fo.Dataset) -> list[tuple[str, str]]:
    """Return (value, label) of every detector that can be chosen by name."""
    runs = [(key, f"{key} (trained on this dataset)") for key in training_runs(dataset)]
    return [*named_detectors(), *runs]


def detector_source(dataset: fo.Dataset, detector: str) -> str:
    """Return what ``load_detector`` takes, from a training key of ``dataset``, a name or a path.

    Raises:
        ForensicsError: if the training run has not finished, or its checkpoint is gone
    """
    if not training_records.has(dataset, detector):
        return absolute_source(detector)
    run = training_records.training_run(dataset, detector)
    if run.status == training_records.OUTSIDE:
        training_records.own_folder(run, "used")
    if run.status == training_records.GONE:
        raise ForensicsError(
            f"The checkpoint of {detector!r} no longer exists: {run.folder}.",
            "Restore the folder, or train again.",
            field="detector",
        )
    if run.status != COMPLETED or run.checkpoint is None:
        raise ForensicsError(
            f"The training run {detector!r} is {run.status}.",
            "Wait until it has finished, or resume it.",
            field="detector",
        )
    return str(run.checkpoint)


def scored_model(dataset: fo.Dataset, key: str, device: str | None) -> Detector:
    """Return the detector whose scores ``key`` holds, checked by its hash.

    Raises:
        ForensicsError: if the scores were imported, or the checkpoint is gone or another one
    """
    from ...detector.model.checkpoints import load_detector

    config = fields.scores_config(dataset, key)
    if config is None or getattr(config, "head_weight", None) is None:
        raise ForensicsError(
            f"The scores of {key!r} were imported; there is no network to ask again.",
            "Choose a detector whose scores were computed here.",
            "key",
        )
    model = load_detector(config.detector, device=device)
    if model.sha256 != config.checkpoint_sha256:
        raise ForensicsError(
            f"The checkpoint {config.detector} is not the one that {key!r} was scored with.",
            "Restore it, or score the faces again.",
            "key",
        )
    return model
