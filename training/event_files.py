"""Writes a run's curves as TensorBoard event files, for users who follow many runs there.

They hold only numbers of ``metrics.jsonl``, which is the file that our code reads back.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

from ..detector.files import packages

FOLDER = "events"
STEP = (
    "total",
    "ce",
    "alignment",
    "uniformity",
    "learning_rate",
    "gradient_norm",
    "crops_per_second",
)
EPOCH = ("auroc", "auroc_low", "auroc_high", "macro_ap", "auroc_frames", "loss")
EPOCH += ("alignment", "uniformity", "train_loss")
_CHARTS = {"step": ("training", STEP), "epoch": ("validation", EPOCH)}


def require_package() -> None:
    """Check, before anything starts, that event files can be written.

    Raises:
        ForensicsError: the package ``tensorboard`` is not installed
    """
    packages.require(packages.TENSORBOARD, "tensorboard")


class EventFiles:
    """The writer of one run's event files.

    Args:
        run_dir: folder of the run; the files go into ``events`` inside
        step: number of finished optimiser steps. TensorBoard then ignores what a killed process
            wrote after its last save, because those steps are repeated

    Raises:
        ForensicsError: the package is missing
    """

    def __init__(self, run_dir: Path, step: int) -> None:
        require_package()
        SummaryWriter = packages.load(
            packages.TENSORBOARD, "torch.utils.tensorboard", "tensorboard"
        ).SummaryWriter
        purge = step + 1 if step else None
        self._writer: Any = SummaryWriter(str(run_dir / FOLDER), purge_step=purge)

    def add(self, record: dict[str, Any]) -> None:
        """Write a record of ``metrics.jsonl``; kinds without a curve, and None, are left out."""
        chart, names = _CHARTS.get(record["kind"], ("", ()))
        for name in names:
            value = record.get(name)
            if value is not None:
                self._writer.add_scalar(f"{chart}/{name}", value, record["step"])

    def flush(self) -> None:
        """Write buffered values to disk; called with each save, because a kill loses the rest."""
        self._writer.flush()

    def close(self) -> None:
        """Write the buffered values and close the file."""
        self._writer.close()
