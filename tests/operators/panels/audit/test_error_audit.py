"""The panel's callbacks on a real database: every click shows exactly what it counted."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from media_forensics.operators.app import first_look
from media_forensics.operators.dataset import fields
from media_forensics.operators.panels.audit.error_audit import ErrorAudit
from media_forensics.operators.panels.grid import KINDS

pytestmark = pytest.mark.fiftyone


@pytest.fixture(scope="module")
def faces(faces_of):
    return faces_of(3000)


@pytest.fixture
def audit(faces, client):
    driven = client(ErrorAudit(), faces.dataset)
    driven.send("on_load")
    return driven


def number_of(text: str) -> int:
    return int(text.split("Grid: ")[1].split()[0].replace(",", ""))


def frame_of(faces) -> pd.DataFrame:
    frame = pd.DataFrame(faces.table)
    frame["id"] = faces.dataset.values("id")
    return frame


def test_opens_on_the_test_split_per_video(audit, faces):
    header = audit.data["header"]
    assert header["choice"] == {
        "key": "det",
        "level": "video",
        "scope": "split:test",
        "source": "fixed",
    }
    test = faces.table["split"] == "test"
    assert header["total"]["real"] + header["total"]["fake"] == len(
        set(faces.table["video_id"][test])
    )
    assert audit.data["table"]["group"] == "dataset_method"
    assert len(audit.data["charts"]["distributions"]) == 2


def test_state_stays_small_and_apart_from_the_data(audit):
    for name, value in (("level", "face"), ("group", "sharpness"), ("threshold", 0.3)):
        audit.send("on_set", name=name, value=value)
        assert audit.sent < 1500
        assert not set(audit.state) & set(audit.data)


def test_the_first_look_is_explained_until_it_is_closed_for_good(audit, faces, client):
    first_look.forget("error_audit")
    audit.send("on_load")
    assert len(audit.data["header"]["intro"]) == 3
    audit.send("on_close_intro", rev=5)
    assert audit.data["header"]["intro"] is None and audit.data["header"]["rev"] == 5
    other = client(ErrorAudit(), faces.dataset)
    other.send("on_load")
    assert other.data["header"]["intro"] is None


def test_every_answer_names_the_event_that_it_answers(audit):
    """The browser sends the next event when this number has arrived."""
    audit.send("on_set", name="level", value="face", rev=7)
    assert audit.data["header"]["rev"] == 7
    audit.send("on_show", row=-1, kind="fp", rev=8)
    assert audit.data["header"]["rev"] == 8
    audit.send("on_clear", rev=9)
    assert audit.data["header"]["rev"] == 9


def test_plots_do_not_write_their_data_into_the_state(audit):
    """FiftyOne copies a plot's data into the panel's state unless its view is composite."""
    charts = audit.schema["type"]["properties"]["charts"]["type"]["properties"]
    assert set(charts) == {"distributions", "roc"}
    for chart in charts.values():
        assert chart["view"]["composite_view"] is True
        assert chart["view"]["height"].endswith("px")
        assert not chart["view"].get("data")


@pytest.mark.parametrize("level", ["face", "person", "video"])
@pytest.mark.parametrize("scope", ["all", "split:test"])
@pytest.mark.parametrize("kind", list(KINDS))
def test_a_click_on_the_total_shows_exactly_those(audit, faces, level, scope, kind):
    audit.send("on_set", name="scope", value=scope)
    audit.send("on_set", name="level", value=level)
    audit.send("on_set", name="threshold", value=0.42)
    frame = frame_of(faces)
    if scope != "all":
        frame = frame[frame.split == "test"]
    keys = {"face": ["id"], "person": ["video_id", "track"], "video": ["video_id"]}[level]
    unit = frame.groupby(keys).agg(p=("p_fake", "mean"), label=("label", "first")).reset_index()
    real, fake = unit.label == "real", unit.label == "fake"
    masks = {
        "all": real | fake,
        "real": real,
        "fake": fake,
        "fp": real & (unit.p >= 0.42),
        "fn": fake & (unit.p < 0.42),
        "errors": (real & (unit.p >= 0.42)) | (fake & (unit.p < 0.42)),
        "lost": unit.p.isna(),
    }
    wanted = frame.merge(unit[masks[kind]][keys], on=keys).id
    audit.send("on_show", row=-1, kind=kind)
    if wanted.empty:
        assert audit.op("notify")["variant"] == "warning"
        return
    view = audit.grid()
    assert set(view.values("id")) == set(wanted)
    assert number_of(audit.data["header"]["shown"]) == len(view)
    # the App's own view is still the one before the click
    assert audit.send("on_play")["sample"] in set(wanted)
    assert audit.op("open_panel")["name"] == "player"


@pytest.mark.parametrize("group", ["dataset_method", "compression", "sharpness", "glasses"])
@pytest.mark.parametrize("level", ["face", "video"])
def test_every_cell_of_the_table_shows_its_count(audit, group, level):
    audit.send("on_set", name="level", value=level)
    audit.send("on_set", name="group", value=group)
    rows = audit.data["table"]["rows"]
    assert rows
    for row in rows[:4]:
        for kind, cell in (("fp", row["fpr"]), ("fn", row["fnr"])):
            if cell is None or not cell["hits"]:
                continue
            audit.send("on_show", row=row["index"], kind=kind)
            view = audit.grid()
            assert number_of(audit.data["header"]["shown"]) == len(view)
            units = len(view) if level == "face" else len(set(view.values("video_id")))
            assert units == cell["hits"]
            label = "real" if kind == "fp" else "fake"
            assert set(view.values("ground_truth.label")) == {label}
        audit.send("on_show", row=row["index"], kind="all")
        units = audit.grid()
        count = len(units) if level == "face" else len(set(units.values("video_id")))
        assert count == row["real"] + row["fake"] + row["unlabelled"]


def test_missing_values_of_a_row_are_found(faces_of, client):
    made = faces_of(200, seed=3)
    first = made.dataset.values("id")[:50]
    made.dataset.set_values("compression", dict.fromkeys(first), key_field="id")
    driven = client(ErrorAudit(), made.dataset)
    driven.send("on_load")
    driven.send("on_set", name="scope", value="all")
    driven.send("on_set", name="level", value="face")
    driven.send("on_set", name="group", value="compression")
    row = next(r for r in driven.data["table"]["rows"] if r["name"] == ["no value"])
    driven.send("on_show", row=row["index"], kind="all")
    assert set(driven.grid().values("id")) == set(first)


@pytest.mark.parametrize("level", ["face", "video"])
def test_a_bar_shows_its_faces(audit, level):
    audit.send("on_set", name="level", value=level)
    for trace in (0, 1):
        counts = [row[0] for row in audit.data["charts"]["distributions"][trace]["customdata"]]
        bar = int(np.argmax(counts))
        audit.send("on_bar", trace_idx=trace, idx=bar)
        view = audit.grid()
        units = len(view) if level == "face" else len(set(view.values("video_id")))
        assert units == counts[bar]
        assert set(view.values("ground_truth.label")) == {("real", "fake")[trace]}


def test_an_empty_bar_says_so(audit):
    counts = [row[0] for row in audit.data["charts"]["distributions"][0]["customdata"]]
    audit.send("on_bar", trace_idx=0, idx=counts.index(0))
    assert "There are no real" in audit.op("notify")["message"]


def test_a_point_of_the_curve_moves_the_threshold_and_shows_its_errors(audit):
    audit.send("on_set", name="level", value="face")
    curve = audit.data["charts"]["roc"][1]
    point = len(curve["x"]) // 3
    audit.send("on_roc", trace_idx=1, idx=point)
    header = audit.data["header"]
    assert header["total"]["fpr"]["rate"] == pytest.approx(curve["x"][point], abs=1e-4)
    assert 1 - header["total"]["fnr"]["rate"] == pytest.approx(curve["y"][point], abs=1e-4)
    errors = header["total"]["fpr"]["hits"] + header["total"]["fnr"]["hits"]
    assert number_of(header["shown"]) == len(audit.grid()) == errors
    assert header["threshold"]["source"] == "hand"
    before = dict(audit.state)
    audit.send("on_roc", trace_idx=0, idx=1)  # the line of chance
    assert audit.ops == [] and audit.state == before


def test_saved_view_and_kept_view(audit, faces):
    dataset = faces.dataset
    dataset.save_view("sharp ones", dataset.match(fo_field("sharpness") > 40), overwrite=True)
    audit.send("on_refresh")
    assert ["saved:sharp ones", "Saved view sharp ones"] in [
        list(o) for o in audit.data["header"]["options"]["scope"]
    ]
    audit.send("on_set", name="level", value="face")
    audit.send("on_set", name="scope", value="saved:sharp ones")
    total = audit.data["header"]["total"]
    assert total["real"] + total["fake"] == int((faces.table["sharpness"] > 40).sum())
    audit.send("on_show", row=-1, kind="fp")
    assert len(audit.grid()) == total["fpr"]["hits"]
    assert min(audit.grid().values("sharpness")) > 40

    audit.view = dataset.match({"compression": "c40"})
    audit.send("on_keep_view")
    total = audit.data["header"]["total"]
    assert total["real"] + total["fake"] == int((faces.table["compression"] == "c40").sum())
    audit.view = None  # the grid may move on, the kept view stays
    audit.send("on_set", name="threshold", value=0.6)
    audit.send("on_show", row=-1, kind="fn")
    assert len(audit.grid()) == audit.data["header"]["total"]["fnr"]["hits"]
    assert set(audit.grid().values("compression")) == {"c40"}


def fo_field(name):
    from fiftyone import ViewField

    return ViewField(name)


def test_a_very_long_view_is_not_kept(audit, faces):
    audit.view = faces.dataset.select(faces.dataset.values("id")[:2000])
    audit.send("on_keep_view")
    assert "Save it under a name" in audit.op("notify")["message"]


@pytest.mark.parametrize(
    ("name", "value"), [("scope", "split:moon"), ("group", "moon"), ("level", "clip")]
)
def test_what_is_gone_is_taken_back_with_words(audit, name, value):
    audit.send("on_set", name=name, value=value)
    assert audit.op("notify")["variant"] == "warning"
    assert audit.state["empty"] is None
    chosen = {**audit.data["header"]["choice"], "group": audit.data["table"]["group"]}
    assert chosen[name] not in (None, value)


def test_wrong_input_is_words(audit):
    before = audit.data["header"]["threshold"]
    audit.send("on_set", name="nothing", value=1)
    assert "no control" in audit.op("notify")["message"]
    assert audit.data["header"]["threshold"] == before
    audit.send("on_set", name="threshold", value=7)
    assert "because: The threshold 7.0" in audit.data["header"]["threshold"]["provenance"]


def test_validation_source_without_a_validation_split_falls_back(faces_of, client):
    made = faces_of(300, seed=9)
    made.dataset.set_values("split", ["test"] * 300)
    driven = client(ErrorAudit(), made.dataset)
    driven.send("on_load")
    driven.send("on_set", name="source", value="val_fpr_5")
    threshold = driven.data["header"]["threshold"]
    assert threshold["value"] == 0.5 and "because" in threshold["provenance"]


def test_new_scores_are_seen_after_a_refresh(faces_of, client):
    made = faces_of(300, seed=4)
    driven = client(ErrorAudit(), made.dataset)
    driven.send("on_load")
    driven.send("on_set", name="level", value="face")
    driven.send("on_set", name="scope", value="all")
    made.dataset.set_values("det_p_fake", [1.0] * 300)
    driven.send("on_set", name="threshold", value=0.9)
    assert driven.data["header"]["total"]["fpr"]["rate"] < 1  # as it was read
    driven.send("on_refresh")
    assert driven.data["header"]["total"]["fpr"]["rate"] == 1


def test_clear(audit):
    audit.send("on_show", row=-1, kind="fp")
    audit.send("on_clear")
    assert audit.op("clear_view") is not None
    assert audit.data["header"]["shown"] is None


def test_empty_states_say_what_to_do(fiftyone_db, client):
    fo = fiftyone_db
    empty = fo.Dataset()
    fields.declare_common_fields(empty, faces=True)
    driven = client(ErrorAudit(), empty)
    driven.send("on_load")
    assert "Score faces" in driven.state["empty"]["hint"]
    assert {"why", "score", "again"} <= set(driven.schema["type"]["properties"])
    empty.add_sample_field("det_p_fake", fo.FloatField)
    driven.send("on_refresh")
    assert "no faces" in driven.state["empty"]["message"]
    videos = fo.Dataset()
    videos.media_type = "video"
    driven = client(ErrorAudit(), videos)
    driven.send("on_load")
    assert "Extract faces" in driven.state["empty"]["hint"]
    assert {"why", "extract", "again"} <= set(driven.schema["type"]["properties"])
    for dataset in (empty, videos):
        fo.delete_dataset(dataset.name)


def test_from_the_video_dataset(fiftyone_db, faces_of, client):
    fo = fiftyone_db
    made = faces_of(400, seed=5)
    ids = sorted(set(made.table["video_id"]))
    label = dict(zip(made.table["video_id"], made.table["label"], strict=True))
    videos = fo.Dataset()
    fields.declare_common_fields(videos)
    samples = [
        fo.Sample(
            f"/nowhere/{i}.mp4",
            video_id=video_id,
            ground_truth=fo.Classification(label=label.get(video_id, "real")),
            source_dataset="alpha",
            method="original",
            reason=None if video_id in label else "no_face",
        )
        for i, video_id in enumerate([*ids, "alpha/original/lost1", "alpha/original/lost2"])
    ]
    videos.add_samples(samples, progress=False)
    fields.set_description(videos, kind="videos", faces_dataset=made.dataset.name)
    fields.set_description(made.dataset, video_dataset=videos.name)
    driven = client(ErrorAudit(), videos)
    driven.send("on_load")
    driven.send("on_set", name="scope", value="all")
    header = driven.data["header"]
    total = header["total"]
    assert total["real"] + total["fake"] == len(ids) + 2
    assert total["lost"] == [["no_face", 2]]
    assert "2 no_face" in header["coverage"] and not header["shows_faces"]
    driven.send("on_show", row=-1, kind="lost")
    assert set(driven.grid().values("video_id")) == {"alpha/original/lost1", "alpha/original/lost2"}
    driven.send("on_show", row=-1, kind="fp")
    assert len(driven.grid()) == header["total"]["fpr"]["hits"]
    driven.send("on_set", name="level", value="face")
    driven.send("on_show", row=-1, kind="fp")
    assert "holding" in driven.data["header"]["shown"]
    driven.send("on_keep_view")
    assert "Open the faces dataset" in driven.op("notify")["message"]

    faces = client(ErrorAudit(), made.dataset)
    faces.send("on_load")
    faces.send("on_set", name="scope", value="all")
    faces.send("on_show", row=-1, kind="lost")
    assert "2 of them gave no face" in faces.data["header"]["shown"]
    fo.delete_dataset(videos.name)


def test_another_dataset_starts_anew(audit, faces_of):
    other = faces_of(120, seed=6)
    audit.send("on_set", name="threshold", value=0.9)
    audit.send("on_change_dataset")
    assert audit.data["header"]["threshold"]["value"] == 0.9  # the same dataset: nothing happens
    audit.dataset = other.dataset
    audit.send("on_change_dataset")
    assert audit.data["header"]["threshold"]["value"] == 0.5
    assert audit.state["choice"]["dataset"] == other.dataset.name


def test_scores_of_persons_and_videos_are_no_detectors(faces_of, client, fiftyone_db):
    made = faces_of(80, seed=25)
    for name in ("det_track_p_fake", "det_video_p_fake"):
        made.dataset.add_sample_field(name, fiftyone_db.FloatField)
    driven = client(ErrorAudit(), made.dataset)
    driven.send("on_load")
    assert driven.data["header"]["options"]["key"] == [["det", "det"]]


def test_scores_without_a_run_are_found(faces_of, client):
    made = faces_of(200, seed=7)
    made.dataset.delete_run("scores_det")
    driven = client(ErrorAudit(), made.dataset)
    driven.send("on_load")
    assert driven.data["header"]["options"]["key"] == [["det", "det"]]


# -- tabs under the plots ------------------------------------------------------------------------


def test_the_plots_are_sent_again_only_when_they_change(audit):
    audit.data["charts"] = {}
    audit.send("on_set", name="threshold", value=0.31)
    assert audit.data["charts"] == {}
    audit.send("on_set", name="level", value="face")
    assert audit.data["charts"]["distributions"]
    audit.data["charts"] = {}
    audit.send("on_load")
    assert audit.data["charts"]["roc"]


def test_only_the_open_tab_is_computed(audit):
    assert audit.data["table"]["tab"] == "table" and audit.data["table"]["slices"] is None
    audit.send("on_set", name="tab", value="transfer")
    assert audit.data["table"]["slices"] is None
    assert {row["name"] for row in audit.data["table"]["transfer"]["rows"]} <= {
        "alpha",
        "beta",
        "gamma",
    }
    assert audit.sent < 1500


@pytest.mark.parametrize("level", ["face", "video"])
def test_a_slice_shows_exactly_its_errors(audit, level):
    audit.send("on_set", name="scope", value="all")
    audit.send("on_set", name="level", value=level)
    audit.send("on_set", name="tab", value="slices")
    found = audit.data["table"]["slices"]
    assert found["rows"] and "beyond chance" in found["words"]
    for row in found["rows"][:4]:
        for kind, count in ((row["kind"], row["hits"]), ("fake", None), ("real", None)):
            audit.send("on_slice", conditions=row["conditions"], kind=kind)
            if not any(name == "set_view" for name, _ in audit.ops):
                assert audit.op("notify")["variant"] == "warning"  # a slice of one class
                continue
            view = audit.grid()
            assert number_of(audit.data["header"]["shown"]) == len(view)
            units = len(view) if level == "face" else len(set(view.values("video_id")))
            assert count is None or units == count
    audit.send("on_slice", conditions=[["nothing", 0]], kind="fp")
    assert audit.op("notify")["variant"] == "warning"


def test_a_cell_of_the_transfer_shows_its_errors(audit):
    audit.send("on_set", name="scope", value="all")
    audit.send("on_set", name="tab", value="transfer")
    for row in audit.data["table"]["transfer"]["rows"]:
        if row["fpr"] and row["fpr"]["hits"]:
            audit.send("on_slice", conditions=[["source_dataset", row["index"]]], kind="fp")
            view = audit.grid()
            assert set(view.values("source_dataset")) == {row["name"]}
            assert len(set(view.values("video_id"))) == row["fpr"]["hits"]


def test_a_second_detector_fixes_and_breaks(faces_of, client, fiftyone_db):
    made = faces_of(1600, seed=21)
    driven = client(ErrorAudit(), made.dataset)
    driven.send("on_load")
    driven.send("on_set", name="tab", value="compare")
    assert "Only one detector" in driven.data["table"]["compare"]["words"]
    rng = np.random.default_rng(0)
    ids, scores = made.dataset.values(["id", "det_p_fake"])
    other = {
        i: None if s is None else float(np.clip(s + rng.normal(0, 0.2), 0, 1))
        for i, s in zip(ids, scores, strict=True)
    }
    made.dataset.add_sample_field("second_p_fake", fiftyone_db.FloatField)
    made.dataset.set_values("second_p_fake", other, key_field="id")
    driven.send("on_load")
    driven.send("on_set", name="key", value="det")
    driven.send("on_set", name="level", value="face")
    driven.send("on_set", name="scope", value="all")
    found = driven.data["table"]["compare"]
    assert found["key"] == "second" and "at the same false alarms" in found["words"]
    for what in ("fixed", "broken"):
        total = sum(sum(row[what]) for row in found["rows"])
        driven.send("on_changed", what=what)
        assert len(driven.grid()) == total > 0
        row = max(found["rows"], key=lambda r, w=what: sum(r[w]))
        label = int(np.argmax(row[what]))
        driven.send("on_changed", what=what, row=row["index"], label=label)
        view = driven.grid()
        assert len(view) == row[what][label]
        assert set(view.values("ground_truth.label")) == {("real", "fake")[label]}
        unit = found["list"][what][0]
        driven.send("on_changed", what=what, unit=unit["unit"])
        view = driven.grid()
        assert view.values("video_id") == [unit["video"]]
        assert view.values("det_p_fake")[0] == pytest.approx(unit["p"][0])
        assert view.values("second_p_fake")[0] == pytest.approx(unit["p"][1])


def test_a_pair_shows_both_videos(faces_of, client):
    made = faces_of(800, seed=22)
    frame = frame_of(made)
    real_of = frame[frame.label == "real"].groupby("group_id").video_id.first()
    fakes = frame[frame.label == "fake"]
    pair = dict(zip(fakes.id, fakes.group_id.map(real_of), strict=True))
    pair = {i: p for i, p in pair.items() if isinstance(p, str)}
    made.dataset.set_values("pair_id", pair, key_field="id")
    driven = client(ErrorAudit(), made.dataset)
    driven.send("on_load")
    driven.send("on_set", name="scope", value="all")
    driven.send("on_set", name="tab", value="pairs")
    points = driven.data["pairs"][1]
    assert "score no higher than their own real" in driven.data["table"]["pairs"]["words"]
    number = points["ids"][0]
    name = points["customdata"][0][0]
    driven.send("on_pair", id=number, trace_idx=1)
    view = driven.grid()
    assert set(view.values("video_id")) == {name, pair[fakes[fakes.video_id == name].id.iloc[0]]}
    driven.send("on_pair", id=None)  # a click beside every point
    assert "pairs" in driven.schema["type"]["properties"]
    driven.send("on_set", name="tab", value="table")
    assert "pairs" not in driven.schema["type"]["properties"]


def test_a_region_of_the_sphere_shows_its_errors(faces_of, client):
    made = faces_of(1600, embeddings=8, seed=23)
    driven = client(ErrorAudit(), made.dataset)
    driven.send("on_load")
    for name, value in (("level", "face"), ("scope", "all"), ("tab", "slices")):
        driven.send("on_set", name=name, value=value)
    assert not any("region" in n for r in driven.data["table"]["slices"]["rows"] for n in r["name"])
    driven.send("on_set", name="regions", value=True)
    rows = driven.data["table"]["slices"]["rows"]
    mine = [r for r in rows if any(name.startswith("region") for name in r["name"])]
    assert mine  # the angle to the fake axis is in the embeddings, so errors lie together
    for row in mine[:3]:
        driven.send("on_slice", conditions=row["conditions"], kind=row["kind"])
        view = driven.grid()
        assert len(view) == row["hits"]
        label = "real" if row["kind"] == "fp" else "fake"
        assert set(view.values("ground_truth.label")) == {label}


def test_faces_of_somebody_else_count_no_more(faces_of, client):
    made = faces_of(320, seed=24)
    frame = frame_of(made)
    others = frame.id[::7]
    made.dataset.set_values("subject", dict.fromkeys(others, False), key_field="id")
    driven = client(ErrorAudit(), made.dataset)
    driven.send("on_load")
    for name, value in (("level", "face"), ("scope", "all"), ("threshold", 0.4)):
        driven.send("on_set", name=name, value=value)
    judged = frame[~frame.id.isin(others)]
    wrong = judged[(judged.label == "real") & (judged.p_fake >= 0.4)]
    total = driven.data["header"]["total"]
    assert total["real"] + total["fake"] == len(judged)
    assert total["fpr"]["hits"] == len(wrong)
    driven.send("on_show", row=-1, kind="fp")
    assert set(driven.grid().values("id")) == set(wrong.id)
    driven.send("on_set", name="group", value="sharpness")
    rows = driven.data["table"]["rows"]
    assert sum(r["real"] + r["fake"] for r in rows) == len(judged)
    driven.send("on_set", name="level", value="video")
    driven.send("on_show", row=-1, kind="all")
    assert set(driven.grid().values("id")) == set(judged.id)


def test_the_event_of_a_mounted_panel_undoes_nothing(faces, client):
    """The App sends it beside ``on_load`` with an empty state, and may be answered much later."""
    driven = client(ErrorAudit(), faces.dataset)
    driven.send("on_change_dataset")
    assert not driven.data and not driven.state
