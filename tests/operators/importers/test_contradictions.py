"""What sources say twice, or say against themselves: never a silent choice of a label or a pair."""

from __future__ import annotations

import json
import os

import pytest
from media_forensics.detector.errors import ForensicsError
from media_forensics.operators.importers.contract import ImportOptions
from media_forensics.operators.importers.plan import plan_import

AS_IS = ImportOptions(derive_splits="never")
LAV = "train/{000001,000002}.mp4"


def lav(*changes: dict) -> str:
    base = {"modify_audio": False, "split": "train", "fake_periods": []}
    rows = [
        {"file": "train/000001.mp4", "modify_video": False, "original": None, **base},
        {"file": "train/000002.mp4", "modify_video": True, "original": "train/000001.mp4", **base},
    ]
    return json.dumps([*rows, *({**rows[1], **change} for change in changes)])


def labels(plan) -> dict[str, str]:
    return {record.video_id: record.label_name for record in plan.records}


def test_a_file_that_is_listed_twice_counts_once(plant):
    plan = plan_import(plant("LAV", LAV, {"metadata.json": lav({})}))
    assert labels(plan) == {"LAV-DF/train/000001": "real", "LAV-DF/train/000002": "fake"}
    assert plan.report.conflicts == []


def test_a_file_that_is_listed_as_real_and_as_fake_is_left_out(plant):
    root = plant("LAV", LAV, {"metadata.json": lav({"modify_video": False})})
    plan = plan_import(root)
    assert labels(plan) == {"LAV-DF/train/000001": "real"}
    (said,) = plan.report.conflicts
    assert said == "train/000002.mp4 is listed as real and as fake; it is left out."


def test_other_statements_about_a_file_are_said_and_the_first_kept(plant):
    plan = plan_import(plant("LAV", LAV, {"metadata.json": lav({"split": "test"})}))
    assert {record.split for record in plan.records} == {"train"}
    assert "listed twice with different values" in plan.report.conflicts[-1]


def test_labels_csv_with_a_line_twice(plant):
    text = (
        "filename,label\naaaaaaaaaa.mp4,1\naaaaaaaaaa.mp4,0\nbbbbbbbbbb.mp4,0\nbbbbbbbbbb.mp4,0\n"
    )
    root = plant("DFDC", "test/{aaaaaaaaaa,bbbbbbbbbb}.mp4", {"test/labels.csv": text})
    plan = plan_import(root)
    assert labels(plan) == {"DFDC/test/bbbbbbbbbb": "real"}
    assert "test/aaaaaaaaaa.mp4 is listed as real and as fake" in plan.report.conflicts[0]


def test_an_original_that_is_a_fake_is_no_pair(plant):
    part = "dfdc_train_part_0"
    entries = {
        "aaaaaaaaaa.mp4": {"label": "FAKE", "original": "bbbbbbbbbb.mp4"},
        "bbbbbbbbbb.mp4": {"label": "FAKE", "original": "cccccccccc.mp4"},
        "cccccccccc.mp4": {"label": "REAL"},
    }
    root = plant(
        "DFDC",
        f"{part}/{{aaaaaaaaaa,bbbbbbbbbb,cccccccccc}}.mp4",
        {f"{part}/metadata.json": json.dumps(entries)},
    )
    plan = plan_import(root)
    assert {
        record.video_id[-10:]: (record.pair_id, record.pair_status) for record in plan.records
    } == {
        "aaaaaaaaaa": (None, "none"),
        "bbbbbbbbbb": ("DFDC/train/cccccccccc", "present"),
        "cccccccccc": (None, "none"),
    }
    assert len({record.group_id for record in plan.records}) == 1
    assert "its original DFDC/train/bbbbbbbbbb is a fake" in plan.report.conflicts[0]


