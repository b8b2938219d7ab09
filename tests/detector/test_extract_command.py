"""Extraction from the command line: lists of videos, shards, merging, stopping, coverage."""

from __future__ import annotations

import json
import logging
import signal
from dataclasses import replace
from pathlib import Path

import pytest
from media_forensics.detector import extract_command
from media_forensics.detector.crops.coverage import Coverage, coverage_table
from media_forensics.detector.errors import ForensicsError
from media_forensics.detector.extract_command import main, shard_from_text
from media_forensics.detector.faces.video_faces import FaceRow, FrameFaces, VideoFaces
from media_forensics.detector.records import VideoRecord
from media_forensics.detector.runners.extract import shard_of
from media_forensics.detector.runners.pace import duration, pace
from media_forensics.detector.runners.video_list import read_video_list, write_video_list


def files(folder: Path) -> dict[str, bytes]:
    return {str(p.relative_to(folder)): p.read_bytes() for p in paths(folder)}


def paths(folder: Path) -> list[Path]:
    """The files of a store, without the notes of who worked in it."""
    found = [p for p in sorted(folder.rglob("*")) if p.is_file()]
    return [p for p in found if p.parent.name != "running"]


# ----------------------------------------------------------------------------- the list
def test_a_list_gives_its_records_back(tmp_path):
    records = [
        VideoRecord("s/a", "/v/ä b.mp4", 0, "s"),
        VideoRecord(
            "s/f",
            "/v/f",
            1,
            "s",
            method="DF",
            pair_id="s/a",
            parents=("s/a", "s/b"),
            mask_path="/m/f.mp4",
            frames=((3, "/v/f/3.png"), (7, "/v/f/7.png")),
            aligned=True,
            attributes={"sex": "f", "age": 31, "known": False},
        ),
    ]
    assert write_video_list(tmp_path / "v.jsonl", records) == 2
    assert read_video_list(tmp_path / "v.jsonl") == records


def test_relative_paths_belong_to_the_folder_of_the_list(tmp_path):
    row = {"video_id": "a", "path": "x/a.mp4", "label": 1, "source_dataset": "s", "mask_path": "m"}
    (tmp_path / "v.jsonl").write_text(json.dumps(row) + "\n\n")
    (record,) = read_video_list(tmp_path / "v.jsonl")
    assert (record.path, record.mask_path) == (str(tmp_path / "x/a.mp4"), str(tmp_path / "m"))


@pytest.mark.parametrize(
    ("line", "words"),
    [
        ("{", "line 2"),
        ("[1]", "no JSON object"),
        ('{"video_id": "a", "path": "a", "label": 0}', "'source_dataset' is missing"),
        (
            '{"video_id": "a", "path": "a", "label": "fake", "source_dataset": "s"}',
            "label is 'fake'",
        ),
        (
            '{"video_id": "a", "path": "a", "label": 0, "source_dataset": "s", "lable": 1}',
            "Did you mean",
        ),
    ],
)
def test_a_wrong_line_is_named(line, words, tmp_path):
    good = '{"video_id": "b", "path": "b", "label": 0, "source_dataset": "s"}'
    (tmp_path / "v.jsonl").write_text(f"{good}\n{line}\n")
    with pytest.raises(ForensicsError) as caught:
        read_video_list(tmp_path / "v.jsonl")
    assert words in str(caught.value) and "line 2" in str(caught.value)


def test_no_list_and_an_empty_list(tmp_path):
    with pytest.raises(ForensicsError, match="cannot be read"):
        read_video_list(tmp_path / "none")
    (tmp_path / "v").write_text("\n")
    with pytest.raises(ForensicsError, match="lists no video"):
        read_video_list(tmp_path / "v")


# ------------------------------------------------------------------------- words and counts
def test_shards_are_written_from_zero():
    assert shard_from_text("0/1") == (0, 1) and shard_from_text("11/12") == (11, 12)
    for text in ("1/1", "-1/2", "1", "a/b", "1/", "0/0", "1.0/2"):
        with pytest.raises(ForensicsError, match="not a shard"):
            shard_from_text(text)


