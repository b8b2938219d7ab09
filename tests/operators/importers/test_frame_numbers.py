"""Frame numbers come from names; nothing beside the frames shifts them, and clashes are errors."""

from __future__ import annotations

import pytest
from media_forensics.detector.errors import ForensicsError
from media_forensics.detector.files.frame_numbers import frame_indices
from media_forensics.operators.importers.contract import ImportOptions
from media_forensics.operators.importers.plan import plan_import


@pytest.mark.parametrize(
    ("names", "numbers"),
    [
        ("000.png 010.png 020.png", [0, 10, 20]),
        ("frame_9.png frame_10.jpg", [9, 10]),
        ("b.png a.png", [0, 1]),
        ("0_0.png 10_0.png 320_0.png", [0, 10, 320]),
        ("f_0012_1080p.png f_0013_1080p.png", [12, 13]),
        ("1700000000123456789.png 1700000000163456789.png", [0, 1]),
        ("000.png 010.png Folder.jpg", [0, 10]),
        ("frame_5_face_0.png frame_15_face_1.png", [5, 15]),
        ("person0_3.png person1_9.png", [3, 9]),
        ("000_mask.png 010_mask.png", [0, 10]),
    ],
)
def test_numbers_of_names(names, numbers):
    assert [n for n, _ in frame_indices(names.split(), "v")] == numbers


@pytest.mark.parametrize(
    ("names", "words"),
    [
        ("000.png 010.png 010.jpg", "two frames of one number: 010.jpg and 010.png"),
        ("000.png 000.PNG", "two frames of one number"),
        ("0_0.png 0_1.png 10_0.png 10_1.png", "two frames of one number: 0_0.png and 0_1.png"),
        ("frame_1_face_0.png frame_1_face_1.png", "two frames of one number"),
        ("000.png 010.png 010-copy.png", "two frames of one number"),
        ("0_0.png 10_1.png", "may be the first or the last number of 0_0.png, 10_1.png"),
        ("3_a9.png 4_b7c2.png", "may be the first or the last number"),
        ("a.png b.png 1.png", "1.png has a frame number and a.png has none"),
    ],
)
def test_numbers_that_clash_are_an_error_and_no_positions(names, words):
    with pytest.raises(ForensicsError, match=words):
        frame_indices(names.split(), "v")


def test_a_cover_beside_frames_is_no_frame_and_is_named(plant):
    root = plant("gend", "FF/{real/000,Deepfakes/000_003}/{000,010,020}.png")
    (root / "FF/real/000/Folder.jpg").write_bytes(b"x")
    plan = plan_import(root)
    assert {tuple(n for n, _ in r.frames) for r in plan.records} == {(0, 10, 20)}
    assert plan.report.unexplained == ["FF/real/000/Folder.jpg"]


@pytest.mark.parametrize(
    ("root", "good", "bad", "options"),
    [
        ("gend", "FF/{real/000,Deepfakes/000_003}/{000,010}.png", "FF/real/001", {}),
        ("wdf", "{real,fake}_{train,test}/1/x/7/{1,2}.png", "real_train/1/real/8", {}),
        ("T", "real/a/{0,9}.png", "real/b", {"pattern": "{label}/{video}/{frame}.png"}),
    ],
)
@pytest.mark.parametrize("faces", ["{0_0,10_0,10_1}", "{0_0,10_1}"])
def test_a_folder_that_is_not_understood_is_left_out_with_its_reason(
    root, good, bad, options, faces, plant
):
    """Several people in a frame: other folders are imported as they are."""
    root = plant(root, f"{good}\n{bad}/{faces}.png")
    chosen = ImportOptions(**options, derive_splits="never")
    plan = plan_import(root, "tree" if options else "auto", chosen)
    assert plan.records and not any(r.path.endswith(bad) for r in plan.records)
    assert list(plan.report.skipped) == [bad] and not plan.report.unexplained
    assert "frame" in plan.report.skipped[bad]


def test_the_frame_of_a_pattern_is_the_number_that_it_says(plant):
    root = plant("T", "real/v/{5_0,9_1}.png")
    options = ImportOptions(pattern="{label}/{video}/{frame}_*.png", derive_splits="never")
    assert [n for n, _ in plan_import(root, "tree", options).records[0].frames] == [5, 9]
