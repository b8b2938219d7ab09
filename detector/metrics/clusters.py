"""Intervals of rates and AUROCs where rows are alike: faces of one video, videos of one source.

Such rows are not independent trials, so an interval that takes them as such is far too narrow. A
rate gets Wilson's interval (1927) on its effective number of trials, n / deff, with the design
effect of a ratio over clusters (Kish 1965, as in Korn & Graubard 1998): plain Wilson where every
cluster is one row. An AUROC gets DeLong's variance with placements summed by cluster (Obuchowski
1997), on the logit scale. Both take milliseconds on 100,000 faces, which a bootstrap does not.
"""

from __future__ import annotations

from statistics import NormalDist
from typing import NamedTuple

import numpy as np

from ..errors import MetricUndefined

#: Clusters from which a row's own design effect is trusted; below, that of the whole table.
ENOUGH_CLUSTERS = 10


class Shares(NamedTuple):
    """Rates of R rows.

    Attributes:
        hits, trials: (R,) counts
        effective: (R,) trials divided by the design effect
    """

    hits: np.ndarray
    trials: np.ndarray
    effective: np.ndarray

    @property
    def rate(self) -> np.ndarray:
        """(R,) hits / trials, NaN over no trials."""
        with np.errstate(invalid="ignore", divide="ignore"):
            return np.where(self.trials > 0, self.hits / self.trials, np.nan)

    def bounds(self, level: float = 0.95) -> tuple[np.ndarray, np.ndarray]:
        """(R,) lower and upper Wilson bounds, NaN over no trials."""
        return wilson_bounds(self.rate, self.effective, level)


def wilson_bounds(
    rate: np.ndarray, trials: np.ndarray, level: float = 0.95
) -> tuple[np.ndarray, np.ndarray]:
    """Wilson's interval of ``rate`` over ``trials`` (any positive number), by row."""
    z = NormalDist().inv_cdf((1 + level) / 2)
    rate, trials = np.asarray(rate, np.float64), np.asarray(trials, np.float64)
    with np.errstate(invalid="ignore", divide="ignore"):
        middle = rate + z * z / (2 * trials)
        spread = z * np.sqrt(rate * (1 - rate) / trials + z * z / (4 * trials * trials))
        scale = 1 + z * z / trials
        low = np.where(rate == 0, 0.0, np.maximum(0.0, (middle - spread) / scale))
        high = np.where(rate == 1, 1.0, np.minimum(1.0, (middle + spread) / scale))
    unknown = ~(trials > 0)
    return np.where(unknown, np.nan, low), np.where(unknown, np.nan, high)


