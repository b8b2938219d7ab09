"""The player's panel on a real database: what stands side by side, previews, what is missing."""

from __future__ import annotations

import base64
import os
from pathlib import Path

import numpy as np
import pytest
from media_forensics.detector.frames import read_frames
from media_forensics.detector.frames.frame_times import frame_times
from media_forensics.operators.panels.player import previews
from media_forensics.operators.panels.player.player import PlayerPanel
from media_forensics.operators.panels.player.sides import CROPS
from media_forensics.operators.panels.player.video_pairs import NO_PAIR
from numbered_clips import code_of, played

pytestmark = pytest.mark.fiftyone
BOTH = ["h264", "vp9"]


@pytest.fixture(scope="module")
def made(fiftyone_db, tmp_path_factory):
    made = played(fiftyone_db, tmp_path_factory.mktemp("played"))
    yield made
    for dataset in (made.videos, made.faces):
        fiftyone_db.delete_dataset(dataset.name)


@pytest.fixture
def cache(tmp_path, monkeypatch):
    monkeypatch.setenv("MEDIA_FORENSICS_CACHE", str(tmp_path / "cache"))
    return tmp_path / "cache" / "previews"


@pytest.fixture(params=["faces", "videos"])
def panel(request, made, client):
    driven = client(PlayerPanel(), getattr(made, request.param))
    driven.send("on_load")
    assert driven.state["empty"] is None
    return driven


def test_a_fake_and_its_real_with_their_times_and_scores(panel, made):
    shown = panel.send("on_open", video="even/fake")
    left, right = shown["left"], shown["right"]
    assert (left["video"], right["video"], shown["names"]) == (
        *("even/fake", "even/real"),
        ["Fake", "Real"],
    )
    assert left["path"] == str(made.path["even/fake"])
    assert left["type"] == 'video/mp4; codecs="avc1.640028"'
    times = np.frombuffer(base64.b64decode(left["times"]), "<f8")
    assert np.array_equal(times, frame_times(left["path"]).seconds) and len(times) == 30
    assert (shown["sync"], shown["fakes"]) == ("number", ["even/fake", "even/fake2"])
    assert "both have 30 frames" in shown["together"]
    assert [person["track"] for person in shown["people"]] == [1, 0]  # the higher mean first
    number, score, face, box, heat = shown["people"][1]["points"][2]
    sample = made.faces[face]
    assert (number, score) == (sample.frame_number, sample.det_p_fake) == (9, 0.36)
    assert box == [0.25, 0.0, 0.5, 0.5] and heat == "det_gradient"
    assert [len(person["points"]) for person in shown["reals"]] == [7]
    assert shown["threshold"] == 0.5 and "Video score" in shown["words"]


def test_unequal_couples_go_together_by_time(panel):
    shown = panel.send("on_open", video="odd/fake")
    assert shown["sync"] == "time" and "28 and 30 frames" in shown["together"]


def test_a_face_opens_at_its_frame_and_its_person(panel, made):
    face = made.faces.match({"video_id": "even/fake", "track": 1, "frame_number": 6}).first()
    shown = panel.send("on_open", sample=face.id)
    assert (shown["left"]["video"], shown["at"], shown["track"]) == ("even/fake", 6, 1)
    real = made.faces.match({"video_id": "even/real"}).first()
    shown = panel.send("on_open", sample=real.id)  # a real stands on the right of its first fake
    assert (shown["left"]["video"], shown["on"]) == ("even/fake", "right")
    assert panel.send("on_open", video="even/real", fake="even/fake2")["left"]["video"] == (
        "even/fake2"
    )
    assert panel.sent < 2000


def test_what_is_missing_is_said(panel, made, fiftyone_db, client):
    shown = panel.send("on_open", video="gone/fake")
    assert shown["alone"] == NO_PAIR and shown["right"] is None
    assert "gone.mp4 is not there any more" in shown["left"]["why"]
    assert shown["left"]["kind"] == "pictures" and shown["left"]["crops"]
    shown = panel.send("on_open", video="old/fake")
    assert "old/real, is not in this dataset" in shown["alone"]
    assert "no video 'nobody'" in panel.send("on_open", video="nobody")["refused"]["message"]
    assert "belongs to no video" in panel.send("on_open", sample="0" * 24)["refused"]["message"]
    plain = fiftyone_db.Dataset()
    plain.media_type = "video"
    plain.add_sample(fiftyone_db.Sample(str(made.path["even/real"]), video_id="even/real"))
    alone = client(PlayerPanel(), plain)
    alone.send("on_load")
    shown = alone.send("on_open")
    assert shown["left"]["kind"] == "video" and shown["words"].startswith("No scores: ")
    assert "Run 'Extract faces'" in shown["words"]
    assert "extract" in alone.schema["type"]["properties"]
    bare = made.faces.match({"video_id": "even/real"}).select_fields(
        ["video_id", "frame_number", "ground_truth"]
    )
    faces = bare.clone()
    unscored = client(PlayerPanel(), faces)
    unscored.send("on_load")
    assert "Run 'Score faces'" in unscored.send("on_open", video="even/real")["words"]
    assert "score" in unscored.schema["type"]["properties"]
    fiftyone_db.delete_dataset(faces.name)
    fiftyone_db.delete_dataset(plain.name)
    assert "was deleted" in alone.send("on_open", dataset="0" * 24)["refused"]["message"]


