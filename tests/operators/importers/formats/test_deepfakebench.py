# ruff: noqa: E501
"""DeepfakeBench: foreign prefixes, Windows separators, repeated splits, numeric frame order."""

from __future__ import annotations

import json

import pytest
from media_forensics.detector.errors import ForensicsError
from media_forensics.operators.importers.contract import ImportOptions
from media_forensics.operators.importers.plan import plan_import

AS_IS = ImportOptions(derive_splits="never")
FF = """
{B}FaceForensics++/original_sequences/youtube/c23/frames/{000,003}/{000,999,1000}.png
{B}FaceForensics++/manipulated_sequences/Deepfakes/c23/frames/000_003/{000,031}.png
{B}FaceForensics++/manipulated_sequences/Deepfakes/c23/masks/000_003/{000,031}.png
{B}FaceForensics++/manipulated_sequences/Deepfakes/c23/landmarks/000_003/000.npy
"""
TABLE = """
video_id                                 label aligned method    family    compression split frames       pair_id                         pair_status group
FaceForensics++/youtube/c23/000          0     True    original  none      c23         test  0,999,1000   -                               none        a
FaceForensics++/youtube/c23/003          0     True    original  none      c23         test  0,999,1000   -                               none        a
FaceForensics++/Deepfakes/c23/000_003    1     True    Deepfakes face_swap c23         test  0,31         FaceForensics++/youtube/c23/000 present     a
"""


def ff_list(prefix: str, separator: str = "/", label: str = "FF-DF") -> str:
    def frames(folder, names):
        return [
            separator.join([*prefix.split("/"), *folder.split("/"), f"{n}.png"]).removeprefix(
                separator if not prefix else ""
            )
            for n in names
        ]

    real = "FaceForensics++/original_sequences/youtube/c23/frames"
    fake = "FaceForensics++/manipulated_sequences/Deepfakes/c23/frames"
    return json.dumps(
        {
            "FaceForensics++": {
                "FF-real": {
                    "train": {"c23": {}},
                    "val": {"c23": {}},
                    "test": {
                        "c23": {
                            n: {
                                "label": "FF-real",
                                "frames": frames(f"{real}/{n}", ["000", "1000", "999"]),
                            }
                            for n in ("000", "003")
                        }
                    },
                },
                label: {
                    "train": {"c23": {}},
                    "val": {"c23": {}},
                    "test": {
                        "c23": {
                            "000_003": {
                                "label": label,
                                "frames": frames(f"{fake}/000_003", ["000", "031"]),
                            }
                        }
                    },
                },
            }
        }
    )


@pytest.mark.parametrize(
    ("base", "prefix", "separator"),
    [
        ("", "", "/"),
        ("", "./datasets/rgb", "/"),
        ("datasets/rgb/", "/home/author/data", "/"),
        ("", "D:/someone/datasets", "\\"),
        ("datasets/", ".", "\\"),
    ],
)
def test_prefixes_are_remapped(plant, agree, base, prefix, separator):
    root = plant(
        "dfb",
        FF.replace("{B}", base),
        {"preprocessing/dataset_json/FaceForensics++.json": ff_list(prefix, separator)},
    )
    plan = plan_import(root, "deepfakebench")
    agree(plan, TABLE)
    fake = next(r for r in plan.records if r.label)
    assert fake.mask_path is None  # the list names none
    assert plan.report.unexplained == []


def test_a_given_prefix_is_cut(plant, agree):
    root = plant("dfb", FF.replace("{B}", ""), {"dataset_json/FF.json": ff_list("/a/b")})
    agree(plan_import(root, options=ImportOptions(path_prefix="/a/b/")), TABLE)


def test_joint_and_single_lists_give_each_video_once(plant, agree):
    texts = {
        "dataset_json/FaceForensics++.json": ff_list(""),
        "dataset_json/FF-DF.json": ff_list(""),
    }
    agree(plan_import(plant("dfb", FF.replace("{B}", ""), texts)), TABLE)


def test_missing_frames_are_listed(plant):
    text = ff_list("").replace("031.png", "077.png")
    plan = plan_import(plant("dfb", FF.replace("{B}", ""), {"dataset_json/FF.json": text}))
    assert [m.path.rpartition("/")[2] for m in plan.report.missing] == ["077.png"]
    assert plan.report.unexplained == [
        "FaceForensics++/manipulated_sequences/Deepfakes/c23/frames/000_003/031.png"
    ]


