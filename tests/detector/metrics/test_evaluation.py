"""Evaluation rows against scikit-learn and counting by hand; gaps stay visible."""

from __future__ import annotations

import numpy as np
import pytest
from media_forensics.detector.metrics.clusters import clustered_rate
from media_forensics.detector.metrics.evaluation import evaluate
from media_forensics.detector.metrics.jackknife import clustered_interval
from sklearn.metrics import average_precision_score, brier_score_loss, roc_auc_score


@pytest.fixture
def items():
    rng = np.random.default_rng(3)
    label = np.repeat([0, 1], [60, 140])
    p_fake = np.clip(rng.normal(0.4 + 0.2 * label, 0.2), 0, 1).round(2)
    groups = np.array([f"g{i % 23}" for i in range(200)])
    return label, p_fake, groups


def test_values_agree_with_scikit_learn(items):
    label, p_fake, groups = items
    row = evaluate(label, p_fake, groups, 0.5)
    assert row.auroc.value == pytest.approx(roc_auc_score(label, p_fake))
    assert row.ap_fake.value == pytest.approx(average_precision_score(label, p_fake))
    assert row.ap_real.value == pytest.approx(average_precision_score(1 - label, 1 - p_fake))
    assert row.brier == pytest.approx(brier_score_loss(label, p_fake))
    assert row.fpr.value == np.mean(p_fake[label == 0] >= 0.5)
    assert row.fnr.value == pytest.approx(np.mean(p_fake[label == 1] < 0.5))
    for estimate in (row.auroc, row.ap_fake, row.ap_real, row.fpr, row.fnr):
        assert estimate.low <= estimate.value <= estimate.high
    assert row.coverage == 1.0 and row.groups == 23
    assert row.auroc_worst_case == pytest.approx(row.auroc.value)


def test_unscored_items_stay_in_the_counts(items):
    label, p_fake, groups = items
    gaps = p_fake.copy()
    gaps[::4] = np.nan
    row = evaluate(label, gaps, groups)
    assert (row.n_real, row.n_fake) == (60, 140)
    assert row.scored_real + row.scored_fake == 150
    assert row.coverage == 0.75
    kept = np.isfinite(gaps)
    assert row.auroc.value == pytest.approx(roc_auc_score(label[kept], gaps[kept]))
    filled = np.where(kept, gaps, 1.0 - label)
    assert row.auroc_worst_case == pytest.approx(roc_auc_score(label, filled))
    assert row.auroc_worst_case < row.auroc.value


def test_one_class_gives_no_auroc_but_a_note(items):
    label, p_fake, groups = items
    real = label == 0
    row = evaluate(label[real], p_fake[real], groups[real])
    assert row.auroc is None and row.eer is None and row.fnr is None
    assert "auroc" in row.notes
    assert row.fpr is not None


def test_one_group_gives_a_value_without_an_interval(items):
    label, p_fake, _ = items
    row = evaluate(label, p_fake, np.array(["g"] * len(label)))
    assert row.auroc.value == pytest.approx(roc_auc_score(label, p_fake))
    for estimate in (row.auroc, row.ap_fake, row.ap_real, row.fpr, row.fnr):
        assert estimate.low is None and estimate.why.startswith("no interval: 1 independent group")


def test_nothing_scored_is_a_row_of_gaps():
    row = evaluate(np.array([0, 1]), np.array([np.nan, np.nan]), np.array(["a", "b"]))
    assert row.coverage == 0.0 and row.auroc is None and row.fpr is None


def test_every_interval_is_over_the_groups():
    rng = np.random.default_rng(8)
    group = np.repeat(np.arange(40), 20)
    label = (group % 2).astype(int)
    p_fake = np.clip(0.35 + 0.3 * label + rng.normal(0, 0.25, 40)[group], 0, 1)
    row = evaluate(label, p_fake, group)
    real = label == 0
    wanted = {
        "fpr": clustered_rate(p_fake[real] >= 0.5, group[real]),
        "fnr": clustered_rate(p_fake[~real] < 0.5, group[~real]),
        "auroc": clustered_interval(label, p_fake, "auroc", group),
        "ap_fake": clustered_interval(label, p_fake, "ap", group),
        "ap_real": clustered_interval(label, p_fake, "ap_real", group),
    }
    for name, interval in wanted.items():
        found = getattr(row, name)
        assert (found.low, found.high) == pytest.approx(tuple(interval))


def test_a_rate_that_so_few_reals_cannot_resolve_is_none(items):
    row = evaluate(*items)  # 60 reals: 5 % exists, 1 % does not
    label, p_fake, _ = items
    at = np.sort(p_fake[label == 0])[::-1]
    best = max(np.mean(p_fake[label == 1] >= t) for t in [*p_fake, 2] if np.mean(at >= t) <= 0.05)
    assert row.tpr_at_fpr["0.05"] == pytest.approx(best)
    assert row.tpr_at_fpr["0.01"] is None and "tpr_at_fpr_0.01" in row.notes
