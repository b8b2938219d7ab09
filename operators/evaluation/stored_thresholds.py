"""Reads the thresholds that earlier evaluations and calibrations left on a dataset."""

from __future__ import annotations

from dataclasses import replace

import fiftyone as fo

from ...detector.audit import threshold as audit_threshold
from ...detector.audit.threshold import Chosen, Stored, Threshold
from ..dataset import made_from, run_names, stored_runs
from . import calibrations


def stored_of(faces: fo.Dataset, key: str) -> Stored:
    """Thresholds of ``key`` that 'Evaluate detector' and 'Calibrate threshold' left behind.

    Each is checked now against what it was made from.
    """
    calibration = None
    found = calibrations.calibration_of(faces, key)
    if found is not None:
        record = found.record
        why = calibrations.why_no_calibration(faces, key)
        calibration = Chosen(
            audit_threshold.of_calibration(record),
            on=None if why else calibrations.calibrated_on(faces, key),
            level=record["level"],
            stale=why or "",
        )
    return Stored(_evaluated(faces, key, calibration), calibration)


def _evaluated(faces: fo.Dataset, key: str, calibration: Chosen | None) -> Chosen | None:
    """The threshold of the last evaluation, as honest as where that had it from."""
    config = stored_runs.config_of(faces, run_names.EVALUATION, key)
    if config is None:
        return None
    text = f"of the last evaluation: {getattr(config, 'threshold_from', 'fixed')}"
    threshold = Threshold(float(config.threshold), audit_threshold.EVALUATION, text)
    why = made_from.why_stale(faces, run_names.EVALUATION + key)
    if why:
        return Chosen(threshold, stale=why)
    origin = getattr(config, "threshold_origin", None)
    if origin not in (calibrations.CALIBRATED, audit_threshold.CALIBRATION):  # the first: of 0.3
        doubt = "" if origin == audit_threshold.FIXED else audit_threshold.BY_HAND
        return Chosen(threshold.doubted(doubt))
    if calibration is None or calibration.stale or calibration.threshold.value != threshold.value:
        return Chosen(threshold.doubted("its calibration is not there any more"))
    return replace(
        calibration,
        threshold=replace(
            calibration.threshold,
            source=audit_threshold.EVALUATION,
            provenance=f"of the last evaluation: {calibration.threshold.provenance}",
        ),
    )
