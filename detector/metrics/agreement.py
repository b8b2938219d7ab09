"""Computes how far people agree beyond chance: Cohen's and Fleiss' kappa with intervals.

Cohen's kappa (1960) is for two people, Fleiss' (1971) for more; the latter also where not everybody
judged every item. The interval is that of the other metrics (:mod:`.intervals`): kappa is computed
without each independent group in turn, because items of one group are not independent.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from ..errors import ForensicsError
from .intervals import Interval, freedom, quantile, share_bounds, why_none

#: Observed and expected agreement of rows of sums.
Parts = Callable[[np.ndarray], tuple[np.ndarray, np.ndarray]]
ALIKE = "all decisions are the same, so kappa is not defined"
ONE_GROUP = "no interval: only one group holds another decision"
NOTHING = "nothing was judged by two people"


@dataclass(frozen=True, slots=True)
class Agreement:
    """How far people agree.

    Attributes:
        kappa: 1 for full agreement, 0 for that of chance; None if it is not defined
        observed: share of pairs of judgements of one item that are equal; None without such pairs
        interval: of kappa
        items: number of items that two people or more have judged
        why: why there is no kappa, or ""
    """

    kappa: float | None
    observed: float | None
    interval: Interval
    items: int
    why: str = ""


def cohen(first: np.ndarray, second: np.ndarray, groups: np.ndarray | None = None) -> Agreement:
    """Return Cohen's kappa of two people.

    Args:
        first, second: (N,) integer codes of what each chose, -1 if an item was not judged
        groups: (N,) key of the independent unit of each item; None treats every item as one
    """
    rated = np.stack([np.asarray(first), np.asarray(second)], axis=1)
    both = (rated >= 0).all(axis=1)
    size = int(rated.max(initial=0)) + 1
    cells = np.zeros((int(both.sum()), size * size))
    cells[np.arange(len(cells)), rated[both, 0] * size + rated[both, 1]] = 1

    def kappa(total: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        table = total.reshape(-1, size, size)
        number = table.sum(axis=(1, 2))
        equal = np.trace(table, axis1=1, axis2=2) / number
        chance = (table.sum(axis=1) * table.sum(axis=2)).sum(axis=1) / number**2
        return equal, chance

    return _agreement(cells, kappa, None if groups is None else np.asarray(groups)[both])


def fleiss(rated: np.ndarray, groups: np.ndarray | None = None) -> Agreement:
    """Return Fleiss' kappa of several people.

    Args:
        rated: (N, R) integer codes of what each of R people chose, -1 if an item was not judged;
            items that fewer than two judged are left out
        groups: as in :func:`cohen`
    """
    rated = np.asarray(rated)
    if rated.ndim != 2:
        raise ForensicsError(f"Judgements come as (items, people), not {rated.shape}.")
    enough = (rated >= 0).sum(axis=1) >= 2
    rated = rated[enough]
    size = int(rated.max(initial=0)) + 1
    counts = (rated[:, :, None] == np.arange(size)).sum(axis=1).astype(float)
    people = counts.sum(axis=1)
    pairs = (counts * (counts - 1)).sum(axis=1) / np.maximum(people * (people - 1), 1)
    columns = np.column_stack([np.ones(len(counts)), pairs, counts])

    def kappa(total: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        number, chosen = total[:, 0], total[:, 2:]
        shares = chosen / chosen.sum(axis=1, keepdims=True)
        return total[:, 1] / number, (shares**2).sum(axis=1)

    return _agreement(columns, kappa, None if groups is None else np.asarray(groups)[enough])


def _agreement(columns: np.ndarray, parts: Parts, groups: np.ndarray | None) -> Agreement:
    """Return the agreement from what adds up over items, (N, C)."""
    count = len(columns)
    number = np.arange(count) if groups is None else np.unique(groups, return_inverse=True)[1]
    sizes = np.bincount(number.ravel()) if count else np.zeros(0)
    weight = float(sizes.sum() ** 2 / (sizes**2).sum()) if count else 0.0
    why = why_none(len(sizes), weight)
    none = Interval(None, None, len(sizes), why or ALIKE)
    if not count:
        return Agreement(None, None, Interval(None, None, 0, NOTHING), 0, NOTHING)
    total = columns.sum(axis=0, keepdims=True)
    observed, chance = (float(part[0]) for part in parts(total))
    if chance >= 1 - 1e-12:
        return Agreement(None, observed, none, count, ALIKE)
    value = (observed - chance) / (1 - chance)
    if why:
        return Agreement(value, observed, none, count)
    of_group = np.zeros((len(sizes), columns.shape[1]))
    np.add.at(of_group, number.ravel(), columns)
    left = total - of_group
    with np.errstate(invalid="ignore", divide="ignore"):
        equal, by_chance = parts(left)
        without = (equal - by_chance) / (1 - by_chance)
    if not np.isfinite(without).all():
        return Agreement(value, observed, Interval(None, None, len(sizes), ONE_GROUP), count)
    spread = float(((without - without.mean()) ** 2).sum() * (without.size - 1) / without.size)
    if observed == 1.0 or spread <= 0:  # no spread to see: count each group as one success
        ends = share_bounds(np.array(observed), np.array(weight))
        low, high = ((float(end) - chance) / (1 - chance) for end in ends)
        low, high = max(-1.0, low), min(1.0, high)
    else:
        half = float(quantile(0.95, freedom(len(sizes), weight))) * np.sqrt(spread)
        low, high = max(-1.0, value - half), min(1.0, value + half)
    return Agreement(value, observed, Interval(low, high, len(sizes)), count)
