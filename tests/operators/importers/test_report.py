"""The dry-run report: every finding, against the official numbers, as table, text and JSON."""

from __future__ import annotations

import json

import pytest
from media_forensics.detector.errors import ForensicsError
from media_forensics.detector.records import Reason
from media_forensics.operators.importers.contract import ImportOptions
from media_forensics.operators.importers.plan import plan_import

TREE = """
original_sequences/youtube/c23/videos/{000,003,071}.mp4
manipulated_sequences/Deepfakes/c23/videos/{000_003,003_000}.mp4
manipulated_sequences/Deepfakes/c23/videos/holiday.mp4
"""
TEXTS = {
    "dataset/splits/train.json": '[["071", "054"]]',
    "dataset/splits/val.json": "[]",
    "dataset/splits/test.json": '[["000", "003"]]',
    "original_sequences/youtube/c23/videos/054.mp4": b"",
}


@pytest.fixture
def report(plant):
    return plan_import(plant("FaceForensics++", TREE, TEXTS)).report


def row(report, split, method):
    return next(r for r in report.counts if (r.split, r.method) == (split, method))


def test_counts_against_the_official_numbers(report):
    train = row(report, "train", "original")
    assert (train.found, train.chosen, train.official, train.difference) == (2, 2, 720, -718)
    test = row(report, "test", "Deepfakes")
    assert (test.label, test.compression, test.found, test.official) == ("fake", "c23", 2, 140)
    assert row(report, "val", "FaceShifter").found == 0
    assert report.found == report.chosen == 6 and report.groups == 2


def test_findings(report):
    base = "manipulated_sequences/Deepfakes/c23/videos"
    assert [m.path for m in report.missing] == [f"{base}/054_071.mp4", f"{base}/071_054.mp4"]
    assert {m.listed_in for m in report.missing} == {"dataset/splits/train.json"}
    assert report.unexplained == [f"{base}/holiday.mp4"]
    assert report.empty == ["original_sequences/youtube/c23/videos/054.mp4"]
    text = report.text()
    for words in (
        "2 listed files are missing",
        "1 file is not explained by any rule",
        "1 file has zero bytes",
        "because original_sequences/youtube is there",
        "FaceForensics terms of use",
    ):
        assert words in text
    assert report.table().splitlines()[0].split()[:3] == ["split", "method", "label"]


def test_json_holds_everything(report):
    data = json.loads(json.dumps(report.to_json()))
    assert data["format"] == "faceforensics++"
    assert data["counts"][0]["difference"] == -718
    assert data["missing"][0]["listed_in"] == "dataset/splits/train.json"
    assert data["unexplained"] and data["empty"]


def test_an_empty_file_is_a_record_with_a_reason(plant):
    root = plant("FaceForensics++", TREE, TEXTS)
    empty = root / "original_sequences/youtube/c23/videos/054.mp4"
    plan = plan_import(root)
    assert plan.reasons == {str(empty): Reason.EMPTY_FILE}
    assert str(empty) in {record.path for record in plan.records}


def test_chosen_counts_follow_the_options(plant):
    root = plant("FaceForensics++", TREE, TEXTS)
    report = plan_import(root, options=ImportOptions(splits=("test",))).report
    assert row(report, "train", "original").chosen == 0
    assert row(report, "test", "original").chosen == 2
    assert (report.found, report.chosen) == (6, 4)


def test_sums_where_only_sums_are_published(plant):
    root = plant(
        "Celeb-DF-v2",
        "Celeb-real/{id0_0000,id1_0000}.mp4\nYouTube-real/00000.mp4",
        {"List_of_testing_videos.txt": "1 YouTube-real/00000.mp4\n"},
    )
    counts = {(r.split, r.method): r for r in plan_import(root).report.counts}
    assert counts["all", "all (Celeb-real)"].found == 2
    assert counts["all", "all (Celeb-real)"].official == 590
    assert counts["test", "original"].official == 178
    assert counts["test", "original"].found == 1


def test_a_published_sum_of_a_folder_counts_what_is_chosen(plant):
    root = plant(
        "Celeb-DF-v2",
        "Celeb-real/id{0_0000,1_0000,2_0000}.mp4\nCeleb-synthesis/id0_id1_0000.mp4",
        {"List_of_testing_videos.txt": "1 Celeb-real/id0_0000.mp4\n"},
    )
    report = plan_import(root, options=ImportOptions(splits=("test",))).report
    rows = {row.method: row for row in report.counts if row.split == "all"}
    celeb = rows["all (Celeb-real)"]
    assert (celeb.found, celeb.chosen, celeb.official) == (3, 1, 590)
    assert (rows["all"].found, rows["all"].chosen) == (1, 0)


def test_nothing_left_says_what_there_is(plant):
    root = plant("FaceForensics++", TREE, TEXTS)
    with pytest.raises(ForensicsError, match="test, Deepfakes, c23: 2") as error:
        plan_import(root, options=ImportOptions(splits=("val",)))
    assert error.value.field == "splits"


def test_a_root_with_the_signature_but_no_video(plant):
    root = plant("FaceForensics++", "original_sequences/youtube/c23/videos/notes.txt")
    with pytest.raises(ForensicsError, match="No video of FaceForensics"):
        plan_import(root)


def test_two_files_with_one_id(plant):
    root = plant("FaceForensics++", TREE + "original_sequences/youtube/c23/videos/000.avi", TEXTS)
    with pytest.raises(ForensicsError, match=r"000\.avi and .*000\.mp4"):
        plan_import(root)


def test_a_failed_plan_leaves_the_folder_as_it_was(plant):
    root = plant("FaceForensics++", TREE, {**TEXTS, "dataset/splits/val.json": "["})
    before = sorted((p, p.stat().st_mtime_ns) for p in root.rglob("*"))
    with pytest.raises(ForensicsError):
        plan_import(root)
    assert sorted((p, p.stat().st_mtime_ns) for p in root.rglob("*")) == before
