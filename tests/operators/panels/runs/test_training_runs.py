"""The panel on real runs and jobs: what it says, what its rows offer, and what that does."""

from __future__ import annotations

import copy
import json
import shutil
import time
from pathlib import Path

import pytest
from media_forensics.operators.panels.runs.tables import SHOWN
from media_forensics.operators.panels.runs.training_runs import TrainingRuns
from media_forensics.operators.training import training_records
from media_forensics.training.config import TrainConfig

pytestmark = [pytest.mark.fiftyone, pytest.mark.weights]


@pytest.fixture
def panel(demo_dataset, client):
    driven = client(TrainingRuns(), demo_dataset)
    driven.send("on_load")
    return driven


def row_of(driven, key: str) -> int:
    return [row[0].removeprefix(SHOWN) for row in driven.data["runs"]["rows"]].index(key)


def test_a_finished_run_with_its_curve(panel, demo_dataset):
    row = panel.data["runs"]["rows"][row_of(panel, "probe")]
    best = training_records.training_run(demo_dataset, "probe").best
    assert row[1] == "linear_probe" and row[2].startswith("completed")
    assert row[3].startswith(f"{best['auroc']:.3f}")
    panel.send("on_curve", name="total")
    curve = next(t for t in panel.data["plot_total"] if t["name"] == "probe")
    assert len(curve["x"]) == len(curve["y"]) > 5 and curve["y"][-1] < curve["y"][0]
    assert panel.schema["type"]["properties"]["plot_total"]["view"]["composite_view"] is True


def test_a_curve_is_hidden_and_shown_again(panel):
    row = row_of(panel, "probe")
    shown = panel.state["choice"]["shown"]
    panel.send("on_run", row=row, event="toggle")
    assert ("probe" in panel.state["choice"]["shown"]) != ("probe" in shown)
    drawn = panel.data[f"plot_{panel.state['choice']['curve']}"]
    assert {t["name"] for t in drawn} == set(panel.state["choice"]["shown"])
    panel.send("on_run", row=row, event="toggle")
    assert set(panel.state["choice"]["shown"]) == set(shown)


def test_a_refresh_that_is_answered_late_does_not_undo_a_click(panel, monkeypatch):
    before = copy.deepcopy(panel.state)
    panel.send("on_curve", name="total")
    after, execute = panel.state, panel.panel.execute
    assert before["choice"]["curve"] != "total"

    def late(ctx):
        answer = execute(ctx)
        panel.state = after
        return answer

    panel.state = before
    monkeypatch.setattr(panel.panel, "execute", late)
    panel.send("on_tick")
    assert panel.state["choice"]["curve"] == "total"


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


@pytest.fixture
def twin(demo_dataset):
    """A run ``twin`` beside ``probe``: the same but for its seed, and wrong on one video more."""
    config = demo_dataset.get_run_info("training_probe").config
    source = Path(config.run_dir)
    folder = source.with_name("twin")
    shutil.copytree(source, folder)
    found = json.loads((folder / "validation.json").read_text())
    right = next(v for v in found["videos"] if (v["p_fake"] >= 0.5) == bool(v["label"]))
    right["p_fake"] = 1.0 - right["label"]
    (folder / "validation.json").write_text(json.dumps(found))
    settings = TrainConfig.from_json({**config.config, "seed": 5})
    sha, view = config.manifest_sha256, demo_dataset.view()
    training_records.register(view, "twin", settings, sha, folder, {})
    yield right["video_id"]
    training_records.delete(demo_dataset, "twin", files=True)
    for name in ("regressions_twin_probe", "repaired_twin_probe"):
        if demo_dataset.has_saved_view(name):
            demo_dataset.delete_saved_view(name)


def test_runs_side_by_side(panel, demo_dataset, twin):
    panel.send("on_refresh")
    for key in ("probe", "twin"):
        if key not in panel.state["choice"]["shown"]:
            panel.send("on_run", row=row_of(panel, key), event="toggle")
    for key in set(panel.state["choice"]["shown"]) - {"probe", "twin"}:
        panel.send("on_run", row=row_of(panel, key), event="toggle")
    panel.send("on_compare")
    names = [row[0] for row in panel.data["comparison"]["rows"]]
    assert names == ["probe (baseline)", "twin"]  # the oldest is the baseline
    assert panel.data["comparison"]["rows"][1][5].startswith("1 /")
    seed = demo_dataset.get_run_info("training_probe").config.config["seed"]
    assert panel.data["settings"]["rows"] == [["seed", str(seed), "5"]]
    panel.send("on_changed", row=1, event="regressions")
    assert panel.grid().distinct("video_id") == [twin]
    panel.send("on_changed", row=0, event="regressions")  # of the baseline there is none
    assert panel.op("notify")["variant"] == "warning"
    assert panel.sent < 6000  # the tables stay out of the state
    panel.send("on_close")
    assert "comparison" not in panel.schema["type"]["properties"]


def test_one_click_scores_the_validation_faces(panel, demo_dataset, twin, monkeypatch):
    from media_forensics.operators.jobs import job as jobs

    panel.send("on_refresh")
    assert panel.state["lines"]["unscored"] == "twin"  # the newest, which has scored nothing
    started = []
    monkeypatch.setattr(jobs, "start", lambda *given: started.append(given))
    panel.send("on_score", key="twin")
    ((operator, view, params),) = started
    assert operator == "score_faces" and params == {"detector": "twin", "key": "twin"}
    assert set(view.distinct("video_id")) == set(
        training_records.validation_view(demo_dataset, "probe").distinct("video_id")
    )


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
    from media_forensics.operators.jobs import job as jobs

    job = jobs.start("score_faces", demo_dataset.view(), {"detector": "nowhere", "key": "x"})
    panel.send("on_refresh")
    assert panel.state["lines"]["live"] and "timer" in panel.schema["type"]["properties"]
    while not job.ended:
        time.sleep(0.2)
    panel.send("on_refresh")
    names = [row[0] for row in panel.data["jobs"]["rows"]]
    row = names.index("Score faces x")
    assert panel.data["jobs"]["rows"][row][1] == "failed"
    assert "nowhere" in panel.data["jobs"]["rows"][row][2]
    assert panel.state["lines"]["jobs"][row] == ["again", "forget"]
    panel.send("on_job", row=row, event="cancel")
    assert panel.op("notify")["variant"] == "warning" and job.folder.exists()
    panel.send("on_job", row=row, event="forget")
    assert not job.folder.exists()