def celeb(splits):
    def entry(folder, name):
        return {name: {"label": "x", "frames": [f"Celeb-DF-v2/{folder}/frames/{name}/000.png"]}}

    def videos(kind, names):
        folder = {"real": "Celeb-real", "fake": "Celeb-synthesis"}[kind]
        merged = {}
        for name in names:
            merged |= entry("YouTube-real" if name.isdigit() else folder, name)
        return merged

    return json.dumps(
        {
            "Celeb-DF-v2": {
                f"CelebDFv2_{kind}": {split: videos(kind, names) for split, names in by.items()}
                for kind, by in splits.items()
            }
        }
    )


CELEB_TREE = "Celeb-DF-v2/Celeb-real/frames/id0_0000/000.png\nCeleb-DF-v2/YouTube-real/frames/00001/000.png\nCeleb-DF-v2/Celeb-synthesis/frames/{id0_id1_0000,id0_id2_0000}/000.png"


def test_repeated_splits_of_celeb_df_become_one_each(plant, agree):
    text = celeb(
        {
            "real": {"train": ["id0_0000", "00001"], "val": ["00001"], "test": ["00001"]},
            "fake": {
                "train": ["id0_id1_0000", "id0_id2_0000"],
                "val": ["id0_id2_0000"],
                "test": ["id0_id2_0000"],
            },
        }
    )
    plan = plan_import(plant("dfb", CELEB_TREE, {"dataset_json/Celeb-DF-v2.json": text}))
    agree(
        plan,
        """
video_id                                   label method          family    split pair_status group
Celeb-DF-v2/Celeb-real/id0_0000            0     original        none      train none        a
Celeb-DF-v2/YouTube-real/00001             0     original        none      test  none        b
Celeb-DF-v2/Celeb-synthesis/id0_id1_0000   1     Celeb-synthesis face_swap train present     a
Celeb-DF-v2/Celeb-synthesis/id0_id2_0000   1     Celeb-synthesis face_swap test  present     a
""",
    )
    assert any("more than one split" in text for text in plan.report.warnings)
    assert [(c.kind, c.name) for c in plan.report.crossings] == [
        ("group", "Celeb-DF-v2/Celeb-real/id0_0000"),
        ("identity", "Celeb-DF-v2/id0"),
    ]


def test_a_list_of_dfd_beside_one_of_ff(plant):
    """DFD's list repeats all of its videos; that FF++'s lie in the same folder changes nothing."""
    ff = "FaceForensics++/original_sequences/youtube/c23/frames/000/000.png"
    dfd = "FaceForensics++/original_sequences/actors/c23/frames/01__walk/000.png"
    lists = {
        "FaceForensics++": {
            "FF-real": {"test": {"c23": {"000": {"label": "FF-real", "frames": [ff]}}}}
        },
        "DeepFakeDetection": {
            "DFD_real": {
                split: {"c23": {"01__walk": {"label": "DFD_real", "frames": [dfd]}}}
                for split in ("train", "val", "test")
            }
        },
    }
    texts = {f"dataset_json/{name}.json": json.dumps({name: lists[name]}) for name in lists}
    plan = plan_import(plant("dfb", f"{ff}\n{dfd}", texts), options=AS_IS)
    assert {r.video_id: r.split for r in plan.records} == {
        "FaceForensics++/youtube/c23/000": "test",
        "DeepFakeDetection/actors/c23/01__walk": None,
    }
    derived = plan_import(plant("dfb", "", texts))
    assert {r.source_dataset: r.split_source for r in derived.records} == {
        "FaceForensics++": "official",
        "DeepFakeDetection": "derived",
    }


def test_a_root_above_has_the_same_ids(plant):
    root = plant(
        "above",
        "disk 1/Celeb-DF-v2/Celeb-{real/frames/id0_0000,synthesis/frames/id0_id1_0000}/000.png",
    )
    for start in (root, root / "disk 1", root / "disk 1/Celeb-DF-v2"):
        plan = plan_import(start, options=AS_IS)
        assert {(r.video_id, r.pair_status) for r in plan.records} == {
            ("Celeb-DF-v2/Celeb-real/id0_0000", "none"),
            ("Celeb-DF-v2/Celeb-synthesis/id0_id1_0000", "present"),
        }


