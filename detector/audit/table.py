"""Computes the audit table: error rates, AUROC, intervals and coverage per row, worst first.

All that does not depend on the threshold is computed once. A new threshold takes a few ``bincount``
calls (milliseconds on 100,000 faces).
"""

from __future__ import annotations

from dataclasses import asdict, dataclass, replace
from typing import Any

import numpy as np

from ..errors import MetricUndefined
from ..metrics.clusters import ClusterCounts, Shares
from ..metrics.intervals import has_none
from ..records import FAKE, REAL
from .columns import SEEN
from .groups import Grouping
from .units import Units

#: Minimum effective trials for a rate to be coloured or named; below, it is only shown.
SMALL = 5
#: Probability, over the whole table, that a row is named that is no worse than the rest.
FAMILY_ERROR = 0.05


@dataclass(frozen=True, slots=True)
class Cell:
    """One error rate of one row.

    Attributes:
        hits, trials: wrong units and scored units of the class
        rate, low, high: with the 95 % interval; the bounds are None without one
        why: why there is no interval, or ""
        rest: rate of all other rows together, None if there are none
        excess: lower 95 % bound of rate - rest (Newcombe 1998, method 10); None without a rest or
            an interval
        stands_out: True if worse than the rest beyond chance, considering all rows of the table
        small: True if there is no interval, or too few effective trials for a colour
    """

    hits: int
    trials: int
    rate: float
    low: float | None
    high: float | None
    why: str
    rest: float | None
    excess: float | None
    stands_out: bool
    small: bool


@dataclass(frozen=True, slots=True)
class Area:
    """An AUROC with its interval (None without one) and the basis of the interval."""

    value: float
    low: float | None
    high: float | None
    how: str


@dataclass(frozen=True, slots=True)
class Row:
    """One row of the table, or its total.

    Attributes:
        index: number of the row in its grouping, -1 for the total
        name: parts of the name
        real, fake: units, scored or not
        scored_real, scored_fake: units with a score
        lost: number of units without a score by reason
        unlabelled: number of units without ground truth, which are counted nowhere else
        fpr: share of reals called fake; None without a scored real
        fnr: share of fakes called real; None without a scored fake
        auroc: None if undefined
        seen: number of units on which the detector was trained, validated or calibrated
    """

    index: int
    name: tuple[str, ...]
    real: int
    fake: int
    scored_real: int
    scored_fake: int
    lost: dict[str, int]
    unlabelled: int
    fpr: Cell | None
    fnr: Cell | None
    auroc: Area | None
    seen: int = 0

    @property
    def coverage(self) -> float:
        """Share of the labelled units that have a score."""
        count = self.real + self.fake
        return (self.scored_real + self.scored_fake) / count if count else 0.0

    @property
    def worst(self) -> float:
        """How much worse than the rest the row is at least; the sorting key."""
        found = [c.excess for c in (self.fpr, self.fnr) if c is not None and c.excess is not None]
        return max(found, default=-1.0)

    def to_json(self) -> dict[str, Any]:
        """Return a plain dict; ``lost`` as pairs, because the App merges dicts with its own."""
        lost = sorted(self.lost.items(), key=lambda item: (-item[1], item[0]))
        return {
            **asdict(self),
            "name": list(self.name),
            "lost": [[reason, count] for reason, count in lost],
            "coverage": self.coverage,
        }


