"""A threshold says where it is from, and says so when it flatters."""

from __future__ import annotations

import numpy as np
import pytest
from media_forensics.detector.audit import threshold as thresholds
from media_forensics.detector.audit.basis import FittedOn
from media_forensics.detector.audit.units import at_level
from media_forensics.detector.errors import ForensicsError, MetricUndefined
from media_forensics.detector.metrics.rates import equal_error_rate


@pytest.fixture
def units(columns_of):
    columns, raw = columns_of(8000)
    return at_level(columns, "face"), at_level(columns.take(raw["split"] == "test"), "face"), raw


def chosen(value, text, source="evaluation", **about):
    return thresholds.Chosen(thresholds.Threshold(value, source, text), **about)


def test_fixed_hand_and_evaluation(units):
    everything, test, _ = units
    assert thresholds.choose("fixed", everything, test).value == 0.5
    assert thresholds.choose("hand", everything, test, value=0.31).value == 0.31
    found = thresholds.choose(
        "evaluation",
        everything,
        test,
        stored=thresholds.Stored(chosen(0.7, "FPR 1 % on val")),
    )
    assert found.value == 0.7 and "FPR 1 % on val" in found.provenance


def test_what_nothing_shows_the_origin_of_is_not_honest(units):
    everything, test, _ = units
    assert thresholds.choose("fixed", everything, test).honest
    hand = thresholds.choose("hand", everything, test, value=0.31)
    assert not hand.honest and hand.to_json()["honest"] is False
    given = thresholds.Chosen(
        thresholds.Threshold(0.7, "evaluation", "as somebody said").doubted(thresholds.BY_HAND)
    )
    found = thresholds.choose("evaluation", everything, test, stored=thresholds.Stored(given))
    assert not found.honest and thresholds.BY_HAND in found.provenance


def test_a_threshold_that_does_not_stand_is_refused_and_no_default(units):
    everything, test, _ = units
    late = chosen(0.7, "", stale="the scores are of another checkpoint")
    stored = thresholds.Stored(late, late)
    assert stored.default == thresholds.FIXED
    for source in ("evaluation", "calibration"):
        with pytest.raises(ForensicsError, match="another checkpoint"):
            thresholds.choose(source, everything, test, stored=stored)
    assert "another checkpoint" in stored.for_one.provenance and stored.for_one.value == 0.5


def test_validation_threshold_keeps_its_promise_and_is_honest_on_test(units, columns_of):
    everything, test, raw = units
    shared = thresholds.choose("val_fpr_5", everything, test)
    assert not shared.honest and "of its groups are among those judged" in shared.provenance
    of_val = np.unique(raw["group_id"][raw["split"] == "val"])
    apart = (raw["split"] == "test") & ~np.isin(raw["group_id"], of_val)
    found = thresholds.choose(
        "val_fpr_5", everything, at_level(columns_of(8000)[0].take(apart), "face")
    )
    reals = raw["p_fake"][(raw["split"] == "val") & (raw["label"] == "real")]
    reals = reals[np.isfinite(reals)]
    assert (reals >= found.value).mean() <= 0.05
    assert (reals >= found.value).mean() > 0.04
    assert found.honest and f"{len(reals):,} real faces of split val" in found.provenance
    seen = thresholds.choose("val_fpr_5", everything, everything)
    assert not seen.honest and "optimistic" in seen.provenance


def test_oracle_is_the_equal_error_threshold_and_says_that_it_flatters(units):
    everything, test, _ = units
    found = thresholds.choose("oracle_eer", everything, test)
    want = equal_error_rate(test.label[test.scored], test.p_fake[test.scored])
    assert found.value == pytest.approx(want.threshold)
    assert not found.honest


def test_what_has_no_threshold_here(units, columns_of):
    everything, test, _ = units
    for source, value in (("nothing", 0.5), ("evaluation", 0.5), ("hand", 1.5)):
        with pytest.raises(ForensicsError):
            thresholds.choose(source, everything, test, value=value)
    columns, raw = columns_of(800)
    no_val = at_level(columns.take(raw["split"] != "val"), "face")
    with pytest.raises(MetricUndefined, match="validation"):
        thresholds.choose("val_fpr_5", no_val, no_val)
    few = at_level(columns.take(np.flatnonzero(raw["split"] == "val")[:12]), "video")
    with pytest.raises(MetricUndefined):
        thresholds.choose("val_fpr_1", few, few)


def test_sources_are_offered_only_where_they_exist():
    names = [name for name, _ in thresholds.sources(thresholds.Stored())]
    assert "evaluation" not in names and names[0] == "fixed"
    assert "evaluation" in [
        name for name, _ in thresholds.sources(thresholds.Stored(chosen(0.7, "")))
    ]


def test_the_calibrated_threshold_comes_first_and_says_when_it_flatters(units):
    everything, test, _ = units
    mine = FittedOn(frozenset({"g1", "g2"}), frozenset({"aa"}))
    earlier = chosen(0.61, "chosen on 40 reals", "calibration", on=mine, level="face")
    stored = thresholds.Stored(calibration=earlier)

    def choose(*groups, files=(), level=test):
        rows = FittedOn(frozenset(groups), frozenset(files))
        return thresholds.choose("calibration", everything, level, stored=stored, rows=rows)

    assert stored.default == thresholds.CALIBRATION
    assert thresholds.sources(stored)[0][0] == thresholds.CALIBRATION
    apart = choose("g7", files=["bb"])
    assert (apart.value, apart.honest, apart.provenance) == (0.61, True, "chosen on 40 reals")
    same_file = choose("g7", files=["aa"])
    assert not same_file.honest and "1 of its files" in same_file.provenance
    seen = choose("g2", "g7")
    assert not seen.honest and "1 of its groups" in seen.provenance
    assert thresholds.Stored().default == thresholds.FIXED
