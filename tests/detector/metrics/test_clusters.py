"""Intervals of alike rows: against Wilson, loops over groups and duplicated data."""

from __future__ import annotations

import numpy as np
import pytest
from media_forensics.detector.errors import ForensicsError, MetricUndefined
from media_forensics.detector.metrics.clusters import ClusterCounts, clustered_rate
from media_forensics.detector.metrics.rates import rates_at_threshold, wilson_interval
from scipy.stats import t


def test_rows_of_their_own_have_wilsons_interval():
    hit = np.arange(50) < 13
    found = clustered_rate(hit, np.arange(50))
    assert tuple(found) == pytest.approx(wilson_interval(13, 50)) and found.groups == 50
    words = clustered_rate(hit, [f"v{i}" for i in range(50)], 0.9)
    assert tuple(words) == pytest.approx(wilson_interval(13, 50, 0.9))


def test_the_bounds_by_hand():
    rng = np.random.default_rng(1)
    group = np.repeat(np.arange(12), 30)
    hit = rng.random(360) < rng.beta(2, 4, 12)[group]
    rate = hit.mean()
    without = np.array([hit[group != g].mean() for g in range(12)])
    variance = 11 / 12 * ((without - without.mean()) ** 2).sum()
    counts = np.array([hit[group == g].sum() for g in range(12)])
    fewest = min(n.sum() ** 2 / (n**2).sum() for n in (counts, 30 - counts))
    effect = (fewest**4 * variance / (rate * (1 - rate) / 360) + 30) / (fewest**4 + 1)
    n, z = 360 / effect, t.ppf(0.975, 11)
    middle = (rate + z * z / 2 / n) / (1 + z * z / n)
    half = z * np.sqrt(rate * (1 - rate) / n + z * z / 4 / n**2) / (1 + z * z / n)
    assert effect > 2
    assert tuple(clustered_rate(hit, group)) == pytest.approx((middle - half, middle + half))


def test_copies_of_a_row_add_nothing():
    hit = np.arange(40) < 11
    low, high = clustered_rate(hit, np.arange(40))
    copied = clustered_rate(np.repeat(hit, 25), np.repeat(np.arange(40), 25))
    assert tuple(copied) == pytest.approx((low, high), abs=0.02)
    naive = wilson_interval(11 * 25, 1000)
    assert copied.high - copied.low > 4 * (naive[1] - naive[0])


def test_a_rate_of_zero_or_one_counts_groups_and_not_faces():
    group = np.repeat(np.arange(6), 100)
    assert tuple(clustered_rate(np.zeros(600, bool), group)) == pytest.approx(wilson_interval(0, 6))
    assert tuple(clustered_rate(np.ones(600, bool), group)) == pytest.approx(wilson_interval(6, 6))


def test_one_hit_is_hardly_surer_than_none():
    group = np.repeat(np.arange(300), 300)
    none = clustered_rate(np.zeros(90_000, bool), group)
    one = clustered_rate(np.arange(90_000) < 1, group)
    assert 0.4 * none.high < one.high < none.high


def test_groups_that_are_all_alike_do_not_give_a_point():
    hit = np.tile([True, False], 50)
    found = clustered_rate(hit, np.repeat(np.arange(10), 10))
    plain = wilson_interval(50, 100)
    assert found.low <= plain[0] and found.high >= plain[1]


@pytest.mark.parametrize("groups", [1, 2, 4])
def test_too_few_groups_have_no_interval_but_a_reason(groups):
    found = clustered_rate(np.arange(40) < 10, np.arange(40) % groups)
    assert (found.low, found.high, found.groups) == (None, None, groups)
    assert found.why == (
        f"no interval: {groups} independent group{'s' * (groups > 1)}, 5 are the least"
    )


def test_a_group_that_outweighs_the_others_has_no_interval():
    group = np.concatenate([np.zeros(200, int), np.arange(1, 21)])
    found = clustered_rate(np.arange(220) % 3 == 0, group)
    assert found.low is None and "one of 21 independent groups outweighs" in found.why


def test_rates_at_a_threshold_are_group_aware_where_groups_are_given():
    rng = np.random.default_rng(2)
    video = np.repeat(np.arange(40), 16)
    label = (video % 2).astype(int)
    scores = np.clip(0.3 + 0.4 * label + rng.normal(0, 0.2, 40)[video], 0, 1)
    plain = rates_at_threshold(label, scores, 0.5)
    aware = rates_at_threshold(label, scores, 0.5, groups=video)
    assert (plain.fpr, plain.tpr) == (aware.fpr, aware.tpr)
    wilson = wilson_interval(plain.false_positives, plain.n_real)
    assert tuple(plain.fpr_interval) == pytest.approx(wilson)
    real = label == 0
    assert aware.fpr_interval == clustered_rate(scores[real] >= 0.5, video[real])
    assert np.diff([*aware.fpr_interval]) > 2 * np.diff(wilson)
    low, high = aware.fnr_interval
    assert low <= aware.fnr <= high and aware.false_negatives + aware.true_positives == sum(label)
    assert aware.to_json()["fnr_interval"]["low"] == low
    with pytest.raises(ForensicsError, match="group keys"):
        rates_at_threshold(label, scores, 0.5, groups=video[1:])


def test_rows_of_a_table_are_as_if_each_stood_alone():
    rng = np.random.default_rng(0)
    row, cluster = rng.integers(-1, 4, 600), rng.integers(0, 25, 600)
    hit = rng.random(600) < np.array([0.2, 0.5, 0.0, 0.9, 0.1])[row]
    shares = ClusterCounts(row, cluster, 5).shares(hit)
    low, high = shares.bounds()
    for r in range(4):
        here = row == r
        assert (shares.hits[r], shares.trials[r]) == (hit[here].sum(), here.sum())
        assert (low[r], high[r]) == pytest.approx(tuple(clustered_rate(hit[here], cluster[here])))
    assert np.isnan(shares.rate[4]) and np.isnan(low[4]) and shares.effective[4] == 0


def test_no_rows():
    with pytest.raises(MetricUndefined):
        clustered_rate(np.zeros(0, bool), np.zeros(0))
