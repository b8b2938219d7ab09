"""The head is scikit-learn's logistic regression; no score has seen its own group."""

from __future__ import annotations

import numpy as np
import pytest
from media_forensics.detector.errors import ForensicsError
from media_forensics.training.retrained_head import HeadConfig, fit_head, judge, video_rows
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import roc_auc_score
from sklearn.model_selection import StratifiedGroupKFold, cross_val_predict


def faces(groups: int = 20, per_group: int = 8, width: int = 6, shift: float = 0.8):
    rng = np.random.default_rng(0)
    group = np.repeat([f"g{n}" for n in range(groups)], per_group)
    label = np.tile([0, 1], groups * per_group // 2)
    x = (
        rng.normal(size=(len(label), width))
        + rng.normal(size=(groups, width))[np.repeat(np.arange(groups), per_group)]
    )
    x[:, 0] += shift * label
    return x / np.linalg.norm(x, axis=1, keepdims=True), label, group


def test_out_of_fold_margins_are_those_of_cross_val_predict():
    x, label, group = faces()
    config = HeadConfig("probe", c=3.0, folds=4, seed=7)
    head = fit_head(x, label, group, config)
    want = cross_val_predict(
        LogisticRegression(C=3.0, max_iter=5000, tol=1e-6),
        x,
        label,
        groups=group,
        cv=StratifiedGroupKFold(4, shuffle=True, random_state=7),
        method="decision_function",
    )
    assert np.allclose(head.margin, want, atol=1e-6)
    for name in np.unique(group):
        assert len(set(head.fold[group == name])) == 1
    assert set(head.fold) == set(range(4))


def test_the_final_head_gives_the_probabilities_of_the_regression():
    x, label, group = faces()
    head = fit_head(x, label, group, HeadConfig("probe"))
    logits = x @ head.weight.T + head.bias
    softmax = np.exp(logits) / np.exp(logits).sum(1, keepdims=True)
    model = LogisticRegression(C=10.0, max_iter=5000, tol=1e-6).fit(x, label)
    assert np.allclose(softmax, model.predict_proba(x), atol=1e-5)


def test_random_labels_are_not_predicted_out_of_fold():
    """A head that had seen its own rows would fit them."""
    rng = np.random.default_rng(1)
    x, _, group = faces(groups=60, per_group=4, width=40)
    label = rng.integers(0, 2, len(x))
    head = fit_head(x, label, group, HeadConfig("probe", c=1000.0))
    inside = LogisticRegression(C=1000.0, max_iter=5000).fit(x, label).decision_function(x)
    assert roc_auc_score(label, inside) > 0.75
    assert abs(roc_auc_score(label, head.margin) - 0.5) < 0.15


def test_a_wrong_label_stands_out():
    x, label, group = faces(shift=12.0)
    wrong = label.copy()
    wrong[3] = 1 - wrong[3]
    p_given = np.abs(1 - wrong - fit_head(x, wrong, group, HeadConfig("probe")).p_fake)
    assert np.argmin(p_given) == 3


def test_videos_and_their_record():
    p = np.array([0.2, 0.4, 0.9, 0.7])
    margin = np.log(p / (1 - p))
    rows = video_rows(
        margin, np.array([0, 0, 1, 1]), np.array(["a", "a", "b", "b"]), np.array(list("vvww"))
    )
    order = [row.pop("margin") for row in rows]
    assert order == pytest.approx([np.log(0.3 / 0.7), np.log(0.8 / 0.2)])
    assert rows == [
        {"video_id": "v", "label": 0, "group_id": "a", "p_fake": pytest.approx(0.3), "crops": 2},
        {"video_id": "w", "label": 1, "group_id": "b", "p_fake": pytest.approx(0.8), "crops": 2},
    ]
    record = judge([{**row, "margin": m} for row, m in zip(rows, order, strict=True)])
    assert record["auroc"] == 1.0 and record["out_of_fold"] is True
    assert (record["n_real"], record["n_fake"]) == (1, 1)


def test_what_cannot_be_fitted_is_refused():
    x, label, group = faces(groups=4)
    with pytest.raises(ForensicsError, match="fewer than 5 folds"):
        fit_head(x, label, group, HeadConfig("probe", folds=5))
    with pytest.raises(ForensicsError, match="0 groups with fake"):
        fit_head(x, np.zeros_like(label), group, HeadConfig("probe", folds=2))
    with pytest.raises(ForensicsError, match="too few"):
        HeadConfig("probe", folds=1)
    with pytest.raises(ForensicsError, match="c = 0"):
        HeadConfig("probe", c=0)
