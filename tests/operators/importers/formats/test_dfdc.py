# ruff: noqa: E501
"""DFDC (parts, validation, test) and DFDC-Preview."""

from __future__ import annotations

import json

import pytest
from media_forensics.detector.errors import ForensicsError
from media_forensics.operators.importers.plan import plan_import

PART_0 = {
    "aaaaaaaaaa.mp4": {"label": "REAL", "split": "train", "original": None},
    "bbbbbbbbbb.mp4": {"label": "FAKE", "split": "train", "original": "aaaaaaaaaa.mp4"},
    "cccccccccc.mp4": {"label": "FAKE", "split": "train", "original": "dddddddddd.mp4"},
    "eeeeeeeeee.mp4": {"label": "FAKE", "split": "train", "original": "zzzzzzzzzz.mp4"},
    "gonegonego.mp4": {"label": "REAL", "split": "train"},
}
PART_12 = {"dddddddddd.mp4": {"label": "REAL", "split": "train"}}


def test_all_parts_validation_and_test(plant, agree):
    root = plant(
        "DFDC",
        """
        dfdc_train_part_0/{aaaaaaaaaa,bbbbbbbbbb,cccccccccc,eeeeeeeeee,unlistedxx}.mp4
        dfdc_train_part_12/dddddddddd.mp4
        validation/{ffffffffff,gggggggggg}.mp4
        test/videos/{hhhhhhhhhh,iiiiiiiiii}.mp4
        """,
        {
            "dfdc_train_part_0/metadata.json": json.dumps(PART_0),
            "dfdc_train_part_12/metadata.json": json.dumps(PART_12),
            "validation/labels.csv": "filename,label\nffffffffff.mp4,0\ngggggggggg.mp4,1\n",
            "test/labels.csv": "filename,label\nhhhhhhhhhh.mp4,1\niiiiiiiiii.mp4,0\n",
        },
    )
    plan = plan_import(root)
    agree(
        plan,
        """
path                                    video_id               label method   family  split pair_id                 pair_status group @part
dfdc_train_part_0/aaaaaaaaaa.mp4        DFDC/train/aaaaaaaaaa  0     original none    train -                       none        a     dfdc_train_part_0
dfdc_train_part_0/bbbbbbbbbb.mp4        DFDC/train/bbbbbbbbbb  1     dfdc     unknown train DFDC/train/aaaaaaaaaa   present     a     dfdc_train_part_0
dfdc_train_part_0/cccccccccc.mp4        DFDC/train/cccccccccc  1     dfdc     unknown train DFDC/train/dddddddddd   present     b     dfdc_train_part_0
dfdc_train_part_0/eeeeeeeeee.mp4        DFDC/train/eeeeeeeeee  1     dfdc     unknown train DFDC/train/zzzzzzzzzz   missing     c     dfdc_train_part_0
dfdc_train_part_12/dddddddddd.mp4       DFDC/train/dddddddddd  0     original none    train -                       none        b     dfdc_train_part_12
validation/ffffffffff.mp4               DFDC/val/ffffffffff    0     original none    val   -                       none        d     -
validation/gggggggggg.mp4               DFDC/val/gggggggggg    1     dfdc     unknown val   -                       none        e     -
test/videos/hhhhhhhhhh.mp4              DFDC/test/hhhhhhhhhh   1     dfdc     unknown test  -                       none        f     -
test/videos/iiiiiiiiii.mp4              DFDC/test/iiiiiiiiii   0     original none    test  -                       none        g     -
""",
    )
    assert [m.path for m in plan.report.missing] == ["dfdc_train_part_0/gonegonego.mp4"]
    assert plan.report.unexplained == ["dfdc_train_part_0/unlistedxx.mp4"]


def test_one_part_is_a_root_too(plant):
    root = plant(
        "dfdc_train_part_3",
        "aaaaaaaaaa.mp4",
        {"metadata.json": json.dumps({"aaaaaaaaaa.mp4": {"label": "REAL"}})},
    )
    plan = plan_import(root)
    assert [(r.video_id, r.split) for r in plan.records] == [("DFDC/train/aaaaaaaaaa", "train")]


def test_layout_of_self_blended_images_code(plant):
    root = plant(
        "DFDC", "videos/aaaaaaaaaa.mp4", {"labels.csv": "filename,label\naaaaaaaaaa.mp4,1\n"}
    )
    plan = plan_import(root)
    assert [(r.video_id, r.label, r.split) for r in plan.records] == [
        ("DFDC/test/aaaaaaaaaa", 1, "test")
    ]