def test_videos_in_all_three_splits_have_none(plant):
    names = {"train": ["id0_0000"], "val": ["id0_0000"], "test": ["id0_0000"]}
    text = celeb({"real": names, "fake": {s: ["id0_id1_0000"] for s in names}})
    plan = plan_import(
        plant("dfb", CELEB_TREE, {"dataset_json/Celeb-DF-v2.json": text}), options=AS_IS
    )
    assert {r.split for r in plan.records} == {None}
    assert any("no official split" in text for text in plan.report.warnings)


def test_frame_folders_without_lists(plant, agree):
    root = plant("dfb", FF.replace("{B}", ""), {"FaceForensics++/test.json": '[["000", "003"]]'})
    plan = plan_import(root)
    agree(plan, TABLE)
    fake = next(r for r in plan.records if r.label)
    assert fake.mask_path.endswith("Deepfakes/c23/masks/000_003")


def test_the_dataset_folder_itself_is_a_root(plant, agree):
    root = plant("dfb", FF.replace("{B}", ""), {"FaceForensics++/test.json": '[["000", "003"]]'})
    agree(plan_import(root / "FaceForensics++"), TABLE)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ('{"D": {"FF-real": {"holdout": {}}}}', "is not a split"),
        ('{"D": {"FF-real": {"test": {"v": {"label": "x"}}}}}', "expected {'label', 'frames'"),
        (
            '{"D": {"mystery": {"test": {"v": {"label": "x", "frames": ["a/b/000.png"]}}}}}',
            "neither real nor fake",
        ),
        (
            '{"D": {"FF-real": {"test": {"v": {"label": "x", "frames": ["a/../../b.png"]}}}}}',
            "leaves the chosen folder",
        ),
        ('{"D": [1]}', "expected an object"),
    ],
)
def test_bad_lists(plant, text, words):
    root = plant("dfb", FF.replace("{B}", ""), {"dataset_json/bad.json": text})
    with pytest.raises(ForensicsError) as error:
        plan_import(root, "deepfakebench")
    assert words in str(error.value) and "bad.json" in str(error.value)


def test_ids_are_those_of_the_videos(plant):
    """Crops and videos of one dataset share their ids, so that they can be told to be the same."""
    frames = {
        "DFDCP_FakeA": "DFDCP/method_A/643669/643669_C/frames/2040724_643669_C_033/000.png",
        "DFDCP_Real": "DFDCP/original_videos/643669/frames/643669_C_033/000.png",
        "UADFV_Fake": "UADFV/fake/frames/0000_fake/000.png",
        "DF_fake": "DeeperForensics-1.0/manipulated_videos/end_to_end/frames/000_M101/000.png",
        "DFD_fake": "FaceForensics++/manipulated_sequences/DeepFakeDetection/c23/frames/01_02__a__ABCDEFGH/000.png",
        "DFDC_Fake": "DFDC/test/frames/aaaaaaaaaa/000.png",
    }
    lists = {
        f"dataset_json/{label}.json": json.dumps(
            {label: {label: {"test": {path.split("/")[-2]: {"label": label, "frames": [path]}}}}}
        )
        for label, path in frames.items()
    }
    plan = plan_import(plant("dfb", "\n".join(frames.values()), lists))
    people = {r.method: (r.target_id, r.source_id) for r in plan.records}
    assert people == {
        "method_A": ("643669", "2040724"),
        "original": ("643669", None),
        "UADFV": ("0000", None),
        "end_to_end": ("000", "M101"),
        "DeepFakeDetection": ("01", "02"),
        "dfdc": (None, None),
    }
    assert {r.video_id: (r.method, r.pair_status) for r in plan.records} == {
        "DFDC-Preview/method_A/2040724_643669_C_033": ("method_A", "present"),
        "DFDC-Preview/original_videos/643669_C_033": ("original", "none"),
        "UADFV/fake/0000_fake": ("UADFV", "missing"),
        "DeeperForensics-1.0/end_to_end/000_M101": ("end_to_end", "missing"),
        "DeepFakeDetection/DeepFakeDetection/c23/01_02__a__ABCDEFGH": (
            "DeepFakeDetection",
            "missing",
        ),
        "DFDC/test/aaaaaaaaaa": ("dfdc", "none"),
    }