def test_pace_in_words():
    assert pace(0, 10, 5.0) == ""
    assert pace(10, 40, 5.0) == "2.0 per second, 15 s left"
    assert pace(2, 100, 10.0) == "5.0 s each, 8 min left"
    assert duration(7200 + 20 * 60) == "2 h 20 min"


def test_coverage_counts_every_frame_and_every_reason():
    def result(*frames, reason=None):
        return VideoFaces("v", "h", frames=frames, reason=reason)

    def frame(crops=0, reason=None, others=()):
        faces = [FaceRow(n, (0, 0, 1, 1), crop="x") for n in range(crops)]
        faces += [FaceRow(9, (0, 0, 1, 1), reason=other) for other in others]
        return FrameFaces(0, reason=reason, faces=tuple(faces))

    real = VideoRecord("r", "r", 0, "FF")
    fake = VideoRecord("f", "f", 1, "FF", method="DF")
    counts = Coverage()
    counts.add(real, result(frame(1), frame(0, "no_face"), frame(1, None, ["not_subject"])))
    counts.add(fake, result(frame(0, "mask_empty", ["not_subject"]), reason="mask_empty"))
    counts.add(fake, result(reason="empty_file"))
    found = counts.to_json()
    assert (found["videos"], found["without_face"], found["faces"]) == (3, 2, 2)
    assert found["groups"] == [
        {
            "source_dataset": "FF",
            "label": "fake",
            "method": "DF",
            "videos": 2,
            "without_face": 2,
            "faces": 0,
            "frames_tried": 1,
            "frames_usable": 0,
        },
        {
            "source_dataset": "FF",
            "label": "real",
            "method": "original",
            "videos": 1,
            "without_face": 0,
            "faces": 2,
            "frames_tried": 3,
            "frames_usable": 2,
        },
    ]
    assert found["video_reasons"] == {"mask_empty": 1, "empty_file": 1}
    assert found["frame_reasons"] == {"no_face": 1, "mask_empty": 1}
    assert found["face_reasons"] == {"not_subject": 2}
    table = coverage_table(found)
    assert "| FF | real | original | 1 | 0 | 2 | 2 of 3 (66.7 %) |" in table
    assert "Videos without a face: 1 empty_file, 1 mask_empty." in table
    assert "n/a" not in table and "n/a" in coverage_table(
        {**found, "groups": [{**found["groups"][0], "frames_tried": 0}]}
    )


# ------------------------------------------------------------------------------- real clips
KEYS = ("carphone_distorted.mp4", "carphone_pristine.mp4", "hopper", "astronaut")
FAST = ("--count", "2", "--max-side", "320", "--device", "cpu")


@pytest.fixture
def video_list(footage, weights_dir, tmp_path) -> Path:
    records = [VideoRecord(f"s/{key}", str(footage[key]), 0, "s") for key in KEYS]
    (tmp_path / "broken.mp4").write_text("no video")
    records.append(VideoRecord("s/broken", str(tmp_path / "broken.mp4"), 1, "s", method="DF"))
    write_video_list(tmp_path / "videos.jsonl", records)
    return tmp_path / "videos.jsonl"


@pytest.mark.weights
def test_shards_merged_are_the_bytes_of_one_run(video_list, tmp_path, capsys):
    assert main(["run", str(video_list), str(tmp_path / "one"), *FAST]) == 0
    table = capsys.readouterr().out
    assert "| s | fake | DF | 1 | 1 | 0 | n/a |" in table
    assert "Videos without a face: 1 decode_error." in table
    folders = [tmp_path / f"shard{n}" for n in range(3)]
    for n, folder in enumerate(folders):
        summary = tmp_path / f"{n}.json"
        arguments = ["--shard", f"{n}/3", "--summary", str(summary), *FAST]
        assert main(["run", str(video_list), str(folder), *arguments]) == 0
        mine = [r for r in read_video_list(video_list) if shard_of(r, 3) == n]
        assert json.loads(summary.read_text())["videos"] == len(mine)
    merged = tmp_path / "all"
    assert main(["merge", str(merged), *map(str, folders)]) == 0
    assert files(merged) == files(tmp_path / "one")
    times = {p: p.stat().st_mtime_ns for p in paths(merged)}
    assert main(["merge", str(merged), *map(str, folders), str(merged)]) == 0
    assert main(["run", str(video_list), str(merged), *FAST]) == 0  # nothing is left to do
    assert times == {p: p.stat().st_mtime_ns for p in paths(merged)}


