"""Which importer a folder belongs to, why, and what is said where it belongs to none."""

from __future__ import annotations

import json

import pytest
from media_forensics.detector.errors import ForensicsError
from media_forensics.operators.importers.contract import Importer
from media_forensics.operators.importers.plan import plan_import
from media_forensics.operators.importers.registry import importer_named, importers, recognise
from media_forensics.operators.importers.tree import Tree

FF = "original_sequences/youtube/c23/videos/000.mp4"
DFB = "FaceForensics++/original_sequences/youtube/c23/frames/000/000.png"
A = "a1b2c3d4e5f6a7b8c9d0"
META = json.dumps([{"file": "train/1.mp4", "modify_video": False}])
AV1M = json.dumps([{"file": "a/real.mp4", "modify_type": "real"}])
PREVIEW = json.dumps({"original_videos/1/1_A_1.mp4": {"label": "real", "set": "train"}})
SIGNATURES = {
    "faceforensics++": (FF, {}),
    "deepfakedetection": ("original_sequences/actors/c23/videos/01__a.mp4", {}),
    "celeb-df-v1": ("Celeb-DF/Celeb-real/id0_0000.mp4\nCeleb-DF/YouTube-real/00000.mp4", {}),
    "celeb-df-v2": ("Celeb-real/id0_0000.mp4\nYouTube-real/00000.mp4", {}),
    "celeb-df-pp": ("Celeb-real/id0_0000.mp4\nCeleb-synthesis/FaceSwap/GHOST/id0_id1_0000.mp4", {}),
    "dfdc": (
        "dfdc_train_part_0/a.mp4",
        {"dfdc_train_part_0/metadata.json": '{"a.mp4": {"label": "REAL"}}'},
    ),
    "dfdc-preview": ("original_videos/1/1_A_1.mp4", {"dataset.json": PREVIEW}),
    "ffiw": ("{source,target}/val/videos/00000.mp4", {}),
    "deepspeak-v1": ("x/{10-1,wav2lip--10-11--1-2--0}.mp4", {}),
    "deepspeak-v2": ("x/{10-1,memo-1-2-a}.mp4", {}),
    "uadfv": ("real/0000.mp4\nfake/0000_fake.mp4", {}),
    "wilddeepfake": ("real_train/1/real/1/1.png", {}),
    "fakeavceleb": ("RealVideo-RealAudio/African/men/id00001/00001.mp4", {}),
    "deeperforensics": ("manipulated_videos/end_to_end/000_M101.mp4", {}),
    "kodf": (f"dfl/{A}_{A}_1_0001.mp4", {}),
    "dfdm": ("DFDM_crf0/iae/id1_id2_0001_4iae.mp4", {}),
    "polyglotfake": ("to_ru/es_1_to_ru_xtts.mp4", {}),
    "idforge": ("{pristine,face_tts}/id00/id00_01/id00_scene_1.mp4", {}),
    "df40": ("simswap/ff/frames/000_003/000.png", {}),
    "forgerynet": ("Training/image/1/a.png", {"Training/image_list.txt": "1/a.png 1 1 3\n"}),
    "lav-df": ("train/1.mp4", {"metadata.json": META}),
    "av-deepfake1m": ("train/a/real.mp4", {"train_metadata.json": AV1M}),
    "deepfakebench": (DFB, {}),
    "frames": ("FF/real/000/000.png\nFF/DF/000_003/000.png", {}),
    "manifest": ("a.mp4", {"manifest.csv": "path,label\na.mp4,real\n"}),
}


def test_every_importer_has_a_signature_here():
    assert {i.name for i in importers()} - {"tree"} == set(SIGNATURES)


@pytest.mark.parametrize("name", SIGNATURES)
def test_each_is_recognised_with_reasons_and_read(plant, name):
    paths, texts = SIGNATURES[name]
    root = plant("Celeb-DF" if name == "celeb-df-v1" else "some folder", paths, texts)
    if name == "celeb-df-v1":
        root = root / "Celeb-DF"
    plan = plan_import(root)
    assert plan.importer.name == name
    assert plan.report.reasons and all(plan.report.reasons)
    assert plan.report.unexplained == []
    for record in plan.records:
        assert record.license_note and record.group_id
    # and by its name, which must not depend on what else is recognised
    assert plan_import(root, name).importer.name == name


