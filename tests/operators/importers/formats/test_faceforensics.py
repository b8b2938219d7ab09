# ruff: noqa: E501
"""FaceForensics++ and DeepFakeDetection: names, splits, pairs, masks, identities."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from media_forensics.detector.errors import ForensicsError
from media_forensics.operators.importers.contract import ImportOptions
from media_forensics.operators.importers.faceforensics_split import (
    official_pairs,
    official_splits,
)
from media_forensics.operators.importers.plan import plan_import

SPLITS = {
    "dataset/splits/train.json": json.dumps([["071", "054"]]),
    "dataset/splits/val.json": json.dumps([["720", "672"]]),
    "dataset/splits/test.json": json.dumps([["000", "003"]]),
}
TREE = """
original_sequences/youtube/c23/videos/{000,003,054,071,672,720}.mp4
manipulated_sequences/Deepfakes/c23/videos/{000_003,003_000,071_054,054_071}.mp4
manipulated_sequences/Face2Face/c23/videos/{000_003,720_672}.mp4
manipulated_sequences/Deepfakes/masks/videos/000_003.mp4
"""


def test_records_of_one_compression(plant, agree):
    plan = plan_import(plant("FaceForensics++", TREE, SPLITS))
    agree(
        plan,
        """
path                                                      video_id                                label method    family      split target_id source_id pair_id                          pair_status group mask
original_sequences/youtube/c23/videos/000.mp4             FaceForensics++/youtube/c23/000         0     original  none        test  000       -         -                                none        a     -
original_sequences/youtube/c23/videos/003.mp4             FaceForensics++/youtube/c23/003         0     original  none        test  003       -         -                                none        a     -
original_sequences/youtube/c23/videos/054.mp4             FaceForensics++/youtube/c23/054         0     original  none        train 054       -         -                                none        b     -
original_sequences/youtube/c23/videos/071.mp4             FaceForensics++/youtube/c23/071         0     original  none        train 071       -         -                                none        b     -
original_sequences/youtube/c23/videos/672.mp4             FaceForensics++/youtube/c23/672         0     original  none        val   672       -         -                                none        c     -
original_sequences/youtube/c23/videos/720.mp4             FaceForensics++/youtube/c23/720         0     original  none        val   720       -         -                                none        c     -
manipulated_sequences/Deepfakes/c23/videos/000_003.mp4    FaceForensics++/Deepfakes/c23/000_003   1     Deepfakes face_swap   test  000       003       FaceForensics++/youtube/c23/000  present     a     manipulated_sequences/Deepfakes/masks/videos/000_003.mp4
manipulated_sequences/Deepfakes/c23/videos/003_000.mp4    FaceForensics++/Deepfakes/c23/003_000   1     Deepfakes face_swap   test  003       000       FaceForensics++/youtube/c23/003  present     a     -
manipulated_sequences/Deepfakes/c23/videos/071_054.mp4    FaceForensics++/Deepfakes/c23/071_054   1     Deepfakes face_swap   train 071       054       FaceForensics++/youtube/c23/071  present     b     -
manipulated_sequences/Deepfakes/c23/videos/054_071.mp4    FaceForensics++/Deepfakes/c23/054_071   1     Deepfakes face_swap   train 054       071       FaceForensics++/youtube/c23/054  present     b     -
manipulated_sequences/Face2Face/c23/videos/000_003.mp4    FaceForensics++/Face2Face/c23/000_003   1     Face2Face reenactment test  000       003       FaceForensics++/youtube/c23/000  present     a     -
manipulated_sequences/Face2Face/c23/videos/720_672.mp4    FaceForensics++/Face2Face/c23/720_672   1     Face2Face reenactment val   720       672       FaceForensics++/youtube/c23/720  present     c     -
""",
    )
    missing = {m.path for m in plan.report.missing}
    face2face = "manipulated_sequences/Face2Face/c23/videos"
    assert missing == {
        "manipulated_sequences/Deepfakes/c23/videos/720_672.mp4",
        "manipulated_sequences/Deepfakes/c23/videos/672_720.mp4",
        f"{face2face}/003_000.mp4",
        f"{face2face}/071_054.mp4",
        f"{face2face}/054_071.mp4",
        f"{face2face}/672_720.mp4",
    }
    assert plan.report.unexplained == []
    assert plan.report.crossings == []


def test_compressions_share_a_group_and_c0_is_raw(plant, agree):
    root = plant(
        "ff",
        """
        original_sequences/youtube/{c0,c40}/videos/000.mp4
        manipulated_sequences/NeuralTextures/raw/videos/000_003.MP4
        """,
        {"splits/test.json": json.dumps([["000", "003"]])},
    )
    agree(
        plan_import(root),
        """