@pytest.mark.weights
def test_a_recipe_from_a_file_with_parts_replaced(video_list, tmp_path):
    recipe = tmp_path / "recipe.json"
    recipe.write_text(json.dumps({"template": "ffhq", "scale": 1.0, "size": 64, "count": 9}))
    arguments = ["--recipe", str(recipe), "--image-format", "webp", "--shard", "1/3", *FAST]
    assert main(["run", str(video_list), str(tmp_path / "s"), *arguments]) == 0
    (found,) = (json.loads(p.read_text()) for p in (tmp_path / "s").glob("*/recipe.json"))
    wanted = {"template": "ffhq", "size": 64, "image_format": "webp", "count": 2, "max_side": 320}
    assert {name: found[name] for name in wanted} == wanted
    names = {p.suffix for p in (tmp_path / "s").rglob("*") if p.is_file()}
    assert names <= {".webp", ".json"}


@pytest.mark.weights
def test_told_to_stop_it_keeps_what_is_done(video_list, tmp_path, monkeypatch, caplog):
    original = extract_command.extract_videos

    def interrupted(*args, **options):
        for result in original(*args, **options):
            yield result
            signal.raise_signal(signal.SIGTERM)

    before = signal.getsignal(signal.SIGTERM)
    with monkeypatch.context() as patch:
        patch.setattr(extract_command, "extract_videos", interrupted)
        assert main(["run", str(video_list), str(tmp_path / "s"), *FAST]) == 3
    assert signal.getsignal(signal.SIGTERM) is before
    assert "Stopped after 1 of 5 videos" in caplog.text
    assert len(list((tmp_path / "s").rglob("index/**/*.json"))) == 1
    assert main(["run", str(video_list), str(tmp_path / "s"), *FAST]) == 0
    assert len(list((tmp_path / "s").rglob("index/**/*.json"))) == 5


@pytest.mark.weights
def test_mistakes_are_one_line_and_status_2(video_list, tmp_path, caplog):
    caplog.set_level(logging.ERROR)
    store = str(tmp_path / "s")
    for arguments, words in (
        (["run", str(tmp_path / "none"), store], "cannot be read"),
        (["run", str(video_list), store, "--shard", "4/4"], "not a shard"),
        (["run", str(video_list), store, "--detector", "dlib"], "recipe's detector"),
        (["run", str(video_list), store, "--recipe", str(video_list)], "cannot be read"),
        (["merge", store, str(tmp_path / "empty")], "holds no crop store"),
    ):
        assert main(arguments) == 2
        assert words in caplog.text
        caplog.clear()
    assert not (tmp_path / "s").exists()


@pytest.mark.weights
def test_a_merge_survives_crops_that_are_gone(video_list, tmp_path, caplog):
    assert main(["run", str(video_list), str(tmp_path / "a"), *FAST]) == 0
    whole = files(tmp_path / "a")
    lost = next((tmp_path / "a").rglob("*.png"))
    lost.unlink()
    assert main(["merge", str(tmp_path / "b"), str(tmp_path / "a")]) == 0
    assert "makes it again" in caplog.text
    assert main(["run", str(video_list), str(tmp_path / "b"), *FAST]) == 0
    assert files(tmp_path / "b") == whole


def test_a_recipe_changed_by_hand_is_not_merged(tmp_path):
    from media_forensics.detector.crops.store import CropStore
    from media_forensics.detector.records import CropRecipe
    from media_forensics.detector.runners.store_merge import stored_recipes

    recipe = CropRecipe(detector_sha256="d" * 64)
    CropStore(tmp_path, recipe).prepare()
    assert stored_recipes(tmp_path) == [recipe]
    path = tmp_path / recipe.hash / "recipe.json"
    path.write_text(json.dumps(replace(recipe, scale=1.4).to_json()))
    with pytest.raises(ForensicsError, match="not the recipe of its folder"):
        stored_recipes(tmp_path)
