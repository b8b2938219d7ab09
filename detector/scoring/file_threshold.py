"""Chooses the threshold at which a single file is judged, and says where it comes from."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from ..audit.threshold import FIXED, UNCHOSEN, Threshold, of_calibration
from ..errors import ForensicsError
from .aggregate import RULES

if TYPE_CHECKING:
    from ..model.detector import Detector


def threshold_for(detector: Detector, calibration: Mapping[str, Any] | None = None) -> Threshold:
    """Return the threshold in ``calibration``, in the detector's own record, or 0.5.

    Args:
        detector: a loaded detector
        calibration: a record stored by ``calibrate_threshold``; by default the detector's own

    Raises:
        ForensicsError: the calibration belongs to another checkpoint
    """
    record = calibration or detector.info.get("calibration")
    if not record or record.get("threshold") is None:
        return UNCHOSEN
    made_for = record.get("checkpoint_sha256")
    if made_for != detector.sha256:
        raise ForensicsError(
            f"The calibration belongs to the checkpoint {str(made_for)[:12]}, not to this one "
            f"({detector.sha256[:12]}).",
            "Calibrate this detector.",
            "calibration",
        )
    threshold = of_calibration(record)
    return threshold if threshold.rule in RULES else replace(threshold, rule="mean")


def statement(threshold: Threshold) -> str:
    """Return the origin of a threshold and what it implies, without a full stop."""
    if threshold.source == FIXED:
        return (
            f"The threshold {threshold.value:g} was chosen on no data: the error rates on material "
            "like this are unknown"
        )
    return (
        f"The threshold {threshold.value:.3f} was {threshold.provenance}. On material unlike that "
        "it promises nothing"
    )