def test_pictures_play_as_a_sequence_with_their_numbers(panel, made):
    left = panel.send("on_open", video="pictures/fake")["left"]
    assert (left["kind"], left["why"]) == ("pictures", CROPS)
    assert left["numbers"] == list(range(1, 24, 2))
    assert all(Path(file).is_file() for file in left["files"])


def test_a_preview_holds_the_frames_of_the_file(panel, made, cache):
    assert panel.send("on_open", video="old/fake")["left"]["type"] == ""
    for plays, words in ((BOTH, "H.264"), (["vp9"], "VP9")):
        found = panel.send("on_preview", video="old/fake", frame=5, plays=plays)
        assert words in found["words"] and "MPEG4 in AVI" in found["why"]
        assert (found["first"], found["frames"]) == (0, 28)
        assert Path(found["path"]).parent == cache and Path(found["path"]).stem.isalnum()
        frames = list(read_frames(found["path"], range(28)))
        assert [code_of(image) for _, image in frames] == list(range(28))
    before = sorted(path.stat().st_mtime_ns for path in cache.iterdir())
    again = panel.send("on_preview", video="old/fake", frame=9, plays=["vp9"])
    assert again["path"] == found["path"] and len(list(cache.iterdir())) == len(before)
    none = panel.send("on_preview", video="old/fake", frame=5, plays=[])
    assert "plays neither" in none["refused"]["message"]


def test_only_files_of_the_dataset_are_given(panel, made, cache, tmp_path, monkeypatch):
    for name in (str(made.path["old/fake"]), "../../etc/passwd", "nobody", None):
        answer = panel.send("on_preview", video=name, path="/etc/passwd", plays=BOTH)
        assert "There is no video" in answer["refused"]["message"]
    assert not cache.exists()
    monkeypatch.setenv("MEDIA_FORENSICS_ROOTS", str(tmp_path))
    shown = panel.send("on_open", video="even/fake")
    assert shown["left"]["kind"] == "none" and not shown["left"]["path"]
    assert "outside the folders" in shown["left"]["why"]
    answer = panel.send("on_preview", video="old/fake", plays=BOTH)
    assert "outside the folders" in answer["refused"]["message"]


def test_a_heatmap_and_where_it_lies(panel, made):
    face = made.faces.match({"video_id": "even/fake", "frame_number": 1}).first()
    found = panel.send("on_heat", face=face.id, name="det_gradient", width=160, height=96)
    assert (found["rows"], found["columns"]) == (16, 16)
    assert found["place"] == pytest.approx([0.25, 0, 0.5, 0, 0, 0.5])
    for one, name in ((face.id, "filepath"), ("0" * 24, "det_rollout")):
        answer = panel.send("on_heat", face=one, name=name)
        assert "no heatmap" in answer["refused"]["message"]


def test_the_next_video_of_the_grid(panel, made):
    order = list(made.path)
    assert panel.send("on_next", video=order[0], by=1)["video"] == order[1]
    assert panel.send("on_next", video=order[1], by=-1)["video"] == order[0]
    assert panel.send("on_next", video="nobody", by=1)["video"] == order[0]
    assert panel.send("on_next", video=order[0], beside=order[1], by=1)["video"] == order[2]
    answer = panel.send("on_next", video=order[0], by=-1)
    assert "no further video" in answer["refused"]["message"]


def test_it_follows_a_ticked_sample_and_nothing_else(panel, made):
    first = panel.data["panel"]["when"]
    panel.send("on_change_selected")
    assert panel.data["panel"]["when"] == first
    panel.selected = [panel.dataset.first().id]
    panel.send("on_change_selected")
    assert panel.data["panel"]["sample"] == panel.selected[0]
    assert panel.data["panel"]["when"] > first


def test_long_videos_get_a_preview_of_the_part_that_is_watched():
    assert previews.span_of(5, 800, 640, 480) == range(800)
    assert previews.span_of(1300, 5000, 1920, 1080) == range(1200, 1800)
    assert previews.span_of(4999, 5000, 1920, 1080) == range(4800, 5000)
    assert len(previews.span_of(0, 5000, 3840, 2160)) == 150
    assert previews.span_of(-4, 5000, 99999, 99999) == range(previews.LEAST_SPAN)


def test_the_folder_of_previews_is_limited(cache):
    cache.mkdir(parents=True)
    files = [cache / f"{n}.mp4" for n in range(4)]
    for number, file in enumerate(files):
        file.write_bytes(bytes(100))
        os.utime(file, (1000 + number, 1000 + number))
    assert previews.forget_old(keep=files[0], most=250) == 2
    assert sorted(path.name for path in cache.iterdir()) == ["0.mp4", "3.mp4"]
