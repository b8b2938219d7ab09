"""The panel on real runs and jobs: what it says, what its rows offer, and what that does."""

from __future__ import annotations

import time

import pytest
from media_forensics.operators import training_records
from media_forensics.operators.panels.training_runs import TrainingRuns

pytestmark = [pytest.mark.fiftyone, pytest.mark.weights]


@pytest.fixture
def panel(demo_dataset, client):
    driven = client(TrainingRuns(), demo_dataset)
    driven.send("on_load")
    return driven


def row_of(driven, key: str) -> int:
    return [row[1] for row in driven.data["runs"]["rows"]].index(key)


def test_a_finished_run_with_its_curve(panel, demo_dataset):
    row = panel.data["runs"]["rows"][row_of(panel, "probe")]
    best = training_records.training_run(demo_dataset, "probe").best
    assert row[2].startswith("completed") and row[3] == "linear_probe"
    assert row[5].startswith(f"{best['auroc']:.3f}")
    panel.send("on_curve", name="total")
    curve = next(t for t in panel.data["curves"] if t["name"] == "probe")
    assert len(curve["x"]) == len(curve["y"]) > 5 and curve["y"][-1] < curve["y"][0]
    assert panel.schema["type"]["properties"]["curves"]["view"]["composite_view"] is True


def test_a_curve_is_hidden_and_shown_again(panel):
    row = row_of(panel, "probe")
    shown = panel.state["choice"]["shown"]
    panel.send("on_run", row=row, event="toggle")
    assert ("probe" in panel.state["choice"]["shown"]) != ("probe" in shown)
    assert {t["name"] for t in panel.data["curves"]} == set(panel.state["choice"]["shown"])
    panel.send("on_run", row=row, event="toggle")
    assert set(panel.state["choice"]["shown"]) == set(shown)


def test_rows_offer_what_their_state_allows(panel):
    actions = panel.state["lines"]["runs"][row_of(panel, "probe")]
    assert {"toggle", "score", "rename", "delete", "export", "view"} == set(actions)
    view = panel.schema["type"]["properties"]["runs"]["view"]
    assert not {"stop", "resume"} & {
        a["name"] for a in view["row_actions"] if a["rows"][row_of(panel, "probe")]
    }
    panel.send("on_run", row=row_of(panel, "probe"), event="stop")
    assert panel.op("notify")["variant"] == "warning"


def test_the_validation_faces_go_into_the_grid(panel, demo_dataset):
    panel.send("on_run", row=row_of(panel, "probe"), event="view")
    view = panel.grid()
    assert len(view) > 0 and "test" not in view.distinct("split")


def test_state_stays_small(panel):
    for _ in range(3):
        panel.send("on_refresh")
    assert panel.sent < 4000
    assert not set(panel.state) & set(panel.data)


def test_nothing_to_show_says_what_to_do(fiftyone_db, client):
    dataset = fiftyone_db.Dataset()
    try:
        driven = client(TrainingRuns(), dataset)
        driven.send("on_load")
        assert driven.data["runs"]["rows"] == []
        assert "no_runs" in driven.schema["type"]["properties"]
    finally:
        dataset.delete()


def test_a_job_is_listed_with_its_end_and_forgotten(panel, demo_dataset):
    from media_forensics.operators import jobs

    job = jobs.start("score_faces", demo_dataset.view(), {"detector": "nowhere", "key": "x"})
    panel.send("on_refresh")
    assert panel.state["lines"]["live"] and "timer" in panel.schema["type"]["properties"]
    while not job.ended:
        time.sleep(0.2)
    panel.send("on_refresh")
    names = [row[0] for row in panel.data["jobs"]["rows"]]
    row = names.index("Score faces x")
    assert panel.data["jobs"]["rows"][row][1] == "failed"
    assert "nowhere" in panel.data["jobs"]["rows"][row][3]
    assert panel.state["lines"]["jobs"][row] == ["again", "forget"]
    panel.send("on_job", row=row, event="cancel")
    assert panel.op("notify")["variant"] == "warning" and job.folder.exists()
    panel.send("on_job", row=row, event="forget")
    assert not job.folder.exists()
