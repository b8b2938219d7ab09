"""Computes the ROC curve of weighted scores and the metrics derived from it.

One sort of the distinct scores serves any number of weightings of the same rows. A row of the
weights is one bootstrap replicate (how often each video was drawn); all ones is the sample itself.
A metric and its interval thus share their code. Definitions with references: docs/metrics.md.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np

from ..errors import ForensicsError, MetricUndefined

ArrayLike = Any


class EqualErrorRate(float):
    """The rate, as a float, at which false-positive and false-negative rate are equal.

    Unpacks into ``rate, threshold``.

    Attributes:
        rate: in [0, 1], exact on the piecewise linear ROC curve; equals the float
        threshold: a finite threshold at the curve's nearest real operating point
    """

    threshold: float

    def __new__(cls, rate: float, threshold: float) -> EqualErrorRate:
        self = super().__new__(cls, rate)
        self.threshold = float(threshold)
        return self

    @property
    def rate(self) -> float:
        """The equal error rate as a plain float."""
        return float(self)

    def __iter__(self) -> Iterator[float]:
        return iter((self.rate, self.threshold))

    def __getnewargs__(self) -> tuple[float, float]:
        return self.rate, self.threshold

    def __repr__(self) -> str:
        return f"EqualErrorRate(rate={self.rate!r}, threshold={self.threshold!r})"


class OperatingPoint(NamedTuple):
    """Rates at one threshold; fake means p_fake >= threshold."""

    threshold: float
    fpr: float
    tpr: float


@dataclass(frozen=True, slots=True)
class Curve:
    """Cumulative weights of reals and fakes at or above each distinct score, highest first.

    Attributes:
        real: (B, K + 1), column 0 is zero
        fake: (B, K + 1)
        scores: (K,) distinct scores, descending
    """

    real: np.ndarray
    fake: np.ndarray
    scores: np.ndarray

    @property
    def fpr(self) -> np.ndarray:
        """(B, K + 1) false-positive rates; NaN in replicates without a real."""
        with np.errstate(invalid="ignore", divide="ignore"):
            return self.real / self.real[:, -1:]

    @property
    def tpr(self) -> np.ndarray:
        """(B, K + 1) true-positive rates; NaN in replicates without a fake."""
        with np.errstate(invalid="ignore", divide="ignore"):
            return self.fake / self.fake[:, -1:]


def checked(y_true: ArrayLike, scores: ArrayLike) -> tuple[np.ndarray, np.ndarray]:
    """Return labels (N,) as int64 and scores (N,) as float64, checked.

    Raises:
        ForensicsError: unequal lengths, labels other than 0 and 1, or scores that are not finite
    """
    labels = np.asarray(y_true).ravel()
    values = np.asarray(scores, np.float64).ravel()
    if labels.shape != values.shape:
        raise ForensicsError(f"{labels.size} labels do not fit {values.size} scores.")
    if not np.isin(labels, (0, 1)).all():
        raise ForensicsError("Labels are 0 (real) and 1 (fake).")
    if not np.isfinite(values).all():
        count = int((~np.isfinite(values)).sum())
        raise ForensicsError(
            f"{count} of {values.size} scores are missing or infinite.",
            "Leave them out and report the coverage, or use worst_case_fill.",
        )
    return labels.astype(np.int64), values


def require_both(labels: np.ndarray, metric: str) -> None:
    """Raise :class:`MetricUndefined` unless there is a real and a fake."""
    reals, fakes = int((labels == 0).sum()), int((labels == 1).sum())
    if not reals or not fakes:
        raise MetricUndefined(
            f"{metric} needs both classes; here are {reals} real and {fakes} fake.",
            "Choose a view that holds both.",
        )


def weighted_curve(
    labels: np.ndarray, scores: np.ndarray, weights: np.ndarray | None = None
) -> Curve:
    """Return the curve of (N,) labels and scores under weights (B, N); None is one row of ones."""
    rows = np.ones((1, labels.size)) if weights is None else np.asarray(weights, np.float64)
    order = np.argsort(-scores, kind="stable")
    ordered = scores[order]
    starts = np.flatnonzero(np.r_[True, ordered[1:] != ordered[:-1]][: ordered.size])
    is_real = labels[order] == 0

    def cumulative(mask: np.ndarray) -> np.ndarray:
        at_score = np.add.reduceat(rows[:, order] * mask, starts, axis=1)
        return np.pad(np.cumsum(at_score, axis=1), ((0, 0), (1, 0)))

    if not starts.size:
        empty = np.zeros((rows.shape[0], 1))
        return Curve(empty, empty, ordered)
    return Curve(cumulative(is_real), cumulative(~is_real), ordered[starts])


def auroc_of(curve: Curve) -> np.ndarray:
    """Return (B,) the trapezoid area, with ties counted half: the Mann-Whitney statistic."""
    heights = (curve.tpr[:, 1:] + curve.tpr[:, :-1]) / 2
    return (np.diff(curve.fpr, axis=1) * heights).sum(axis=1)


def fake_precision_of(curve: Curve) -> np.ndarray:
    """Return (B,) average precision with fake as the positive class, a step per distinct score."""
    hits, misses = curve.fake[:, 1:], curve.real[:, 1:]
    with np.errstate(invalid="ignore", divide="ignore"):
        precision = np.where(hits + misses > 0, hits / (hits + misses), 0.0)
    return (np.diff(curve.tpr, axis=1) * precision).sum(axis=1)


def real_precision_of(curve: Curve) -> np.ndarray:
    """Return (B,) average precision with real as the positive class, lowest scores first."""
    real = (curve.real[:, -1:] - curve.real)[:, ::-1]
    fake = (curve.fake[:, -1:] - curve.fake)[:, ::-1]
    return fake_precision_of(Curve(fake, real, curve.scores[::-1]))


def eer_of(curve: Curve) -> np.ndarray:
    """Return (B,) equal error rates."""
    return _crossing(curve)[0]


def _crossing(curve: Curve) -> tuple[np.ndarray, np.ndarray]:
    """Return equal error rates (B,) and the column (B,) of the nearest operating point."""
    fpr, fnr = curve.fpr, 1.0 - curve.tpr
    gap = fpr - fnr  # rises from -1 to 1
    after = np.argmax(gap >= 0, axis=1)
    before = np.maximum(after - 1, 0)
    rows = np.arange(gap.shape[0])
    low, high = gap[rows, before], gap[rows, after]
    with np.errstate(invalid="ignore", divide="ignore"):
        step = np.where(high > low, -low / (high - low), 0.0)
    rate = fpr[rows, before] + step * (fpr[rows, after] - fpr[rows, before])
    nearest = np.where(np.abs(low) < np.abs(high), before, after)
    return np.where(np.isnan(gap).any(axis=1), np.nan, rate), nearest


def tpr_at_fpr_of(limit: float) -> Callable[[Curve], np.ndarray]:
    """Return a function of a curve: (B,) highest TPR of real operating points, FPR <= ``limit``."""

    def highest(curve: Curve) -> np.ndarray:
        allowed = curve.fpr <= limit + 1e-12
        values = np.where(allowed, curve.tpr, 0.0).max(axis=1)
        resolved = curve.real[:, -1] * limit >= 1 - 1e-9
        return np.where(resolved & (curve.fake[:, -1] > 0), values, np.nan)

    return highest


def roc_auc(y_true: ArrayLike, scores: ArrayLike) -> float:
    """Return P(score of a fake > score of a real) + P(equal) / 2, in O(N log N).

    Raises:
        MetricUndefined: one class only
    """
    labels, values = checked(y_true, scores)
    require_both(labels, "AUROC")
    return float(auroc_of(weighted_curve(labels, values))[0])


def average_precision(y_true: ArrayLike, scores: ArrayLike, positive: int = 1) -> float:
    """Return the sum over distinct scores of recall step x precision; depends on class balance.

    Args:
        y_true: (N,) 0 real, 1 fake
        scores: (N,) p_fake, higher means more likely fake, also for ``positive=0``
        positive: class to retrieve: 1 ranks by falling score, 0 by rising score

    Raises:
        MetricUndefined: one class only
    """
    labels, values = checked(y_true, scores)
    require_both(labels, "Average precision")
    of = fake_precision_of if positive == 1 else real_precision_of
    return float(of(weighted_curve(labels, values))[0])


def equal_error_rate(y_true: ArrayLike, scores: ArrayLike) -> EqualErrorRate:
    """Return the error rate at FPR = FNR, interpolated linearly between the two nearest points.

    Ties form one slanted segment of the curve, so the value does not depend on the order of rows.
    The threshold is the middle between two neighbouring scores (or the lowest score). It is always
    finite, unlike interpolated thresholds, which can be infinite if the top scores tie.

    Raises:
        MetricUndefined: one class only
    """
    labels, values = checked(y_true, scores)
    require_both(labels, "EER")
    curve = weighted_curve(labels, values)
    rate, column = _crossing(curve)
    return EqualErrorRate(float(rate[0]), threshold_of(curve.scores, int(column[0])))


def threshold_of(scores: np.ndarray, column: int) -> float:
    """Return the threshold at which exactly the ``column`` highest distinct scores are fake."""
    if column <= 0:
        return float(np.nextafter(scores[0], np.inf))
    if column >= scores.size:
        return float(scores[-1])
    middle = (scores[column - 1] + scores[column]) / 2
    return float(middle if middle > scores[column] else scores[column - 1])


def roc_curve(y_true: ArrayLike, scores: ArrayLike) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return FPR, TPR and thresholds, each (K + 1,), for K distinct scores.

    Point k calls the k highest distinct scores fake (p_fake >= threshold). Threshold 0 is just
    above the highest score.

    Raises:
        MetricUndefined: one class only
    """
    labels, values = checked(y_true, scores)
    require_both(labels, "The ROC curve")
    curve = weighted_curve(labels, values)
    first = np.nextafter(curve.scores[0], np.inf)
    return curve.fpr[0], curve.tpr[0], np.r_[first, curve.scores]


