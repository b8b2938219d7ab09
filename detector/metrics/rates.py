"""Collects all metrics of a detector. Definitions and references: docs/metrics.md.

``y_true`` is 0 for real and 1 for fake, ``scores`` are p_fake (higher means more likely fake). Fake
is predicted if p_fake >= threshold. A metric without a value raises ``MetricUndefined``; none
returns 0.5 or 0 instead. Rows are videos or faces; the caller decides and states which.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import asdict, dataclass
from typing import Any, NamedTuple

import numpy as np

from ..errors import ForensicsError, MetricUndefined
from ..records import FAKE, REAL
from .clusters import clustered_rate
from .curve import (
    ArrayLike,
    EqualErrorRate,
    OperatingPoint,
    average_precision,
    checked,
    equal_error_rate,
    operating_point,
    require_both,
    roc_auc,
    roc_curve,
    tpr_at_fpr,
)
from .intervals import Comparison, Interval, wilson_interval
from .jackknife import bootstrap_interval, clustered_interval, paired_difference

__all__ = [
    "Comparison",
    "EqualErrorRate",
    "Interval",
    "MacroMean",
    "OperatingPoint",
    "Rates",
    "ReliabilityBin",
    "average_precision",
    "balanced_accuracy",
    "bootstrap_interval",
    "brier",
    "clustered_interval",
    "ece",
    "equal_error_rate",
    "macro_mean",
    "operating_point",
    "paired_difference",
    "rates_at_threshold",
    "reliability",
    "roc_auc",
    "roc_curve",
    "tpr_at_fpr",
    "wilson_interval",
    "worst_case_fill",
]


@dataclass(frozen=True, slots=True)
class Rates:
    """Counts and rates at one threshold; a rate without rows is None.

    Attributes:
        threshold: fake is predicted if p_fake >= threshold
        n_real, n_fake: rows of each class
        false_positives, true_positives: reals and fakes at or above the threshold
        fpr, tpr: shares
        fpr_interval, tpr_interval: over the groups, see :mod:`.clusters`; None without rows
        accuracy: share of correct rows; depends on the class balance
        balanced_accuracy: (tpr + 1 - fpr) / 2
        precision: share of fakes among rows called fake; depends on the class balance
    """

    threshold: float
    n_real: int
    n_fake: int
    false_positives: int
    true_positives: int
    fpr: float | None
    tpr: float | None
    fpr_interval: Interval | None
    tpr_interval: Interval | None
    accuracy: float | None
    balanced_accuracy: float | None
    precision: float | None

    @property
    def fnr(self) -> float | None:
        """Share of fakes called real."""
        return None if self.tpr is None else 1 - self.tpr

    @property
    def false_negatives(self) -> int:
        """Fakes below the threshold."""
        return self.n_fake - self.true_positives

    @property
    def fnr_interval(self) -> Interval | None:
        """Interval of :attr:`fnr`."""
        return None if self.tpr_interval is None else self.tpr_interval.mirrored()

    def to_json(self) -> dict[str, Any]:
        """Return every rate, count and interval by name."""
        bounds = self.fnr_interval
        return {
            **asdict(self),
            "fnr": self.fnr,
            "fnr_interval": None if bounds is None else asdict(bounds),
        }


class ReliabilityBin(NamedTuple):
    """One bar of a reliability diagram; means are None in an empty bin."""

    low: float
    high: float
    count: int
    mean_score: float | None
    fake_share: float | None


class MacroMean(NamedTuple):
    """Unweighted mean over datasets or methods.

    Attributes:
        value: the mean over those with a value, None if none has one
        used, undefined: how many have a value, and how many have none
    """

    value: float | None
    used: int
    undefined: int


def rates_at_threshold(
    y_true: ArrayLike,
    scores: ArrayLike,
    threshold: float,
    level: float = 0.95,
    groups: ArrayLike | None = None,
) -> Rates:
    """Return error rates at a fixed threshold, which must not have been chosen on these rows.

    With one class only, the other class's rates are None.

    Args:
        level: coverage of the intervals
        groups: (N,) key of the independent unit of each row; None treats every row as one

    Raises:
        ForensicsError: the threshold is not finite, or not one group per row
    """
    labels, values = checked(y_true, scores)
    keys = np.arange(labels.size) if groups is None else np.asarray(groups).ravel()
    if keys.shape != labels.shape:
        raise ForensicsError(f"{keys.size} group keys do not fit {labels.size} rows.")
    if not np.isfinite(threshold):
        raise ForensicsError(f"The threshold {threshold} is not a number.", field="threshold")
    called = values >= threshold
    reals, fakes = int((labels == 0).sum()), int((labels == 1).sum())
    wrong, right = int((called & (labels == 0)).sum()), int((called & (labels == 1)).sum())
    fpr = wrong / reals if reals else None
    tpr = right / fakes if fakes else None

    def interval(code: int) -> Interval | None:
        of_class = labels == code
        return clustered_rate(called[of_class], keys[of_class], level) if of_class.any() else None

    return Rates(
        threshold=float(threshold),
        n_real=reals,
        n_fake=fakes,
        false_positives=wrong,
        true_positives=right,
        fpr=fpr,
        tpr=tpr,
        fpr_interval=interval(REAL),
        tpr_interval=interval(FAKE),
        accuracy=(reals - wrong + right) / (reals + fakes) if reals + fakes else None,
        balanced_accuracy=None if fpr is None or tpr is None else (tpr + 1 - fpr) / 2,
        precision=right / (right + wrong) if right + wrong else None,
    )


def balanced_accuracy(y_true: ArrayLike, scores: ArrayLike, threshold: float = 0.5) -> float:
    """Return the mean of the two classes' accuracies.

    Raises:
        MetricUndefined: one class only
    """
    labels, values = checked(y_true, scores)
    require_both(labels, "Balanced accuracy")
    rates = rates_at_threshold(labels, values, threshold)
    assert rates.balanced_accuracy is not None
    return rates.balanced_accuracy


def brier(y_true: ArrayLike, scores: ArrayLike) -> float:
    """Return the mean of (p_fake - y)^2 (Brier 1950); 0 is perfect, constant 0.5 gives 0.25.

    Raises:
        MetricUndefined: no rows
    """
    labels, values = _probabilities(y_true, scores)
    return float(np.mean((values - labels) ** 2))


def reliability(y_true: ArrayLike, scores: ArrayLike, bins: int = 15) -> list[ReliabilityBin]:
    """Return mean p_fake and share of fakes in ``bins`` equal bins [low, high), the last closed.

    Raises:
        MetricUndefined: no rows
        ForensicsError: scores outside [0, 1] or no bins
    """
    labels, values = _probabilities(y_true, scores)
    if bins < 1:
        raise ForensicsError(f"A reliability diagram needs a bin, not {bins}.", field="bins")
    index = np.minimum((values * bins).astype(np.int64), bins - 1)
    count = np.bincount(index, minlength=bins)
    score = np.bincount(index, weights=values, minlength=bins)
    fakes = np.bincount(index, weights=labels, minlength=bins)
    return [
        ReliabilityBin(
            b / bins,
            (b + 1) / bins,
            int(count[b]),
            float(score[b] / count[b]) if count[b] else None,
            float(fakes[b] / count[b]) if count[b] else None,
        )
        for b in range(bins)
    ]


def ece(y_true: ArrayLike, scores: ArrayLike, bins: int = 15) -> float:
    """Return the expected calibration error of p_fake.

    This is the mean over rows of |mean p_fake - share of fakes| in the row's bin (Naeini et al.
    2015; here for the probability of fake, not of the top label).

    Raises:
        MetricUndefined: no rows
    """
    rows = [row for row in reliability(y_true, scores, bins) if row.count]
    total = sum(row.count for row in rows)
    gaps = (row.count * abs((row.mean_score or 0) - (row.fake_share or 0)) for row in rows)
    return sum(gaps) / total


def _probabilities(y_true: ArrayLike, scores: ArrayLike) -> tuple[np.ndarray, np.ndarray]:
    """Return checked labels and scores: at least one row, scores in [0, 1]."""
    labels, values = checked(y_true, scores)
    if not labels.size:
        raise MetricUndefined("A mean over no rows is undefined.")
    if values.min() < 0 or values.max() > 1:
        raise ForensicsError("Calibration needs probabilities in [0, 1], not logits.")
    return labels, values


def macro_mean(values: Iterable[float | None]) -> MacroMean:
    """Return the mean over datasets or methods, each with equal weight; None is undefined."""
    every = list(values)
    found = [float(v) for v in every if v is not None and not np.isnan(v)]
    mean = sum(found) / len(found) if found else None
    return MacroMean(mean, len(found), len(every) - len(found))


def worst_case_fill(
    y_true: ArrayLike, scores: ArrayLike, lowest: float = 0.0, highest: float = 1.0
) -> np.ndarray:
    """Return scores (N,) in which every missing one (NaN or None) is wrong.

    Missing fakes get ``lowest``, missing reals ``highest``.

    Report its metrics beside those of the scored rows only: the truth lies between them.
    """
    labels = np.asarray(y_true).ravel()
    values = np.array([np.nan if s is None else s for s in np.ravel(scores)], np.float64)
    return np.where(np.isnan(values), np.where(labels == FAKE, lowest, highest), values)
