"""Reads the thresholds that earlier evaluations and calibrations left on a dataset."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import fiftyone as fo

from ...detector.audit import threshold as audit_threshold
from ...detector.audit.threshold import Chosen, Stored, Threshold
from ...detector.errors import ForensicsError
from ...detector.files.paths import given
from ...detector.weights.known_detectors import PUBLISHED, find_detector
from ...detector.weights.shipped_detectors import SHIPPED
from ..dataset import fields, made_from, run_names, stored_runs
from . import calibrations


def stored_of(faces: fo.Dataset, key: str) -> Stored:
    """Return the thresholds of ``key`` that evaluations and calibrations left on ``faces``.

    Each is checked now against its basis.
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
    return Stored(_evaluated(faces, key, calibration), calibration, _own(faces, key))


def _own(faces: fo.Dataset, key: str) -> Chosen | None:
    """Return the threshold in the record of the checkpoint behind the scores of ``key``."""
    config = fields.scores_config(faces, key)
    record = own_record(getattr(config, "detector", None))
    if not record or record.get("checkpoint_sha256") != getattr(config, "checkpoint_sha256", ""):
        return None
    threshold = replace(audit_threshold.of_calibration(record), source=audit_threshold.CHECKPOINT)
    shared = sorted(set(record["source_datasets"]) & set(faces.distinct("source_dataset")))
    if record.get("dataset") == faces.name or shared:
        what = ", ".join(shared) or "this dataset"
        threshold = threshold.doubted(
            f"it was chosen on material of {what}, which may be judged here"
        )
    return Chosen(threshold, level=record["level"])


def own_record(source: str | None) -> dict[str, Any] | None:
    """Return the calibration that a checkpoint of our format holds, or None.

    Args:
        source: origin that is stored with the scores: a path or a registered name
    """
    try:
        # published files hold no calibration of ours
        known = source and source not in PUBLISHED
        path = find_detector(str(source)) if known else None
        if path is not None and source not in SHIPPED:  # those are ours, wherever we are installed
            path = given(path, "detector")
    except ForensicsError:  # imported scores, or a checkpoint that is not on this machine
        return None
    record = None if path is None else (path if path.is_dir() else path.parent) / "detector.json"
    if record is None or not record.is_file():
        return None
    try:  # reads the record for people, which needs no torch
        found = json.loads(record.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return None
    calibration = found.get("calibration") if isinstance(found, dict) else None
    needed = ("threshold", "level", "source_datasets", "date", "n_real", "target_fpr")
    is_whole = isinstance(calibration, dict) and all(name in calibration for name in needed)
    return calibration if is_whole else None


def _evaluated(faces: fo.Dataset, key: str, calibration: Chosen | None) -> Chosen | None:
    """Return the threshold of the last evaluation, as honest as the source it came from."""
    config = stored_runs.config_of(faces, run_names.EVALUATION, key)
    if config is None:
        return None
    text = f"of the last evaluation: {getattr(config, 'threshold_from', 'fixed')}"
    threshold = Threshold(float(config.threshold), audit_threshold.EVALUATION, text)
    why = made_from.why_stale(faces, run_names.EVALUATION + key)
    if why:
        return Chosen(threshold, stale=why)
    origin = getattr(config, "threshold_origin", None)
    if origin not in (calibrations.CALIBRATED, audit_threshold.CALIBRATION):  # first: of 0.3
        doubt = "" if origin == audit_threshold.FIXED else audit_threshold.BY_HAND
        return Chosen(threshold.doubted(doubt))
    if calibration is None or calibration.stale or calibration.threshold.value != threshold.value:
        return Chosen(threshold.doubted("its calibration no longer exists"))
    return replace(
        calibration,
        threshold=replace(
            calibration.threshold,
            source=audit_threshold.EVALUATION,
            provenance=f"of the last evaluation: {calibration.threshold.provenance}",
        ),
    )