@pytest.mark.parametrize("importer", importers(), ids=lambda importer: importer.name)
def test_every_importer_says_what_a_form_needs(importer: Importer):
    assert importer.title and importer.license_note and importer.expects
    assert importer.name == importer.name.lower()
    for spelling in (importer.name, importer.title, *importer.aliases):
        assert importer_named(spelling.upper().replace("-", "_")) is importer


@pytest.mark.parametrize("name", SIGNATURES)
def test_a_level_too_high_or_too_low_says_which_folder_it_is(plant, tmp_path, name):
    if name in ("frames", "manifest", "kodf", "dfdm", "polyglotfake", "deepspeak-v1"):
        return  # found by the names of their files, at any level
    if name in (
        "deepspeak-v2",
        "df40",
        "celeb-df-v1",
        "idforge",
        "deepfakebench",
        "forgerynet",
    ):
        return  # their roots may lie at more than one level
    paths, texts = SIGNATURES[name]
    root = plant("above/the dataset", paths, texts)
    with pytest.raises(ForensicsError) as error:
        plan_import(root.parent, name)
    assert "a level too high" in str(error.value) and str(root) in str(error.value)
    assert error.value.field == "root"
    if name == "dfdc":
        return  # a part is a root too
    first = sorted(p for p in root.iterdir() if p.is_dir())[0]
    with pytest.raises(ForensicsError) as error:
        plan_import(first, name)
    assert "a level too low" in str(error.value) and str(root) in str(error.value)


def test_two_datasets_in_one_root_are_ambiguous(plant):
    root = plant("all", "real/0000.mp4\nfake/0000_fake.mp4\nreal_train/1/real/1/1.png")
    with pytest.raises(ForensicsError) as error:
        plan_import(root)
    assert "uadfv" in str(error.value) and "wilddeepfake" in str(error.value)
    assert error.value.field == "format"
    assert plan_import(root, "uadfv").importer.name == "uadfv"


def test_videos_and_crops_of_one_dataset_are_ambiguous(plant):
    root = plant("ff", f"{FF}\noriginal_sequences/youtube/c23/frames/000/000.png")
    with pytest.raises(ForensicsError, match=r"faceforensics\+\+ and deepfakebench"):
        plan_import(root)


def test_an_unknown_format_names_the_nearest(plant):
    root = plant("x", FF)
    with pytest.raises(ForensicsError, match="Did you mean 'celeb-df-v2'") as error:
        recognise(Tree(root), "celebdf-v2x")
    assert error.value.field == "format"


def test_a_list_too_damaged_to_be_recognised_says_where(plant):
    root = plant("cut", "train/1.mp4", {"metadata.json": '[{"file": "train/1.mp4",\n"modify'})
    for format in ("auto", "lav-df"):
        with pytest.raises(ForensicsError, match=r"metadata\.json, line 2, column 1: not valid"):
            plan_import(root, format)


def test_an_empty_and_a_foreign_root(plant):
    with pytest.raises(ForensicsError, match="is empty"):
        plan_import(plant("empty"))
    with pytest.raises(ForensicsError, match="is not the root of a known dataset"):
        plan_import(plant("foreign", "holiday/beach.mp4"))
    with pytest.raises(ForensicsError, match=r"Expected there:\nreal/0000\.mp4"):
        plan_import(plant("foreign", "holiday/beach.mp4"), "uadfv")


def test_a_folder_that_merely_lies_below_a_dataset_is_no_level_too_low(plant):
    root = plant("above/dataset", *SIGNATURES["celeb-df-v2"])
    mine = plant("above/dataset/mine", "clips/one.mp4", {})
    with pytest.raises(ForensicsError) as error:
        plan_import(mine)
    assert "too low" not in str(error.value)
    assert "'tree'" in error.value.hint and "'manifest'" in error.value.hint
    assert "'clips/one.mp4'" in error.value.hint
    with pytest.raises(ForensicsError, match="a level too low"):
        plan_import(root / "Celeb-real")
