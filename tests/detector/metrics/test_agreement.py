"""Kappa against scikit-learn, against the published example of Fleiss, and its interval."""

from __future__ import annotations

import numpy as np
import pytest
from media_forensics.detector.metrics.agreement import ALIKE, NOTHING, ONE_GROUP, cohen, fleiss
from sklearn.metrics import cohen_kappa_score


@pytest.mark.parametrize("seed", range(6))
def test_cohens_kappa_is_that_of_scikit_learn(seed):
    rng = np.random.default_rng(seed)
    first = rng.integers(0, 4, 200)
    second = np.where(rng.random(200) < rng.random(), first, rng.integers(0, 4, 200))
    found = cohen(first, second)
    assert found.kappa == pytest.approx(cohen_kappa_score(first, second), abs=1e-12)
    assert found.interval.low <= found.kappa <= found.interval.high
    assert cohen(first, second, np.arange(200)) == found


def test_what_one_person_did_not_judge_is_left_out():
    first, second = np.array([0, 1, -1, 1, 0, 1]), np.array([0, 1, 1, -1, 1, 1])
    want = cohen_kappa_score([0, 1, 0, 1], [0, 1, 1, 1])
    found = cohen(first, second)
    assert (found.kappa, found.items) == (pytest.approx(want), 4)


def test_fleiss_kappa_is_that_of_the_formula_over_pairs():
    """By the definition: every pair of people on every item, and the shares of all judgements."""
    rng = np.random.default_rng(3)
    truth = rng.integers(0, 3, 60)
    rated = np.where(rng.random((60, 4)) < 0.7, truth[:, None], rng.integers(0, 3, (60, 4)))
    equal = [[a == b for i, a in enumerate(r) for j, b in enumerate(r) if i != j] for r in rated]
    shares = np.bincount(rated.ravel()) / rated.size
    chance = (shares**2).sum()
    want = (np.mean(equal) - chance) / (1 - chance)
    assert fleiss(rated).kappa == pytest.approx(want, abs=1e-12)


def test_fleiss_kappa_of_the_textbook():
    """Fourteen people, ten items: 0.210 (the example that textbooks and packages share)."""
    counts = """0,0,0,0,14 0,2,6,4,2 0,0,3,5,6 0,3,9,2,0 2,2,8,1,1 7,7,0,0,0 3,2,6,3,0
    2,5,3,2,2 6,5,2,1,0 0,2,2,3,7"""
    rows = [[int(n) for n in row.split(",")] for row in counts.split()]
    rated = np.array([[code for code, n in enumerate(row) for _ in range(n)] for row in rows])
    assert fleiss(rated).kappa == pytest.approx(0.2099307, abs=1e-6)


def test_the_interval_counts_groups_and_not_items():
    rng = np.random.default_rng(5)
    first = rng.integers(0, 2, 40)
    second = np.where(rng.random(40) < 0.8, first, 1 - first)
    alone = cohen(first, second).interval
    copies = cohen(np.repeat(first, 5), np.repeat(second, 5), np.repeat(np.arange(40), 5)).interval
    assert (copies.low, copies.high) == pytest.approx((alone.low, alone.high))
    assert "4 independent groups" in cohen(first, second, np.arange(40) % 4).interval.why


@pytest.mark.parametrize("seed", range(2))
def test_the_interval_holds_the_true_kappa_in_most_samples(seed):
    rng = np.random.default_rng(seed)
    hits = 0
    for _ in range(200):  # both know the truth with 0.8: equal in 0.68, by chance in 0.5
        truth = rng.integers(0, 2, 80)
        first, second = (np.where(rng.random(80) < 0.8, truth, 1 - truth) for _ in range(2))
        low, high = cohen(first, second).interval
        hits += low <= 0.36 <= high
    assert 178 <= hits <= 200


def test_full_agreement_has_a_lower_bound_and_one_answer_has_no_kappa():
    same = np.arange(30) % 3
    found = cohen(same, same)
    assert found.kappa == 1 and found.interval.high == 1 and 0.7 < found.interval.low < 1
    assert fleiss(np.stack([same] * 3, axis=1)).kappa == pytest.approx(1)
    assert cohen(np.zeros(20, int), np.zeros(20, int)).why == ALIKE
    assert cohen(np.array([-1, 0]), np.array([0, -1])).why == NOTHING
    assert fleiss(np.full((3, 2), -1)).why == NOTHING


def test_the_interval_stays_where_a_kappa_can_be():
    rng = np.random.default_rng(8)
    seen = 0
    for _ in range(300):
        first = (rng.random(60) < 0.06).astype(int)
        second = np.where(rng.random(60) < 0.05, 1 - first, first)
        groups = rng.integers(0, 12, 60)
        low, high = cohen(first, second, groups).interval
        if low is not None:
            seen += 1
            assert -1 <= low <= high <= 1
    assert seen > 100


def test_one_group_with_another_decision_gives_no_interval():
    first, groups = np.zeros(20, int), np.arange(20) // 2
    second = first.copy()
    second[3] = 1
    found = cohen(first, second, groups)
    assert found.kappa == pytest.approx(0) and found.interval.why == ONE_GROUP
    assert found.interval.low is None and found.interval.high is None