def test_a_part_without_its_list_is_left_out_with_a_word(plant):
    root = plant(
        "DFDC",
        "dfdc_train_part_{0,1}/aaaaaaaaaa.mp4",
        {"dfdc_train_part_0/metadata.json": json.dumps({"aaaaaaaaaa.mp4": {"label": "REAL"}})},
    )
    plan = plan_import(root)
    assert len(plan.records) == 1
    assert "dfdc_train_part_1 holds videos but neither" in plan.report.warnings[0]
    assert plan.report.skipped == {"dfdc_train_part_1/aaaaaaaaaa.mp4": "no label"}


def test_labels_that_contradict_the_metadata(plant):
    root = plant(
        "DFDC",
        "test/{a,b}.mp4",
        {
            "test/labels.csv": "filename,label\na.mp4,0\nb.mp4,1\n",
            "test/metadata.json": json.dumps({"a.mp4": {"is_fake": 1}, "b.mp4": {"is_fake": 1}}),
        },
    )
    plan = plan_import(root)
    assert len(plan.report.conflicts) == 1
    assert "a.mp4 is real here and fake in test/metadata.json" in plan.report.conflicts[0]
    assert {r.video_id: r.label for r in plan.records} == {"DFDC/test/a": 0, "DFDC/test/b": 1}


@pytest.mark.parametrize(
    ("name", "text", "words"),
    [
        ("metadata.json", '{"a.mp4": {"label": "MAYBE"}}', "entry 1"),
        ("metadata.json", '{"a.mp4": {"label": "REAL"}, "../b.mp4": {"label": "REAL"}}', "leaves"),
        ("metadata.json", '{"a.mp4": {"label": "REAL"},\n "b.mp4": ', "line 2"),
        ("labels.csv", "filename,label\na.mp4,2\n", "line 2"),
        ("labels.csv", "filename,label\na.mp4,0\nb.mp4\n", "line 3"),
    ],
)
def test_bad_lists(plant, name, text, words):
    root = plant("DFDC", "dfdc_train_part_0/a.mp4", {f"dfdc_train_part_0/{name}": text})
    with pytest.raises(ForensicsError) as error:
        plan_import(root)
    assert words in str(error.value) and name in str(error.value)


def test_preview(plant, agree):
    root = plant(
        "dfdc_preview_set",
        """
        original_videos/643669/643669_C_033.mp4
        original_videos/1224068/1224068_A_001.mp4
        method_A/643669/643669_C/2040724_643669_C_033.mp4
        method_B/1224068/1224068_A/643669_1224068_A_001.mp4
        """,
        {
            "dataset.json": json.dumps(
                {
                    "original_videos/643669/643669_C_033.mp4": {
                        "label": "real",
                        "set": "train",
                        "augmentations": [],
                        "target_id": "643669",
                        "swapped_id": None,
                    },
                    "original_videos/1224068/1224068_A_001.mp4": {
                        "label": "real",
                        "set": "test",
                        "augmentations": [],
                        "target_id": "1224068",
                        "swapped_id": None,
                    },
                    "method_A/643669/643669_C/2040724_643669_C_033.mp4": {
                        "label": "fake",
                        "set": "train",
                        "augmentations": ["blur"],
                        "target_id": "643669",
                        "swapped_id": "2040724",
                    },
                    "method_B/1224068/1224068_A/643669_1224068_A_001.mp4": {
                        "label": "fake",
                        "set": "test",
                        "augmentations": [],
                        "target_id": "1224068",
                        "swapped_id": "643669",
                    },
                    "method_B/1/1_A/2_1_A_001.mp4": {
                        "label": "fake",
                        "set": "test",
                        "augmentations": [],
                        "target_id": "1",
                        "swapped_id": "2",
                    },
                }
            )
        },
    )
    plan = plan_import(root)
    assert plan.importer.name == "dfdc-preview"
    agree(
        plan,
        """
video_id                                           label method   family    split target_id source_id pair_id                                     pair_status group @augmentations
DFDC-Preview/original_videos/643669_C_033          0     original none      train 643669    -         -                                           none        a     -
DFDC-Preview/original_videos/1224068_A_001         0     original none      test  1224068   -         -                                           none        b     -
DFDC-Preview/method_A/2040724_643669_C_033         1     method_A face_swap train 643669    2040724   DFDC-Preview/original_videos/643669_C_033   present     a     blur
DFDC-Preview/method_B/643669_1224068_A_001         1     method_B face_swap test  1224068   643669    DFDC-Preview/original_videos/1224068_A_001  present     b     -
""",
    )
    assert [m.path for m in plan.report.missing] == ["method_B/1/1_A/2_1_A_001.mp4"]
    assert {(c.kind, c.name) for c in plan.report.crossings} == {
        ("identity", "DFDC-Preview/643669")
    }
