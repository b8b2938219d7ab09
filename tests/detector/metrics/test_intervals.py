import pickle

import numpy as np
import pytest
from hypothesis import given, settings, strategies as st
from media_forensics.detector.errors import ForensicsError, MetricUndefined
from media_forensics.detector.metrics.rates import (
    average_precision,
    bootstrap_interval,
    delong,
    delong_interval,
    equal_error_rate,
    paired_bootstrap,
    roc_auc,
    tpr_at_fpr,
    wilson_interval,
)
from scipy import stats


@given(st.integers(0, 60), st.integers(1, 60), st.sampled_from([0.8, 0.95, 0.99]))
def test_wilson_equals_scipy(k, n, level):
    k = min(k, n)
    theirs = stats.binomtest(k, n).proportion_ci(level, method="wilson")
    low, high = wilson_interval(k, n, level)
    assert low == pytest.approx(theirs.low, abs=1e-9)
    assert high == pytest.approx(theirs.high, abs=1e-9)


def test_wilson_edges():
    assert wilson_interval(0, 10)[0] == 0 and wilson_interval(10, 10)[1] == 1
    with pytest.raises(MetricUndefined):
        wilson_interval(0, 0)
    for k, n in ((3, 2), (-1, 5)):
        with pytest.raises(ForensicsError):
            wilson_interval(k, n)


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


@pytest.mark.parametrize("name", list(NAMED))
@pytest.mark.parametrize("grouped", [False, True])
def test_vectorised_bootstrap_equals_a_loop_over_rows(name, grouped):
    y, s, g = data()
    groups = g if grouped else None
    fast = bootstrap_interval(y, s, name, groups, replicates=200, seed=3)
    slow = bootstrap_interval(y, s, NAMED[name], groups, replicates=200, seed=3)
    assert fast.low == pytest.approx(slow.low, abs=1e-12)
    assert fast.high == pytest.approx(slow.high, abs=1e-12)
    assert fast[2:] == slow[2:] and fast.groups == (len(set(g)) if grouped else len(y))


def test_bootstrap_draws_whole_groups():
    # every group holds the same rows ten times over: it must be as wide as on one of each
    y, s, _ = data(60)
    wide = bootstrap_interval(y, s, groups=np.arange(60), replicates=400)
    copies = bootstrap_interval(
        np.repeat(y, 10), np.repeat(s, 10), groups=np.repeat(np.arange(60), 10), replicates=400
    )
    assert copies.low == pytest.approx(wide.low) and copies.high == pytest.approx(wide.high)
    narrow = bootstrap_interval(np.repeat(y, 10), np.repeat(s, 10), replicates=400)
    assert narrow.high - narrow.low < 0.6 * (wide.high - wide.low)


def test_bootstrap_is_reproducible_and_depends_on_nothing_else():
    y, s, g = data()
    first = bootstrap_interval(y, s, groups=g, seed=1, replicates=300)
    assert first == bootstrap_interval(y, s, groups=g, seed=1, replicates=300)
    assert first != bootstrap_interval(y, s, groups=g, seed=2, replicates=300)
    words = [f"g{k:03d}" for k in g]
    assert first == bootstrap_interval(y, s, groups=words, seed=1, replicates=300)
    order = np.random.default_rng(0).permutation(len(y))
    for groups in (g, None):
        mixed = None if groups is None else groups[order]
        found = bootstrap_interval(y[order], s[order], groups=mixed, seed=1, replicates=300)
        assert found == bootstrap_interval(y, s, groups=groups, seed=1, replicates=300)


def test_bootstrap_memory_blocks_do_not_change_the_draws(monkeypatch):
    y, s, g = data()
    whole = bootstrap_interval(y, s, groups=g, replicates=100)
    monkeypatch.setattr("media_forensics.detector.metrics.intervals._CELLS", 80 * 7)
    assert bootstrap_interval(y, s, groups=g, replicates=100) == whole


def test_bootstrap_covers_about_as_often_as_it_says():
    # AUROC of two unit normals d apart is Phi(d / sqrt 2)
    truth, hits = stats.norm.cdf(1 / np.sqrt(2)), 0
    for seed in range(200):
        rng = np.random.default_rng(seed)
        y = np.r_[np.zeros(60, int), np.ones(60, int)]
        found = bootstrap_interval(y, rng.normal(y, 1), replicates=300, seed=seed)
        hits += found.low <= truth <= found.high
    assert 0.89 <= hits / 200 <= 0.99


def test_undefined_bootstraps():
    y, s, _ = data()
    with pytest.raises(MetricUndefined, match="one group"):
        bootstrap_interval(y, s, groups=["a"] * len(y))
    with pytest.raises(MetricUndefined, match="both classes"):
        bootstrap_interval([1, 1], [0.1, 0.2])
    with pytest.raises(MetricUndefined, match="at least 1000"):
        bootstrap_interval(y, s, "tpr@0.001")
    for bad in ("accuracy", "tpr@", "tpr@x"):
        with pytest.raises(ForensicsError, match="Known"):
            bootstrap_interval(y, s, bad)
    with pytest.raises(ForensicsError, match="do not fit"):
        bootstrap_interval(y, s, groups=[1, 2])
    # two groups, one of each class: about half of the draws hold one class only
    found = bootstrap_interval([0, 1, 1], [0.1, 0.9, 0.8], groups=["a", "b", "c"], replicates=500)
    assert 0 < found.undefined < 250 and found.low == found.high == 1


