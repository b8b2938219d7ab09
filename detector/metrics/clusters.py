"""Computes intervals of rates for dependent rows: faces of one video, videos of one source.

Such rows are not independent trials, and an interval that assumes so is far too narrow. A rate gets
Wilson's interval (1927) with the effective number of trials n / deff and Student's quantile. The
design effect deff of a ratio over groups (Kish 1965; Korn & Graubard 1998) comes from the rates
without each group (a jackknife). The interval is never narrower than that of independent rows. All
this takes milliseconds on 100,000 faces.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from ..errors import MetricUndefined
from .intervals import Interval, freedom, has_none, share_bounds, why_none


class Shares(NamedTuple):
    """The rates of R rows.

    Attributes:
        hits, trials: (R,) counts
        effective: (R,) trials divided by the design effect
        groups: (R,) number of independent groups
        weight: (R,) equivalent number of groups of equal size
        degrees: (R,) degrees of freedom of the design effect
    """

    hits: np.ndarray
    trials: np.ndarray
    effective: np.ndarray
    groups: np.ndarray
    weight: np.ndarray
    degrees: np.ndarray

    @property
    def rate(self) -> np.ndarray:
        """(R,) hits / trials, NaN without trials."""
        with np.errstate(invalid="ignore", divide="ignore"):
            return np.where(self.trials > 0, self.hits / self.trials, np.nan)

    def why(self, row: int = 0) -> str:
        """Return why a row has no interval, or ""."""
        return why_none(int(self.groups[row]), float(self.weight[row]))

    def bounds(self, level: float = 0.95) -> tuple[np.ndarray, np.ndarray]:
        """Return (R,) lower and upper bounds, NaN if a row has no interval."""
        rate = self.rate
        low, high = share_bounds(rate, self.effective, level, self.degrees)
        without = (rate == 0) | (rate == 1)
        alone = share_bounds(rate, np.where(without, self.effective, self.trials), level)
        low = np.where(without, alone[0], np.minimum(low, alone[0]))
        high = np.where(without, alone[1], np.maximum(high, alone[1]))
        none = has_none(self.groups, self.weight)
        return np.where(none, np.nan, low), np.where(none, np.nan, high)

    def interval(self, row: int = 0, level: float = 0.95) -> Interval:
        """Return the interval of one row."""
        why = self.why(row)
        if why:
            return Interval(None, None, int(self.groups[row]), why, level)
        low, high = self.bounds(level)
        return Interval(float(low[row]), float(high[row]), int(self.groups[row]), "", level)


class ClusterCounts:
    """Trials by row and cluster, laid out once, so that a new threshold takes a few ``bincount``.

    Args:
        row: (U,) row of each unit, -1 for none
        cluster: (U,) cluster of each unit
        rows: number of rows
    """

    def __init__(self, row: np.ndarray, cluster: np.ndarray, rows: int) -> None:
        self.rows = rows
        self._used = row >= 0
        kept_row, kept_cluster = row[self._used], cluster[self._used]
        span = int(kept_cluster.max(initial=0)) + 1
        pairs, self._pair = np.unique(kept_row * span + kept_cluster, return_inverse=True)
        self._pair = self._pair.ravel()
        self._row_of_pair = pairs // span
        self._trials = np.bincount(self._pair, minlength=len(pairs)).astype(np.float64)
        self.trials = np.bincount(kept_row, minlength=rows)
        self.clusters = np.bincount(self._row_of_pair, minlength=rows)
        self.weight = self._weight(self._trials)

    def shares(self, hit: np.ndarray) -> Shares:
        """Return the rates of ``hit`` (U,) by row."""
        hits = np.bincount(self._pair, weights=hit[self._used], minlength=len(self._trials))
        total = self._sum(hits)
        here = self._row_of_pair
        with np.errstate(invalid="ignore", divide="ignore"):
            rate = total / self.trials
            without = (total[here] - hits) / (self.trials[here] - self._trials)
            mean = self._sum(without) / self.clusters
            squares = self._sum((without - mean[here]) ** 2)
            variance = squares * (self.clusters - 1) / self.clusters
            own = variance * self.trials / (rate * (1 - rate))
        fewest = np.minimum(self._weight(hits), self._weight(self._trials - hits))
        effect = self._tempered(np.where(np.isfinite(own), own, 0.0), fewest)
        single = self.clusters == self.trials  # one unit per cluster: no correction
        effect = np.where(single, 1.0, effect)
        effective = np.where(self.trials > 0, np.maximum(self.trials / effect, 1.0), 0.0)
        degrees = np.where(single, np.inf, freedom(self.clusters, self.weight))
        return Shares(total, self.trials, effective, self.clusters, self.weight, degrees)

    def _tempered(self, own: np.ndarray, fewest: np.ndarray) -> np.ndarray:
        """Return (R,) design effects, shrunk for rows with little information.

        If the hits (or misses) of a row are in one or two groups, they do not show how much they
        cluster. The effect is then drawn towards the upper limit, at which each group is one trial.
        ``fewest`` is the equivalent number of groups of equal size with hits, or with misses.
        """
        with np.errstate(invalid="ignore", divide="ignore"):
            most = np.where(self.weight > 0, self.trials / self.weight, 1.0)
        trusted = fewest**4
        effect = (trusted * np.maximum(own, 0.0) + most) / (trusted + 1)
        return np.where(fewest > 0, np.maximum(effect, 1e-9), most)

    def _weight(self, counts: np.ndarray) -> np.ndarray:
        """Return (R,) the equivalent number of groups of equal size for ``counts`` (Kish)."""
        squares = self._sum(counts**2)
        with np.errstate(invalid="ignore", divide="ignore"):
            return np.where(squares > 0, self._sum(counts) ** 2 / squares, 0.0)

    def _sum(self, values: np.ndarray) -> np.ndarray:
        return np.bincount(self._row_of_pair, weights=values, minlength=self.rows)


def clustered_rate(hit: np.ndarray, cluster: np.ndarray, level: float = 0.95) -> Interval:
    """Return the interval of the share of ``hit`` (N,) whose rows come in clusters.

    Args:
        hit: (N,) mask
        cluster: (N,) keys; rows with equal keys are dependent
        level: coverage

    Raises:
        MetricUndefined: no rows
    """
    if not len(hit):
        raise MetricUndefined("A rate over no rows is undefined.")
    keys = np.asarray(cluster)
    keys = keys.astype(str) if keys.dtype.kind == "O" else keys
    number = np.unique(keys, return_inverse=True)[1].ravel()
    counts = ClusterCounts(np.zeros(number.size, np.int64), number, 1)
    return counts.shares(np.asarray(hit, bool)).interval(0, level)
