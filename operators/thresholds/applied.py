"""Returns the threshold that an operator applies: the given one, else that of every screen."""

from __future__ import annotations

from typing import Any

from ...detector.audit.threshold import CALIBRATION, HAND, NOTHING, UNCHOSEN, Threshold
from ...detector.errors import ForensicsError
from ..dataset import views
from ..dataset.seen_material import fitted_on
from .calibrations import CALIBRATED, stored_calibration
from .stored_thresholds import stored_of


def applied(
    view: Any,
    key: str,
    threshold: float | str | None = None,
    *,
    given: str | None = None,
    level: str = "face",
    rates: bool = True,
) -> Threshold:
    """Return the threshold at which an operator judges the faces of ``view``.

    Args:
        view: faces view that is judged
        key: detector key
        threshold: on p_fake; ``"calibrated"`` for the one of 'Calibrate threshold'; None for the
            rule of every screen, see :class:`detector.audit.threshold.Stored`
        given: where a number comes from
        level: what is judged, ``face``, ``person`` or ``video``; "" for several
        rates: whether rates follow, which are optimistic if the judged faces chose the threshold

    Raises:
        ForensicsError: the number is outside [0, 1], or the calibration is missing or out of date
    """
    if threshold is not None and threshold != CALIBRATED:
        return _given(threshold, given)
    dataset = views.dataset_of(view)
    found = stored_of(dataset, key)
    if threshold == CALIBRATED or found.default == CALIBRATION:
        stored_calibration(dataset, key)  # read again, because numbers are about to be made with it
    return found.judging(fitted_on(view) if rates else NOTHING, level)


def _given(threshold: float | str, given: str | None) -> Threshold:
    try:
        value = float(threshold)
    except ValueError:
        value = float("nan")
    if not 0.0 <= value <= 1.0:
        raise ForensicsError(
            f"The threshold {threshold} is outside [0, 1].", "p_fake is a probability.", "threshold"
        )
    if given is None and value == UNCHOSEN.value:
        return UNCHOSEN
    return Threshold(value, HAND, given or "given, chosen on unknown data", honest=False)
