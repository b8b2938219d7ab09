"""Ranks come from margins, and from probabilities only where there is nothing else."""

from __future__ import annotations

from dataclasses import replace
from fractions import Fraction

import numpy as np
import pytest
from media_forensics.detector.audit.columns import coded
from media_forensics.detector.audit.compare import compare
from media_forensics.detector.audit.pairs import pairs_of
from media_forensics.detector.audit.plot_curves import roc
from media_forensics.detector.audit.threshold import CALIBRATION, Threshold, unreachable
from media_forensics.detector.audit.units import LEVELS, at_level
from media_forensics.detector.metrics import ranks
from media_forensics.detector.metrics.calibration import fit_calibration, threshold_for_fpr
from media_forensics.detector.queues import by_score
from media_forensics.detector.scoring import aggregate
from scipy.special import expit, log_expit, logsumexp
from sklearn.metrics import roc_auc_score

RNG = np.random.default_rng(3)


def test_probabilities_are_exact_as_far_as_64_bits_go():
    margin = np.array([-700.0, -40, -1, 0, 1, 36, 45])
    assert np.allclose(ranks.sigmoid(margin), expit(margin), rtol=1e-15, atol=0)
    assert ranks.sigmoid(np.array(36.0)) < 1 == ranks.sigmoid(np.array(45.0))
    assert np.allclose(ranks.logit(expit(margin[:-1])), margin[:-1], rtol=1e-2)
    assert np.isfinite(ranks.logit(np.array([0.0, 1.0]))).all()


@pytest.mark.parametrize("rule", aggregate.RULES)
def test_a_videos_margin_is_that_of_its_score(rule):
    for size in (1, 2, 5, 12, 33):
        margin = RNG.normal(0, 3, size)
        score = aggregate.video_score(expit(margin), rule)
        found = aggregate.video_margin(margin, rule)
        assert score is not None and found is not None
        assert ranks.sigmoid(np.array(found)) == pytest.approx(score, abs=1e-12)
    assert aggregate.video_margin([np.nan], rule) is None


@pytest.mark.parametrize("rule", [rule for rule in aggregate.RULES if rule != "share_over"])
def test_saturated_videos_keep_the_order_of_their_exact_scores(rule):
    videos = [np.round(45 + RNG.normal(0, 1, 4), 6) for _ in range(30)]

    def exact(margin: np.ndarray) -> Fraction:
        """1 - score in rational numbers: e^-m is the chance of a real this far out."""
        tail = sorted(Fraction(float(np.exp(-m))) for m in margin)
        chosen = {"mean": tail, "top_k": tail, "max": tail[:1], "median": tail[1:3]}[rule]
        return sum(chosen, Fraction()) / len(chosen)

    order = np.argsort([-float(exact(margin)) for margin in videos])
    found = np.argsort([aggregate.video_margin(margin, rule) for margin in videos])
    assert {aggregate.video_score(expit(margin), rule) for margin in videos} == {1.0}
    assert order.tolist() == found.tolist()


def test_means_by_unit_are_those_of_scipy():
    margin, unit = 45 + RNG.normal(0, 4, 200), RNG.integers(0, 9, 200)
    margin[:20] = np.nan
    found = ranks.mean_by(margin, unit, 10)
    for number in range(9):
        mine = margin[(unit == number) & ~np.isnan(margin)]
        wanted = logsumexp(log_expit(mine)) - logsumexp(log_expit(-mine))
        assert found[number] == pytest.approx(wanted, abs=1e-12)
    assert np.isnan(found[9])


def test_what_ranks_come_from():
    p, margin = np.array([0.9, 0.1, 1.0]), np.array([np.log(9), np.nan, 60.0])
    assert ranks.of(p, margin).tolist() == [margin[0], pytest.approx(-np.log(9)), 60.0]
    assert ranks.of(p, None) is p and ranks.of(p, np.full(3, np.nan)) is p
    stale = np.array([-3.0, 0.0, 60.0])
    assert ranks.of(p, stale) is p
    assert "contradict" in ranks.words(p, stale) and ranks.words(p, margin) == ""
    words = ranks.words(np.array([1.0, 1.0, 1.0, 0.5, np.nan]), None)
    assert words.startswith("Ranked by probability; 3 ties at 1.0.")
    assert ranks.words(p, None) == ""


def test_losses_have_no_ceiling_where_margins_are_known():
    margin, label = np.array([60.0, 45.0, -45.0]), np.array([0, 0, 1])
    assert ranks.losses(expit(margin), margin, label) == pytest.approx([60, 45, 45])
    assert ranks.losses(expit(margin), None, label).max() < 17


@pytest.fixture
def saturated(columns_of):
    """Videos of eight faces whose every p_fake is 1; AUROC 0.5 by p_fake, above 0.9 by margin."""
    columns, _ = columns_of(320)
    video, y = columns.video.codes, columns.label
    margin = 45 + RNG.normal(0, 1, video.max() + 1)[video] + 3 * y + RNG.normal(0, 0.3, len(y))
    p_fake = expit(margin).astype(np.float32).astype(np.float64)
    return replace(columns, p_fake=p_fake, margin=margin)


