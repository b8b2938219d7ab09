"""Intervals of ranking metrics and their differences: against loops, DeLong and simulation."""

from __future__ import annotations

import pickle

import numpy as np
import pytest
from hypothesis import given, settings, strategies as st
from interval_coverage import cases, coverage
from media_forensics.detector.errors import ForensicsError, MetricUndefined
from media_forensics.detector.metrics.jackknife import (
    _areas_without,
    clustered_interval,
    paired_difference,
)
from media_forensics.detector.metrics.rates import (
    average_precision,
    equal_error_rate,
    roc_auc,
    tpr_at_fpr,
    wilson_interval,
)
from scipy import stats
from sklearn.metrics import roc_auc_score


def data(n=80, seed=0, ties=1):
    rng = np.random.default_rng(seed)
    y = np.r_[0, 1, rng.integers(0, 2, n - 2)]
    s = np.round(np.clip(rng.normal(0.3 + 0.3 * y, 0.25), 0, 1), ties)
    return y, s, rng.integers(0, n // 4, n)


NAMED = {
    "auroc": roc_auc,
    "eer": lambda y, s: equal_error_rate(y, s).rate,
    "ap": average_precision,
    "ap_real": lambda y, s: average_precision(y, s, positive=0),
    "tpr@0.2": lambda y, s: tpr_at_fpr(y, s, 0.2),
}


@settings(deadline=None)
@given(st.integers(0, 500))
def test_areas_without_a_group_are_scikit_learns(seed):
    y, s, g = data(60, seed)
    number = np.unique(g, return_inverse=True)[1]
    found = _areas_without(y, s, number, int(number.max()) + 1)
    for group, area in enumerate(found):
        kept = number != group
        assert area == pytest.approx(roc_auc_score(y[kept], s[kept]))


@pytest.mark.parametrize("name", list(NAMED))
@pytest.mark.parametrize("grouped", [False, True])
def test_a_named_metric_equals_a_loop_over_rows(name, grouped):
    y, s, g = data()
    groups = g if grouped else None
    fast = clustered_interval(y, s, name, groups)
    slow = clustered_interval(y, s, NAMED[name], groups)
    assert tuple(fast) == pytest.approx(tuple(slow), abs=1e-12)
    assert fast.low < NAMED[name](y, s) < fast.high


def test_whole_groups_are_left_out():
    # every group holds the same row ten times over: it must be as wide as on one of each
    y, s, _ = data(60)
    wide = clustered_interval(y, s, groups=np.arange(60))
    ten = np.repeat(np.arange(60), 10)
    copies = clustered_interval(y[ten], s[ten], groups=ten)
    assert tuple(copies) == pytest.approx(tuple(wide))
    narrow = clustered_interval(y[ten], s[ten])
    assert narrow.high - narrow.low < 0.6 * (wide.high - wide.low)


def test_it_depends_on_rows_and_groups_alone(monkeypatch):
    y, s, g = data()
    words = np.array([f"g{k:03d}" for k in g], object)
    order = np.random.default_rng(0).permutation(len(y))
    for name in ("auroc", "ap", "tpr@0.2"):
        first = clustered_interval(y, s, name, g)
        assert first == clustered_interval(y, s, name, words)
        mixed = clustered_interval(y[order], s[order], name, g[order])
        assert tuple(mixed) == pytest.approx(tuple(first))
        with monkeypatch.context() as patch:
            patch.setattr("media_forensics.detector.metrics.jackknife._CELLS", 80 * 21)
            assert clustered_interval(y, s, name, g) == first
    again = pickle.loads(pickle.dumps(first))
    assert again == first and (again.level, again.groups, again.why) == (0.95, 15, "")


def test_many_groups_are_left_out_in_parts():
    rng = np.random.default_rng(3)
    y = np.repeat([0, 1], 1500)
    s = rng.normal(y, 1)
    parts = clustered_interval(y, s, "ap")
    per_row = clustered_interval(y[::10], s[::10], "ap")  # 300 rows: parts as well
    error = np.diff([*parts])[0] / 2 / 1.96
    assert error == pytest.approx(np.diff([*per_row])[0] / 2 / 1.96 / np.sqrt(10), rel=0.3)


def all_pairs(y, a, b):
    """DeLong's variances from placement values by all pairs (DeLong et al. 1988, eq. 3 to 6)."""

    def kernel(f, r):
        return (f[:, None] > r[None]) + 0.5 * (f[:, None] == r[None])

    va, vb = kernel(a[y == 1], a[y == 0]), kernel(b[y == 1], b[y == 0])
    s10, s01 = np.cov(va.mean(1), vb.mean(1)), np.cov(va.mean(0), vb.mean(0))
    return va.mean() - vb.mean(), s10 / va.shape[0] + s01 / va.shape[1]


def test_many_independent_rows_agree_with_delong():
    rng = np.random.default_rng(5)
    y = rng.integers(0, 2, 600)
    good = rng.normal(1.5 * y, 1)
    worse = good + rng.normal(0, 1.5, 600)
    gap, covariance = all_pairs(y, good, worse)
    area = roc_auc(y, good)
    half = 1.96 * np.sqrt(covariance[0, 0])
    assert tuple(clustered_interval(y, good)) == pytest.approx((area - half, area + half), abs=6e-3)
    found = paired_difference(y, good, worse)
    error = np.sqrt(covariance[0, 0] + covariance[1, 1] - 2 * covariance[0, 1])
    assert found.difference == pytest.approx(gap)
    ends = gap - 1.96 * error, gap + 1.96 * error
    assert (found.low, found.high) == pytest.approx(ends, abs=8e-3)
    assert found.p_value < 0.001 and stats.norm.sf(gap / error) < 0.001


@pytest.mark.parametrize("metric", ["auroc", "eer", "tpr@0.2"])
def test_a_difference_turns_its_sign_with_the_order(metric):
    y, s, g = data()
    other = np.random.default_rng(9).random(len(y))
    ab, ba = (paired_difference(y, *pair, metric, g) for pair in ((s, other), (other, s)))
    assert ab.difference == pytest.approx(-ba.difference)
    assert ab.p_value == pytest.approx(ba.p_value)
    assert (ab.low, ab.high) == pytest.approx((-ba.high, -ba.low))
    assert paired_difference(y, s, other, NAMED[metric], g) == pytest.approx(ab)


def test_perfect_detectors_still_have_intervals():
    y = np.repeat([0, 1], 10)
    group = np.tile(np.arange(10), 2)
    found = clustered_interval(y, y.astype(float), groups=group)
    assert tuple(found) == pytest.approx(wilson_interval(10, 10))
    gap = paired_difference(y, y.astype(float), y + 0.1 * group, groups=group)
    assert gap.difference == 0 and gap.low == -gap.high < -0.2 and gap.p_value == 1
    alike = np.tile([0.1, 0.4, 0.3, 0.6], 8)  # each of eight groups has the same AUROC
    found = clustered_interval(np.tile([0, 0, 1, 1], 8), alike, groups=np.repeat(np.arange(8), 4))
    assert found.low < 0.6 and found.high > 0.85


def test_what_has_no_interval_says_why():
    y, s, g = data()
    found = clustered_interval(y, s, groups=["a"] * len(y))
    assert found.low is None and found.why.startswith("no interval: 1 independent group of reals")
    real_once = np.where(y == 0, 0, np.arange(len(y)))
    assert "of reals" in clustered_interval(y, s, groups=real_once).why
    few = paired_difference(y, s, 1 - s, groups=g % 4)
    assert few.difference and (few.low, few.high, few.p_value) == (None, None, None) and few.why
    same = paired_difference(y, s, s + 0, groups=g)
    assert same.difference == 0 and same.low is None and "the same score" in same.why
    with pytest.raises(MetricUndefined, match="both classes"):
        clustered_interval([1, 1], [0.1, 0.2])
    with pytest.raises(MetricUndefined, match="at least 1000"):
        clustered_interval(y, s, "tpr@0.001")
    for bad in ("accuracy", "tpr@", "tpr@x"):
        with pytest.raises(ForensicsError, match="Known"):
            clustered_interval(y, s, bad)
    with pytest.raises(ForensicsError, match="do not fit"):
        clustered_interval(y, s, groups=[1, 2])
    with pytest.raises(ForensicsError, match="groups="):
        clustered_interval(y, s, np.arange(80))


@pytest.mark.parametrize("groups", [5, 10, 30])
@pytest.mark.parametrize("case", [c for c in cases() if "0.3" in c.name or "0.7" in c.name])
def test_intervals_hold_the_true_value_as_often_as_they_say(case, groups):
    """Seeded and coarse (docs/metrics.md has the table): 300 studies tell 95 % from 90 %."""
    assert coverage(case, groups, 0.3, False, repeats=300) >= 0.915
