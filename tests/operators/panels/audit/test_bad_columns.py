"""Columns that a real dataset may have: one class, no score at all, no truth, hostile names."""

from __future__ import annotations

import json

import pytest
from media_forensics.operators.panels.audit.error_audit import ErrorAudit
from media_forensics.operators.panels.audit.tabs import TABS
from media_forensics.operators.panels.timeline.timeline import TimelinePanel

pytestmark = pytest.mark.fiftyone
HOSTILE = "<img src=x onerror=alert(1)> **b** [l](javascript:x) %{x}"


def one_class(dataset):
    dataset.set_values("ground_truth.label", ["real"] * len(dataset))


def nothing_scored(dataset):
    dataset.set_values("det_p_fake", [None] * len(dataset))


def not_a_number(dataset):
    dataset.set_values("det_p_fake", [float("nan")] * len(dataset))


def no_truth(dataset):
    dataset.clear_sample_field("ground_truth")


def hostile_names(dataset):
    for name in ("method", "source_dataset", "video_id", "group_id", "pair_id"):
        dataset.set_values(name, [f"{value}{HOSTILE}" for value in dataset.values(name)])


CASES = {f.__name__: f for f in (one_class, nothing_scored, not_a_number, no_truth, hostile_names)}


@pytest.fixture(params=CASES)
def spoilt(request, faces_of):
    made = faces_of(80, seed=4)
    CASES[request.param](made.dataset)
    return request.param, made.dataset


def test_every_tab_of_the_audit_says_something(spoilt, client):
    case, dataset = spoilt
    driven = client(ErrorAudit(), dataset)
    driven.send("on_load")
    driven.send("on_set", name="scope", value="all")
    driven.send("on_set", name="threshold", value=0.3)
    for level in ("face", "video"):
        driven.send("on_set", name="level", value=level)
        for tab, _ in TABS:
            driven.send("on_set", name="tab", value=tab)
            assert not driven.state.get("empty"), driven.state["empty"]
            # the browser reads no NaN and no Infinity
            json.dumps([driven.data, driven.state], allow_nan=False)
            table = driven.data["table"]
            assert driven.data["header"]["outliers"] and driven.data["header"]["coverage"]
            assert tab == "table" or table[tab]["words"]
            total = table["total"]
            if case in ("nothing_scored", "not_a_number"):
                assert total["fpr"] is None and total["fnr"] is None and total["coverage"] == 0
            if case == "no_truth":
                assert total["unlabelled"] > 0 and total["fpr"] is None
            if case == "one_class":
                assert total["fnr"] is None and total["auroc"] is None
    if case in ("nothing_scored", "not_a_number"):
        driven.send("on_show", row=-1, kind="lost")
        assert len(driven.grid()) == len(dataset)


def test_the_timeline_says_something(spoilt, client):
    case, dataset = spoilt
    driven = client(TimelinePanel(), dataset)
    driven.current = dataset.first().id
    driven.send("on_load")
    json.dumps([driven.data, driven.state], allow_nan=False)
    words = driven.state["view"]["words"]
    if case in ("nothing_scored", "not_a_number"):
        assert "The video has no score." in words and "without a score" in words
    if case == "no_truth":
        assert "Truth: not known." in words
    if case == "hostile_names":  # the plot's own texts are no Markdown
        parts = driven.schema["type"]["properties"]
        shown = json.dumps({name: part for name, part in parts.items() if name != "plot"})
        assert "<img" not in shown.replace("\\<", "") and "](javascript" not in shown
