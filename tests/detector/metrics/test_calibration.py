import json

import numpy as np
import pytest
from hypothesis import given, settings, strategies as st
from media_forensics.detector.errors import ForensicsError, MetricUndefined
from media_forensics.detector.metrics.calibration import (
    METHODS,
    Calibration,
    fit_calibration,
    threshold_for_fpr,
)
from media_forensics.detector.metrics.rates import brier, ece, roc_auc
from scipy.optimize import minimize, minimize_scalar
from scipy.special import expit, logit


def data(n=400, seed=0, scale=3.0, shift=0.7):
    """Rows whose true odds are exp(z), and scores that overstate and shift them."""
    rng = np.random.default_rng(seed)
    z = rng.normal(0, 1.5, n)
    y = (rng.random(n) < expit(z)).astype(int)
    return y, expit(scale * z + shift)


def cross_entropy(y, p):
    p = np.clip(p, 1e-12, 1 - 1e-12)
    return -np.mean(y * np.log(p) + (1 - y) * np.log(1 - p))


def test_temperature_equals_a_minimiser():
    y, s = data(shift=0)
    found = fit_calibration(y, s, "temperature")
    z = logit(np.clip(s, 1e-7, 1 - 1e-7))
    best = minimize_scalar(lambda t: cross_entropy(y, expit(z / t)), bounds=(0.1, 20))
    assert found.parameters[0] == pytest.approx(best.x, rel=1e-4)
    assert 2.2 < found.parameters[0] < 4.2


def test_platt_equals_a_minimiser_of_its_smoothed_loss():
    y, s = data()
    found = fit_calibration(y, s, "platt")
    z = logit(np.clip(s, 1e-7, 1 - 1e-7))
    n1, n0 = y.sum(), (1 - y).sum()
    t = np.where(y == 1, (n1 + 1) / (n1 + 2), 1 / (n0 + 2))
    best = minimize(
        lambda p: np.sum(np.logaddexp(0, p[0] * z + p[1]) - t * (p[0] * z + p[1])), [1.0, 0.0]
    )
    np.testing.assert_allclose(found.parameters, best.x, atol=1e-3)


@settings(deadline=None)
@given(
    st.lists(
        st.tuples(st.integers(0, 1), st.sampled_from([0.0, 0.1, 0.2, 0.4, 0.6, 0.7, 1.0])),
        min_size=2,
        max_size=50,
    ).filter(lambda r: len({y for y, _ in r}) == 2)
)
def test_isotonic_equals_its_min_max_formula(rows):
    y, s = np.array([r[0] for r in rows]), np.array([r[1] for r in rows])
    knots = np.unique(s)
    want = [
        max(
            min(y[(s >= low) & (s <= high)].mean() for high in knots[knots >= knot])
            for low in knots[knots <= knot]
        )
        for knot in knots
    ]
    grid = np.linspace(0, 1, 41)
    found = fit_calibration(y, s, "isotonic").apply(grid)
    np.testing.assert_allclose(found, np.interp(grid, knots, want), atol=1e-9)


@pytest.mark.parametrize("method", METHODS)
def test_a_calibration_helps_on_new_rows_and_keeps_order(method):
    y, s = data(4000)
    new_y, new_s = data(4000, seed=1)
    fitted = fit_calibration(y, s, method)
    better = fitted.apply(new_s)
    assert ece(new_y, better) < ece(new_y, new_s)
    assert brier(new_y, better) < brier(new_y, new_s)
    order = np.argsort(new_s)
    assert (np.diff(better[order]) >= -1e-12).all() and 0 <= better.min() <= better.max() <= 1
    if method != "isotonic":
        assert roc_auc(new_y, better) == pytest.approx(roc_auc(new_y, new_s))


@pytest.mark.parametrize("method", METHODS)
def test_json_round_trip_edges_and_missing_scores(method):
    y, s = data(50)
    fitted = fit_calibration(y, s, method, {"view": "val", "detector_sha256": "ab"})
    again = Calibration.from_json(json.loads(json.dumps(fitted.to_json())))
    assert again == fitted and again.fitted_on["view"] == "val"
    assert (again.n_real, again.n_fake) == ((y == 0).sum(), (y == 1).sum())
    edge = again.apply([0.0, 1.0, np.nan])
    assert np.isfinite(edge[:2]).all() and np.isnan(edge[2])


@pytest.mark.parametrize("method", METHODS)
def test_separable_and_constant_scores_stay_finite(method):
    for s in ([0.0, 0.0, 1.0, 1.0], [0.5] * 4, [1.0, 1.0, 0.0, 0.0]):
        fitted = fit_calibration([0, 0, 1, 1], s, method)
        assert np.isfinite(fitted.parameters).all()
        assert np.isfinite(fitted.apply([0.0, 0.3, 1.0])).all()


def test_bad_input():
    with pytest.raises(ForensicsError, match="Known"):
        fit_calibration([0, 1], [0.1, 0.9], "beta")
    with pytest.raises(MetricUndefined):
        fit_calibration([1, 1], [0.1, 0.9])
    with pytest.raises(ForensicsError, match="logits"):
        fit_calibration([0, 1], [-3.0, 4.0])
    with pytest.raises(ForensicsError, match="Known"):
        Calibration("beta", (1.0,), 1, 1).apply([0.5])


@given(
    st.lists(st.sampled_from([0.0, 0.1, 0.3, 0.30001, 0.7, 1.0]), min_size=1, max_size=60),
    st.sampled_from([0.02, 0.05, 0.1, 0.25, 0.5, 1.0]),
)
def test_threshold_keeps_the_rate_and_is_the_least_that_does(scores, fpr):
    s = np.array(scores)
    if s.size * fpr < 1 - 1e-9:
        with pytest.raises(MetricUndefined, match="cannot be observed"):
            threshold_for_fpr(s, fpr)
        return
    threshold = threshold_for_fpr(s, fpr)
    assert np.mean(s >= threshold) <= fpr + 1e-9
    below = s[s < threshold]
    if below.size:  # lowering it to the next real breaks the limit
        assert np.mean(s >= below.max()) > fpr
    assert np.isfinite(threshold)


def test_threshold_needs_reals():
    with pytest.raises(MetricUndefined):
        threshold_for_fpr([], 0.1)
    with pytest.raises(ForensicsError):
        threshold_for_fpr([0.1, np.nan], 0.5)


def test_a_calibration_far_from_one_carries_a_caution():
    y, p = data()
    for method in METHODS:
        assert fit_calibration(y, p, method).caution() == ""
    rng = np.random.default_rng(0)
    noise = rng.random(400)
    assert "temperature" in fit_calibration(y, noise, "temperature").caution()
    hot = Calibration("temperature", (73.0,), 10, 10).caution()
    assert "temperature 73" in hot and "next to nothing" in hot
    assert "separate so well" in Calibration("temperature", (0.02,), 10, 10).caution()
    assert "less fake" in fit_calibration(y, 1 - p, "platt").caution()
    assert "flat" in fit_calibration(y, 1 - p, "isotonic").caution()
