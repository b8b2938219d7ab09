"""Where errors concentrate: values of one or two fields whose error rate exceeds the rest.

Every value of every field, and every pair of values of two fields, is a slice. A slice is reported
where its rate is above that of all other units of the class beyond chance, all slices that were
looked at considered (Bonferroni), with the design effect of its groups. Slices that say no more
than a wider one are left out. What depends on no threshold is laid out once.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from itertools import combinations
from typing import Any

import numpy as np

from ..metrics.clusters import ClusterCounts, Shares
from ..records import FAKE, REAL
from .groups import NO_VALUE, Grouping, group
from .table import FAMILY_ERROR, SMALL, excess_bound, rest_of
from .units import Units

MOST_VALUES = 40  # rows of a field above which it is no slice but a name
MOST_PAIRED = 10  # fields that are combined in pairs
MOST_SHOWN = 12
#: A slice inside a wider reported one counts only with a rate that much above it.
BETTER = 1.25


@dataclass(frozen=True, slots=True)
class Slice:
    """Units of one class with certain values of one or two fields.

    Attributes:
        conditions: (field, row of its grouping) pairs
        name: the same in words
        kind: ``fp`` (of the reals) or ``fn`` (of the fakes)
        hits, trials: wrong units, and scored units of the class
        rate, low, high: with the 95 % interval
        rest: rate of all other units of the class
        lift: rate / rest, None where the rest has no error
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
        """Plain dict."""
        return {**asdict(self), "conditions": [list(c) for c in self.conditions]}


@dataclass(frozen=True, slots=True)
class Found:
    """Slices, worst first, and how many were looked at."""

    slices: tuple[Slice, ...]
    tested: int


@dataclass(frozen=True)
class _Part:
    """The slices of one field or of one pair of fields."""

    fields: tuple[str, ...]
    widths: tuple[int, ...]
    counts: dict[int, ClusterCounts]

    def conditions(self, row: int) -> tuple[tuple[str, int], ...]:
        """The fields' rows of slice ``row``."""
        if len(self.fields) == 1:
            return ((self.fields[0], row),)
        return tuple(zip(self.fields, divmod(row, self.widths[1]), strict=True))


class SliceFinder:
    """Slices of ``units`` over the fields ``names``.

    Args:
        units: what is judged
        names: columns of it; those with more than :data:`MOST_VALUES` values, or with one only, are
            left out; the first :data:`MOST_PAIRED` of the others are combined in pairs
    """

    def __init__(self, units: Units, names: Sequence[str]) -> None:
        self.units = units
        groupings = {name: group(units, name) for name in names}
        self.groupings: dict[str, Grouping] = {
            name: g for name, g in groupings.items() if 1 < len(g.labels) <= MOST_VALUES
        }
        self._class = {
            REAL: units.scored & (units.label == REAL),
            FAKE: units.scored & (units.label == FAKE),
        }
        self._whole = {
            code: ClusterCounts(np.where(mask, 0, -1), units.cluster, 1)
            for code, mask in self._class.items()
        }
        used = list(self.groupings)
        sets = [(name,) for name in used]
        sets += list(combinations(used[:MOST_PAIRED], 2))
        self._parts = [self._part(fields) for fields in sets]

    def _part(self, names: tuple[str, ...]) -> _Part:
        widths = tuple(len(self.groupings[name].labels) for name in names)
        row = self.groupings[names[0]].row
        if len(names) == 2:
            row = row * widths[1] + self.groupings[names[1]].row
        size = int(np.prod(widths))
        counts = {
            code: ClusterCounts(np.where(mask, row, -1), self.units.cluster, size)
            for code, mask in self._class.items()
        }
        return _Part(names, widths, counts)

    def at(self, threshold: float) -> Found:
        """The slices at ``threshold``."""
        with np.errstate(invalid="ignore"):
            called = self.units.p_fake >= threshold
        candidates: list[Slice] = []
        tested = 0
        for code, kind, wrong in ((REAL, "fp", called), (FAKE, "fn", ~called)):
            found, count = self._of_class(code, kind, wrong & self._class[code])
            candidates += found
            tested += count
        candidates.sort(key=lambda s: (-s.excess * s.trials, len(s.conditions), s.name))
        return Found(tuple(_distinct(candidates)), tested)

    def _of_class(self, code: int, kind: str, wrong: np.ndarray) -> tuple[list[Slice], int]:
        whole = self._whole[code].shares(wrong)
        shares = [part.counts[code].shares(wrong) for part in self._parts]
        if not shares or not whole.trials[0]:
            return [], 0
        every = Shares(*(np.concatenate(column) for column in zip(*shares, strict=True)))
        rest = rest_of(whole, every)
        excess = excess_bound(every, rest, 0.95)
        judged = (every.effective >= SMALL) & (rest.effective >= SMALL) & ~np.isnan(excess)
        strict = 1 - 2 * (FAMILY_ERROR / 2) / max(1, int(judged.sum()))  # half for each class
        with np.errstate(invalid="ignore"):
            stands_out = judged & (excess_bound(every, rest, strict) > 0)
        low, high = every.bounds()
        part_of = np.repeat(np.arange(len(shares)), [len(s.trials) for s in shares])
        first = np.searchsorted(part_of, np.arange(len(shares)))
        out = []
        for i in np.flatnonzero(stands_out).tolist():
            part = self._parts[part_of[i]]
            conditions = part.conditions(i - int(first[part_of[i]]))
            other = float(rest.rate[i])
            out.append(
                Slice(
                    conditions=conditions,
                    name=tuple(self._words(*condition) for condition in conditions),
                    kind=kind,
                    hits=int(every.hits[i]),
                    trials=int(every.trials[i]),
                    rate=float(every.rate[i]),
                    low=float(low[i]),
                    high=float(high[i]),
                    rest=other,
                    lift=float(every.rate[i]) / other if other > 0 else None,
                    excess=float(excess[i]),
                )
            )
        return out, int(judged.sum())

    def _words(self, name: str, row: int) -> str:
        label = " · ".join(self.groupings[name].labels[row])
        return f"{name}: {label}" if label != NO_VALUE else f"{name}: {NO_VALUE}"


def _distinct(candidates: Sequence[Slice]) -> list[Slice]:
    """The first slices, without those that a reported one says already."""
    kept: list[Slice] = []
    for new in candidates:
        mine = set(new.conditions)
        if not any(_says(old, new, mine) for old in kept):
            kept.append(new)
            if len(kept) == MOST_SHOWN:
                break
    return kept


def _says(old: Slice, new: Slice, mine: set[tuple[str, int]]) -> bool:
    theirs = set(old.conditions)
    if old.kind != new.kind:
        return False
    if (old.hits, old.trials) == (new.hits, new.trials):
        return True  # the same units under another name
    if theirs < mine:  # inside a wider one
        return new.rate < BETTER * old.rate
    if mine < theirs:  # wider than one whose errors are most of its own
        return old.hits >= 0.8 * new.hits
    return False
