"""The plots hold what was counted, in few enough points."""

from __future__ import annotations

import json

import numpy as np
import pytest
from media_forensics.detector.audit import plot_curves
from media_forensics.detector.audit.units import at_level
from media_forensics.detector.metrics.rates import rates_at_threshold, roc_auc, roc_curve
from media_forensics.operators.panels.audit import figures


def test_bars_count_every_scored_face_once(columns_of):
    columns, raw = columns_of(20_000)
    traces = figures.histogram(at_level(columns, "face"), "face")
    for trace, name, side in zip(traces, ("real", "fake"), (1, -1), strict=True):
        scores = raw["p_fake"][(raw["label"] == name) & np.isfinite(raw["p_fake"])]
        want, _ = np.histogram(scores, plot_curves.edges())
        assert [row[0] for row in trace["customdata"]] == want.tolist()
        assert np.allclose(trace["y"], side * want / want.sum(), atol=1e-5)


def test_borders_belong_to_the_bar_above_and_one_to_the_last():
    edges = plot_curves.edges()
    assert plot_curves.bar_of(edges).tolist() == [*range(plot_curves.BARS), plot_curves.BARS - 1]
    assert plot_curves.bar_of(np.array([np.nan, 0.0, 1.0])).tolist() == [
        -1,
        0,
        plot_curves.BARS - 1,
    ]


def test_curve_is_thinned_and_every_point_is_a_real_threshold(columns_of):
    columns, _ = columns_of(20_000)
    units = at_level(columns, "face")
    curve = plot_curves.roc(units)
    label, scores = units.label[units.scored], units.p_fake[units.scored]
    assert len(curve.fpr) <= plot_curves.ROC_POINTS + 2
    assert (curve.fpr[0], curve.tpr[0], curve.fpr[-1], curve.tpr[-1]) == (0, 0, 1, 1)
    for point in range(0, len(curve.fpr), 37):
        rates = rates_at_threshold(label, scores, curve.thresholds[point])
        assert (rates.fpr, rates.tpr) == pytest.approx((curve.fpr[point], curve.tpr[point]))
    area = np.trapezoid(curve.tpr, curve.fpr)
    assert area == pytest.approx(roc_auc(label, scores), abs=1e-3)


def test_few_points_are_all_kept_but_those_on_a_line(columns_of):
    columns, _ = columns_of(160)
    units = at_level(columns, "video")
    curve = plot_curves.roc(units)
    full = roc_curve(units.label, units.p_fake)
    assert np.trapezoid(curve.tpr, curve.fpr) == pytest.approx(np.trapezoid(full[1], full[0]))
    assert len(curve.fpr) <= len(full[0])


def test_one_class_has_no_curve(columns_of):
    columns, raw = columns_of(200)
    units = at_level(columns.take(raw["label"] == "fake"), "face")
    assert plot_curves.roc(units) is None
    assert figures.roc_figure(None) == []
    assert figures.histogram(units, "face")[0]["name"].startswith("real (0 ")


@pytest.mark.parametrize("top", [1e-4, 0.013, 0.2, 0.5, 1.0])
def test_layouts_are_plain_and_ticks_few(top):
    layout = figures.histogram_layout(0.4, top, "face")
    json.dumps(layout, allow_nan=False)
    ticks = layout["yaxis"]["tickvals"]
    assert 3 <= len(ticks) <= 7 and ticks == sorted(ticks) and max(ticks) <= top
    json.dumps(figures.roc_layout(0.1, 0.9), allow_nan=False)
    assert "annotations" not in figures.roc_layout(None, 0.5)
