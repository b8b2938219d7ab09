"""Which detectors a dataset knows: those trained on it, and those that a user has registered."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import fiftyone as fo

from ..detector.errors import ForensicsError
from ..detector.known_detectors import PUBLISHED, registered_detectors
from . import fields

if TYPE_CHECKING:
    from ..detector.model import Detector

TRAINING_PREFIX = "training_"


def training_runs(dataset: fo.Dataset) -> list[str]:
    """Keys of the finished training runs of ``dataset``, oldest first."""
    names = [name for name in dataset.list_runs() if name.startswith(TRAINING_PREFIX)]
    infos = {name: dataset.get_run_info(name) for name in names}
    done = [name for name in names if infos[name].config.status == "completed"]
    done.sort(key=lambda name: infos[name].timestamp)
    return [name.removeprefix(TRAINING_PREFIX) for name in done]


def known_detectors(dataset: fo.Dataset) -> list[tuple[str, str]]:
    """(value, label) of every detector that can be chosen by name."""
    published = [
        (name, f"{name} (published; {'here' if found.path.exists() else 'not downloaded'})")
        for name, found in PUBLISHED.items()
    ]
    registered = [(name, f"{name} (registered)") for name in registered_detectors()]
    runs = [(key, f"{key} (trained on this dataset)") for key in training_runs(dataset)]
    return [*published, *registered, *runs]


def detector_source(dataset: fo.Dataset, detector: str) -> str:
    """What ``load_detector`` takes, from a training key of ``dataset``, a name or a path.

    Raises:
        ForensicsError: a training run that has not finished, or whose checkpoint is gone
    """
    run = f"{TRAINING_PREFIX}{detector}"
    if not dataset.has_run(run):
        return detector
    config = dataset.get_run_info(run).config
    if config.status != "completed":
        raise ForensicsError(
            f"The training run {detector!r} is {config.status}.",
            "Wait until it has finished, or resume it.",
            field="detector",
        )
    if not Path(config.checkpoint).exists():
        raise ForensicsError(
            f"The checkpoint of {detector!r} is gone: {config.checkpoint}.",
            "Restore the folder, or train again.",
            field="detector",
        )
    return config.checkpoint


def scored_model(dataset: fo.Dataset, key: str, device: str | None) -> Detector:
    """The detector whose scores ``key`` holds, checked by its hash.

    Raises:
        ForensicsError: imported scores, a checkpoint that is gone or another one
    """
    from ..detector.checkpoints import load_detector

    run = fields.ScoreFields(key).run
    config = dataset.get_run_info(run).config if dataset.has_run(run) else None
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
