"""Defines the default folders of files, all below FiftyOne's dataset folder."""

from __future__ import annotations

import time
from pathlib import Path

import fiftyone as fo

from ...detector.files.paths import one_part

#: Kinds of files; each kind has a separate folder.
CROPS, SCORES, RUNS, EMBEDDINGS = "crops", "scores", "runs", "embeddings"
REPORTS, TRAINING_SETS, ANALYSES = "reports", "training_sets", "analyses"
JOBS, DEMO, PATCHES = "jobs", "demo_corpus", "patches"


def of_kind(kind: str) -> Path:
    """Return the folder of one of the kinds above."""
    return Path(fo.config.default_dataset_dir or ".") / "media_forensics" / kind


def of_dataset(kind: str, dataset: fo.Dataset) -> Path:
    """Return the folder for a kind of files of ``dataset``."""
    return of_kind(kind) / one_part(dataset.name)


def stamp() -> str:
    """Return the current time as part of a new name: ``20250131-235959``."""
    return time.strftime("%Y%m%d-%H%M%S")