def brute_force_delong(y, a, b):
    """Placement values by all pairs (DeLong et al. 1988, eq. 3 to 6)."""

    def kernel(f, r):
        return (f[:, None] > r[None]) + 0.5 * (f[:, None] == r[None])

    va, vb = kernel(a[y == 1], a[y == 0]), kernel(b[y == 1], b[y == 0])
    s10 = np.cov(va.mean(1), vb.mean(1))
    s01 = np.cov(va.mean(0), vb.mean(0))
    cov = s10 / va.shape[0] + s01 / va.shape[1]
    return va.mean() - vb.mean(), cov[0, 0] + cov[1, 1] - 2 * cov[0, 1], cov[0, 0]


@settings(deadline=None)
@given(st.integers(0, 200))
def test_delong_equals_all_pairs(seed):
    rng = np.random.default_rng(seed)
    y = np.r_[0, 0, 1, 1, rng.integers(0, 2, 30)]
    a, b = np.round(rng.normal(y, 1), 1), np.round(rng.normal(0.5 * y, 1), 1)
    difference, variance, of_a = brute_force_delong(y, a, b)
    found = delong(y, a, b)
    assert found.difference == pytest.approx(difference, abs=1e-12)
    assert found.a == pytest.approx(roc_auc(y, a)) and found.b == pytest.approx(roc_auc(y, b))
    half = stats.norm.ppf(0.975) * np.sqrt(variance)
    assert found.high - found.low == pytest.approx(2 * half, abs=1e-9)
    if variance > 1e-12:
        p = 2 * stats.norm.sf(abs(difference) / np.sqrt(variance))
        assert found.p_value == pytest.approx(p, abs=1e-9)
    low, high = delong_interval(y, a)
    half = stats.norm.ppf(0.975) * np.sqrt(of_a)
    assert low == pytest.approx(max(0, found.a - half)) and high == pytest.approx(
        min(1, found.a + half)
    )


def test_delong_of_equal_or_undefined_scores():
    y, s, _ = data()
    same = delong(y, s, s)
    assert same.difference == 0 and same.p_value == 1
    with pytest.raises(MetricUndefined, match="two of each"):
        delong([0, 1, 1], [0.1, 0.2, 0.3], [0.3, 0.2, 0.1])


def test_paired_bootstrap_and_delong_tell_the_same_story():
    rng = np.random.default_rng(5)
    y = rng.integers(0, 2, 400)
    good = rng.normal(1.5 * y, 1)
    worse = good + rng.normal(0, 1.5, 400)
    boot, test = paired_bootstrap(y, good, worse), delong(y, good, worse)
    assert boot.difference == pytest.approx(test.difference)
    assert boot.low == pytest.approx(test.low, abs=0.015)
    assert boot.high == pytest.approx(test.high, abs=0.015)
    assert boot.p_value < 0.01 and test.p_value < 0.01
    even = paired_bootstrap(y, good, good + 0.0)
    assert even.difference == even.low == even.high == 0 and even.p_value == 1


def test_paired_bootstrap_is_antisymmetric_and_takes_callables():
    y, s, g = data()
    other = np.random.default_rng(9).random(len(y))
    ab = paired_bootstrap(y, s, other, "eer", g, replicates=200)
    ba = paired_bootstrap(y, other, s, "eer", g, replicates=200)
    assert ab.difference == pytest.approx(-ba.difference) and ab.p_value == ba.p_value
    assert ab.low == pytest.approx(-ba.high)
    slow = paired_bootstrap(y, s, other, NAMED["eer"], g, replicates=200)
    assert slow == pytest.approx(ab)


def test_an_interval_unpacks_into_its_bounds_and_keeps_what_it_was_made_of():
    rng = np.random.default_rng(0)
    y = np.repeat([0, 1], 40)
    s = rng.normal(y, 1)
    found = bootstrap_interval(y, s, groups=np.arange(80) // 2, replicates=200)
    low, high = found
    assert (low, high) == (found.low, found.high) == (found[0], found[1]) and len(found) == 2
    assert low < high and (found.level, found.groups, found.undefined) == (0.95, 40, 0)
    for name in ("roc_auc", "auroc"):
        same = bootstrap_interval(y, s, name, np.arange(80) // 2, replicates=200)
        assert tuple(same) == tuple(found)
    again = pickle.loads(pickle.dumps(found))
    assert again == found and again.groups == 40
    with pytest.raises(ForensicsError, match="groups="):
        bootstrap_interval(y, s, np.arange(80))
