"""The one rule for intervals: when there is none and why, and how wide one is with few groups.

Videos made from one source are not independent, so what counts is groups (connected components
over all parents, ``group_id``), never single rows. Below :data:`LEAST_GROUPS` groups, or where one
of them outweighs the others, an interval has no coverage that could be measured: there is none, and
:func:`why_none` says so. Above, :func:`share_bounds` takes Student's quantile for the groups there
are. How often they hold what they should: docs/metrics.md, ``scripts/interval_coverage.py``.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from statistics import NormalDist
from typing import NamedTuple

import numpy as np

from ..errors import ForensicsError, MetricUndefined

LEAST_GROUPS = 5
"""For an interval. Of four groups the spread between groups is hardly known."""
LEAST_WEIGHT = 2.0
"""For an interval: (sum of rows)^2 / sum of squares over the groups (Kish 1965)."""


@dataclass(frozen=True, slots=True)
class Interval:
    """A confidence interval, or why there is none; unpacks into ``low, high``.

    Attributes:
        low, high: bounds at ``level``, both None where there is no interval
        groups: independent units that it rests on; of an AUROC the fewer of the two classes'
        why: "" or why there is no interval
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
        """The interval of one minus the value."""
        if self.low is None or self.high is None:
            return self
        return Interval(1 - self.high, 1 - self.low, self.groups, "", self.level)


class Comparison(NamedTuple):
    """Detector A minus detector B on the same rows.

    Attributes:
        a, b: the metric of each
        difference: a - b
        low, high: confidence interval of the difference, None where there is none
        p_value: two-sided, for the hypothesis that the two are equal; None without an interval
        why: "" or why there is no interval
    """

    a: float
    b: float
    difference: float
    low: float | None
    high: float | None
    p_value: float | None
    why: str = ""


def why_none(groups: int, weight: float, of: str = "") -> str:
    """ "" where there may be an interval, or why there is none.

    Args:
        groups: independent groups
        weight: how many groups of equal size they are worth
        of: what they are groups of, for example ``reals``
    """
    name = "independent group" + ("" if groups == 1 else "s") + (f" of {of}" if of else "")
    if not has_none(groups, weight):
        return ""
    if groups < LEAST_GROUPS:
        return f"no interval: {groups} {name}, {LEAST_GROUPS} are the least"
    return f"no interval: one of {groups} {name} outweighs the others"


def has_none(groups: np.ndarray | int, weight: np.ndarray | float) -> np.ndarray:
    """Where :func:`why_none` has something to say, by row."""
    return (np.asarray(groups) < LEAST_GROUPS) | (np.asarray(weight) < LEAST_WEIGHT)


def freedom(groups: np.ndarray | float, weight: np.ndarray | float) -> np.ndarray:
    """Degrees of freedom of a spread between groups of unequal size, at least 1.

    Halfway between what equal groups would give and what counts where all rows of a group are
    alike.
    """
    return np.maximum((np.asarray(groups) + np.asarray(weight)) / 2 - 1, 1.0)


def quantile(level: float, degrees: np.ndarray | float = np.inf) -> np.ndarray:
    """Student's two-sided quantile, the normal one for infinitely many degrees of freedom."""
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
    """Wilson's score interval (1927) of shares over ``trials`` (any positive numbers), by row.

    With the quantile for ``degrees`` degrees of freedom, so that it stays inside [0, 1] and does
    not collapse where all groups are alike. NaN over no trials.
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
    """Wilson's score interval of a share of independent trials.

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
    """The difference of two correlated shares from their own intervals.

    Zou and Donner 2008 (Statistics in Medicine 27; Newcombe's hybrid score interval with a
    correlation): it stays inside [-1, 1] and does not collapse where both are 0 or 1. The p-value
    is one minus the level at which the interval reaches zero.
    """

    def at(level: float) -> tuple[float, float]:
        (low_a, high_a), (low_b, high_b) = of_a(level), of_b(level)
        below = (a - low_a) ** 2 + (high_b - b) ** 2
        below -= 2 * correlation * (a - low_a) * (high_b - b)
        above = (high_a - a) ** 2 + (b - low_b) ** 2
        above -= 2 * correlation * (high_a - a) * (b - low_b)
        return a - b - max(0.0, below) ** 0.5, a - b + max(0.0, above) ** 0.5

    low, high = at(0.95)
    inside, outside = 1.0, 0.0  # levels at which zero is in the interval, and out of it
    for _ in range(40 if a != b else 0):
        middle = (inside + outside) / 2
        ends = at(middle)
        if ends[0] <= 0 <= ends[1]:
            inside = middle
        else:
            outside = middle
    return Comparison(a, b, a - b, low, high, 1 - inside if a != b else 1.0)