video_id                                     compression family      split pair_status group
FaceForensics++/youtube/raw/000              raw         none        test  none        a
FaceForensics++/youtube/c40/000              c40         none        test  none        a
FaceForensics++/NeuralTextures/raw/000_003   raw         reenactment test  present     a
""",
    )


def test_self_blends_and_identities_of_the_demo_corpus(plant, agree):
    root = plant(
        "demo",
        """
        original_sequences/youtube/c23/videos/{000,001,002}.mp4
        manipulated_sequences/SelfBlend/c23/videos/000_000.mp4
        manipulated_sequences/FaceSwap/c23/videos/002_001.mp4
        """,
        {
            "dataset/splits/train.json": json.dumps([["000", "001"]]),
            "dataset/splits/val.json": "[]",
            "dataset/splits/test.json": json.dumps([["002", "002"]]),
            "dataset/identities.csv": "video,identity,kind\n000,ann,video\n001,ann,video\n002,bob,photo\n",
        },
    )
    plan = plan_import(root)
    agree(
        plan,
        """
video_id                                 label method    split @identity @source_identity pair_status group @kind
FaceForensics++/youtube/c23/000          0     original  train ann       -                none        a     video
FaceForensics++/youtube/c23/001          0     original  train ann       -                none        a     video
FaceForensics++/youtube/c23/002          0     original  test  bob       -                none        a     photo
FaceForensics++/SelfBlend/c23/000_000    1     SelfBlend train ann       -                present     a     video
FaceForensics++/FaceSwap/c23/002_001     1     FaceSwap  -     bob       ann              present     a     photo
""",
    )
    crossing = {(c.kind, c.name) for c in plan.report.crossings}
    assert crossing == {("group", "FaceForensics++/youtube/000")}


def test_deepfakedetection_lies_in_the_same_download(plant, agree):
    root = plant(
        "ff",
        """
        original_sequences/youtube/c23/videos/000.mp4
        original_sequences/actors/c23/videos/{01__kitchen_pan,02__kitchen_pan}.mp4
        manipulated_sequences/DeepFakeDetection/c23/videos/01_02__kitchen_pan__0XUW13RW.mp4
        manipulated_sequences/DeepFakeDetection/c23/videos/03_02__hugging_happy__ABCDEFGH.mp4
        manipulated_sequences/DeepFakeDetection/masks/videos/01_02__kitchen_pan__0XUW13RW.mp4
        """,
    )
    plan = plan_import(root, options=ImportOptions(derive_splits="never"))
    assert plan.importer.name == "faceforensics++"
    agree(
        plan,
        """
