"""Finds the stored calibration of a detector on a dataset, and checks that it is still valid.

It is valid as long as its basis is: the checkpoint, the recipe, the rule, and the faces that it was
fitted on with their labels and scores (:mod:`operators.dataset.made_from`).
"""

from __future__ import annotations

from typing import Any

import fiftyone as fo

from ...detector.audit.basis import FittedOn
from ...detector.errors import ForensicsError
from ..dataset import fields, made_from, run_names, stored_runs, views
from ..dataset.seen_material import fitted_on

CALIBRATED = "calibrated"  # value of `threshold` that stands for the calibrated one
#: Ingredients that no calibration depends on; shared groups are checked at evaluation.
IGNORED = ("kinds",)


def calibration_of(dataset: fo.Dataset, key: str) -> Any | None:
    """Return what the last 'Calibrate threshold' of ``key`` stored, even if it is out of date."""
    return stored_runs.config_of(dataset, run_names.CALIBRATION, key)


def why_no_calibration(dataset: fo.Dataset, key: str) -> str | None:
    """Return why detector ``key`` has no valid calibrated threshold, or None if it has one."""
    if calibration_of(dataset, key) is None:
        return "there is none"
    return made_from.why_stale(dataset, run_names.CALIBRATION + key, IGNORED)


def has_calibration(dataset: fo.Dataset, key: str) -> bool:
    """Return whether detector ``key`` has a valid calibrated threshold."""
    return why_no_calibration(dataset, key) is None


def stored_calibration(dataset: fo.Dataset, key: str) -> dict[str, Any]:
    """Return everything that 'Calibrate threshold' stored for detector ``key``.

    Raises:
        ForensicsError: there is no calibration, or it is out of date
    """
    config = calibration_of(dataset, key)
    if config is None:
        raise ForensicsError(
            f"The detector {key!r} has no calibrated threshold on {dataset.name!r}.",
            "Run 'Calibrate threshold' on a calibration view first, or give a number.",
            "threshold",
        )
    why = made_from.why_stale(dataset, run_names.CALIBRATION + key, IGNORED, fresh=True)
    if why:
        raise ForensicsError(
            f"The calibration of {key!r} is no longer valid: {why}.",
            "Run 'Calibrate threshold' again.",
            "threshold",
        )
    return dict(config.record)


def calibration_of_checkpoint(dataset: fo.Dataset, sha256: str) -> dict[str, Any] | None:
    """Return the valid calibration on ``dataset``, or on its faces, of a checkpoint's scores.

    None if there is no valid one.
    """
    faces = views.faces_of(dataset) or dataset
    for key in reversed(fields.detector_keys(faces)):
        if made_from.checkpoint_of(faces, key) == sha256 and has_calibration(faces, key):
            return stored_calibration(faces, key)
    return None


def calibrated_on(dataset: fo.Dataset, key: str) -> FittedOn:
    """Return the current groups and files of the calibration of ``key``.

    Groups noted at its time would not do, because a later import may have joined groups.
    """
    return fitted_on(dataset.load_run_view(run_names.CALIBRATION + key))
