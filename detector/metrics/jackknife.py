"""Computes intervals of AUROC, EER, AP and TPR, and of their difference between two detectors.

The metric is computed without each group in turn; the spread of these values is its variance (the
jackknife, Quenouille and Tukey). For AUROC this corresponds to Obuchowski 1997, who sums placements
by cluster, but is exact. The bounds come from :mod:`.intervals`.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from functools import partial
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
from .intervals import Comparison, Interval, compared, freedom, share_bounds, why_none

Statistic = str | Callable[[np.ndarray, np.ndarray], float]
MOST_PARTS, LEAST_PARTS = 200, 40  # for expensive metrics: more groups are left out together
_CELLS = 2_000_000  # number of weights in memory at once: 16 MB


class _Spread(NamedTuple):
    """A metric with its values without each group (or part).

    Attributes:
        value: on all rows
        without: (G,) values, NaN if undefined
        groups, weight: of the class with fewer groups
        rows: number of all rows
        why: why there is no interval, or ""
    """

    value: float
    without: np.ndarray
    groups: int
    weight: float
    rows: int
    why: str

    def bounds(self, level: float) -> tuple[float, float]:
        """Return the lower and upper bound; the metric lies in [0, 1]."""
        share = self.value
        if share in (0.0, 1.0):  # no observable spread: count each group as one success
            low, high = share_bounds(np.array(share), np.array(self.weight), level)
            return float(low), float(high)
        variance = _variance(self.without)
        trials = min(share * (1 - share) / variance, self.rows) if variance > 0 else self.rows
        degrees = np.minimum(freedom(self.groups, self.weight), self.without.size - 1)
        low, high = share_bounds(np.array(share), np.array(max(trials, 1e-9)), level, degrees)
        return float(low), float(high)


def clustered_interval(
    y_true: ArrayLike,
    scores: ArrayLike,
    metric: Statistic = "auroc",
    groups: ArrayLike | None = None,
    level: float = 0.95,
) -> Interval:
    """Return the interval of a metric whose rows come in groups.

    AUROC takes O(N log N). Other metrics are computed up to :data:`MOST_PARTS` times; for 100,000
    rows, :data:`LEAST_PARTS` times.

    Args:
        y_true: (N,) 0 real, 1 fake
        scores: (N,) p_fake
        metric: a name of :func:`curve_statistic`, or a function of (labels, scores) with values in
            [0, 1]
        groups: (N,) key of the independent unit of each row; None treats every row as one
        level: coverage

    Raises:
        MetricUndefined: one class only, or too few reals for the requested rate
    """
    labels, values = checked(y_true, scores)
    if not isinstance(metric, str) and not callable(metric):
        raise ForensicsError(
            f"A metric is a name or a function, not {type(metric).__name__}.",
            "Give group keys as groups=...",
            "metric",
        )
    number = _group_numbers(groups, labels, [values])
    found = _spread(labels, values, metric, number)
    if found.why:
        return Interval(None, None, found.groups, found.why, level)
    low, high = found.bounds(level)
    return Interval(low, high, found.groups, "", level)


def bootstrap_interval(
    y_true: ArrayLike,
    scores: ArrayLike,
    metric: Statistic = "auroc",
    groups: ArrayLike | None = None,
    *,
    level: float = 0.95,
    replicates: int = 0,
    seed: int = 0,
) -> Interval:
    """Return the interval of :func:`clustered_interval`, under its earlier name.

    Nothing is drawn any more, so ``replicates`` and ``seed`` have no effect. A percentile bootstrap
    of few groups is too narrow (docs/metrics.md).
    """
    return clustered_interval(y_true, scores, metric, groups, level)


def paired_difference(
    y_true: ArrayLike,
    scores_a: ArrayLike,
    scores_b: ArrayLike,
    metric: Statistic = "auroc",
    groups: ArrayLike | None = None,
) -> Comparison:
    """Return the difference of two detectors on the same rows, leaving out the same groups.

    Raises:
        MetricUndefined: as :func:`clustered_interval`
    """
    labels, first = checked(y_true, scores_a)
    _, second = checked(y_true, scores_b)
    number = _group_numbers(groups, labels, [first, second])
    a, b = (_spread(labels, values, metric, number) for values in (first, second))
    if a.why or b.why:
        return Comparison(a.value, b.value, a.value - b.value, None, None, None, a.why or b.why)
    if np.array_equal(first, second):
        why = "no interval: both give every row the same score"
        return Comparison(a.value, b.value, 0.0, None, None, None, why)
    correlation = _correlation(a.without, b.without)
    return compared(a.value, b.value, a.bounds, b.bounds, correlation)


def _correlation(a: np.ndarray, b: np.ndarray) -> float:
    """Return the correlation of the values without each group; 0 if one of them is constant."""
    both = np.isfinite(a) & np.isfinite(b)
    a, b = a[both] - a[both].mean(), b[both] - b[both].mean()
    scale = float(np.sqrt((a**2).sum() * (b**2).sum()))
    return float(np.clip((a * b).sum() / scale, -1, 1)) if scale > 1e-15 else 0.0


def _variance(without: np.ndarray) -> float:
    """Return the jackknife variance of a metric from its values without each group."""
    found = without[np.isfinite(without)]
    return float(((found - found.mean()) ** 2).sum() * (found.size - 1) / found.size)


def _spread(
    labels: np.ndarray, values: np.ndarray, metric: Statistic, number: np.ndarray
) -> _Spread:
    require_both(labels, "An interval")
    if isinstance(metric, str) and metric.startswith("tpr@"):
        curve_statistic(metric)  # raises for an invalid rate
        require_resolution(int((labels == 0).sum()), float(metric.partition("@")[2]))
    counts = [np.unique(number[labels == code], return_counts=True)[1] for code in (0, 1)]
    weights = [float(n.sum() ** 2 / (n**2).sum()) for n in counts]
    whys = [why_none(n.size, w, of) for n, w, of in zip(counts, weights, _CLASSES, strict=True)]
    why = next((why for why in whys if why), "")
    groups, weight = min(n.size for n in counts), min(weights)
    everything = np.ones((1, labels.size))
    value = float(_values(labels, values, metric, everything)[0])
    without = np.full(1, value)
    if not why:
        count = int(number.max()) + 1
        if metric in ("auroc", "roc_auc"):
            without = _areas_without(labels, values, number, count)
        else:
            without = _metric_without(labels, values, metric, number, count)
        if np.isfinite(without).sum() * 2 <= without.size:
            why = f"no interval: {metric} is undefined without some of the groups"
    return _Spread(value, without, groups, weight, labels.size, why)


_CLASSES = ("reals", "fakes")


def _areas_without(
    labels: np.ndarray, values: np.ndarray, number: np.ndarray, count: int
) -> np.ndarray:
    """Return (G,) the AUROC without each group."""
    rank = np.unique(values, return_inverse=True)[1].ravel().astype(np.int64)
    fake = labels == 1
    span = int(rank.max()) + 1
    below = _below(rank[fake], np.sort(rank[~fake]))
    above = fake.sum() - _below(rank[~fake], np.sort(rank[fake]))
    key = number.astype(np.int64) * span + rank
    inside = np.sort(key[~fake])
    own = _below(key[fake], inside) - np.searchsorted(inside, number[fake] * span)
    by_group = partial(np.bincount, minlength=count)
    right = below.sum() - by_group(number[fake], below) - by_group(number[~fake], above)
    right = right + by_group(number[fake], own)
    fakes = fake.sum() - by_group(number[fake])
    reals = (~fake).sum() - by_group(number[~fake])
    with np.errstate(invalid="ignore", divide="ignore"):
        return right / (fakes * reals)


def _below(values: np.ndarray, ordered: np.ndarray) -> np.ndarray:
    """Return how many of ``ordered`` are below each of ``values``; ties count half."""
    left = np.searchsorted(ordered, values, side="left")
    return (left + np.searchsorted(ordered, values, side="right")) / 2


def _metric_without(
    labels: np.ndarray, values: np.ndarray, metric: Statistic, number: np.ndarray, count: int
) -> np.ndarray:
    """Return (G,) the metric without each group or, for many groups, without each of some parts."""
    parts = int(np.clip(2 * _CELLS // labels.size, LEAST_PARTS, MOST_PARTS))
    if count > parts:
        part = np.random.default_rng(0).permutation(count) % parts
        number, count = part[number], parts
    out = np.empty(count)
    step = max(1, _CELLS // labels.size)
    real = labels == 0
    for start in range(0, count, step):
        left_out = np.arange(start, min(start + step, count))
        kept = (number[None] != left_out[:, None]).astype(np.float64)
        # Keep the total weight of the reals, so that a rate that they resolve stays resolved.
        with np.errstate(divide="ignore"):
            kept *= (real.sum() / (kept * real).sum(axis=1))[:, None]
        out[left_out] = _values(labels, values, metric, kept)
    return out


def _values(
    labels: np.ndarray, values: np.ndarray, metric: Statistic, weights: np.ndarray
) -> np.ndarray:
    """Return (B,) the metric under weights (B, N), equal or 0 within a row; NaN if undefined."""
    if isinstance(metric, str):
        return curve_statistic(metric)(weighted_curve(labels, values, weights))
    found = np.full(len(weights), np.nan)
    for index, row in enumerate(weights):
        try:
            found[index] = metric(labels[row > 0], values[row > 0])
        except MetricUndefined:
            continue  # stays NaN
    return found


def curve_statistic(name: str) -> Callable[[Curve], np.ndarray]:
    """Return a metric by name as a function of a curve.

    Names are ``auroc``, ``eer``, ``ap`` (fake), ``ap_real`` and ``tpr@0.05`` (any rate); the names
    of the functions of :mod:`.rates` are accepted too.

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


def _group_numbers(
    groups: ArrayLike | None, labels: np.ndarray, scorings: list[np.ndarray]
) -> np.ndarray:
    """Return (N,) the number of each row's group, independent of the order of rows.

    Raises:
        ForensicsError: not one group per row
    """
    if groups is None:
        number = np.empty(labels.size, np.int64)
        number[np.lexsort((labels, *scorings))] = np.arange(labels.size)
        return number
    keys = np.asarray(groups)
    if keys.shape != labels.shape:
        raise ForensicsError(f"{keys.size} group keys do not fit {labels.size} rows.")
    keys = keys.astype(str) if keys.dtype.kind == "O" else keys
    return np.unique(keys, return_inverse=True)[1].ravel()