def test_a_json_key_that_is_there_twice_is_an_error_with_its_line(plant):
    part = "dfdc_train_part_0"
    text = '{"aaaaaaaaaa.mp4": {"label": "REAL"},\n "aaaaaaaaaa.mp4": {"label": "FAKE"}}'
    root = plant("DFDC", f"{part}/aaaaaaaaaa.mp4", {f"{part}/metadata.json": text})
    with pytest.raises(ForensicsError, match=r"line 2: 'aaaaaaaaaa.mp4' occurs twice"):
        plan_import(root)


def test_frames_of_one_video_with_two_labels_or_one_number(plant):
    header = "path,label,video_id,frame_number\n"
    rows = "a.png,real,v,1\nb.png,fake,v,2\nc.png,real,w,1\n"
    plan = plan_import(plant("M", "{a,b,c}.png", {"manifest.csv": header + rows}))
    assert labels(plan) == {"w": "real"}
    assert "v is fake here and real in an earlier row; it is left out" in plan.report.conflicts[0]
    rows = "a.png,real,v,1\nb.png,real,v,1\n"
    with pytest.raises(ForensicsError, match=r"v: two frames 1: a.png and b.png"):
        plan_import(plant("N", "{a,b}.png", {"manifest.csv": header + rows}))


def test_frames_of_one_name_in_two_folders_of_a_pattern(plant):
    root = plant("T", "real/v/{left,right}/000.png")
    with pytest.raises(ForensicsError, match=r"two frames called '000'") as error:
        plan_import(root, "tree", ImportOptions(pattern="{label}/{video}/*/{frame}.png"))
    assert error.value.field == "pattern"


def test_a_fake_that_is_called_like_a_real_is_pointed_out(plant):
    options = ImportOptions(pattern="{label}/{video}.mp4", derive_splits="never")
    root = plant("T", "{YouTube-real,Real3DPortrait,real}/a.mp4")
    plan = plan_import(root, "tree", options)
    assert plan.report.warnings == [
        "YouTube-real is read as fake; name it in real_names if it is real."
    ]


def test_a_split_that_no_one_knows_is_an_error(plant):
    split = "annotations-split-def.csv"
    root = plant(
        "DeepSpeak",
        "{12-1,7-1}.mp4\nwav2lip--12-12--1-1--0.mp4",
        {split: "identity,split\n12,training\n7,\n"},
    )
    assert {r.video_id[-4:]: r.split for r in plan_import(root).records if r.label == 0} == {
        "12-1": "train",
        "/7-1": None,
    }
    (root / split).write_text("identity,split\n12,train\n7,holdout\n")
    with pytest.raises(ForensicsError, match="line 3: 'holdout' is not a split"):
        plan_import(root)


def test_a_missing_file_is_missing_once(plant):
    entry = {
        "label": "UADFV_Real",
        "frames": ["UADFV/real/frames/0000/000.png", "UADFV/real/frames/0000/001.png"],
    }
    lists = {
        f"dataset_json/{name}.json": json.dumps(
            {
                "UADFV": {
                    "UADFV_Real": {split: {"0000": entry} for split in ("train", "val", "test")}
                }
            }
        )
        for name in ("UADFV", "UADFV-copy")
    }
    plan = plan_import(plant("dfb", "UADFV/real/frames/0000/000.png", lists), options=AS_IS)
    assert [missing.path for missing in plan.report.missing] == ["UADFV/real/frames/0000/001.png"]


def test_a_root_that_is_not_utf8(tmp_path):
    root = os.fsdecode(os.fsencode(tmp_path) + b"/r\xffoot")
    os.makedirs(f"{root}/real")  # noqa: PTH103
    with pytest.raises(ForensicsError, match="not UTF-8") as error:
        plan_import(root)
    assert error.value.field == "root" and str(error.value).isascii()


def test_a_list_that_is_malformed_from_its_beginning_says_where(plant):
    root = plant("LAV", LAV, {"metadata.json": '[{"file": "train/000001.mp4"},\n {"file": }]'})
    with pytest.raises(ForensicsError, match=r"metadata\.json, line 2, column 11: not valid JSON"):
        plan_import(root, "lav-df")
