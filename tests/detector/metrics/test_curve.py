"""Against brute force over pairs and thresholds, and against scikit-learn."""

import json
import pickle
from itertools import pairwise

import numpy as np
import pytest
import sklearn.metrics as sk
from hypothesis import given, strategies as st
from media_forensics.detector.errors import ForensicsError, MetricUndefined
from media_forensics.detector.metrics.curve import auroc_of, eer_of, weighted_curve
from media_forensics.detector.metrics.rates import (
    average_precision,
    equal_error_rate,
    operating_point,
    roc_auc,
    roc_curve,
    tpr_at_fpr,
)
from scipy.interpolate import interp1d
from scipy.optimize import brentq

# few distinct values, so that ties are the rule
rows = st.lists(
    st.tuples(st.integers(0, 1), st.sampled_from([0.0, 0.1, 0.25, 0.5, 0.5 + 1e-12, 0.9, 1.0])),
    min_size=2,
    max_size=40,
).filter(lambda r: len({y for y, _ in r}) == 2)


def columns(r):
    return np.array([y for y, _ in r]), np.array([s for _, s in r])


@given(rows)
def test_auroc_is_the_share_of_ordered_pairs(r):
    y, s = columns(r)
    fakes, reals = s[y == 1], s[y == 0]
    pairs = [(f > q) + 0.5 * (f == q) for f in fakes for q in reals]
    assert roc_auc(y, s) == pytest.approx(np.mean(pairs), abs=1e-12)


@given(rows)
def test_average_precision_equals_scikit_learn_for_both_classes(r):
    y, s = columns(r)
    assert average_precision(y, s) == pytest.approx(sk.average_precision_score(y, s), abs=1e-12)
    expected = sk.average_precision_score(1 - y, -s)
    assert average_precision(y, s, positive=0) == pytest.approx(expected, abs=1e-12)


def brute_force_eer(y, s):
    """Walk along the exact ROC polygon and solve fpr = fnr on the segment that crosses."""
    thresholds = [np.inf, *sorted(set(s), reverse=True)]
    points = [(np.mean(s[y == 0] >= t), np.mean(s[y == 1] < t)) for t in thresholds]
    for (f0, n0), (f1, n1) in pairwise(points):
        if f1 >= n1:
            d0, d1 = f0 - n0, f1 - n1
            lam = -d0 / (d1 - d0)
            return f0 + lam * (f1 - f0)
    raise AssertionError


@given(rows)
def test_eer_is_where_the_roc_polygon_crosses(r):
    y, s = columns(r)
    found = equal_error_rate(y, s)
    assert found.rate == pytest.approx(brute_force_eer(y, s), abs=1e-12)
    assert np.isfinite(found.threshold)
    # no threshold on these scores balances the two errors better
    gaps = [
        abs(np.mean(s[y == 0] >= t) - np.mean(s[y == 1] < t)) for t in [*s, s.max() + 1, s.min()]
    ]
    fpr, fnr = np.mean(s[y == 0] >= found.threshold), np.mean(s[y == 1] < found.threshold)
    assert abs(fpr - fnr) == pytest.approx(min(gaps), abs=1e-9)


def test_eer_equals_the_interpolated_root_of_scikit_learns_curve():
    rng = np.random.default_rng(0)
    y = rng.integers(0, 2, 500)
    s = np.round(rng.normal(y, 1.2), 1)
    fpr, tpr, _ = sk.roc_curve(y, s, drop_intermediate=False)
    root = brentq(lambda x: 1 - x - interp1d(fpr, tpr)(x), 0, 1, xtol=1e-12)
    assert equal_error_rate(y, s).rate == pytest.approx(root, abs=1e-6)


def test_eer_threshold_is_finite_when_the_top_scores_tie():
    # interpolating thresholds gives infinity here
    found = equal_error_rate([0, 0, 1, 1, 1], [1.0, 0.2, 1.0, 1.0, 1.0])
    assert np.isfinite(found.threshold)
    assert tuple(equal_error_rate([0, 1], [0.5, 0.5])) == (0.5, 0.5)
    assert tuple(equal_error_rate([0, 1], [0.2, 0.8])) == (0.0, pytest.approx(0.5))
    assert equal_error_rate([0, 1], [0.8, 0.2]).rate == 1.0


def test_eer_is_a_float_that_knows_its_threshold():
    found = equal_error_rate([0, 0, 1, 1], [0.1, 0.6, 0.4, 0.9])
    assert isinstance(found, float) and found == 0.5 and found <= 0.5 < found + 0.1
    assert found == pytest.approx(0.5) and np.isclose(found, 0.5) and f"{found:.2f}" == "0.50"
    assert np.array([found, found]).shape == (2,) and np.asarray(found).shape == ()
    assert json.loads(json.dumps({"eer": found})) == {"eer": 0.5}
    rate, threshold = found
    assert (rate, threshold) == (found.rate, found.threshold) and type(rate) is float
    again = pickle.loads(pickle.dumps(found))
    assert (again, again.threshold) == (found, found.threshold)


