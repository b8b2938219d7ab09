"""The timeline's callbacks on a real database: persons, gaps with reasons, the paired real."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from media_forensics.operators.dataset import fields
from media_forensics.operators.panels.timeline.timeline import TimelinePanel

pytestmark = pytest.mark.fiftyone


@pytest.fixture(scope="module")
def made(faces_of, fiftyone_db):
    """Faces, and a video dataset in which every video was also tried at frames 20 and 21."""
    fo = fiftyone_db
    made = faces_of(160, seed=31)
    frame = pd.DataFrame(made.table)
    frame["id"] = made.dataset.values("id")
    frame.loc[3, "p_fake"] = np.nan
    made.dataset.set_values("det_p_fake", {frame.id[3]: None}, key_field="id")
    made.dataset.set_values("det_reason", {frame.id[3]: "too_small"}, key_field="id")
    fakes = frame[frame.label == "fake"].video_id.unique()
    real = frame[frame.label == "real"].video_id.iloc[0]
    pairs = {i: real for i in frame[frame.video_id == fakes[0]].id}
    made.dataset.set_values("pair_id", pairs, key_field="id")
    videos = fo.Dataset()
    videos.media_type = "video"
    fields.declare_common_fields(videos)
    for number, name in enumerate([*frame.video_id.unique(), "alpha/original/nothing"]):
        sample = fo.Sample(f"/nowhere/{number}.mp4", video_id=name)
        for face in frame[frame.video_id == name].itertuples():
            sample.frames[int(face.frame_number)] = fo.Frame(
                faces=fo.Detections(detections=[fo.Detection(label="subject", reason=None)])
            )
        sample.frames[20] = fo.Frame(
            faces=fo.Detections(detections=[fo.Detection(label="x", reason="mask_empty")])
        )
        sample.frames[21] = fo.Frame(faces=fo.Detections(detections=[]))
        videos.add_sample(sample)
    fields.set_description(videos, kind="videos", faces_dataset=made.dataset.name)
    fields.set_description(made.dataset, video_dataset=videos.name)
    made.frame, made.videos, made.real, made.fake = frame, videos, real, fakes[0]
    yield made
    fo.delete_dataset(videos.name)


@pytest.fixture
def panel(made, client):
    driven = client(TimelinePanel(), made.dataset)
    driven.current = made.frame.id[0]
    driven.send("on_load")
    return driven


def lines(panel) -> list[dict]:
    return [t for t in panel.data["plot"] if t["mode"] == "lines+markers"]


def test_scores_of_each_person_by_frame(panel, made):
    video = made.frame.video_id[0]
    part = made.frame[made.frame.video_id == video]
    drawn = {}
    for trace in lines(panel):
        assert trace["x"] == sorted(trace["x"])
        for x, y, sample_id in zip(trace["x"], trace["y"], trace["ids"], strict=True):
            drawn[sample_id] = (x, y)
    assert set(drawn) == set(part.id)
    for face in part.itertuples():
        x, y = drawn[face.id]
        assert x == face.frame_number
        assert (y is None) == np.isnan(face.p_fake) and (y is None or abs(y - face.p_fake) < 1e-4)
    means = [np.nanmean([y for y in t["y"] if y is not None]) for t in lines(panel)]
    assert means == sorted(means, reverse=True)
    assert len({t["marker"]["symbol"] for t in lines(panel)}) == len(lines(panel)) == 2


def test_gaps_carry_their_reasons(panel, made):
    gaps = next(t for t in panel.data["plot"] if t["name"] == "no score")
    found = dict(zip(gaps["x"], gaps["customdata"], strict=True))
    assert found == {made.frame.frame_number[3]: "too_small", 20: "mask_empty", 21: "no_face"}
    assert "3 tried frames without a score" in panel.state["view"]["words"]


def test_driving_frames_are_the_highest(panel, made):
    ringed = next(t for t in panel.data["plot"] if t["name"] == "driving frames")
    part = made.frame[made.frame.video_id == made.frame.video_id[0]]
    assert ringed["ids"] == list(part.nlargest(3, "p_fake").id)


def test_the_paired_real_is_overlaid(panel, made):
    assert not [t for t in panel.data["plot"] if t["name"] == "its real"]
    panel.current = made.frame[made.frame.video_id == made.fake].id.iloc[0]
    panel.send("on_change_current_sample")
    overlay = next(t for t in panel.data["plot"] if t["name"] == "its real")
    real = made.frame[made.frame.video_id == made.real].set_index("id")
    assert set(overlay["ids"]) <= set(real.index) and overlay["line"]["dash"] == "dot"
    want = [real.p_fake[i] for i in overlay["ids"]]
    assert overlay["y"] == [None if np.isnan(p) else round(p, 4) for p in want]


def test_a_click_shows_and_opens_the_face(panel, made):
    sample_id = lines(panel)[0]["ids"][2]
    panel.send("on_point", id=sample_id)
    assert panel.op("open_sample")["id"] == sample_id
    assert made.dataset[sample_id].filepath.rpartition("/")[2] in panel.data["crop"]
    panel.current = sample_id
    panel.send("on_change_current_sample")  # the opened face: nothing is drawn again
    assert panel.state["choice"]["shown"] == sample_id
    assert panel.sent < 3000


def test_the_open_face_is_the_one_that_is_shown(panel, made):
    panel.current = made.frame.id[5]  # another face of the video that is drawn
    panel.send("on_change_current_sample")
    assert made.dataset[panel.current].filepath.rpartition("/")[2] in panel.data["crop"]
    assert panel.state["view"]["card"]["words"] == f"This face: frame {made.frame.frame_number[5]}"


def test_from_the_video_dataset(made, client):
    panel = client(TimelinePanel(), made.videos)
    panel.current = made.videos.match({"video_id": made.fake}).first().id
    panel.send("on_load")
    part = made.frame[made.frame.video_id == made.fake]
    drawn = {i for t in lines(panel) if t["name"] != "its real" for i in t["ids"]}
    assert drawn == set(part.id)
    panel.send("on_point", id=part.id.iloc[0])  # a face cannot be opened in a video dataset
    assert not [name for name, _ in panel.ops if name == "open_sample"]
    assert "player" not in panel.data
    panel.send("on_point", x=7.0)  # of a frame without a face
    assert panel.data["player"]["frame"] == 7
    assert "player" in panel.schema["type"]["properties"]
    panel.current = made.videos.match({"video_id": "alpha/original/nothing"}).first().id
    panel.send("on_change_current_sample")
    assert "The video has no score" in panel.state["view"]["words"]
    assert "called real" not in panel.state["view"]["words"]


def test_a_ticked_sample_and_empty_states(made, client, fiftyone_db):
    panel = client(TimelinePanel(), made.dataset)
    panel.send("on_load")
    assert "tick one in the grid" in panel.state["empty"]["hint"]
    panel.selected = [made.frame.id[9]]
    panel.send("on_change_selected")
    assert panel.state["view"]["title"] == made.frame.video_id[9]
    before = dict(panel.state["choice"])
    panel.send("on_change_selected")
    assert panel.state["choice"] == before
    plain = fiftyone_db.Dataset()
    empty = client(TimelinePanel(), plain)
    empty.send("on_load")
    assert "Score faces" in empty.state["empty"]["hint"]
    assert {"score", "again"} <= set(empty.schema["type"]["properties"])
    fiftyone_db.delete_dataset(plain.name)
