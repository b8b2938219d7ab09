"""The rule for intervals and the bounds of shares: against SciPy and Newcombe's published cases."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, strategies as st
from media_forensics.detector.errors import ForensicsError, MetricUndefined
from media_forensics.detector.metrics.intervals import (
    Interval,
    compared,
    freedom,
    has_none,
    quantile,
    share_bounds,
    why_none,
)
from media_forensics.detector.metrics.rates import wilson_interval
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
    low, high = share_bounds(np.array([np.nan]), np.array([0]))
    assert np.isnan(low[0]) and np.isnan(high[0])


def test_students_quantile():
    degrees = np.array([1.0, 4.0, np.inf])
    assert quantile(0.95, degrees) == pytest.approx(stats.t.ppf(0.975, degrees))
    assert float(quantile(0.9)) == pytest.approx(stats.norm.ppf(0.95))
    assert freedom(5, 5) == 4 and freedom(11, 5) == 7 and freedom(2, 1) == 1


def test_the_rule_has_one_place():
    assert [why_none(n, n) for n in (5, 100)] == ["", ""]
    assert why_none(1, 1) == "no interval: 1 independent group, 5 are the least"
    assert why_none(3, 3, "reals") == "no interval: 3 independent groups of reals, 5 are the least"
    assert "outweighs" in why_none(9, 1.5)
    for groups, weight in ((4, 4.0), (5, 5.0), (50, 1.9), (50, 2.0)):
        assert bool(has_none(groups, weight)) == bool(why_none(groups, weight))


def test_an_interval_unpacks_and_can_be_of_the_opposite():
    low, high = Interval(0.2, 0.5, 7)
    assert (low, high) == (0.2, 0.5)
    assert tuple(Interval(0.2, 0.5, 7).mirrored()) == (0.5, 0.8)
    none = Interval(None, None, 3, "no interval")
    assert none.mirrored() == none


@pytest.mark.parametrize(
    "a, m, b, n, low, high",
    [  # Newcombe 1998, Statistics in Medicine 17, table II, method 10
        (56, 70, 48, 80, 0.0524, 0.3339),
        (9, 10, 3, 10, 0.1705, 0.8090),
        (10, 10, 0, 20, 0.6791, 1.0000),
        (10, 10, 0, 10, 0.6075, 1.0000),
    ],
)
def test_differences_of_independent_shares_are_newcombes(a, m, b, n, low, high):
    found = compared(
        a / m,
        b / n,
        lambda level: wilson_interval(a, m, level),
        lambda level: wilson_interval(b, n, level),
        0.0,
    )
    assert (found.low, found.high) == pytest.approx((low, high), abs=5e-4)


def test_the_p_value_is_where_the_interval_meets_zero():
    def bounds(share):
        return lambda level: wilson_interval(round(100 * share), 100, level)

    found = compared(0.6, 0.5, bounds(0.6), bounds(0.5), 0.3)
    assert found.low < 0 < found.high and 0.05 < found.p_value < 0.2
    at = 1 - found.p_value
    la, hb = bounds(0.6)(at)[0], bounds(0.5)(at)[1]
    half = (0.6 - la) ** 2 + (hb - 0.5) ** 2 - 0.6 * (0.6 - la) * (hb - 0.5)
    assert 0.1 - np.sqrt(half) == pytest.approx(0, abs=1e-6)
    assert compared(0.5, 0.5, bounds(0.5), bounds(0.5), 0.0).p_value == 1
