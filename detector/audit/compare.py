"""Compares two detectors at the same false-positive rate: which units are fixed, which broken.

A better mean can hide new errors. The counts are therefore listed beside the units that the first
detector got wrong and the second gets right, and vice versa.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import comb
from typing import Any

import numpy as np

from ..errors import MetricUndefined
from ..records import FAKE, REAL
from .groups import Grouping
from .units import Units


@dataclass(frozen=True)
class Comparison:
    """Two detectors at one false-positive rate.

    Attributes:
        first, second: thresholds on p_fake
        words: how the second threshold was chosen
        fixed, broken: (U,) masks of the units
        both: (U,) units that both detectors have scored
    """

    first: float
    second: float
    words: str
    fixed: np.ndarray
    broken: np.ndarray
    both: np.ndarray


def compare(a: Units, b: Units, threshold: float) -> Comparison:
    """Compare ``b`` with ``a``, which is judged at ``threshold``.

    The threshold of ``b`` is the lowest at which it calls no more of the common reals fake than
    ``a`` does. It is applied to the values that rank ``b``, so that margins decide if p_fake is 1
    on both sides of it. The threshold of ``a`` stays as the user set it. If a lower one gives the
    same false alarms, ``b`` has an advantage, and the words say how many fakes it is worth.

    Args:
        a, b: the same units, row by row, scored by two detectors
        threshold: threshold of ``a``

    Raises:
        MetricUndefined: no real has a score of both
    """
    both = a.scored & b.scored
    reals = both & (a.label == REAL)
    count = int(reals.sum())
    if not count:
        raise MetricUndefined(
            "No real has a score of both detectors, so their false alarms cannot be made equal.",
            "Choose a part with reals, or another detector.",
        )
    allowed = int((a.p_fake[reals] >= threshold).sum())
    second = _at_most(b.p_fake[reals], allowed)
    rank = b.rank
    lowest = _at_most(rank[reals], allowed)
    fake = a.label == FAKE
    with np.errstate(invalid="ignore"):
        wrong_a = both & ((a.p_fake >= threshold) != fake)
        wrong_b = both & ((rank >= lowest) != fake)
    got = int((rank[reals] >= lowest).sum())
    words = (
        f"second threshold {second:.3f}: {got:,} of {count:,} reals called fake, the first has "
        f"{allowed:,}; matched on the reals shown"
    )
    lower = a.p_fake >= _at_most(a.p_fake[reals], allowed)
    more = int((lower & wrong_a & fake).sum())
    if more:
        words += f"; the first finds {more:,} more fakes at a lower threshold with as many"
    return Comparison(threshold, second, words, wrong_a & ~wrong_b, wrong_b & ~wrong_a, both)


def _at_most(scores: np.ndarray, allowed: int) -> float:
    """Return the lowest threshold with at most ``allowed`` of ``scores`` at or above it."""
    ordered = np.sort(scores)[::-1]
    if allowed >= len(ordered):
        return float(ordered[-1])
    return float(np.nextafter(ordered[allowed], np.inf))


def _gap(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    """Return (U,) absolute differences with six digits, so that rounding errors become ties."""
    return np.nan_to_num(np.round(np.abs(a - b), 6))


def sign_test(fixed: int, broken: int) -> float | None:
    """Return the two-sided p of McNemar's exact test on independent units; None without changes.

    Units of one group are not independent, so the value is a guide, not a proof.
    """
    total = fixed + broken
    if not total:
        return None
    if total > 1000:
        from math import erfc, sqrt

        return erfc(max(0.0, abs(fixed - broken) - 1) / sqrt(2 * total))
    tail = sum(comb(total, k) for k in range(min(fixed, broken) + 1)) / 2**total
    return min(1.0, 2 * tail)


def rows(found: Comparison, units: Units, grouping: Grouping) -> list[dict[str, Any]]:
    """Return fixed and broken reals and fakes of each row of ``grouping``, most broken first."""
    out = []
    for row, label in enumerate(grouping.labels):
        here = grouping.row == row
        fixed, broken = (
            [int((mask & here & (units.label == c)).sum()) for c in (REAL, FAKE)]
            for mask in (found.fixed, found.broken)
        )
        out.append(
            {
                "index": row,
                "name": list(label),
                "fixed": fixed,
                "broken": broken,
                "units": int((found.both & here).sum()),
            }
        )
    return sorted(out, key=lambda r: (-sum(r["broken"]), -sum(r["fixed"]), r["name"]))


def changed(
    found: Comparison, a: Units, b: Units, most: int
) -> dict[str, Sequence[dict[str, Any]]]:
    """Return the units that changed, the largest change of p_fake first, then of the margin."""
    out = {}
    for name, mask in (("fixed", found.fixed), ("broken", found.broken)):
        index = np.flatnonzero(mask)
        order = index[
            np.lexsort((-_gap(a.margins, b.margins)[index], -_gap(a.p_fake, b.p_fake)[index]))
        ]
        out[name] = [
            {
                "unit": int(i),
                "video": a.video.values[a.video.codes[i]] if a.video.codes[i] >= 0 else "",
                "label": int(a.label[i]),
                "p": [float(a.p_fake[i]), float(b.p_fake[i])],
            }
            for i in order[:most]
        ]
    return out