class ClusterCounts:
    """Trials by row and cluster, laid out once, so that a new threshold is two ``bincount``.

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

    def shares(self, hit: np.ndarray, fallback: float | None = None) -> Shares:
        """Rates of ``hit`` (U,) by row.

        Args:
            hit: mask of the units that count
            fallback: design effect of rows that cannot tell their own (few clusters, or a rate
                of 0 or 1); None takes every cluster as one trial there
        """
        hits = np.bincount(self._pair, weights=hit[self._used], minlength=len(self._trials))
        total = np.bincount(self._row_of_pair, weights=hits, minlength=self.rows)
        with np.errstate(invalid="ignore", divide="ignore"):
            rate = total / self.trials
            residual = hits - rate[self._row_of_pair] * self._trials
            squares = np.bincount(self._row_of_pair, weights=residual**2, minlength=self.rows)
            variance = squares * self.clusters / (self.clusters - 1) / self.trials**2
            effect = variance / (rate * (1 - rate) / self.trials)
        own = (self.clusters >= ENOUGH_CLUSTERS) & (rate > 0) & (rate < 1)
        single = self.clusters == self.trials  # every cluster is one unit: nothing to correct
        other = self.trials / np.maximum(self.clusters, 1) if fallback is None else fallback
        effect = np.where(single, 1.0, np.where(own, np.maximum(1.0, effect), other))
        with np.errstate(invalid="ignore", divide="ignore"):
            effective = np.where(self.trials > 0, np.maximum(self.trials / effect, 1.0), 0.0)
        return Shares(total, self.trials, effective)


def pooled_effect(counts: ClusterCounts, hit: np.ndarray) -> float | None:
    """Design effect over the one row of ``counts``, or None where its rate is 0 or 1.

    Args:
        counts: all units in row 0
        hit: (U,) mask
    """
    shares = counts.shares(hit)
    if not shares.trials[0] or not 0 < shares.rate[0] < 1:
        return None
    return float(shares.trials[0] / shares.effective[0])


def clustered_rate(
    hit: np.ndarray, cluster: np.ndarray, level: float = 0.95, fallback: float | None = None
) -> tuple[float, float]:
    """Interval of the share of ``hit`` (N,) whose rows come in clusters.

    Args:
        hit: (N,) mask
        cluster: (N,) keys; equal means not independent
        level: coverage
        fallback: see :meth:`ClusterCounts.shares`

    Raises:
        MetricUndefined: no rows
    """
    if not len(hit):
        raise MetricUndefined("A rate over no rows is undefined.")
    low, high = _one_row(cluster).shares(np.asarray(hit, bool), fallback).bounds(level)
    return float(low[0]), float(high[0])


def design_effect(hit: np.ndarray, cluster: np.ndarray) -> float | None:
    """How many rows of these clusters are worth one independent row; None where the rate is 0 or 1.

    The ``fallback`` of :func:`clustered_rate` for parts of these rows that are too small to tell.
    """
    return pooled_effect(_one_row(cluster), np.asarray(hit, bool)) if len(hit) else None


def _one_row(cluster: np.ndarray) -> ClusterCounts:
    keys = np.asarray(cluster)
    keys = keys.astype(str) if keys.dtype.kind == "O" else keys
    number = np.unique(keys, return_inverse=True)[1].ravel()
    return ClusterCounts(np.zeros(number.size, np.int64), number, 1)


def clustered_auroc(
    label: np.ndarray, scores: np.ndarray, cluster: np.ndarray, level: float = 0.95
) -> tuple[float, float]:
    """Interval of an AUROC whose units come in clusters, in O(N log N).

    Args:
        label: (N,) 0 real, 1 fake
        scores: (N,) finite
        cluster: (N,) keys; equal means not independent
        level: coverage

    Raises:
        MetricUndefined: one class only, or one cluster only
    """
    fake, real = scores[label == 1], scores[label == 0]
    if not fake.size or not real.size:
        raise MetricUndefined("AUROC needs both classes.")
    _, number = np.unique(cluster, return_inverse=True)
    number = number.ravel()
    count = int(number.max()) + 1
    if count < 2:
        raise MetricUndefined("All rows belong to one group, so their spread is unknown.")
    of_fakes = _placement(fake, np.sort(real))
    of_reals = 1 - _placement(real, np.sort(fake))
    area = float(of_fakes.mean())
    low_n = min(len(np.unique(number[label == 1])), len(np.unique(number[label == 0])))
    if area in (0.0, 1.0):  # no variance to be seen: as if each cluster were one right answer
        low, high = wilson_bounds(np.array([area]), np.array([low_n]), level)
        return float(low[0]), float(high[0])
    influence = np.bincount(number[label == 1], weights=of_fakes - area, minlength=count)
    influence = influence / fake.size
    of_real = np.bincount(number[label == 0], weights=of_reals - area, minlength=count)
    influence = influence + of_real / real.size
    variance = count / (count - 1) * float((influence**2).sum())
    z = NormalDist().inv_cdf((1 + level) / 2)
    centre = np.log(area / (1 - area))
    half = z * np.sqrt(variance) / (area * (1 - area))
    return float(1 / (1 + np.exp(half - centre))), float(1 / (1 + np.exp(-half - centre)))


def _placement(values: np.ndarray, ordered: np.ndarray) -> np.ndarray:
    """Share of ``ordered`` below each of ``values``, ties half."""
    below = np.searchsorted(ordered, values, side="left")
    upto = np.searchsorted(ordered, values, side="right")
    return (below + upto) / (2 * ordered.size)