source_dataset    video_id                                                                 label pair_id                                     pair_status @identity @source_identity group
FaceForensics++   FaceForensics++/youtube/c23/000                                          0     -                                           none        -         -                a
DeepFakeDetection DeepFakeDetection/actors/c23/01__kitchen_pan                             0     -                                           none        01        -                b
DeepFakeDetection DeepFakeDetection/actors/c23/02__kitchen_pan                             0     -                                           none        02        -                c
DeepFakeDetection DeepFakeDetection/DeepFakeDetection/c23/01_02__kitchen_pan__0XUW13RW     1     DeepFakeDetection/actors/c23/01__kitchen_pan present    01        02               b
DeepFakeDetection DeepFakeDetection/DeepFakeDetection/c23/03_02__hugging_happy__ABCDEFGH   1     DeepFakeDetection/actors/c23/03__hugging_happy missing  03        02               d
""",
    )
    only = plan_import(root, "dfd")
    assert {record.source_dataset for record in only.records} == {"DeepFakeDetection"}


def test_dfd_alone_is_recognised_and_gets_derived_splits(plant):
    root = plant(
        "dfd",
        "original_sequences/actors/raw/videos/{01,02,03,04,05,06,07,08,09,10}__talking.mp4",
    )
    plan = plan_import(root)
    assert plan.importer.name == "deepfakedetection"
    assert {record.split_source for record in plan.records} == {"derived"}
    assert {record.split for record in plan.records} == {"train", "val", "test"}


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ('[["000", "003"],\n ["001"]]', ["test.json, entry 2", "two video numbers"]),
        ('[["000", "003"],\n', ["test.json, line 2", "not valid JSON"]),
        ('{"000": "003"}', ["test.json", "array"]),
        ('[["../000", "003"]]', ["test.json, entry 1"]),
        (b'[["000", "\xff03"]]', ["test.json, line 1", "not UTF-8"]),
    ],
)
def test_a_malformed_split_list_is_one_clear_message(plant, text, words):
    root = plant("ff", TREE, {**SPLITS, "dataset/splits/test.json": text})
    with pytest.raises(ForensicsError) as error:
        plan_import(root)
    assert all(word in str(error.value) for word in words), str(error.value)


def test_without_lists_the_official_split_is_known(plant):
    """The numbers are a fact of the dataset; its download does not bring the lists."""
    plan = plan_import(plant("ff", TREE))
    known = {r.video_id.rpartition("/")[2]: (r.split, r.split_source) for r in plan.records}
    assert known["000"] == known["003"] == known["000_003"] == ("test", "official")
    assert not any("split" in text for text in plan.report.warnings)


def test_the_official_split_is_whole():
    pairs, splits = official_pairs(), official_splits()
    assert {split: len(found) for split, found in pairs.items()} == {
        "train": 360,
        "val": 70,
        "test": 70,
    }
    assert sorted(splits) == [f"{n:03}" for n in range(1000)]
    # three that papers name: the first pair of each list
    assert pairs["train"][0] == ("071", "054") and pairs["val"][0] == ("720", "672")
    assert pairs["test"][0] == ("953", "974")


def test_the_flat_copy(plant):
    files = "original/{000,003,071}.mp4\nDeepfakes/000_003.mp4\nFaceSwap/{003_000,071_054}.mp4"
    plan = plan_import(plant("FaceForensics++_C23", files))
    found = {r.video_id: (r.label, r.split, r.pair_id) for r in plan.records}
    real = "FaceForensics++/youtube/c23"
    assert found == {
        f"{real}/000": (0, "test", None),
        f"{real}/003": (0, "test", None),
        f"{real}/071": (0, "train", None),
        "FaceForensics++/Deepfakes/c23/000_003": (1, "test", f"{real}/000"),
        "FaceForensics++/FaceSwap/c23/003_000": (1, "test", f"{real}/003"),
        "FaceForensics++/FaceSwap/c23/071_054": (1, "train", f"{real}/071"),
    }


def test_a_video_in_two_splits_is_a_conflict(plant):
    texts = {**SPLITS, "dataset/splits/val.json": json.dumps([["720", "000"]])}
    plan = plan_import(plant("ff", TREE, texts))
    assert any("video 000 is in val and in test" in text for text in plan.report.conflicts)


@pytest.mark.parametrize("folder", ["dataset/splits", "splits", "."])
def test_the_lists_may_lie_where_other_code_wants_them(plant, folder):
    texts = {f"{folder}/{Path(name).name}": text for name, text in SPLITS.items()}
    plan = plan_import(plant("ff", TREE, texts))
    assert {r.split for r in plan.records} == {"train", "val", "test"}


def test_originals_alone_have_the_groups_of_the_lists(plant):
    plan = plan_import(
        plant("ff", "original_sequences/youtube/c23/videos/{000,003,054}.mp4", SPLITS)
    )
    groups = {r.target_id: r.group_id for r in plan.records}
    assert groups["000"] == groups["003"] != groups["054"]


@pytest.mark.parametrize("folder", ["DeepFakeDetection", "deepfakedetection"])
def test_deepfakedetection_in_the_flat_copy(plant, folder):
    paths = f"original/000.mp4\nDeepfakes/000_003.mp4\n{folder}/01_02__walk__ABCDEFGH.mp4"
    plan = plan_import(plant("FaceForensics++_C23", paths))
    ids = [r.video_id for r in plan.records]
    assert "DeepFakeDetection/DeepFakeDetection/c23/01_02__walk__ABCDEFGH" in ids and len(ids) == 3
    assert plan.report.unexplained == []


def test_the_flat_copy_in_small_letters(plant):
    plan = plan_import(plant("ff_c23", "Original/000.mp4\ndeepfakes/000_003.mp4"))
    assert [(r.video_id, r.split) for r in plan.records] == [
        ("FaceForensics++/Deepfakes/c23/000_003", "test"),
        ("FaceForensics++/youtube/c23/000", "test"),
    ]