@pytest.mark.parametrize("level", LEVELS)
def test_units_and_their_curve_rank_by_the_mean_margin(saturated, level):
    units = at_level(saturated, level)
    code = units.unit_of_face
    wanted = [
        logsumexp(log_expit(m)) - logsumexp(log_expit(-m))
        for m in (saturated.margin[code == u] for u in range(len(units)))
    ]
    area = roc_auc_score(units.label, wanted)
    assert (units.p_fake == 1).all() and area > 0.9
    curve = roc(units)
    assert curve is not None
    drawn = np.sum(np.diff(curve.fpr) * (curve.tpr[1:] + curve.tpr[:-1]) / 2)
    assert drawn == pytest.approx(area, abs=1e-12)
    assert np.isnan(curve.thresholds[1:-1]).all() and curve.thresholds[-1] == 1.0
    assert roc_auc_score(units.label, units.rank) == area
    assert units.take(np.arange(10)).rank.tolist() == units.rank[:10].tolist()


def test_a_second_detector_is_judged_at_as_many_false_alarms(saturated):
    units = at_level(saturated, "face")
    plain = replace(units, p_fake=expit(saturated.margin - 45), margin=None)
    reals = np.sort(plain.p_fake[plain.label == 0])
    tight = np.nextafter(reals[-4], 1)
    found = compare(plain, units, tight)  # the same ranks, so the same calls
    assert not found.fixed.any() and not found.broken.any()
    assert "more fakes" not in found.words


def test_an_advantage_by_the_operating_point_is_said(saturated):
    """Between two reals any threshold has the same false alarms; the fakes there make the rest."""
    units = at_level(saturated, "face")
    plain = replace(units, p_fake=expit(saturated.margin - 45), margin=None)
    reals = np.sort(plain.p_fake[plain.label == 0])
    fakes = plain.p_fake[plain.label == 1]
    found = compare(plain, plain, 1.0)
    missed = int((fakes > reals[-1]).sum())
    assert missed and int(found.fixed.sum()) == missed and not found.broken.any()
    assert f"finds {missed} more fakes" in found.words


def test_queues_follow_the_margin(saturated):
    source = saturated.texts["source_dataset"].codes
    order = by_score.false_positives(saturated, 0.5)
    assert len(order) == (saturated.label == 0).sum()
    for code in np.unique(source):
        assert (np.diff(saturated.margin[order[source[order] == code]]) <= 0).all()
    order = by_score.high_loss(saturated, 0.5)
    reals = order[saturated.label[order] == 0]
    assert (np.diff(saturated.margin[reals]) <= 0).all()


def test_a_fake_above_its_real_is_no_anomaly_where_both_are_certain(saturated):
    """Rows 0 to 7 and 8 to 15 become a real and a fake of it, at the same frames."""
    pair = replace(
        saturated.take(np.arange(16)),
        label=np.repeat([0, 1], 8),
        video=coded(np.repeat(["r", "f"], 8)),
        pair=coded([None] * 8 + ["r"] * 8),
        frame_number=np.tile(np.arange(8.0), 2),
        margin=np.concatenate([np.full(8, 45.0), 45 + np.array([1, 2, -1, 3, -2, 4, 5, 6.0])]),
    )
    assert by_score.pair_anomaly(pair, 0.5).tolist() == [12, 10]
    found = pairs_of(pair)
    assert found.above.tolist() == [False]  # the mean of a fake is that of its least certain face
    assert pairs_of(replace(pair, margin=pair.margin + 5 * pair.label)).above.tolist() == [True]


def test_a_threshold_above_1_says_that_nothing_reaches_it():
    value = threshold_for_fpr(np.ones(40), 0.05)
    assert value > 1 and "no score reaches it" in unreachable(value)
    threshold = Threshold(value, CALIBRATION, "chosen on 40 reals")
    assert "nothing is called fake" in threshold.provenance
    assert threshold.doubted("").provenance == threshold.provenance
    again = Threshold(value, CALIBRATION, threshold.provenance)
    assert again.provenance.count("no score reaches") == 1
    assert "everything is called fake" in Threshold(-0.1, CALIBRATION, "x").provenance
    assert Threshold(1.0, CALIBRATION, "x").provenance == "x"


@pytest.mark.parametrize("method", ["temperature", "platt"])
def test_a_calibration_of_saturated_scores_is_fitted_on_margins(method):
    y = np.arange(400) % 2
    margin = 45 + RNG.normal(0, 1, 400) + 2 * y
    p = expit(margin)
    found = fit_calibration(y, p, method, margin=margin).apply(p, margin)
    assert roc_auc_score(y, found) == pytest.approx(roc_auc_score(y, margin))
    if method == "platt":
        assert found[y == 1].mean() > 0.7 > 0.3 > found[y == 0].mean()
