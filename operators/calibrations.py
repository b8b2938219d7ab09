"""The calibration of a detector on a dataset: stored once, found again, said in words."""

from __future__ import annotations

from typing import Any

import fiftyone as fo

from ..detector.errors import ForensicsError
from . import fields

CALIBRATED = "calibrated"  # what `threshold` may be instead of a number
RUN_PREFIX = "calibration_"


def has_calibration(dataset: fo.Dataset, key: str) -> bool:
    """Whether 'Calibrate threshold' has been run for detector ``key``, with its present scores."""
    if not dataset.has_run(RUN_PREFIX + key):
        return False
    config = dataset.get_run_info(RUN_PREFIX + key).config
    return config.checkpoint_sha256 == checkpoint_of(dataset, key)


def checkpoint_of(dataset: fo.Dataset, key: str) -> str | None:
    """Hash of the checkpoint whose scores ``key`` holds, None for imported scores."""
    run = fields.ScoreFields(key).run
    if not dataset.has_run(run):
        return None
    return getattr(dataset.get_run_info(run).config, "checkpoint_sha256", None)


def stored_calibration(dataset: fo.Dataset, key: str) -> dict[str, Any]:
    """Everything that 'Calibrate threshold' stored for detector ``key``.

    Raises:
        ForensicsError: there is none, or it is of another checkpoint's scores
    """
    name = RUN_PREFIX + key
    if not dataset.has_run(name):
        raise ForensicsError(
            f"The detector {key!r} has no calibrated threshold on {dataset.name!r}.",
            "Run 'Calibrate threshold' on a calibration view first, or give a number.",
            "threshold",
        )
    if not has_calibration(dataset, key):
        raise ForensicsError(
            f"The calibration of {key!r} was made for the scores of another checkpoint.",
            "Run 'Calibrate threshold' again.",
            "threshold",
        )
    return dict(dataset.get_run_info(name).config.record)


def stored_threshold(dataset: fo.Dataset, view: Any, key: str) -> tuple[float, str]:
    """The calibrated threshold, and where it comes from, for the rows of ``view``.

    Raises:
        ForensicsError: see :func:`stored_calibration`
    """
    record = stored_calibration(dataset, key)
    text = statement(record)
    seen = set(record["groups"]) & {g or v for g, v in zip(*_groups(view), strict=True)}
    if seen:
        text += (
            f"; {len(seen)} of its groups are among the rows judged here, so these rates flatter"
        )
    return float(record["threshold"]), text


def _groups(view: Any) -> tuple[list[str], list[str]]:
    return view.values(["group_id", "video_id"])


def statement(record: dict[str, Any]) -> str:
    """One sentence on where a calibrated threshold comes from."""
    return (
        f"chosen {record['date']} on {record['n_real']} real {record['level']}s of "
        f"{', '.join(record['source_datasets'])} (view {record['view_sha256'][:12]}): at most "
        f"{record['target_fpr']:.2%} of them called fake"
    )
