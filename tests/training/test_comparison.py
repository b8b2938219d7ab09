"""Runs are compared on what all have scored, pairwise, at one false-positive rate."""

from __future__ import annotations

import numpy as np
import pytest
from media_forensics.detector.errors import ForensicsError
from media_forensics.training.comparison import (
    common_videos,
    compare,
    differing_settings,
    holm,
)
from sklearn.metrics import roc_auc_score


def rows_of(p_fake: dict[str, float | None]) -> list[dict]:
    return [
        {"video_id": name, "label": int(name[0] == "f"), "group_id": name[1:], "p_fake": value}
        for name, value in p_fake.items()
    ]


def noisy(seed: int, shift: float, videos: int = 120) -> dict[str, float]:
    rng = np.random.default_rng(seed)
    names = [f"{kind}{n}" for n in range(videos // 2) for kind in "rf"]
    margin = {name: rng.normal(shift if name[0] == "f" else 0) for name in names}
    return {name: 1 / (1 + np.exp(-value)) for name, value in margin.items()}


def test_only_what_all_have_scored_is_compared():
    a = rows_of({"r1": 0.1, "f1": 0.9, "r2": 0.2, "f2": None})
    b = rows_of({"r1": 0.3, "f1": 0.8, "f2": 0.7, "r9": 0.1})
    found = common_videos({"a": a, "b": b})
    assert found.video_id == ("f1", "r1")
    assert found.p_fake["b"].tolist() == [0.8, 0.3]
    assert found.left_out == {"a": 1, "b": 2}


def test_what_cannot_be_compared_is_refused():
    a = rows_of({"r1": 0.1})
    with pytest.raises(ForensicsError, match="One run"):
        common_videos({"a": a})
    with pytest.raises(ForensicsError, match="no scored video in common"):
        common_videos({"a": a, "b": rows_of({"r2": 0.1})})
    other = [{**a[0], "label": 1}]
    with pytest.raises(ForensicsError, match="another label"):
        common_videos({"a": a, "b": other})
    both = common_videos({"a": a, "b": a})
    with pytest.raises(ForensicsError, match="not among the runs"):
        compare(both, "c")
    with pytest.raises(ForensicsError, match="must be between 0 and 1"):
        compare(both, "a", fpr=0)


def test_few_groups_give_differences_but_neither_interval_nor_p_value():
    few = {name: value for name, value in noisy(0, 1.0).items() if int(name[1:]) < 4}
    other = {name: value for name, value in noisy(1, 3.0).items() if int(name[1:]) < 4}
    videos = common_videos({"a": rows_of(few), "b": rows_of(other)})
    for row in compare(videos, "a", fpr=0.5):
        assert row.auroc is not None and row.auroc_low is None
        assert (row.low, row.p_value, row.p_holm, row.fnr_low) == (None, None, None, None)
        assert sum("4 independent groups" in note for note in row.notes) == 1


def test_difference_threshold_and_regressions_by_hand():
    weak, strong = noisy(0, 1.0), noisy(1, 3.0)
    videos = common_videos({"weak": rows_of(weak), "strong": rows_of(strong)})
    base, row = compare(videos, "weak", fpr=0.1)
    assert base.key == "weak" and base.difference is None and base.regressions == ()
    want = roc_auc_score(videos.label, videos.p_fake["strong"]) - roc_auc_score(
        videos.label, videos.p_fake["weak"]
    )
    assert row.difference == pytest.approx(want)
    assert row.low < row.difference < row.high and row.low > 0 and row.p_value < 0.05
    assert row.p_holm == row.p_value and row.fnr_difference < 0
    for found, scores in ((base, weak), (row, strong)):
        reals = [p for name, p in scores.items() if name[0] == "r"]
        fakes = [p for name, p in scores.items() if name[0] == "f"]
        assert found.fpr == np.mean([p >= found.threshold for p in reals]) <= 0.1
        assert found.fnr == np.mean([p < found.threshold for p in fakes])

    def right(name, scores, threshold):
        return (scores[name] >= threshold) == (name[0] == "f")

    old = {n for n in weak if right(n, weak, base.threshold)}
    new = {n for n in strong if right(n, strong, row.threshold)}
    assert set(row.regressions) == old - new and set(row.repaired) == new - old
    assert row.regressions or row.repaired


def test_swapping_the_baseline_turns_the_signs():
    videos = common_videos({"a": rows_of(noisy(0, 1.0)), "b": rows_of(noisy(1, 2.0))})
    one, other = compare(videos, "a", 0.1)[1], compare(videos, "b", 0.1)[1]
    assert one.difference == pytest.approx(-other.difference)
    assert (one.low, one.high) == pytest.approx((-other.high, -other.low))
    assert one.fnr_difference == pytest.approx(-other.fnr_difference)
    assert one.regressions == other.repaired


def test_too_few_reals_for_the_rate_are_said_and_take_one_half():
    a = rows_of({"r1": 0.1, "f1": 0.9, "r2": 0.6, "f2": 0.4})
    b = rows_of({"r1": 0.7, "f1": 0.9, "r2": 0.2, "f2": 0.8})
    _, row = compare(common_videos({"a": a, "b": b}), "a", fpr=0.05)
    assert row.threshold == 0.5 and row.fnr_difference is None
    assert row.regressions == ("r1",) and row.repaired == ("f2", "r2")
    assert any("threshold 0.5" in note for note in row.notes)


def test_one_class_has_no_auroc_and_says_so():
    a = rows_of({"r1": 0.1, "r2": 0.6})
    _, row = compare(common_videos({"a": a, "b": a}), "a")
    assert row.auroc is None and row.fnr is None and row.notes


def test_holm_by_hand():
    # 4 * 0.01, then the larger of that and 3 * 0.02, 2 * 0.04, 1 * 0.03 -> step-down maxima
    found = holm({"a": 0.01, "b": 0.04, "c": 0.02, "d": 0.03})
    assert found == pytest.approx({"a": 0.04, "c": 0.06, "d": 0.06, "b": 0.06})
    assert holm({"a": 0.9, "b": 0.8}) == {"b": 1.0, "a": 1.0}
    assert holm({}) == {}


def test_only_settings_that_differ():
    configs = {"a": {"lr": 1, "seed": 0}, "b": {"lr": 2, "seed": 0}, "c": {"lr": 1, "seed": 0}}
    assert differing_settings(configs) == {"lr": {"a": 1, "b": 2, "c": 1}}
    assert differing_settings({}) == {}
