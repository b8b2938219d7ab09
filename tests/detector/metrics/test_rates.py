import numpy as np
import pytest
import sklearn.metrics as sk
from hypothesis import given, strategies as st
from media_forensics.detector.errors import ForensicsError, MetricUndefined
from media_forensics.detector.metrics import rates as metrics

rows = st.lists(st.tuples(st.integers(0, 1), st.floats(0, 1, width=16)), min_size=1, max_size=60)


def columns(r):
    return np.array([y for y, _ in r]), np.array([s for _, s in r])


@given(rows, st.sampled_from([0.0, 0.3, 0.5, 1.0]))
def test_rates_equal_the_confusion_matrix(r, threshold):
    y, s = columns(r)
    found = metrics.rates_at_threshold(y, s, threshold)
    (tn, fp), (fn, tp) = sk.confusion_matrix(y, s >= threshold, labels=[0, 1])
    assert (found.false_positives, found.true_positives) == (fp, tp)
    assert (found.n_real, found.n_fake) == (tn + fp, fn + tp)
    assert found.fpr == (fp / (fp + tn) if fp + tn else None)
    assert found.tpr == (tp / (tp + fn) if tp + fn else None)
    assert found.accuracy == pytest.approx((tp + tn) / len(y))
    assert found.precision == (pytest.approx(tp / (tp + fp)) if tp + fp else None)
    if found.fpr is None:
        assert found.fpr_interval is None and found.balanced_accuracy is None
    else:
        bounds = metrics.wilson_interval(int(fp), int(tn + fp)) if tn + fp >= 5 else (None, None)
        assert tuple(found.fpr_interval) == bounds
    if found.fpr is not None and found.tpr is not None:
        expected = sk.balanced_accuracy_score(y, s >= threshold)
        assert found.balanced_accuracy == pytest.approx(expected)
        assert metrics.balanced_accuracy(y, s, threshold) == pytest.approx(expected)


def test_rates_without_rows_or_threshold():
    found = metrics.rates_at_threshold([], [], 0.5)
    assert found.accuracy is found.fpr is found.tpr is found.precision is None
    with pytest.raises(ForensicsError, match="threshold"):
        metrics.rates_at_threshold([0, 1], [0, 1], float("nan"))
    with pytest.raises(MetricUndefined):
        metrics.balanced_accuracy([1, 1], [0, 1])


@given(rows)
def test_brier_equals_scikit_learn(r):
    y, s = columns(r)
    if len(set(y)) == 2:
        assert metrics.brier(y, s) == pytest.approx(sk.brier_score_loss(y, s), abs=1e-12)
    assert metrics.brier(y, s) == pytest.approx(np.mean((s - y) ** 2))


@given(rows, st.integers(1, 20))
def test_ece_equals_a_loop_over_bins(r, bins):
    y, s = columns(r)
    total = 0.0
    for b in range(bins):
        inside = (s * bins >= b) & ((s * bins < b + 1) | (b == bins - 1))
        if inside.any():
            total += inside.sum() / len(y) * abs(s[inside].mean() - y[inside].mean())
    assert metrics.ece(y, s, bins) == pytest.approx(total, abs=1e-9)
    table = metrics.reliability(y, s, bins)
    assert sum(row.count for row in table) == len(y) and len(table) == bins
    assert all((row.mean_score is None) == (row.count == 0) for row in table)


def test_calibration_metrics_refuse_what_is_not_a_probability():
    for metric in (metrics.brier, metrics.ece, metrics.reliability):
        with pytest.raises(ForensicsError, match=r"\[0, 1\]"):
            metric([0, 1], [-1.0, 2.0])
        with pytest.raises(MetricUndefined):
            metric([], [])
    with pytest.raises(ForensicsError, match="bin"):
        metrics.ece([0, 1], [0.1, 0.9], bins=0)


def test_macro_mean_counts_each_set_once_and_says_what_is_missing():
    assert metrics.macro_mean([0.9, None, 0.7, float("nan")]) == (pytest.approx(0.8), 2, 2)
    assert metrics.macro_mean([None]) == (None, 0, 1)
    assert metrics.macro_mean([]) == (None, 0, 0)


def test_worst_case_fill_is_wrong_for_every_missing_row():
    y = [0, 1, 0, 1]
    filled = metrics.worst_case_fill(y, [0.2, None, float("nan"), 0.8])
    assert filled.tolist() == [0.2, 0.0, 1.0, 0.8]
    assert metrics.roc_auc(y, filled) < metrics.roc_auc([0, 1], [0.2, 0.8])
    assert metrics.worst_case_fill([], []).tolist() == []


@given(rows, st.data())
def test_worst_case_is_never_better_than_any_filling(r, data):
    y, s = columns(r)
    missing = np.array(data.draw(st.lists(st.booleans(), min_size=len(y), max_size=len(y))))
    if len(set(y)) < 2:
        return
    worst = metrics.worst_case_fill(y, np.where(missing, np.nan, s))
    assert metrics.roc_auc(y, worst) <= metrics.roc_auc(y, s) + 1e-12


def test_facade_offers_what_it_names():
    assert all(hasattr(metrics, name) for name in metrics.__all__)