@given(rows)
def test_roc_curve_is_reached_by_its_thresholds(r):
    y, s = columns(r)
    fpr, tpr, thresholds = roc_curve(y, s)
    for f, t, threshold in zip(fpr, tpr, thresholds, strict=True):
        assert f == pytest.approx(np.mean(s[y == 0] >= threshold))
        assert t == pytest.approx(np.mean(s[y == 1] >= threshold))
    assert sk.auc(fpr, tpr) == pytest.approx(roc_auc(y, s), abs=1e-12)


@given(rows, st.sampled_from([0.1, 0.25, 1 / 3, 0.5, 0.9, 1.0]))
def test_operating_point_is_the_best_allowed_threshold(r, limit):
    y, s = columns(r)
    reals = int((y == 0).sum())
    if reals * limit < 1 - 1e-9:
        with pytest.raises(MetricUndefined, match="cannot be observed"):
            tpr_at_fpr(y, s, limit)
        return
    found = operating_point(y, s, limit)
    best = max(
        np.mean(s[y == 1] >= t)
        for t in [*s, s.max() + 1]
        if np.mean(s[y == 0] >= t) <= limit + 1e-12
    )
    assert found.tpr == pytest.approx(best) == tpr_at_fpr(y, s, limit)
    assert (
        found.fpr == pytest.approx(np.mean(s[y == 0] >= found.threshold))
        and found.fpr <= limit + 1e-9
    )
    assert found.tpr == pytest.approx(np.mean(s[y == 1] >= found.threshold))


def test_resolution_guard_says_how_many_reals_are_needed():
    y, s = np.r_[np.zeros(178), np.ones(340)], np.linspace(0, 1, 518)
    with pytest.raises(MetricUndefined, match="at least 1000"):
        tpr_at_fpr(y, s, 0.001)
    with pytest.raises(MetricUndefined, match="at least 200"):
        tpr_at_fpr(y, s, 0.005)
    assert tpr_at_fpr(y, s, 0.01) == 1.0
    assert tpr_at_fpr(np.r_[np.zeros(1000), 1], np.linspace(0, 1, 1001), 0.001) == 1.0
    for bad in (0, -0.1, 1.5):
        with pytest.raises(ForensicsError):
            tpr_at_fpr(y, s, bad)


@pytest.mark.parametrize("metric", [roc_auc, average_precision, equal_error_rate, roc_curve])
@pytest.mark.parametrize("y", [[0, 0, 0], [1, 1], []])
def test_one_class_is_undefined_never_a_half(metric, y):
    with pytest.raises(MetricUndefined):
        metric(y, np.linspace(0, 1, len(y)))


@pytest.mark.parametrize(
    ("y", "s", "words"),
    [
        ([0, 1], [0.1], "do not fit"),
        ([0, 2], [0.1, 0.2], "0 .real. and 1"),
        ([0, 1], [0.1, float("nan")], "missing or infinite"),
        ([0, 1], [0.1, float("inf")], "missing or infinite"),
    ],
)
def test_bad_rows_are_refused(y, s, words):
    with pytest.raises(ForensicsError, match=words):
        roc_auc(y, s)


@given(rows, st.lists(st.integers(0, 3), min_size=40, max_size=40))
def test_weights_are_repeated_rows(r, counts):
    y, s = columns(r)
    w = np.array(counts[: len(y)])
    drawn = np.repeat(np.arange(len(y)), w)
    curve = weighted_curve(y, s, np.stack([w, np.ones(len(y), int)]))
    if len(set(y[drawn])) == 2:
        assert auroc_of(curve)[0] == pytest.approx(roc_auc(y[drawn], s[drawn]), abs=1e-12)
        assert eer_of(curve)[0] == pytest.approx(
            equal_error_rate(y[drawn], s[drawn]).rate, abs=1e-12
        )
    else:
        assert np.isnan(auroc_of(curve)[0]) and np.isnan(eer_of(curve)[0])
    assert auroc_of(curve)[1] == pytest.approx(roc_auc(y, s), abs=1e-12)


@given(rows)
def test_a_rising_map_of_the_scores_changes_no_rank_metric(r):
    y, s = columns(r)
    for metric in (roc_auc, average_precision, lambda y, s: equal_error_rate(y, s).rate):
        assert metric(y, s) == pytest.approx(metric(y, s * 8 - 3), abs=1e-12)
    assert roc_auc(y, s) == pytest.approx(1 - roc_auc(1 - y, s), abs=1e-12)
