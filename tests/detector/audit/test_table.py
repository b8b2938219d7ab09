"""The audit table against pandas and scikit-learn."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from media_forensics.detector.audit.audit_words import coverage, outliers, percent
from media_forensics.detector.audit.columns import coded
from media_forensics.detector.audit.groups import BY_METHOD, NO_VALUE, bin_edges, group
from media_forensics.detector.audit.table import AuditTable
from media_forensics.detector.audit.units import at_level
from media_forensics.detector.errors import ForensicsError
from sklearn.metrics import roc_auc_score


def table_at(columns, level, name, threshold):
    units = at_level(columns, level)
    table = AuditTable(units, group(units, name))
    return (*table.at(threshold), table)


def test_hundred_thousand_faces_against_pandas(columns_of):
    columns, raw = columns_of(100_000)
    total, rows, _ = table_at(columns, "face", BY_METHOD, 0.37)
    frame = pd.DataFrame(raw)
    frame["called"] = frame.p_fake >= 0.37
    scored = frame[frame.p_fake.notna()]
    groups = frame.groupby(["source_dataset", "method"])
    assert {row.name for row in rows} == set(groups.groups)
    for row in rows:
        part = groups.get_group(row.name)
        seen = part[part.p_fake.notna()]
        real, fake = seen[seen.label == "real"], seen[seen.label == "fake"]
        assert (row.scored_real, row.scored_fake) == (len(real), len(fake))
        assert row.real + row.fake == len(part)
        assert sum(row.lost.values()) == len(part) - len(seen)
        if len(real):
            assert row.fpr.hits == int(real.called.sum())
            assert row.fpr.rate == pytest.approx(real.called.mean())
            assert row.fnr is None
        if len(fake):
            assert row.fnr.hits == int((~fake.called).sum())
            reals = scored[(scored.source_dataset == row.name[0]) & (scored.label == "real")]
            both = pd.concat([reals, fake])
            want = roc_auc_score(both.label == "fake", both.p_fake)
            assert row.auroc.value == pytest.approx(want)
    want = roc_auc_score(scored.label == "fake", scored.p_fake)
    assert total.auroc.value == pytest.approx(want)
    assert total.fpr.rate == pytest.approx(scored[scored.label == "real"].called.mean())
    assert total.coverage == pytest.approx(len(scored) / len(frame))


def test_the_bad_dataset_is_first_and_named(columns_of):
    columns, _ = columns_of(100_000)
    _, rows, _ = table_at(columns, "video", BY_METHOD, 0.5)
    assert rows[0].name == ("beta", "original")
    assert rows[0].fpr.stands_out
    text = outliers(rows, "video")
    assert text.startswith("Worse than the rest beyond chance: beta · original: ")
    assert "real videos called fake" in text


def test_no_outlier_where_all_rows_are_alike():
    """Of many tables without any difference, at most about one in twenty names a row."""
    from media_forensics.detector.audit.columns import FaceColumns

    rng = np.random.default_rng(0)
    named = 0
    for _ in range(60):
        count = 1200
        columns = FaceColumns(
            ids=[str(i) for i in range(count)],
            label=np.zeros(count, np.int8),
            p_fake=rng.random(count),
            video=coded(range(count)),
            track=np.zeros(count, np.int64),
            group=coded([None] * count),
            reason=coded([None] * count),
            texts={"cell": coded(rng.integers(0, 30, count))},
        )
        _, rows, _ = table_at(columns, "face", "cell", 0.9)
        named += any(row.fpr.stands_out for row in rows)
    assert named <= 8


def test_worst_first_is_not_fooled_by_small_rows(columns_of):
    columns, _ = columns_of(20_000)
    column = np.array(["big"] * 20_000, object)
    column[np.flatnonzero(columns.label == 0)[:2]] = "tiny"
    p_fake = columns.p_fake.copy()
    p_fake[np.flatnonzero(columns.label == 0)[:2]] = 0.99
    part = replace(columns, p_fake=p_fake).with_text("size", coded(column))
    _, rows, _ = table_at(part, "face", "size", 0.5)
    tiny = next(row for row in rows if row.name == ("tiny",))
    assert tiny.fpr.rate == 1.0 and tiny.fpr.small and not tiny.fpr.stands_out


def test_moving_the_threshold_moves_only_counts(columns_of):
    columns, raw = columns_of(5000)
    units = at_level(columns, "face")
    table = AuditTable(units, group(units, "compression"))
    for threshold in (0.0, 0.2, 0.5, 0.999, 1.0):
        total, rows = table.at(threshold)
        real = (raw["label"] == "real") & np.isfinite(raw["p_fake"])
        assert total.fpr.hits == int((raw["p_fake"][real] >= threshold).sum())
        assert sum(row.fpr.hits for row in rows) == total.fpr.hits
        assert sum(row.fnr.hits for row in rows) == total.fnr.hits
    assert table.at(0.0)[0].fpr.rate == 1.0 and table.at(0.0)[0].fnr.rate == 0.0


def test_number_bins_cover_every_unit_once(columns_of):
    columns, raw = columns_of(5000)
    numbers = raw["sharpness"].copy()
    numbers[:30] = np.nan
    units = at_level(columns.with_numbers("sharpness", numbers), "face")
    grouping = group(units, "sharpness")
    assert len(grouping.labels) == 6 and grouping.labels[-1] == (NO_VALUE,)
    sizes = np.bincount(grouping.row)
    assert sizes.sum() == 5000 and sizes[-1] == 30
    assert sizes[:5].max() - sizes[:5].min() < 250
    for index, rule in enumerate(grouping.filters[:5]):
        low, high = rule["sharpness"]["low"], rule["sharpness"]["high"]
        inside = np.ones(5000, bool)
        inside &= np.isfinite(numbers)
        inside &= (numbers >= low) if low is not None else True
        inside &= (numbers < high) if high is not None else True
        assert np.array_equal(inside, grouping.row == index)


@pytest.mark.parametrize("values", [[], [np.nan], [1.0, 1.0, 1.0], [1, 2], [0] * 90 + [5] * 10])
def test_bin_edges_of_odd_columns(values):
    edges = bin_edges(np.array(values, float))
    assert (np.diff(edges) > 0).all()
    if len(set(values)) == 2:
        assert edges.size == 1


def test_missing_values_are_a_row_of_their_own(columns_of):
    columns, raw = columns_of(400)
    column = np.array(raw["method"], object)
    column[:40] = None
    units = at_level(columns.with_text("shade", coded(column)), "face")
    grouping = group(units, "shade")
    assert (NO_VALUE,) in grouping.labels
    with pytest.raises(ForensicsError, match="group by"):
        group(units, "nothing")


def test_one_dataset_is_left_out_of_the_names(columns_of):
    columns, raw = columns_of(4000)
    part = columns.take(raw["source_dataset"] == "alpha")
    units = at_level(part, "video")
    labels = group(units, BY_METHOD).labels
    assert set(labels) == {("original",), ("deepfakes",), ("face2face",)}


def test_unknown_truth_is_counted_and_in_no_rate(columns_of):
    columns, _ = columns_of(800)
    label = columns.label.copy()
    label[:100] = -1
    total, _, _ = table_at(replace(columns, label=label), "face", BY_METHOD, 0.5)
    assert total.unlabelled == 100
    assert total.real + total.fake == 700
    assert "100 faces without a ground truth" in coverage(total, "face")


def test_one_class_only(columns_of):
    columns, raw = columns_of(800)
    part = columns.take(raw["label"] == "real")
    total, rows, _ = table_at(part, "face", BY_METHOD, 0.5)
    assert total.fnr is None and total.auroc is None and total.fpr is not None
    assert all(row.auroc is None for row in rows)
    outliers(rows, "face")


def test_json_has_no_dict_that_the_app_would_merge(columns_of):
    import json

    columns, _ = columns_of(800)
    total, rows, _ = table_at(columns, "video", BY_METHOD, 0.5)
    for row in (total, *rows):
        plain = row.to_json()
        json.dumps(plain, allow_nan=False)
        assert isinstance(plain["lost"], list)


def test_the_audit_has_the_intervals_of_evaluate_detector(columns_of):
    from media_forensics.detector.metrics.evaluation import evaluate

    columns, _ = columns_of(400)
    units = at_level(columns, "video")
    total, _, _ = table_at(columns, "video", BY_METHOD, 0.5)
    row = evaluate(units.label, units.p_fake, units.cluster, 0.5)
    for mine, theirs in ((total.auroc, row.auroc), (total.fpr, row.fpr), (total.fnr, row.fnr)):
        assert (mine.low, mine.high) == pytest.approx((theirs.low, theirs.high))


def test_rows_of_few_groups_have_no_interval_and_are_not_judged(columns_of):
    columns, _ = columns_of(4000)
    few = np.unique(columns.group.codes)[:3]
    shade = np.where(np.isin(columns.group.codes, few), "few", "many")
    units = at_level(columns.with_text("shade", coded(shade)), "face")
    _, rows = AuditTable(units, group(units, "shade")).at(0.5)
    row = next(row for row in rows if row.name == ("few",))
    cells = [cell for cell in (row.fpr, row.fnr) if cell is not None]
    assert cells
    for cell in cells:
        assert cell.low is None and cell.excess is None and cell.small and not cell.stands_out
        assert cell.why.startswith("no interval: ")
    assert row.auroc is None or row.auroc.how.startswith("no interval: ")


def test_percent():
    assert [percent(x).replace("\u00a0", " ") for x in (0, 0.034, 0.0994, 0.0996, 0.5, 1)] == [
        "0 %",
        "3.4 %",
        "9.9 %",
        "10 %",
        "50 %",
        "100 %",
    ]
