"""Clustered intervals: equal to the textbook where faces are independent, honest where not."""

from __future__ import annotations

import numpy as np
import pytest
from media_forensics.detector.errors import MetricUndefined
from media_forensics.detector.metrics.clusters import (
    ClusterCounts,
    clustered_auroc,
    pooled_effect,
    wilson_bounds,
)
from media_forensics.detector.metrics.rates import (
    bootstrap_interval,
    delong_interval,
    roc_auc,
    wilson_interval,
)


def test_wilson_bounds_are_those_of_the_detector():
    cases = [(0, 5), (5, 5), (3, 17), (1, 1000), (999, 1000)]
    low, high = wilson_bounds(np.array([k / n for k, n in cases]), np.array([n for _, n in cases]))
    for i, (k, n) in enumerate(cases):
        assert (low[i], high[i]) == pytest.approx(wilson_interval(k, n), abs=1e-12)
    low, high = wilson_bounds(np.array([np.nan]), np.array([0]))
    assert np.isnan(low[0]) and np.isnan(high[0])


def test_single_unit_clusters_give_plain_wilson():
    rng = np.random.default_rng(0)
    row = rng.integers(0, 4, 500)
    hit = rng.random(500) < 0.2
    shares = ClusterCounts(row, np.arange(500), 4).shares(hit)
    assert np.array_equal(shares.effective, shares.trials)
    for r in range(4):
        k, n = int(hit[row == r].sum()), int((row == r).sum())
        assert (int(shares.hits[r]), int(shares.trials[r])) == (k, n)
        low, high = shares.bounds()
        assert (low[r], high[r]) == pytest.approx(wilson_interval(k, n))


def test_copies_of_a_unit_add_no_certainty():
    rng = np.random.default_rng(1)
    hit = rng.random(60) < 0.3
    one = ClusterCounts(np.zeros(60, int), np.arange(60), 1).shares(hit)
    many = ClusterCounts(np.zeros(600, int), np.repeat(np.arange(60), 10), 1).shares(
        np.repeat(hit, 10)
    )
    assert many.trials[0] == 600
    assert many.effective[0] == pytest.approx(one.effective[0], rel=0.05)


def test_coverage_of_the_clustered_interval():
    """The interval over clustered faces holds the true rate about 19 times in 20."""
    rng = np.random.default_rng(2)
    inside = plain = 0
    for _ in range(400):
        rates = rng.beta(2, 6, 40)  # each video has its own rate; the mean is 0.25
        hit = rng.random((40, 20)) < rates[:, None]
        counts = ClusterCounts(np.zeros(800, int), np.repeat(np.arange(40), 20), 1)
        low, high = counts.shares(hit.ravel()).bounds()
        inside += low[0] <= 0.25 <= high[0]
        a, b = wilson_interval(int(hit.sum()), 800)
        plain += a <= 0.25 <= b
    assert inside / 400 > 0.9
    assert plain / 400 < 0.8  # what it is for


def test_empty_rows_unused_units_and_extremes():
    row = np.array([0, 0, 2, -1])
    shares = ClusterCounts(row, np.array([0, 1, 2, 3]), 4).shares(np.array([1, 1, 0, 1], bool))
    assert shares.trials.tolist() == [2, 0, 1, 0]
    assert np.isnan(shares.rate[1])
    assert shares.effective[1] == 0
    clusters = ClusterCounts(np.zeros(40, int), np.repeat(np.arange(4), 10), 1)
    assert clusters.shares(np.zeros(40, bool)).effective[0] == 4  # no errors seen in four videos
    assert clusters.shares(np.zeros(40, bool), fallback=2.0).effective[0] == 20
    assert pooled_effect(clusters, np.zeros(40, bool)) is None
    assert pooled_effect(clusters, np.arange(40) < 10) > 1


def test_clustered_auroc_of_independent_rows_is_delong():
    rng = np.random.default_rng(3)
    label = rng.integers(0, 2, 3000)
    scores = np.round(rng.normal(label * 0.8, 1), 2)
    low, high = clustered_auroc(label, scores, np.arange(3000))
    want = delong_interval(label, scores)
    assert low == pytest.approx(want[0], abs=2e-3)
    assert high == pytest.approx(want[1], abs=2e-3)


def test_clustered_auroc_agrees_with_the_group_bootstrap():
    rng = np.random.default_rng(4)
    groups = np.repeat(np.arange(150), 8)
    label = np.repeat(rng.integers(0, 2, 150), 8)
    scores = label + np.repeat(rng.normal(0, 1, 150), 8) + rng.normal(0, 0.5, 1200)
    low, high = clustered_auroc(label, scores, groups)
    want = bootstrap_interval(label, scores, "auroc", groups, replicates=1000)
    assert low < roc_auc(label, scores) < high
    assert low == pytest.approx(want.low, abs=0.02)
    assert high == pytest.approx(want.high, abs=0.02)
    independent = clustered_auroc(label, scores, np.arange(1200))
    assert high - low > 1.7 * (independent[1] - independent[0])


def test_perfect_separation_still_has_an_interval():
    label = np.array([0] * 10 + [1] * 10)
    low, high = clustered_auroc(label, label.astype(float), np.arange(20))
    assert high == 1.0 and low == pytest.approx(wilson_interval(10, 10)[0])


def test_undefined():
    with pytest.raises(MetricUndefined):
        clustered_auroc(np.zeros(4, int), np.arange(4.0), np.arange(4))
    with pytest.raises(MetricUndefined):
        clustered_auroc(np.array([0, 1]), np.arange(2.0), np.zeros(2, int))
