"""How sure a metric is: Wilson intervals, group bootstrap, paired comparison.

Videos made from one source are not independent, so resampling draws groups (connected components
over all parents, ``group_id``), never single videos, wherever groups are known.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from statistics import NormalDist
from typing import NamedTuple

import numpy as np

from ..errors import ForensicsError, MetricUndefined
from .curve import (
    ArrayLike,
    Curve,
    auroc_of,
    checked,
    eer_of,
    fake_precision_of,
    real_precision_of,
    require_both,
    require_resolution,
    tpr_at_fpr_of,
    weighted_curve,
)

Statistic = str | Callable[[np.ndarray, np.ndarray], float]
_CELLS = 2_000_000  # weights held at once: 16 MB


class _Bounds(NamedTuple):
    low: float
    high: float


class Interval(_Bounds):
    """A confidence interval; unpacks into ``low, high``.

    Attributes:
        low, high: bounds at ``level``
        level: for example 0.95
        groups: independent units that were resampled
        undefined: replicates without a value (one class only), left out of the bounds
    """

    level: float
    groups: int
    undefined: int

    def __new__(
        cls, low: float, high: float, level: float = 0.95, groups: int = 0, undefined: int = 0
    ) -> Interval:
        self = super().__new__(cls, low, high)
        self.level, self.groups, self.undefined = level, groups, undefined
        return self

    def __getnewargs__(self) -> tuple[float, float, float, int, int]:
        return self.low, self.high, self.level, self.groups, self.undefined

    def __repr__(self) -> str:
        return (
            f"Interval(low={self.low!r}, high={self.high!r}, level={self.level!r}, "
            f"groups={self.groups!r}, undefined={self.undefined!r})"
        )


class Comparison(NamedTuple):
    """Detector A minus detector B on the same rows.

    Attributes:
        a, b: the metric of each
        difference: a - b
        low, high: confidence interval of the difference
        p_value: two-sided, for the hypothesis that the two are equal
    """

    a: float
    b: float
    difference: float
    low: float
    high: float
    p_value: float


def wilson_interval(successes: int, trials: int, level: float = 0.95) -> tuple[float, float]:
    """Wilson's score interval of a share (Wilson 1927); inside [0, 1] at any count.

    Raises:
        ForensicsError: counts that are not 0 <= successes <= trials
        MetricUndefined: no trials
    """
    if trials == 0 and successes == 0:
        raise MetricUndefined("A rate over no rows is undefined.")
    if not 0 <= successes <= trials:
        raise ForensicsError(f"{successes} of {trials} is not a share.")
    z = NormalDist().inv_cdf((1 + level) / 2)
    share = successes / trials
    spread = z * np.sqrt(share * (1 - share) / trials + z * z / (4 * trials * trials))
    scale = 1 + z * z / trials
    middle = share + z * z / (2 * trials)
    low = 0.0 if successes == 0 else max(0.0, (middle - spread) / scale)
    high = 1.0 if successes == trials else min(1.0, (middle + spread) / scale)
    return float(low), float(high)


def curve_statistic(name: str) -> Callable[[Curve], np.ndarray]:
    """A metric by name as a function of a curve: ``auroc``, ``eer``, ``ap`` (fake), ``ap_real``,
    ``tpr@0.05`` (any rate); the names of the functions of :mod:`.rates` mean the same.

    Raises:
        ForensicsError: unknown name
    """
    known = {
        "auroc": auroc_of,
        "roc_auc": auroc_of,
        "eer": eer_of,
        "equal_error_rate": eer_of,
        "ap": fake_precision_of,
        "average_precision": fake_precision_of,
        "ap_fake": fake_precision_of,
        "ap_real": real_precision_of,
    }
    if name in known:
        return known[name]
    if re.fullmatch(r"tpr@(\d*\.)?\d+", name):
        return tpr_at_fpr_of(float(name.partition("@")[2]))
    raise ForensicsError(
        f"There is no metric {name!r}.", f"Known: {', '.join(known)}, tpr@RATE.", "metric"
    )


def bootstrap_interval(
    y_true: ArrayLike,
    scores: ArrayLike,
    metric: Statistic = "auroc",
    groups: ArrayLike | None = None,
    *,
    level: float = 0.95,
    replicates: int = 2000,
    seed: int = 0,
) -> Interval:
    """Percentile interval of a metric by resampling groups with replacement.

    A named metric on 5,000 videos takes well under a second; a callable is called ``replicates``
    times.

    Args:
        y_true: (N,) 0 real, 1 fake
        scores: (N,) p_fake
        metric: a name of :func:`curve_statistic`, or a function of (labels, scores); a replicate
            on which it raises :class:`MetricUndefined` is left out and counted
        groups: (N,) key of the independent unit of each row; None takes every row as one
        level: coverage
        replicates: resamples
        seed: of the resampling

    Raises:
        MetricUndefined: one class only, one group only, or more than half of the replicates
            without a value
    """
    labels, values = checked(y_true, scores)
    if not isinstance(metric, str) and not callable(metric):
        raise ForensicsError(
            f"A metric is a name or a function, not {type(metric).__name__}.",
            "Give group keys as groups=...",
            "metric",
        )
    require_both(labels, "A bootstrap interval")
    if isinstance(metric, str) and metric.startswith("tpr@"):
        curve_statistic(metric)  # refuses a name that is not a rate
        require_resolution(int((labels == 0).sum()), float(metric.partition("@")[2]))
    number = _group_numbers(groups, labels, [values])
    found = _replicates(labels, [values], metric, number, replicates, seed)[0]
    low, high, undefined = _percentiles(found, level)
    return Interval(low, high, level, int(number.max()) + 1, undefined)


def paired_bootstrap(
    y_true: ArrayLike,
    scores_a: ArrayLike,
    scores_b: ArrayLike,
    metric: Statistic = "auroc",
    groups: ArrayLike | None = None,
    *,
    level: float = 0.95,
    replicates: int = 2000,
    seed: int = 0,
) -> Comparison:
    """Difference of two detectors on the same rows, by resampling the same groups for both.

    The p-value is twice the smaller share of replicates on either side of zero, each counted with
    one extra (so it is never 0).

    Raises:
        MetricUndefined: as :func:`bootstrap_interval`
    """
    labels, first = checked(y_true, scores_a)
    _, second = checked(y_true, scores_b)
    require_both(labels, "A comparison")
    number = _group_numbers(groups, labels, [first, second])
    found = _replicates(labels, [first, second], metric, number, replicates, seed)
    difference = found[0] - found[1]
    low, high, undefined = _percentiles(difference, level)
    kept = replicates - undefined
    below = (np.sum(difference <= 0) + 1) / (kept + 1)
    above = (np.sum(difference >= 0) + 1) / (kept + 1)
    a, b = (_point(labels, values, metric) for values in (first, second))
    return Comparison(a, b, a - b, low, high, float(min(1.0, 2 * min(below, above))))


def _group_numbers(
    groups: ArrayLike | None, labels: np.ndarray, scorings: list[np.ndarray]
) -> np.ndarray:
    """(N,) number of each row's group, in an order that does not depend on the order of rows.

    Raises:
        ForensicsError: not one group per row
        MetricUndefined: one group only
    """
    if groups is None:
        number = np.empty(labels.size, np.int64)
        number[np.lexsort((labels, *scorings))] = np.arange(labels.size)
    else:
        keys = np.asarray(groups)
        if keys.shape != labels.shape:
            raise ForensicsError(f"{keys.size} group keys do not fit {labels.size} rows.")
        keys = keys.astype(str) if keys.dtype.kind == "O" else keys
        number = np.unique(keys, return_inverse=True)[1].ravel()
    if number.size == 0 or number.max() == 0:
        raise MetricUndefined(
            "All rows belong to one group, so nothing can be said about the spread.",
            "Add material from other sources.",
        )
    return number


def _replicates(
    labels: np.ndarray,
    scorings: list[np.ndarray],
    metric: Statistic,
    number: np.ndarray,
    replicates: int,
    seed: int,
) -> np.ndarray:
    """(scorings, replicates) values; the same draws for each scoring; NaN where undefined."""
    generator = np.random.default_rng(seed)
    count = int(number.max()) + 1
    out = np.empty((len(scorings), replicates))
    step = max(1, _CELLS // labels.size)
    for start in range(0, replicates, step):
        rows = min(step, replicates - start)
        drawn = generator.multinomial(count, np.full(count, 1 / count), size=rows)
        weights = drawn[:, number]
        for index, values in enumerate(scorings):
            out[index, start : start + rows] = _values(labels, values, metric, weights)
    return out


def _values(
    labels: np.ndarray, values: np.ndarray, metric: Statistic, weights: np.ndarray
) -> np.ndarray:
    if isinstance(metric, str):
        return curve_statistic(metric)(weighted_curve(labels, values, weights))
    found = np.full(weights.shape[0], np.nan)
    for index, row in enumerate(weights):
        drawn = np.repeat(np.arange(labels.size), row)
        try:
            found[index] = metric(labels[drawn], values[drawn])
        except MetricUndefined:
            continue  # stays NaN: counted as undefined
    return found


def _point(labels: np.ndarray, values: np.ndarray, metric: Statistic) -> float:
    """The metric on the rows themselves."""
    return float(_values(labels, values, metric, np.ones((1, labels.size), np.int64))[0])


def _percentiles(found: np.ndarray, level: float) -> tuple[float, float, int]:
    """Bounds of the defined replicates and the number of undefined ones."""
    defined = found[~np.isnan(found)]
    if defined.size * 2 < found.size:
        raise MetricUndefined(
            f"{found.size - defined.size} of {found.size} resamples hold one class only.",
            "There are too few groups of one class for an interval.",
        )
    low, high = np.quantile(defined, [(1 - level) / 2, (1 + level) / 2])
    return float(low), float(high), int(found.size - defined.size)
