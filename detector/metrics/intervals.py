"""Defines the rule for all intervals: when there is none, and how wide one is with few groups.

Videos made from one source are not independent, so groups count (connected components over all
parents, ``group_id``), not rows. With fewer than :data:`LEAST_GROUPS` groups, or if one of them
outweighs the others, no interval with a measurable coverage exists; :func:`why_none` gives the
reason. Otherwise :func:`share_bounds` uses Student's quantile for the number of groups. The
measured coverage is in docs/metrics.md, the measurement in ``scripts/interval_coverage.py``.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from statistics import NormalDist
from typing import NamedTuple

import numpy as np

from ..errors import ForensicsError, MetricUndefined

LEAST_GROUPS = 5
"""Minimum for an interval. With four groups the spread between groups is hardly known."""
LEAST_WEIGHT = 2.0
"""Minimum for an interval: (sum of rows)^2 / sum of squares over the groups (Kish 1965)."""


@dataclass(frozen=True, slots=True)
class Interval:
    """A confidence interval, or why there is none; unpacks into ``low, high``.

    Attributes:
        low, high: bounds at ``level``, both None if there is no interval
        groups: number of independent units; for an AUROC, of the class with fewer
        why: why there is no interval, or ""
        level: for example 0.95
    """

    low: float | None
    high: float | None
    groups: int
    why: str = ""
    level: float = 0.95

    def __iter__(self) -> Iterator[float | None]:
        return iter((self.low, self.high))

    def mirrored(self) -> Interval:
        """Return the interval of one minus the value."""
        if self.low is None or self.high is None:
            return self
        return Interval(1 - self.high, 1 - self.low, self.groups, "", self.level)


class Comparison(NamedTuple):
    """Detector A minus detector B on the same rows.

    Attributes:
        a, b: the metric of each
        difference: a - b
        low, high: confidence interval of the difference, None if there is none
        p_value: two-sided, for the hypothesis that both are equal; None without an interval
        why: why there is no interval, or ""
    """

    a: float
    b: float
    difference: float
    low: float | None
    high: float | None
    p_value: float | None
    why: str = ""


def why_none(groups: int, weight: float, of: str = "") -> str:
    """Return why there is no interval, or "" if there is one.

    Args:
        groups: number of independent groups
        weight: equivalent number of groups of equal size
        of: plural noun for the groups' members, for example ``reals``
    """
    name = "independent group" + ("" if groups == 1 else "s") + (f" of {of}" if of else "")
    if not has_none(groups, weight):
        return ""
    if groups < LEAST_GROUPS:
        return f"no interval: {groups} {name}, {LEAST_GROUPS} are the least"
    return f"no interval: one of {groups} {name} outweighs the others"


def has_none(groups: np.ndarray | int, weight: np.ndarray | float) -> np.ndarray:
    """Return, by row, whether there is no interval, see :func:`why_none`."""
    return (np.asarray(groups) < LEAST_GROUPS) | (np.asarray(weight) < LEAST_WEIGHT)


def freedom(groups: np.ndarray | float, weight: np.ndarray | float) -> np.ndarray:
    """Return the degrees of freedom of a spread between groups of unequal size, at least 1.

    This is halfway between the value for groups of equal size and the value if all rows of a group
    are alike.
    """
    return np.maximum((np.asarray(groups) + np.asarray(weight)) / 2 - 1, 1.0)


def quantile(level: float, degrees: np.ndarray | float = np.inf) -> np.ndarray:
    """Return Student's two-sided quantile; the normal one for infinite degrees of freedom."""
    degrees = np.asarray(degrees, np.float64)
    normal = NormalDist().inv_cdf((1 + level) / 2)
    if np.isinf(degrees).all():
        return np.full(degrees.shape, normal)
    from scipy.special import stdtrit

    finite = np.where(np.isinf(degrees), 1.0, degrees)
    return np.where(np.isinf(degrees), normal, stdtrit(finite, (1 + level) / 2))


def share_bounds(
    share: np.ndarray,
    trials: np.ndarray,
    level: float = 0.95,
    degrees: np.ndarray | float = np.inf,
) -> tuple[np.ndarray, np.ndarray]:
    """Return Wilson's score interval (1927) of shares over ``trials`` (any positive numbers).

    It uses the quantile for ``degrees`` degrees of freedom. It stays inside [0, 1] and does not
    collapse if all groups are alike. NaN without trials.
    """
    z = quantile(level, degrees)
    share, trials = np.asarray(share, np.float64), np.asarray(trials, np.float64)
    with np.errstate(invalid="ignore", divide="ignore"):
        middle = share + z * z / (2 * trials)
        spread = z * np.sqrt(share * (1 - share) / trials + z * z / (4 * trials * trials))
        scale = 1 + z * z / trials
        low = np.where(share == 0, 0.0, np.maximum(0.0, (middle - spread) / scale))
        high = np.where(share == 1, 1.0, np.minimum(1.0, (middle + spread) / scale))
    unknown = ~(trials > 0)
    return np.where(unknown, np.nan, low), np.where(unknown, np.nan, high)


def wilson_interval(successes: int, trials: int, level: float = 0.95) -> tuple[float, float]:
    """Return Wilson's score interval of a share of independent trials.

    Raises:
        ForensicsError: counts that are not 0 <= successes <= trials
        MetricUndefined: no trials
    """
    if trials == 0 and successes == 0:
        raise MetricUndefined("A rate over no rows is undefined.")
    if not 0 <= successes <= trials:
        raise ForensicsError(f"{successes} of {trials} is not a share.")
    low, high = share_bounds(np.array(successes / trials), np.array(trials), level)
    return float(low), float(high)


Bounds = Callable[[float], tuple[float, float]]  # of a share, at a level


def compared(a: float, b: float, of_a: Bounds, of_b: Bounds, correlation: float) -> Comparison:
    """Return the difference of two correlated shares from their own intervals.

    Zou and Donner 2008 (Statistics in Medicine 27; Newcombe's hybrid score interval with a
    correlation). The interval stays inside [-1, 1] and does not collapse if both are 0 or 1. The
    p-value is one minus the level at which the interval reaches zero.
    """

    def at(level: float) -> tuple[float, float]:
        (low_a, high_a), (low_b, high_b) = of_a(level), of_b(level)
        below = (a - low_a) ** 2 + (high_b - b) ** 2
        below -= 2 * correlation * (a - low_a) * (high_b - b)
        above = (high_a - a) ** 2 + (b - low_b) ** 2
        above -= 2 * correlation * (high_a - a) * (b - low_b)
        return a - b - max(0.0, below) ** 0.5, a - b + max(0.0, above) ** 0.5

    low, high = at(0.95)
    inside, outside = 1.0, 0.0  # levels at which zero is inside the interval, and outside
    for _ in range(40 if a != b else 0):
        middle = (inside + outside) / 2
        ends = at(middle)
        if ends[0] <= 0 <= ends[1]:
            inside = middle
        else:
            outside = middle
    return Comparison(a, b, a - b, low, high, 1 - inside if a != b else 1.0)