def operating_point(y_true: ArrayLike, scores: ArrayLike, fpr: float) -> OperatingPoint:
    """Return the threshold with the highest TPR among those with an FPR of at most ``fpr``.

    There is no interpolation: the point is reached by a real threshold on these scores.

    Raises:
        ForensicsError: ``fpr`` outside (0, 1]
        MetricUndefined: one class only, or fewer than 1 / ``fpr`` reals, on which this rate cannot
            be observed
    """
    labels, values = checked(y_true, scores)
    require_both(labels, f"TPR at FPR {fpr:g}")
    require_resolution(int((labels == 0).sum()), fpr)
    curve = weighted_curve(labels, values)
    column = int(np.flatnonzero(curve.fpr[0] <= fpr + 1e-12)[-1])
    threshold = threshold_of(curve.scores, column)
    return OperatingPoint(threshold, float(curve.fpr[0, column]), float(curve.tpr[0, column]))


def require_resolution(reals: int, fpr: float) -> None:
    """Raise :class:`MetricUndefined` if ``reals`` are too few to observe the rate ``fpr``."""
    if not 0 < fpr <= 1:
        raise ForensicsError(f"A false-positive rate must be in (0, 1], not {fpr!r}.", field="fpr")
    if reals * fpr < 1 - 1e-9:
        raise MetricUndefined(
            f"A false-positive rate of {fpr:g} cannot be observed on {reals} reals.",
            f"It needs at least {int(np.ceil(1 / fpr - 1e-9))}.",
        )


def tpr_at_fpr(y_true: ArrayLike, scores: ArrayLike, fpr: float) -> float:
    """Return the TPR of :func:`operating_point`."""
    return operating_point(y_true, scores, fpr).tpr
