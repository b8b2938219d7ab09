"""Finds where errors concentrate: values of up to three fields with an error rate above the rest.

Every value of a field, every pair of values of two fields, and the best pairs with a third value
are slices. First all slices are counted, with the votes of a group weighted down
(:mod:`.slice_search`). For the most informative ones exact rates and intervals are computed. A
slice is reported if its rate is above that of all other units of the class beyond chance,
considering all slices with as many fields (Bonferroni). Slices that say no more than a wider one
are left out.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from ..metrics.clusters import ClusterCounts, Shares
from ..metrics.intervals import LEAST_GROUPS
from ..records import FAKE, REAL
from .groups import NO_VALUE, Grouping, group
from .slice_search import Candidates, Conditions, Search
from .table import FAMILY_ERROR, SMALL, excess_bound, rest_of
from .units import Units

MOST_SHOWN = 12
#: A slice inside a wider reported one is only reported if its rate is higher by this factor.
BETTER = 1.25


@dataclass(frozen=True, slots=True)
class Slice:
    """Units of one class with certain values of one to three fields.

    Attributes:
        conditions: (field, row of its grouping) pairs
        name: the conditions in words
        kind: ``fp`` (of the reals) or ``fn`` (of the fakes)
        hits, trials: wrong units, and scored units of the class
        rate, low, high: with the 95 % interval
        rest: rate of all other units of the class
        lift: rate / rest, None if the rest has no error
        excess: lower 95 % bound of rate - rest
    """

    conditions: tuple[tuple[str, int], ...]
    name: tuple[str, ...]
    kind: str
    hits: int
    trials: int
    rate: float
    low: float
    high: float
    rest: float
    lift: float | None
    excess: float

    def to_json(self) -> dict[str, Any]:
        """Return a plain dict."""
        return {**asdict(self), "conditions": [list(c) for c in self.conditions]}


@dataclass(frozen=True, slots=True)
class Found:
    """The reported slices, worst first, and the number of possible ones."""

    slices: tuple[Slice, ...]
    tested: int


class SliceFinder:
    """Finds slices of ``units`` over the fields ``names``.

    Args:
        units: the units to judge
        names: columns of the units, the most informative to a reader first; fields with only one
            value are left out
        members: those of the columns that mark one value of a list field, such as a tag; only
            having the value is a slice
    """

    def __init__(self, units: Units, names: Sequence[str], members: Sequence[str] = ()) -> None:
        self.units = units
        self._members = frozenset(members)
        groupings = {name: group(units, name) for name in names}
        self.groupings: dict[str, Grouping] = {
            name: g for name, g in groupings.items() if len(g.labels) > 1
        }
        self._searches: dict[int, Search] = {}
        self._whole: dict[int, ClusterCounts] = {}
        for code in (REAL, FAKE):
            chosen = np.flatnonzero(units.scored & (units.label == code))
            self._searches[code] = Search(self.groupings, members, chosen, units.cluster)
            self._whole[code] = ClusterCounts(
                np.zeros(len(chosen), np.int64), units.cluster[chosen], 1
            )

    def at(self, threshold: float) -> Found:
        """Return the slices at ``threshold``."""
        slices: list[Slice] = []
        tested = 0
        for code, kind in ((REAL, "fp"), (FAKE, "fn")):
            found, count = self._of_class(code, kind, threshold)
            slices += found
            tested += count
        return Found(tuple(sorted(slices, key=_order)[:MOST_SHOWN]), tested)

    def _of_class(self, code: int, kind: str, threshold: float) -> tuple[list[Slice], int]:
        search = self._searches[code]
        wrong = self.units.p_fake[search.chosen] >= threshold
        wrong = ~wrong if code == FAKE else wrong
        if not wrong.any():
            return [], 0
        whole = self._whole[code].shares(wrong)
        found = search.candidates(wrong)
        if not found.slices:
            return [], sum(found.possible)
        every = search.shares(found.slices, wrong)
        rest = rest_of(whole, every)
        low, high = every.bounds()
        excess = excess_bound(every, rest, 0.95)
        judged = (every.effective >= SMALL) & (rest.effective >= SMALL)
        judged &= (every.groups >= LEAST_GROUPS) & ~np.isnan(excess)
        stands_out = judged & _beyond_chance(found, every, rest)
        out = [
            self._slice(
                kind, found.slices[i], every, rest, i, [float(x[i]) for x in (low, high, excess)]
            )
            for i in np.flatnonzero(stands_out).tolist()
        ]
        return _distinct(sorted(out, key=_order), search, wrong), sum(found.possible)

    def _slice(
        self,
        kind: str,
        conditions: Conditions,
        every: Shares,
        rest: Shares,
        i: int,
        bounds: Sequence[float],
    ) -> Slice:
        rate, other = float(every.rate[i]), float(rest.rate[i])
        return Slice(
            conditions=conditions,
            name=tuple(self._words(*condition) for condition in conditions),
            kind=kind,
            hits=int(every.hits[i]),
            trials=int(every.trials[i]),
            rate=rate,
            low=bounds[0],
            high=bounds[1],
            rest=other,
            lift=rate / other if other > 0 else None,
            excess=bounds[2],
        )

    def _words(self, name: str, row: int) -> str:
        if name in self._members:
            return name
        label = " · ".join(self.groupings[name].labels[row])
        return f"{name}: {label}" if label != NO_VALUE else f"{name}: {NO_VALUE}"


def _beyond_chance(found: Candidates, every: Shares, rest: Shares) -> np.ndarray:
    """Return (R,) whether a slice is worse than the rest, considering all possible slices.

    Two tests must agree: the binomial tail over effective trials, exact for independent rows, and
    the bound of the difference, which accounts for few groups. A third of the family's error goes
    to the slices of one, two and three fields each, half to each class.
    """
    depth = np.array([len(conditions) for conditions in found.slices])
    tail = _tail(every.rate * every.effective, every.effective, rest.rate)
    out = np.zeros(len(depth), bool)
    for fields, possible in enumerate(found.possible, 1):
        error = FAMILY_ERROR / 2 / len(found.possible) / max(1, possible)
        with np.errstate(invalid="ignore"):
            apart = excess_bound(every, rest, 1 - 2 * error) > 0
        out |= (depth == fields) & (tail < error) & apart
    return out


def _tail(hits: np.ndarray | float, trials: np.ndarray | float, rate: Any) -> np.ndarray:
    """Return the chance of at least ``hits`` of ``trials`` (any positive numbers) at ``rate``."""
    from scipy.special import betainc

    some = np.maximum(hits, 1e-9)
    return np.where(np.asarray(hits) > 0, betainc(some, trials - some + 1, rate), 1.0)


def _order(found: Slice) -> tuple[float, int]:
    """Return the sorting key: certainty of the excess, weighted by the number of units."""
    return -found.excess * found.trials**0.5, len(found.conditions)


def _distinct(slices: Sequence[Slice], search: Search, wrong: np.ndarray) -> list[Slice]:
    """Return the first slices, without those that say no more than earlier ones.

    A slice inside a wider one must be worse than that one. Any other must also be worse than the
    rest without the units of the slices before it.
    """
    kept: list[tuple[set[tuple[str, int]], Slice, np.ndarray]] = []
    for new in slices:
        mine = set(new.conditions)
        wider = [old for theirs, old, _ in kept if theirs < mine]
        mask = search.inside(new.conditions)
        left = mask.copy()
        for theirs, _, units in kept:
            if not theirs < mine:
                left &= ~units
        hits, trials = float(wrong[left].sum()), float(left.sum())
        worse = hits >= BETTER * new.rest * trials and _tail(hits, trials, new.rest) < 0.001
        if worse and all(new.rate >= BETTER * old.rate for old in wider):
            kept.append((mine, new, mask))
            if len(kept) == MOST_SHOWN:
                break
    return [new for _, new, _ in kept]
