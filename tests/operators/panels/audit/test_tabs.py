"""Slices, threshold transfer, pairs and comparison, against pandas and scikit-learn."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from media_forensics.detector.audit import (
    compare as audit_compare,
    pairs as audit_pairs,
    transfer as audit_transfer,
)
from media_forensics.detector.audit.columns import FaceColumns, coded
from media_forensics.detector.audit.groups import BY_METHOD, group
from media_forensics.detector.audit.slices import SliceFinder
from media_forensics.detector.audit.units import at_level
from media_forensics.detector.errors import MetricUndefined
from media_forensics.operators.panels.audit import pairs_figure
from scipy.stats import binomtest
from sklearn.metrics import roc_curve

FIELDS = ("source_dataset", "method", "compression", "split", "sharpness")


def video_frame(table) -> pd.DataFrame:
    frame = pd.DataFrame(table)
    return frame.groupby("video_id", sort=True).agg(
        p=("p_fake", "mean"),
        label=("label", "first"),
        source_dataset=("source_dataset", "first"),
        method=("method", "first"),
        compression=("compression", "first"),
        split=("split", "first"),
    )


@pytest.fixture(scope="module")
def large(columns_of):
    """100,000 faces; the fakes of ``alpha`` at ``c40`` and only they are missed often."""
    columns, table = columns_of(100_000, 11)
    odd = (table["source_dataset"] == "alpha") & (table["compression"] == "c40")
    odd &= table["label"] == "fake"
    shifted = np.where(odd, table["p_fake"] * 0.35, table["p_fake"])
    table = {**table, "p_fake": shifted}
    columns.p_fake[:] = shifted
    return columns, table


# -- slices --------------------------------------------------------------------------------------


@pytest.mark.parametrize("level", ["face", "video"])
def test_a_planted_slice_is_found_with_its_numbers(large, level):
    columns, table = large
    units = at_level(columns, level)
    found = SliceFinder(units, FIELDS).at(0.5)
    first = {kind: next(s for s in found.slices if s.kind == kind) for kind in ("fp", "fn")}
    assert set(first["fn"].name) == {"source_dataset: alpha", "compression: c40"}
    assert first["fp"].name in (("source_dataset: beta",), ("method: original",))
    frame = pd.DataFrame(table).rename(columns={"p_fake": "p"})
    frame = video_frame(table) if level == "video" else frame
    for s in found.slices:
        part = frame[frame.p.notna() & (frame.label == ("real" if s.kind == "fp" else "fake"))]
        wrong = part.p >= 0.5 if s.kind == "fp" else part.p < 0.5
        inside = pd.Series(True, index=part.index)
        for name in s.name:
            field, value = name.split(": ")
            if field == "sharpness":
                break
            inside &= part[field] == value
        else:
            assert (s.hits, s.trials) == (wrong[inside].sum(), inside.sum())
            assert s.rest == pytest.approx(wrong[~inside].mean())
            assert s.lift == pytest.approx(wrong[inside].mean() / wrong[~inside].mean())
            assert s.low <= s.rate <= s.high and s.excess > 0


def test_nothing_is_found_where_nothing_is(columns_of):
    """Errors drawn at random: over many tables hardly one slice, though thousands are tested."""
    rng = np.random.default_rng(0)
    columns, _ = columns_of(12_000, 3)
    tested = hits = 0
    for _ in range(20):
        per_video = rng.random(len(columns.video.values))  # the videos of a group are alike
        columns.p_fake[:] = per_video[columns.group.codes % len(per_video)]
        found = SliceFinder(at_level(columns, "video"), FIELDS).at(0.8)
        tested += found.tested
        hits += bool(found.slices)
    assert tested > 500 and hits <= 2


def test_a_slice_is_not_told_twice(large):
    found = SliceFinder(at_level(large[0], "video"), FIELDS).at(0.5)
    seen = [(s.kind, s.hits, s.trials) for s in found.slices]
    assert len(set(seen)) == len(seen)
    for number, inner in enumerate(found.slices):
        for outer in found.slices[:number]:
            if set(outer.conditions) < set(inner.conditions) and outer.kind == inner.kind:
                assert inner.rate >= 1.25 * outer.rate


def test_one_class_or_no_field_is_no_error(columns_of):
    columns, _ = columns_of(800)
    assert SliceFinder(at_level(columns, "video"), ()).at(0.5).slices == ()
    columns.label[:] = 0
    SliceFinder(at_level(columns, "video"), FIELDS).at(0.5)


# -- threshold transfer --------------------------------------------------------------------------


def test_transfer_rows(large):
    columns, table = large
    rows = audit_transfer.transfer(audit_transfer.by_dataset(at_level(columns, "video")), 0.6)
    frame = video_frame(table).dropna(subset="p")
    assert [row["name"] for row in rows] == ["alpha", "beta", "gamma"]
    for row in rows:
        part = frame[frame.source_dataset == row["name"]]
        real, fake = part[part.label == "real"].p, part[part.label == "fake"].p
        assert row["fpr"]["rate"] == pytest.approx((real >= 0.6).mean())
        assert row["fnr"]["rate"] == pytest.approx((fake < 0.6).mean())
        assert row["half"] == pytest.approx([(real >= 0.5).mean(), (fake < 0.5).mean()])
        assert row["reals"] == pytest.approx(np.quantile(real, [0.5, 0.95]))
        fpr, tpr, _ = roc_curve(part.label == "fake", part.p, drop_intermediate=False)
        best = np.flatnonzero(fpr <= 0.05)[-1]
        assert row["oracle"]["fnr"] == pytest.approx(1 - tpr[best])
        assert row["oracle"]["fpr"] == pytest.approx(fpr[best])
        wrong = (real >= row["oracle"]["threshold"]).mean()
        assert wrong == pytest.approx(fpr[best])
    text = audit_transfer.sentence(rows)
    highest = max(rows, key=lambda r: r["oracle"]["threshold"])
    assert highest["name"] == "beta" and "(beta)" in text


def test_too_few_reals_have_no_threshold_of_their_own(columns_of):
    columns, _ = columns_of(160)
    rows = audit_transfer.transfer(audit_transfer.by_dataset(at_level(columns, "video")), 0.5)
    assert any(row["oracle"] is None and "cannot be observed" in row["why"] for row in rows)


# -- pairs ---------------------------------------------------------------------------------------


def test_a_fake_is_paired_with_the_person_that_it_manipulates():
    rows = [  # video, label, p_fake, frame, pair, shown_for
        ("real", 0, 0.1, 1, None, "left"),
        ("real", 0, 0.5, 1, None, "right\nother"),
        ("left", 1, 0.8, 1, "real", None),
        ("right", 1, 0.9, 1, "real", None),
        ("other", 1, 0.7, 1, "real", None),
        ("nobody", 1, 0.6, 1, "real", None),
        ("plain", 0, 0.2, 1, None, None),
        ("its", 1, 0.6, 1, "plain", None),
    ]
    video, label, p_fake, frame, pair, shown = zip(*rows, strict=True)
    nothing = coded([None] * len(rows))
    columns = FaceColumns(
        ids=[str(n) for n in range(len(rows))],
        label=np.array(label, np.int8),
        p_fake=np.array(p_fake),
        video=coded(video),
        track=np.zeros(len(rows), int),
        group=nothing,
        reason=nothing,
        texts={},
        pair=coded(pair),
        frame_number=np.array(frame, float),
        shown_for=coded(shown),
    )
    pairs = audit_pairs.pairs_of(columns)
    names = [columns.video.values[code] for code in pairs.fake]
    assert dict(zip(names, pairs.p_real.tolist(), strict=True)) == {
        "its": 0.2,
        "left": 0.1,
        "other": 0.5,
        "right": 0.5,
    }
    assert pairs.unpaired == 1


def test_pairs_are_means_over_common_frames(large):
    columns, table = large
    frame = pd.DataFrame(table)
    real_of = frame[frame.label == "real"].groupby("group_id").video_id.first()
    frame["pair_id"] = np.where(frame.label == "fake", frame.group_id.map(real_of), None)
    frame.loc[::9, "frame_number"] = np.nan  # not known
    pair = coded(frame.pair_id.where(frame.pair_id.notna(), None))
    pairs = audit_pairs.pairs_of(
        replace(columns, pair=pair, frame_number=frame.frame_number.values)
    )
    scored = frame.dropna(subset=["p_fake", "frame_number"])
    reals = scored[scored.label == "real"].groupby(["video_id", "frame_number"]).p_fake.mean()
    fakes = scored[scored.label == "fake"]
    both = fakes.merge(
        reals.rename("real").reset_index().rename(columns={"video_id": "pair_id"}),
        on=["pair_id", "frame_number"],
    )
    want = both.groupby("video_id").agg(
        p=("p_fake", "mean"), real=("real", "mean"), n=("real", "size"), pair=("pair_id", "first")
    )
    names = np.array(columns.video.values)
    assert list(names[pairs.fake]) == list(want.index)
    assert list(names[pairs.real]) == list(want.pair)
    assert np.allclose(pairs.p_fake, want.p) and np.allclose(pairs.p_real, want.real)
    assert list(pairs.frames) == list(want.n)
    assert pairs.unpaired == fakes.video_id.nunique() - len(want)
    points = pairs_figure.figure(pairs, columns.video.values)[1]
    lowest = int(points["ids"][0])
    assert pairs.delta[lowest] == pairs.delta.min()
    assert len(points["ids"]) == min(len(want), audit_pairs.MOST_POINTS)


def test_no_pairs_at_all(columns_of):
    columns, table = columns_of(80)
    number = table["frame_number"].astype(float)
    pairs = audit_pairs.pairs_of(replace(columns, pair=coded([None] * 80), frame_number=number))
    assert len(pairs.fake) == 0 and pairs.unpaired > 0


# -- two detectors -------------------------------------------------------------------------------


def second_of(columns, seed=1):
    rng = np.random.default_rng(seed)
    noise = rng.normal(0, 0.1, len(columns))
    return replace(columns, p_fake=np.clip(columns.p_fake + noise, 0, 1))


@pytest.mark.parametrize("level", ["face", "video"])
def test_fixed_and_broken_at_equal_false_alarms(large, level):
    columns, _ = large
    a, b = at_level(columns, level), at_level(second_of(columns), level)
    found = audit_compare.compare(a, b, 0.5)
    both = np.isfinite(a.p_fake) & np.isfinite(b.p_fake)
    reals = both & (a.label == 0)
    assert (b.p_fake[reals] >= found.second).sum() <= (a.p_fake[reals] >= 0.5).sum()
    lower = np.nextafter(found.second, -1)
    assert (b.p_fake[reals] >= lower).sum() >= (a.p_fake[reals] >= 0.5).sum()
    fixed = broken = 0
    for i in np.flatnonzero(both):
        right = [
            (s >= t) == (a.label[i] == 1)
            for s, t in ((a.p_fake[i], 0.5), (b.p_fake[i], found.second))
        ]
        assert found.fixed[i] == (right == [False, True])
        assert found.broken[i] == (right == [True, False])
        fixed += found.fixed[i]
        broken += found.broken[i]
    assert fixed and broken and not (found.fixed | found.broken)[~both].any()
    rows = audit_compare.rows(found, a, group(a, BY_METHOD))
    assert sum(sum(r["fixed"]) for r in rows) == fixed
    assert sum(sum(r["broken"]) for r in rows) == broken
    listed = audit_compare.changed(found, a, b, 10)["broken"]
    change = [abs(u["p"][0] - u["p"][1]) for u in listed]
    assert change == sorted(change, reverse=True)
    assert max(change) == np.abs(a.p_fake - b.p_fake)[found.broken].max()


@pytest.mark.parametrize(("fixed", "broken"), [(3, 9), (0, 5), (40, 40), (1, 0), (700, 640)])
def test_sign_test(fixed, broken):
    want = binomtest(fixed, fixed + broken, 0.5).pvalue
    assert audit_compare.sign_test(fixed, broken) == pytest.approx(want, rel=0.02)
    assert audit_compare.sign_test(0, 0) is None


def test_without_reals_nothing_can_be_equal(columns_of):
    columns, _ = columns_of(80)
    columns.label[:] = 1
    units = at_level(columns, "video")
    with pytest.raises(MetricUndefined, match="No real"):
        audit_compare.compare(units, units, 0.5)
