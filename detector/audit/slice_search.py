"""Counts the slices of many fields and selects those with unusually many errors.

A slice is a set of values of one to three fields. One matrix product counts all pairs. A third
value is tried on pairs that say more than each of their values. The units of a group of n count as
the root of n, so that a hundred faces of one video are neither a hundred witnesses nor one. Units
without an error are sampled if there are many; exact numbers are computed later for the selected
slices.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import NamedTuple

import numpy as np

from ..metrics.clusters import ClusterCounts, Shares
from ..metrics.intervals import LEAST_GROUPS
from .groups import Grouping

Conditions = tuple[tuple[str, int], ...]

MOST_ROWS = 40  # maximum number of values per field: those with the most groups
MOST_COMBINED = 240  # maximum number of values that are combined
MOST_PAIRS, MOST_TRIPLES = 120, 60  # maximum numbers selected for exact computation
SAMPLE = 20_000  # maximum number of counted units without an error


class Candidates(NamedTuple):
    """The slices selected for exact numbers.

    Attributes:
        slices: each of one to three conditions
        possible: number of all slices of one, two and three conditions; each set is searched for
            its best, so all of them count as tested
    """

    slices: list[Conditions]
    possible: tuple[int, int, int]


class _Counts(NamedTuple):
    """Votes of all units and of the wrong units, by slice."""

    all: np.ndarray
    wrong: np.ndarray

    def rate(self) -> np.ndarray:
        """Return the share of wrong votes, 0 without votes."""
        return self.wrong / np.maximum(self.all, 1e-9)

    def above(self, rate: np.ndarray | float) -> np.ndarray:
        """Return by how many standard deviations wrong votes exceed ``rate``; -inf for too few."""
        rate = np.clip(rate, 1e-3, 1 - 1e-3)
        z = (self.wrong - self.all * rate) / np.sqrt(np.maximum(self.all * rate * (1 - rate), 1e-9))
        return np.where(self.all >= LEAST_GROUPS - 0.5, z, -np.inf)


class Search:
    """Searches the slices of the units ``chosen`` of one class.

    Args:
        groupings: rows of each field
        members: fields of which only the last row is a slice
        chosen: (C,) indices of the units
        cluster: (U,) independent unit of each unit
    """

    def __init__(
        self,
        groupings: Mapping[str, Grouping],
        members: Sequence[str],
        chosen: np.ndarray,
        cluster: np.ndarray,
    ) -> None:
        self.chosen = chosen
        self._cluster = np.unique(cluster[chosen], return_inverse=True)[1].ravel()
        size = np.bincount(self._cluster)
        self._vote = size[self._cluster] ** -0.5 if len(chosen) else np.zeros(0)
        self._values: list[tuple[str, int]] = []  # (field, row) of each column of the matrix
        self._column: dict[str, np.ndarray] = {}  # (C,) column of each unit, -1 for none
        for name, grouping in groupings.items():
            last = len(grouping.labels) - 1
            self._add(name, grouping.row[chosen], last if name in members else None)
        self._number = {value: column for column, value in enumerate(self._values)}

    def _add(self, name: str, row: np.ndarray, only: int | None) -> None:
        """Add columns for a field's values (or for one): the largest ones with enough groups."""
        votes = np.bincount(row, weights=self._vote) if row.size else np.zeros(0)
        kept = np.flatnonzero(votes >= LEAST_GROUPS - 0.5)
        kept = kept if only is None else kept[kept == only]
        kept = np.sort(kept[np.argsort(-votes[kept], kind="stable")[:MOST_ROWS]])
        if not kept.size or (kept.size == 1 and votes[kept[0]] >= votes.sum() - 0.5):
            return  # all units have it
        place = np.full(votes.size, -1, np.int64)
        place[kept] = len(self._values) + np.arange(kept.size)
        self._values += [(name, int(value)) for value in kept]
        self._column[name] = place[row]

    def candidates(self, wrong: np.ndarray) -> Candidates:
        """Return the slices, at most a few hundred, with most unusual numbers of ``wrong`` (C,)."""
        width = len(self._values)
        if not width:
            return Candidates([], (0, 0, 0))
        votes, bad = self._vote, self._vote * wrong
        single = _Counts(np.zeros(width), np.zeros(width))
        for column in self._column.values():
            used = column >= 0
            for total, weight in zip(single, (votes, bad), strict=True):
                total += np.bincount(column[used], weights=weight[used], minlength=width)
        overall = float(bad.sum() / votes.sum())
        out = [(value,) for value in np.flatnonzero(single.above(overall) > 1).tolist()]
        combined = self._combined(single, overall)
        pairs, triples = self._deeper(single, combined, wrong, overall)
        named = [tuple(self._values[v] for v in slice_) for slice_ in [*out, *pairs, *triples]]
        return Candidates(named, (width, *self._possible(combined)))

    def _possible(self, columns: np.ndarray) -> tuple[int, int]:
        """Return the numbers of pairs and of triples of values of different fields."""
        pairs = triples = singles = 0
        for count in Counter(self._values[column][0] for column in columns.tolist()).values():
            triples += pairs * count
            pairs += singles * count
            singles += count
        return pairs, triples

    def _combined(self, single: _Counts, overall: float) -> np.ndarray:
        """Return the columns of the values to combine: from the fields most informative on errors.

        If there are too many values, whole fields are left out by their mutual information with the
        errors, corrected for their number of values (Miller 1955).
        """
        fields = list(self._column)
        information = {name: 0.0 for name in fields}
        of = np.array([name for name, _ in self._values], object)
        total = max(float(self._vote.sum()), 1.0)
        for part, share in ((single.wrong, overall), (single.all - single.wrong, 1 - overall)):
            with np.errstate(divide="ignore", invalid="ignore"):
                gain = part / total * np.log(part / np.maximum(single.all * share, 1e-12))
            for name in fields:
                information[name] += float(np.nansum(gain[of == name]))
        for name in fields:
            information[name] -= (int((of == name).sum()) - 1) / (2 * total)
        order = sorted(fields, key=lambda name: -information[name])
        kept: list[str] = []
        count = 0
        for name in order:
            count += int((of == name).sum())
            if count > MOST_COMBINED:
                break
            kept.append(name)
        return np.flatnonzero(np.isin(of, kept))

    def _deeper(
        self, single: _Counts, columns: np.ndarray, wrong: np.ndarray, overall: float
    ) -> tuple[list[tuple[int, ...]], list[tuple[int, ...]]]:
        """Return the best pairs and triples of ``columns``."""
        rows, weight = self._sampled(wrong)
        matrix = self._matrix(rows, columns)
        bad = wrong[rows]
        pair = _Counts(
            (matrix * weight[:, None]).T @ matrix,
            (matrix[bad] * weight[bad, None]).T @ matrix[bad],
        )
        alone = single.rate()[columns]
        parents = np.maximum(np.maximum(alone[:, None], alone[None]), overall)
        field = np.array([self._values[c][0] for c in columns], object)
        allowed = np.triu(field[:, None] != field[None], 1)
        allowed &= pair.all >= LEAST_GROUPS - 0.5
        # Most unusual compared with their parts, and some compared with all units.
        best = _top(np.where(allowed, pair.above(parents), -np.inf), MOST_PAIRS * 3 // 4)
        best = list(
            dict.fromkeys(
                [*best, *_top(np.where(allowed, pair.above(overall), -np.inf), MOST_PAIRS // 4)]
            )
        )
        pairs = [divmod(index, len(columns)) for index in best]
        if not pairs:
            return [], []
        first, second = np.array(pairs).T
        both = matrix[:, first] * matrix[:, second]  # (rows, pairs)
        triple = _Counts(
            (both * weight[:, None]).T @ matrix, (both[bad] * weight[bad, None]).T @ matrix[bad]
        )
        inside = np.stack([pair.rate()[first, second]] * len(columns), axis=1)
        rate = pair.rate()
        parents = np.maximum(np.maximum(inside, rate[first]), np.maximum(rate[second], overall))
        third = (field[first][:, None] != field[None]) & (field[second][:, None] != field[None])
        third &= triple.all >= LEAST_GROUPS - 0.5
        triples = {
            tuple(sorted((int(first[p]), int(second[p]), t))): None
            for p, t in (
                divmod(index, len(columns))
                for index in _top(np.where(third, triple.above(parents), -np.inf), MOST_TRIPLES)
            )
        }
        return (
            [tuple(int(columns[i]) for i in pair_) for pair_ in pairs],
            [tuple(int(columns[i]) for i in triple_) for triple_ in triples],
        )

    def _sampled(self, wrong: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Return the rows to count and the votes of each.

        Of the wrong rows and of the others at most :data:`SAMPLE` each are drawn and weighted.
        """
        good, bad = np.flatnonzero(~wrong), np.flatnonzero(wrong)
        generator = np.random.default_rng(0)
        scale = [1.0, 1.0]
        parts = []
        for number, part in enumerate((good, bad)):
            if part.size > SAMPLE:
                scale[number] = part.size / SAMPLE
                part = np.sort(generator.choice(part, SAMPLE, replace=False))
            parts.append(part)
        rows = np.concatenate(parts)
        times = np.repeat(scale, [part.size for part in parts])
        return rows, (self._vote[rows] * times).astype(np.float32)

    def _matrix(self, rows: np.ndarray, columns: np.ndarray) -> np.ndarray:
        """Return (rows, columns) float32, 1 if a row has the value of a column."""
        place = np.full(len(self._values) + 1, -1, np.int64)
        place[columns] = np.arange(len(columns))
        out = np.zeros((len(rows), len(columns) + 1), np.float32)
        at = np.arange(len(rows))
        for column in self._column.values():
            out[at, place[column[rows]]] = 1
        return np.ascontiguousarray(out[:, :-1])

    def inside(self, conditions: Conditions) -> np.ndarray:
        """Return a (C,) mask of the units of a slice."""
        mask = np.ones(len(self.chosen), bool)
        for name, value in conditions:
            mask &= self._column[name] == self._number[(name, value)]
        return mask

    def shares(self, slices: Sequence[Conditions], wrong: np.ndarray) -> Shares:
        """Return the exact rates of ``wrong`` (C,) in ``slices``, one row per slice."""
        units, row = [], []
        for index, conditions in enumerate(slices):
            inside = np.flatnonzero(self.inside(conditions))
            units.append(inside)
            row.append(np.full(inside.size, index))
        every = np.concatenate(units)
        counts = ClusterCounts(np.concatenate(row), self._cluster[every], len(slices))
        return counts.shares(wrong[every])


def _top(score: np.ndarray, most: int) -> list[int]:
    """Return flat indices of the ``most`` highest finite scores, highest first."""
    flat = score.ravel()
    count = min(most, int(np.isfinite(flat).sum()))
    if not count:
        return []
    found = np.argpartition(-flat, count - 1)[:count]
    return found[np.argsort(-flat[found], kind="stable")].tolist()
