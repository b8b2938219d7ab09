"""Intervals of alike rows: against Wilson, loops over clusters, duplicated data and simulation."""

from __future__ import annotations

import numpy as np
import pytest
from media_forensics.detector.errors import ForensicsError, MetricUndefined
from media_forensics.detector.metrics.clusters import clustered_auroc, clustered_rate, design_effect
from media_forensics.detector.metrics.rates import (
    bootstrap_interval,
    rates_at_threshold,
    roc_auc,
    wilson_interval,
)
from scipy.stats import norm


def test_rows_of_their_own_have_wilsons_interval():
    hit = np.arange(50) < 13
    assert clustered_rate(hit, np.arange(50)) == pytest.approx(wilson_interval(13, 50))
    assert clustered_rate(hit, [f"v{i}" for i in range(50)], 0.9) == pytest.approx(
        wilson_interval(13, 50, 0.9)
    )


def effect_by_hand(hit, cluster):
    """Kish's design effect of a ratio: linearised cluster totals over binomial variance."""
    rate = np.mean(hit)
    parts = [hit[cluster == c] for c in np.unique(cluster)]
    count = len(parts)
    squares = sum((part.sum() - rate * len(part)) ** 2 for part in parts)
    variance = squares * count / (count - 1) / len(hit) ** 2
    return variance / (rate * (1 - rate) / len(hit))


def test_the_design_effect_is_kishs():
    rng = np.random.default_rng(1)
    cluster = rng.integers(0, 30, 400)
    level = rng.random(30)
    hit = rng.random(400) < level[cluster]
    effect = effect_by_hand(hit, cluster)
    assert effect > 1 and design_effect(hit, cluster) == pytest.approx(effect)
    effective = 400 / effect
    z, rate = norm.ppf(0.975), hit.mean()
    middle = (rate + z * z / (2 * effective)) / (1 + z * z / effective)
    assert np.mean(clustered_rate(hit, cluster)) == pytest.approx(middle)


def test_copies_of_a_row_add_nothing():
    hit = np.arange(40) < 11
    alone = clustered_rate(hit, np.arange(40))
    copied = clustered_rate(np.repeat(hit, 25), np.repeat(np.arange(40), 25))
    assert copied == pytest.approx(alone, abs=0.01)
    naive = wilson_interval(11 * 25, 1000)
    assert copied[1] - copied[0] > 4 * (naive[1] - naive[0])


def test_a_rate_of_zero_counts_groups_and_not_faces():
    hit = np.zeros(600, bool)
    group = np.repeat(np.arange(6), 100)
    assert clustered_rate(hit, group) == pytest.approx(wilson_interval(0, 6))
    assert clustered_rate(hit, group, fallback=10.0)[1] == pytest.approx(wilson_interval(0, 60)[1])
    assert design_effect(hit, group) is None


def test_rates_at_a_threshold_are_group_aware_where_groups_are_given():
    rng = np.random.default_rng(2)
    video = np.repeat(np.arange(40), 16)
    label = (video % 2).astype(int)
    scores = np.clip(0.3 + 0.4 * label + rng.normal(0, 0.2, 40)[video], 0, 1)
    plain = rates_at_threshold(label, scores, 0.5)
    aware = rates_at_threshold(label, scores, 0.5, groups=video)
    assert (plain.fpr, plain.tpr) == (aware.fpr, aware.tpr)
    assert plain.fpr_interval == pytest.approx(wilson_interval(plain.false_positives, plain.n_real))
    real = label == 0
    assert aware.fpr_interval == pytest.approx(clustered_rate(scores[real] >= 0.5, video[real]))
    assert np.diff(aware.fpr_interval) > 2 * np.diff(plain.fpr_interval)
    low, high = aware.fnr_interval
    assert low <= aware.fnr <= high and aware.false_negatives + aware.true_positives == sum(label)
    with pytest.raises(ForensicsError, match="group keys"):
        rates_at_threshold(label, scores, 0.5, groups=video[1:])


def test_the_area_of_single_rows_has_delongs_variance():
    rng = np.random.default_rng(3)
    label = np.repeat([0, 1], [60, 90])
    scores = rng.normal(label, 1.2).round(1)
    fakes, reals = scores[label == 1], scores[label == 0]
    pairs = (fakes[:, None] > reals) + 0.5 * (fakes[:, None] == reals)
    area = pairs.mean()
    squares = np.sum((pairs.mean(axis=1) - area) ** 2) / 90**2
    squares += np.sum((pairs.mean(axis=0) - area) ** 2) / 60**2
    error = np.sqrt(150 / 149 * squares)
    half = norm.ppf(0.975) * error / (area * (1 - area))
    centre = np.log(area / (1 - area))
    expected = 1 / (1 + np.exp(-(centre + np.array([-half, half]))))
    assert clustered_auroc(label, scores, np.arange(150)) == pytest.approx(tuple(expected))


def test_the_area_agrees_with_the_group_bootstrap_and_copies_add_nothing():
    rng = np.random.default_rng(4)
    group = np.repeat(np.arange(60), 10)
    label = (group % 3 > 0).astype(int)
    scores = label + rng.normal(0, 1, 60)[group] + rng.normal(0, 0.3, 600)
    found = clustered_auroc(label, scores, group)
    drawn = bootstrap_interval(label, scores, roc_auc, group, replicates=400)
    assert found == pytest.approx(tuple(drawn), abs=0.03)
    assert found[0] < roc_auc(label, scores) < found[1]
    words = np.array([f"g{g}" for g in group], object)
    assert clustered_auroc(label, scores, words) == pytest.approx(found)


def test_what_has_no_interval():
    with pytest.raises(MetricUndefined):
        clustered_rate(np.zeros(0, bool), np.zeros(0))
    for label, group in (([0, 0], [1, 2]), ([0, 1], [1, 1])):
        with pytest.raises(MetricUndefined):
            clustered_auroc(np.array(label), np.array([0.1, 0.2]), np.array(group))
