"""What carries a verdict: simulated files of one and of several people, and every weak detector."""

from __future__ import annotations

from types import SimpleNamespace

import numpy as np
import pytest
from media_forensics.detector.audit.threshold import Threshold, of_calibration
from media_forensics.detector.metrics.calibration import threshold_for_fpr
from media_forensics.detector.scoring import known_quality as known
from media_forensics.detector.scoring.analysis import Person
from media_forensics.detector.scoring.verdict import headline, judge
from scipy.stats import binomtest

FOUND = SimpleNamespace(frames=(), info={}, reason=None, detail="")


def record(reals: np.ndarray, target: float, **more) -> dict:
    threshold = threshold_for_fpr(reals, target)
    return {
        "threshold": threshold,
        "n_real": len(reals),
        "target_fpr": target,
        "level": "video",
        "source_datasets": ["A"],
        "date": "2026-11-26",
        "rule": "mean",
        "false_alarm_scores": sorted(reals[reals >= threshold].tolist(), reverse=True),
        **more,
    }


def quality(calibration=None, **validation):
    info = {"training": {"validation": validation}} if validation else {}
    return known.quality_of(SimpleNamespace(info=info), calibration)


def person(track: int, score: float) -> Person:
    return Person(track, (), score, 8, (), True)


def judged(scores, calibration, found=None):
    people = tuple(person(i, s) for i, s in enumerate(scores))
    return judge(FOUND, people, of_calibration(calibration), 4, found or quality(calibration))


@pytest.mark.parametrize("persons", [1, 2, 5])
def test_false_alarms_on_any_of_several_people_stay_at_the_target(persons):
    """Real files of so many people, scores of the calibration's kind: 5 % at most are called."""
    rng = np.random.default_rng(3)
    calibration = record(rng.beta(2, 5, 4000), 0.05)
    files = rng.beta(2, 5, (2000, persons))
    corrected = [judged(row, calibration)[0] == "fake" for row in files]
    plain = (files.max(axis=1) >= calibration["threshold"]).mean()
    assert np.mean(corrected) == pytest.approx(0.05, abs=0.015)
    assert plain == pytest.approx(1 - 0.95**persons, abs=0.02)
    _, _, reasons = judged(files[0], calibration)
    assert any("Šidák" in text for text in reasons) == (persons > 1)


def test_an_old_record_says_what_several_people_do():
    rng = np.random.default_rng(0)
    calibration = record(rng.random(400), 0.05)
    del calibration["false_alarm_scores"]
    verdict, _, reasons = judged([0.1, 0.2], calibration)
    assert verdict == "real" and any("9.8%" in text for text in reasons)
    verdict, score, reasons = judged([0.1] * 6, calibration)
    assert verdict == "abstain" and score == 0.1 and "cannot be ruled out" in reasons[0]


def test_the_interval_goes_by_groups_and_is_that_of_scipy():
    rng = np.random.default_rng(1)
    alarms = quality(record(rng.random(200), 0.05)).false_alarms
    exact = binomtest(alarms.hits, 200).proportion_ci(method="wilson")
    assert alarms.bounds() == pytest.approx((exact.low, exact.high), abs=1e-9)
    few = quality(record(rng.random(200), 0.05, real_groups=20)).false_alarms
    assert few.bounds()[1] > alarms.bounds()[1]


@pytest.mark.parametrize(
    ("found", "words"),
    [
        (quality(auroc=0.53, auroc_low=0.41, auroc_high=0.66, n_real=30, n_fake=30), "AUROC 0.530"),
        (quality(auroc=0.58, n_real=3, n_fake=3), "no interval, too few groups"),
        (quality(record(np.linspace(0, 1, 6), 0.5)), "chosen on 6 reals"),
        (quality(record(np.linspace(0, 1, 40), 0.4)), "cannot be ruled out"),
        (quality(record(np.linspace(0, 1, 400), 0.05, real_groups=5)), "cannot be ruled out"),
    ],
)
def test_a_weak_detector_gives_a_score_and_the_reason(found, words):
    verdict, score, reasons = judge(FOUND, (person(0, 0.9),), Threshold(0.5, "hand", ""), 4, found)
    assert verdict == "abstain" and score == 0.9
    assert reasons[0].startswith("No verdict") and words in reasons[0]


def test_a_good_detector_carries_what_is_known_of_it():
    rng = np.random.default_rng(2)
    calibration = record(rng.random(200), 0.05)
    validation = {"auroc": 0.93, "auroc_low": 0.88, "auroc_high": 0.97, "n_real": 40, "n_fake": 60}
    verdict, _, reasons = judged([0.99], calibration, quality(calibration, **validation))
    assert verdict == "fake"
    said = " ".join(reasons)
    assert "AUROC 0.930 ([0.880, 0.970]) on 100 videos" in said
    assert "10 of the 200 real videos of A" in said and "5.0%" in said
    assert "Nothing is known" in quality().sentence()


def test_words_are_no_stronger_than_what_is_known():
    calibration = record(np.linspace(0, 1, 200), 0.05)
    ranked = {"auroc": 0.93, "auroc_low": 0.88, "auroc_high": 0.97, "n_real": 40, "n_fake": 60}
    fake, real = "called fake", "no sign of what this detector knows"
    for found, words in (
        (quality(calibration, **ranked), {fake, real}),
        (quality(calibration), {fake}),
        (quality(**ranked), {real}),
        (quality(), set()),
    ):
        said = {headline(verdict, found) for verdict in ("fake", "real")}
        assert said & {fake, real} == words
        assert all("not known" in text for text in said - words)
    assert headline("abstain", quality()) == "no verdict"