class AuditTable:
    """The rows of one grouping of one set of units.

    Args:
        units: the units to judge
        grouping: their rows
        areas: whether to compute the rows' AUROC, the slowest part
    """

    def __init__(self, units: Units, grouping: Grouping, *, areas: bool = True) -> None:
        self.units = units
        self.grouping = grouping
        self._rows = len(grouping.labels)
        scored = units.scored
        self._rank = units.rank
        self._of_class = {
            code: np.where(scored & (units.label == code), grouping.row, -1)
            for code in (REAL, FAKE)
        }
        self._counts = {
            code: ClusterCounts(row, units.cluster, self._rows)
            for code, row in self._of_class.items()
        }
        self._whole = {
            code: ClusterCounts(np.where(row >= 0, 0, -1), units.cluster, 1)
            for code, row in self._of_class.items()
        }
        self._labelled = {
            code: np.bincount(grouping.row[units.label == code], minlength=self._rows)
            for code in (REAL, FAKE)
        }
        self._unlabelled = np.bincount(grouping.row[units.label < 0], minlength=self._rows)
        seen = units.texts.get(SEEN)
        marked = grouping.row[:0] if seen is None else grouping.row[seen.codes >= 0]
        self._seen = np.bincount(marked, minlength=self._rows)
        self._lost = self._reasons()
        self.areas = self._areas() if areas else [None] * self._rows
        self.area = self._area(scored) if areas else None

    def at(self, threshold: float) -> tuple[Row, list[Row]]:
        """Return total and rows at ``threshold``, worst first."""
        with np.errstate(invalid="ignore"):
            called = self.units.p_fake >= threshold
        cells = {
            REAL: self._cells(REAL, called),
            FAKE: self._cells(FAKE, ~called & ~np.isnan(self.units.p_fake)),
        }
        rows = [
            Row(
                index=r,
                name=self.grouping.labels[r],
                real=int(self._labelled[REAL][r]),
                fake=int(self._labelled[FAKE][r]),
                scored_real=int(self._counts[REAL].trials[r]),
                scored_fake=int(self._counts[FAKE].trials[r]),
                lost=self._lost[r],
                unlabelled=int(self._unlabelled[r]),
                fpr=cells[REAL][0][r],
                fnr=cells[FAKE][0][r],
                auroc=self.areas[r],
                seen=int(self._seen[r]),
            )
            for r in range(self._rows)
        ]
        rows.sort(key=lambda row: (-row.worst, row.name))
        lost: dict[str, int] = {}
        for row in rows:
            for reason, count in row.lost.items():
                lost[reason] = lost.get(reason, 0) + count
        total = Row(
            index=-1,
            name=("all",),
            real=sum(row.real for row in rows),
            fake=sum(row.fake for row in rows),
            scored_real=sum(row.scored_real for row in rows),
            scored_fake=sum(row.scored_fake for row in rows),
            lost=lost,
            unlabelled=sum(row.unlabelled for row in rows),
            fpr=cells[REAL][1],
            fnr=cells[FAKE][1],
            auroc=self.area,
            seen=int(self._seen.sum()),
        )
        return total, rows

    def _cells(self, code: int, wrong: np.ndarray) -> tuple[list[Cell | None], Cell | None]:
        """Return the cell of each row and of the total for units of class ``code``."""
        whole = self._whole[code].shares(wrong)
        shares = self._counts[code].shares(wrong)
        rest = rest_of(whole, shares)
        excess = excess_bound(shares, rest, 0.95)
        small = ~(shares.effective >= SMALL) | has_none(shares.groups, shares.weight)
        tested = ~small & ~np.isnan(excess)
        strict = 1 - 2 * FAMILY_ERROR / max(1, int(tested.sum()))
        stands_out = tested & (excess_bound(shares, rest, strict) > 0)
        cells = _cells(shares, small)
        for r, cell in enumerate(cells):
            if cell is not None and rest.trials[r]:
                cells[r] = replace(
                    cell,
                    rest=float(rest.rate[r]),
                    excess=None if np.isnan(excess[r]) else float(excess[r]),
                    stands_out=bool(stands_out[r]),
                )
        return cells, _cells(whole, whole.effective < SMALL)[0]

    def _areas(self) -> list[Area | None]:
        """Return the AUROC of each row.

        A row's fakes are compared with its reals. A row of one class only is compared with the
        units of the other class that share its ``against`` number.
        """
        scored, row, against = self.units.scored, self.grouping.row, self.grouping.against
        parts = []
        for r in range(self._rows):
            here = scored & (row == r)
            labels = self.units.label[here]
            parts.append(here)
            if here.any() and len(np.unique(labels)) == 1:
                number = against[np.flatnonzero(here)[0]]
                parts[-1] = here | (scored & (against == number) & (self.units.label != labels[0]))
        return [self._area(part) for part in parts]

    def _area(self, chosen: np.ndarray) -> Area | None:
        """Return the AUROC of the units of ``chosen``, or None."""
        from ..metrics.rates import clustered_interval, roc_auc

        label, scores = self.units.label[chosen], self._rank[chosen]
        cluster = self.units.cluster[chosen]
        try:
            value = roc_auc(label, scores)
        except MetricUndefined:
            return None
        found = clustered_interval(label, scores, "auroc", cluster)
        how = found.why or f"over {found.groups} independent groups"
        return Area(value, found.low, found.high, how)

    def _reasons(self) -> list[dict[str, int]]:
        """Return the labelled units without a score by row and reason."""
        reason = self.units.reason
        lost = (reason.codes >= 0) & (self.units.label >= 0)
        width = max(1, len(reason.values))
        key = self.grouping.row[lost] * width + reason.codes[lost]
        table = np.bincount(key, minlength=self._rows * width).reshape(self._rows, width)
        return [
            {reason.values[code]: int(row[code]) for code in np.flatnonzero(row)} for row in table
        ]


def _cells(shares: Shares, small: np.ndarray) -> list[Cell | None]:
    """Return a cell for each row with trials, without comparison to the rest."""
    rate, (low, high) = shares.rate, shares.bounds()
    none = has_none(shares.groups, shares.weight)
    return [
        Cell(
            hits=int(shares.hits[r]),
            trials=int(trials),
            rate=float(rate[r]),
            low=None if none[r] else float(low[r]),
            high=None if none[r] else float(high[r]),
            why=shares.why(r),
            rest=None,
            excess=None,
            stands_out=False,
            small=bool(small[r] or none[r]),
        )
        if trials
        else None
        for r, trials in enumerate(shares.trials.tolist())
    ]


def rest_of(whole: Shares, shares: Shares) -> Shares:
    """Return for each row the shares of all units outside it, clustered like ``whole``."""
    trials = whole.trials[0] - shares.trials
    every = np.ones(len(trials))
    return Shares(
        whole.hits[0] - shares.hits,
        trials,
        whole.effective[0] * trials / max(1, int(whole.trials[0])),
        whole.groups[0] * every,
        whole.weight[0] * every,
        whole.degrees[0] * every,
    )


def excess_bound(shares: Shares, rest: Shares, level: float) -> np.ndarray:
    """Return (R,) the lower bound of the difference to the rest.

    It is Newcombe's (1998) hybrid score interval; NaN if one of the two has no interval.
    """
    low, _ = shares.bounds(level)
    _, high = rest.bounds(level)
    difference = shares.rate - rest.rate
    with np.errstate(invalid="ignore"):
        return difference - np.sqrt((shares.rate - low) ** 2 + (high - rest.rate) ** 2)
