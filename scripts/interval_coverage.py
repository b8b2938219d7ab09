"""Measures how often the 95 % intervals of the plugin hold the true value.

    python scripts/interval_coverage.py                 # the table of docs/metrics.md
    python scripts/interval_coverage.py --repeats 200   # faster, coarser

Rows are drawn in groups. A share of their variance (the correlation) is common to a group,
separately for its reals and its fakes. Groups are of similar size, or uneven (log-normal, so that
the largest of 30 holds about an eighth of the rows). The measured functions are those of every
table. A coverage of 93 to 97 % is right. Above, intervals are wider than necessary, which cannot be
avoided for a rate of few rows. Below, they are too narrow.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable, Iterator
from statistics import NormalDist
from typing import NamedTuple

import numpy as np
from media_forensics.detector.metrics.clusters import clustered_rate
from media_forensics.detector.metrics.jackknife import clustered_interval, paired_difference

GROUPS = (5, 10, 30)
CORRELATIONS = (0.1, 0.3, 0.5)
REALS, FAKES = 8, 8  # of each group, on average
NORMAL = NormalDist()


class Case(NamedTuple):
    """A number to measure, and its true value."""

    name: str
    truth: float
    bounds: Callable[[Draw], tuple[float | None, float | None]]
    shift: float


class Draw(NamedTuple):
    """The rows of one simulated study, with scores of two detectors."""

    label: np.ndarray
    group: np.ndarray
    first: np.ndarray
    second: np.ndarray


def draw(
    rng: np.random.Generator, groups: int, correlation: float, uneven: bool, shift: float
) -> Draw:
    """Draw a study: reals are N(0, 1), fakes ``shift`` higher (second detector: half of it)."""
    labels, keys = [], []
    for code, count in ((0, REALS), (1, FAKES)):
        sizes = np.full(groups, count)
        if uneven:
            sizes = np.maximum(1, rng.lognormal(np.log(count * 0.75), 0.8, groups).astype(int))
        keys.append(np.repeat(np.arange(groups), sizes))
        labels.append(np.full(sizes.sum(), code))
    label, group = np.concatenate(labels), np.concatenate(keys)

    def scores(shared: np.ndarray, distance: float) -> np.ndarray:
        # Half of the group effect, and of the noise, is common to both detectors.
        own = (shared + rng.normal(size=(2, groups))) / np.sqrt(2)
        noise = (common + rng.normal(size=label.size)) / np.sqrt(2)
        of_group = np.sqrt(correlation) * own[label, group]
        return distance * label + of_group + np.sqrt(1 - correlation) * noise

    shared, common = rng.normal(size=(2, groups)), rng.normal(size=label.size)
    return Draw(label, group, scores(shared, shift), scores(shared, shift / 2))


def cases() -> Iterator[Case]:
    """Yield every kind of number that has an interval."""
    for rate in (0.05, 0.1, 0.3, 0.5):
        yield Case(f"rate {rate:g}", rate, _rate(NORMAL.inv_cdf(1 - rate)), 0.0)
    for area in (0.7, 0.9):
        shift = np.sqrt(2) * NORMAL.inv_cdf(area)
        half = NORMAL.cdf(shift / 2 / np.sqrt(2))
        yield Case(f"AUROC {area:g}", area, _area, shift)
        yield Case(f"difference of AUROC, {area:g} to {half:.2f}", area - half, _gap, shift)
    shift = np.sqrt(2) * NORMAL.inv_cdf(0.85)
    top, bottom = (1 - NORMAL.cdf(NORMAL.inv_cdf(0.8) - s) for s in (shift, shift / 2))
    yield Case("difference of TPR at FPR 20 %", top - bottom, _tpr_gap, shift)


def _rate(threshold: float) -> Callable[[Draw], tuple[float | None, float | None]]:
    def bounds(study: Draw) -> tuple[float | None, float | None]:
        real = study.label == 0
        low, high = clustered_rate(study.first[real] >= threshold, study.group[real])
        return low, high

    return bounds


def _area(study: Draw) -> tuple[float | None, float | None]:
    low, high = clustered_interval(study.label, study.first, "auroc", study.group)
    return low, high


def _gap(study: Draw, metric: str = "auroc") -> tuple[float | None, float | None]:
    found = paired_difference(study.label, study.first, study.second, metric, study.group)
    return found.low, found.high


def _tpr_gap(study: Draw) -> tuple[float | None, float | None]:
    return _gap(study, "tpr@0.2")


def coverage(
    case: Case, groups: int, correlation: float, uneven: bool, repeats: int, seed: int = 0
) -> float:
    """Return the share of the studies' intervals that hold the true value."""
    rng = np.random.default_rng(seed)
    held = made = 0
    for _ in range(repeats):
        low, high = case.bounds(draw(rng, groups, correlation, uneven, case.shift))
        if low is None or high is None:
            continue
        made += 1
        held += low <= case.truth <= high
    return held / made


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--repeats", type=int, default=2000, help="studies of each cell")
    repeats = parser.parse_args().repeats
    head = [f"{g} groups, {s}" for g in GROUPS for s in ("alike", "uneven")]
    print(f"| 95 % interval of | {' | '.join(head)} |\n|---|" + "---|" * len(head))
    for case in cases():
        cells = []
        for groups in GROUPS:
            for uneven in (False, True):
                found = [coverage(case, groups, c, uneven, repeats) for c in CORRELATIONS]
                cells.append(" ".join(f"{100 * share:.1f}" for share in found))
        print(f"| {case.name} | {' | '.join(cells)} |", flush=True)
    print(f"Each cell: correlation {', '.join(map(str, CORRELATIONS))}; {repeats} studies each.")


if __name__ == "__main__":
    main()