def test_lists_of_df40_pair_with_the_crops_of_their_sources(plant, agree):
    prefix = "deepfakes_detection_datasets"
    paths = {
        (
            "simswap_ff",
            "simswap_Real",
            "train",
        ): "FaceForensics++/original_sequences/youtube/c23/frames/000/000.png",
        ("simswap_ff", "simswap_Fake", "train"): "DF40_train/simswap/frames/000_003/000.png",
        ("simswap_cdf", "simswap_Real", "test"): "Celeb-DF-v2/Celeb-real/frames/id0_0000/000.png",
        ("simswap_cdf", "simswap_Fake", "test"): "DF40/simswap/cdf/frames/id0_id1_0000/000.png",
    }
    lists: dict = {}
    for (name, label, split), path in paths.items():
        entry = {path.split("/")[-2]: {"label": label, "frames": [f"{prefix}/{path}"]}}
        lists.setdefault(name, {name: {}})[name][label] = {split: entry}
    texts = {
        f"preprocessing/dataset_json/{n}.json": json.dumps(value) for n, value in lists.items()
    }
    plan = plan_import(plant("DF40", "\n".join(paths.values()), texts))
    assert plan.importer.name == "deepfakebench"
    agree(
        plan,
        """
video_id                           label method   split target_id source_id pair_id                          pair_status group
FaceForensics++/youtube/c23/000    0     original train 000       -         -                                none        a
DF40_train/simswap/000_003         1     simswap  train 000       003       FaceForensics++/youtube/c23/000  present     a
Celeb-DF-v2/Celeb-real/id0_0000    0     original test  id0       -         -                                none        b
DF40/simswap/cdf/id0_id1_0000      1     simswap  test  id0       id1       Celeb-DF-v2/Celeb-real/id0_0000  present     b
""",
    )


def test_lists_of_videos_without_frames_of_two_folders_and_of_two_labels(plant):
    def entries(label, *videos):
        return {v: {"label": label, "frames": [f"UADFV/{p}" for p in ps]} for v, ps in videos}

    real = entries(
        *("UADFV_Real", ("0", ["real/frames/0/000.png", "real/frames/0b/005.png"])),
        *(("1", []), ("2", ["real/frames/2/000.png"])),
    )
    fake = entries("UADFV_Fake", ("9", ["fake/frames/9/000.png"]), ("2", ["real/frames/2/000.png"]))
    lists = {"UADFV": {"UADFV_Real": {"train": real}, "UADFV_Fake": {"test": fake}}}
    paths = "UADFV/real/frames/{0/000,0b/005,2/000}.png\nUADFV/fake/frames/9/000.png"
    plan = plan_import(plant("b", paths, {"dataset_json/UADFV.json": json.dumps(lists)}))
    assert [r.video_id for r in plan.records] == ["UADFV/fake/9", "UADFV/real/0"]
    assert any("1 listed videos have no frames" in line for line in plan.report.warnings)
    assert ["left out: UADFV/real/frames/0b" in c for c in plan.report.conflicts] == [True, False]
    assert "also listed as UADFV_Real; it is left out" in plan.report.conflicts[1]


def test_frames_of_faceforensics_without_lists_have_its_official_split(plant):
    base = "{original_sequences/youtube,manipulated_sequences/Deepfakes}/c23/frames"
    root = plant("FaceForensics++", f"{base}/{{000,953,x}}/000.png")
    found = {(r.method, r.path[-3:]): (r.split, r.split_source) for r in plan_import(root).records}
    assert found["original", "000"] == found["Deepfakes", "953"] == ("test", "official")
    assert found["original", "s/x"] == (None, None)


def test_raw_is_a_compression_only_in_faceforensics_own_folders(plant):
    def compressions(root):
        return {record.compression for record in plan_import(root, options=AS_IS).records}

    assert compressions(plant("a", "data/raw/{real,fake}/frames/v/{0,1}.png")) == {""}
    assert compressions(plant("b", "raw/Celeb-DF-v2/Celeb-{real,synthesis}/frames/v/0.png")) == {""}
    root = plant("c", "original_sequences/youtube/raw/frames/000/{0,1}.png")
    assert compressions(root) == {"raw"}
    for name, compression in (("raw", ""), ("ff_raw", "raw"), ("data_c23", "c23")):
        flat = plant(name, "original/000.mp4\nDeepfakes/000_003.mp4")
        assert compressions(flat) == {compression}
