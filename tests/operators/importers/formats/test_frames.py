# ruff: noqa: E501
"""Sources of frames and crops: GenD folders, WildDeepfake, DF40, ForgeryNet."""

from __future__ import annotations

import pytest
from media_forensics.detector.errors import ForensicsError
from media_forensics.operators.importers.contract import ImportOptions
from media_forensics.operators.importers.plan import plan_import

AS_IS = ImportOptions(derive_splits="never")
GEND = """
datasets/CDFv2/Celeb-real/id0_0000/{000,015,030}.png
datasets/CDFv2/YouTube-real/00000/{000,014}.png
datasets/CDFv2/Celeb-synthesis/id0_id1_0000/{000,1005,0999}.png
datasets/CDFv3/Real3DPortrait/id0_0000_test_1/frame_0001.png
datasets/FF/real/{000,003}/000.png
datasets/FF/DF/000_003/{000,012}.jpg
"""
TABLE = """
video_id                                label aligned method          family       frames       pair_id                     pair_status group
CDFv2/Celeb-real/id0_0000               0     True    original        none         0,15,30      -                           none        a
CDFv2/YouTube-real/00000                0     True    original        none         0,14         -                           none        b
CDFv2/Celeb-synthesis/id0_id1_0000      1     True    Celeb-synthesis face_swap    0,999,1005   CDFv2/Celeb-real/id0_0000   present     a
CDFv3/Real3DPortrait/id0_0000_test_1    1     True    Real3DPortrait  talking_face 1            CDFv3/real/id0_0000         missing     c
FF/real/000                             0     True    original        none         0            -                           none        d
FF/real/003                             0     True    original        none         0            -                           none        d
FF/DF/000_003                           1     True    DF              face_swap    0,12         FF/real/000                 present     d
"""


def test_official_code_layout(plant, agree):
    plan = plan_import(plant("GenD", GEND), options=AS_IS)
    assert plan.importer.name == "frames" and plan.media == "image"
    agree(plan, TABLE)


def test_the_root_may_be_datasets_or_one_dataset(plant, agree):
    root = plant("GenD", GEND)
    agree(plan_import(root / "datasets", options=AS_IS), TABLE)
    one = plan_import(root / "datasets" / "FF", options=AS_IS)
    assert [r.video_id for r in one.records] == ["FF/DF/000_003", "FF/real/000", "FF/real/003"]


def test_crops_as_the_official_cropper_writes_them(plant):
    root = plant("X", "DFD/{real/01__a,fake/01_02__a__ABCDEFGH}/frames/frame_{0002,0010}.png")
    plan = plan_import(root, options=AS_IS)
    assert {r.video_id: (r.label, [n for n, _ in r.frames]) for r in plan.records} == {
        "DFD/real/01__a": (0, [2, 10]),
        "DFD/fake/01_02__a__ABCDEFGH": (1, [2, 10]),
    }
    assert {r.pair_status for r in plan.records} == {"none", "present"}
    assert plan.report.unexplained == []


def test_split_lists_of_the_official_code(plant):
    root = plant(
        "GenD",
        GEND,
        {
            "config/datasets/FF/test/real.txt": "datasets/FF/real/000/000.png\ndatasets/FF/real/000/777.png\n",
            "config/datasets/FF/train/DF.txt": "datasets/FF/DF/000_003/000.jpg\n",
        },
    )
    plan = plan_import(root, options=AS_IS)
    splits = {r.video_id: r.split for r in plan.records if r.split}
    assert splits == {"FF/real/000": "test", "FF/DF/000_003": "train"}
    assert [m.path for m in plan.report.missing] == ["datasets/FF/real/000/777.png"]
    assert [c.name for c in plan.report.crossings] == ["FF/real/000"]


def test_a_name_that_the_official_code_would_call_fake(plant):
    plan = plan_import(plant("X", "D/original/a/1.png\nD/faked/a/1.png"), options=AS_IS)
    assert {r.video_id: r.label for r in plan.records} == {"D/faked/a": 1, "D/original/a": 0}
    assert "the official code would call it fake" in plan.report.warnings[0]


def test_sources_called_like_those_of_fakeavceleb(plant):
    tree = "FAVC/{RV-RA,RV-FA,FV-RA-wav2lip,RealVideo-FakeAudio,FakeVideo-RealAudio,YouTube-Real}/a/1.png"
    plan = plan_import(plant("X", tree), options=AS_IS)
    assert {r.attributes["subset"]: (r.label_name, r.audio_label) for r in plan.records} == {
        "RV-RA": ("real", "real"),
        "RV-FA": ("real", "fake"),
        "FV-RA-wav2lip": ("fake", "real"),
        "RealVideo-FakeAudio": ("real", "fake"),
        "FakeVideo-RealAudio": ("fake", "real"),
        "YouTube-Real": ("real", None),
    }


def test_names_say_people_and_pairs(plant, agree):
    tree = """
    CDFv3/{Celeb-real,YouTube-real}/id7_0001/1.png
    CDFv3/SadTalker/id0_0002_test_00012/1.png
    CDFv3/LIA/id0_id3_0002/1.png
    DFD/fake/01_02__exit_phone_room__0XUW13RW/1.png
    DFD/real/02__exit_phone_room/1.png
    """
    plan = plan_import(
        plant("X", tree.replace("{Celeb-real,YouTube-real}", "Celeb-real")), options=AS_IS
    )
    agree(
        plan,
        """
video_id                                        label target_id source_id @identity @source_identity pair_id                     pair_status group
CDFv3/Celeb-real/id7_0001                       0     id7       -         id7       -                -                           none        a
CDFv3/SadTalker/id0_0002_test_00012             1     id0       -         id0       -                CDFv3/Celeb-real/id0_0002   missing     b
CDFv3/LIA/id0_id3_0002                          1     id0       id3       id0       id3              CDFv3/Celeb-real/id0_0002   missing     b
DFD/fake/01_02__exit_phone_room__0XUW13RW       1     01        02        01        02               DFD/real/01__exit_phone_room missing    c
DFD/real/02__exit_phone_room                    0     02        -         02        -                -                           none        d
""",
    )


def test_two_reals_of_one_name_are_an_ambiguous_pair(plant):
    plan = plan_import(plant("X", "D/{real,real-2,fake}/a/1.png"), options=AS_IS)
    fake = next(r for r in plan.records if r.label == 1)
    assert fake.pair_status == "ambiguous" and fake.pair_id is None
    assert len({r.group_id for r in plan.records}) == 1


def test_fakes_of_an_absent_real_are_one_group(plant):
    plan = plan_import(plant("X", "FF/{DF,F2F}/000_003/1.png\nFF/FS/003_071/1.png"), options=AS_IS)
    assert {r.pair_id for r in plan.records} == {"FF/real/000", "FF/real/003"}
    assert {r.pair_status for r in plan.records} == {"missing"}
    assert len({r.group_id for r in plan.records}) == 1


def test_wilddeepfake(plant, agree):
    root = plant(
        "WildDeepfake",
        """
        real_train/1/real/{0,17}/{0,1,10,9}.png
        fake_train/1/fake/3/5.png
        fake_test/204/fake/3/5.png
        real_test/2/3/5.png
        """,
        {"fake_train/2.tar.gz": b"\x1f\x8b"},
    )
    plan = plan_import(root)
    agree(
        plan,
        """
video_id                       label aligned method       split frames   group pair_status
WildDeepfake/real_train/1/0    0     True    original     train 0,1,9,10 a     none
WildDeepfake/real_train/1/17   0     True    original     train 0,1,9,10 b     none
WildDeepfake/fake_train/1/3    1     True    WildDeepfake train 5        c     none
WildDeepfake/fake_test/204/3   1     True    WildDeepfake test  5        d     none
WildDeepfake/real_test/2/3     0     True    original     test  5        e     none
""",
    )
    assert "1 archives in fake_train are not unpacked" in plan.report.warnings[0]


def test_df40(plant, agree):
    root = plant(
        "DF40",
        """
        simswap/ff/frames/000_003/{000,008}.png
        simswap/cdf/frames/id0_id1_0000/000.png
        simswap/ff/landmarks/000_003/000.png
        heygen/{real,fake}/clip_1/000.png
        MidJourney/fake/{a,b}.png
        sd2.1/ff/{000_1,000_2}.png
        """,
    )
    plan = plan_import(root, options=AS_IS)
    agree(
        plan,
        """
video_id                           label method     family           frames target_id source_id pair_id                          pair_status
DF40/simswap/ff/000_003            1     simswap    face_swap        0,8    000       003       FaceForensics++/youtube/c23/000  missing
DF40/simswap/cdf/id0_id1_0000      1     simswap    face_swap        0      id0       id1       Celeb-DF-v2/Celeb-real/id0_0000  missing
DF40/heygen/real/clip_1            0     original   none             0      -         -         -                                none
DF40/heygen/fake/clip_1            1     heygen     talking_face     0      -         -         -                                none
DF40/MidJourney/fake/a             1     MidJourney entire_synthesis 0      -         -         -                                none
DF40/MidJourney/fake/b             1     MidJourney entire_synthesis 0      -         -         -                                none
DF40/sd2.1/ff/000_1                1     sd2.1      entire_synthesis 0      -         -         -                                none
DF40/sd2.1/ff/000_2                1     sd2.1      entire_synthesis 0      -         -         -                                none
""",
    )


FORGERYNET = {
    "Training/image_list.txt": "train_release/1/a.png 1 1 3\ntrain_release/19/b.jpg 0 0 0\ntrain_release/2/gone.png 1 2 8\n",
    "Validation/video_list.txt": "2 val/4/c.mp4 0 30 0 30 60 1 1 2 5\n1 val/16/d.mp4 0 90 0 0 0 0\n",
}
FORGERYNET_TREE = """
Training/image/train_release/1/a.png
Training/image/train_release/19/b.jpg
Validation/video/val/4/c.mp4
Validation/video/val/16/d.mp4
"""


def test_forgerynet_images(plant, agree):
    root = plant("ForgeryNet", FORGERYNET_TREE, FORGERYNET)
    plan = plan_import(root, options=ImportOptions(media="frames"))
    agree(
        plan,
        """
video_id                              label aligned method     family    split frames @forgery_class
ForgeryNet/train/train_release/1/a    1     False   forgery_03 face_swap train 0      3
ForgeryNet/train/train_release/19/b   0     False   original   none      train 0      0
""",
    )
    assert [m.path for m in plan.report.missing] == ["Training/train_release/2/gone.png"]


def test_forgerynet_videos(plant, agree):
    plan = plan_import(plant("ForgeryNet", FORGERYNET_TREE, FORGERYNET))
    agree(
        plan,
        """
video_id                    label method     family      split @fake_segments
ForgeryNet/val/val/4/c      1     forgery_05 reenactment val   [[0,~30,~"0"],~[30,~60,~"1"]]
ForgeryNet/val/val/16/d     0     original   none        val   [[0,~90,~"0"]]
""",
    )
    assert "media='frames'" in plan.report.warnings[0]


def test_forgerynet_bad_line(plant):
    texts = {
        **FORGERYNET,
        "Training/image_list.txt": FORGERYNET["Training/image_list.txt"] + "x.png 7 1 3\n",
    }
    with pytest.raises(ForensicsError, match=r"image_list.txt, line 4"):
        plan_import(
            plant("ForgeryNet", FORGERYNET_TREE, texts), options=ImportOptions(media="frames")
        )


def test_forgerynet_paths_with_spaces(plant):
    root = plant(
        "ForgeryNet",
        "Training/image/a folder/{x y,b}.jpg\nTraining/video/a folder/c d.mp4",
        {
            "Training/image_list.txt": "a folder/x y.jpg 1 1 5\na folder/b.jpg 0 0 0\n",
            "Training/video_list.txt": "1 a folder/c d.mp4 3 9 2 1 2 11\n",
        },
    )
    images = plan_import(root, options=ImportOptions(media="frames"))
    assert {r.video_id: r.label for r in images.records} == {
        "ForgeryNet/train/a folder/x y": 1,
        "ForgeryNet/train/a folder/b": 0,
    }
    (video,) = plan_import(root, options=ImportOptions(media="video")).records
    assert (video.video_id, video.method) == ("ForgeryNet/train/a folder/c d", "forgery_11")
    assert video.attributes["fake_segments"] == '[[3, 9, "2"]]'


def test_a_forgerynet_list_that_is_malformed_is_not_passed_over(plant):
    texts = {**FORGERYNET, "Test/image_list.txt": "a/b.jpg 1 fake\n"}
    root = plant("ForgeryNet", FORGERYNET_TREE, texts)
    with pytest.raises(ForensicsError, match=r"Test/image_list.txt, line 1"):
        plan_import(root)


def test_frames_with_the_numbers_of_faceforensics_have_its_split(plant):
    plan = plan_import(
        plant(
            "crops",
            "FF/real/{000,071}/{000,001}.png\nFF/DF/{000_003,071_054,000_071}/{000,001}.png",
        ),
        options=AS_IS,
    )
    splits = {r.video_id: r.split for r in plan.records}
    assert splits == {
        "FF/real/000": "test",
        "FF/real/071": "train",
        "FF/DF/000_003": "test",
        "FF/DF/071_054": "train",
        "FF/DF/000_071": None,  # across two splits
    }
    other = plan_import(
        plant("other", "Mine/real/000/000.png\nMine/fake/000_003/000.png"), options=AS_IS
    )
    assert {r.split for r in other.records} == {None}


def test_fake_sources_with_real_in_their_names_are_fake(plant):
    names = "realvideo-realaudio,fakevideo-realaudio,real3dportrait,not_real,unreal"
    plan = plan_import(plant("g", f"X/{{{names}}}/a/000.png"))
    assert [r.attributes["subset"] for r in plan.records if r.label == 0] == ["realvideo-realaudio"]
    said = [line for line in plan.report.warnings if "official code would call it real" in line]
    assert len(said) == 4
    plan = plan_import(plant("s", "X/{surreal,fake}/a/000.png"))
    assert any("X/surreal is read as real, because" in line for line in plan.report.warnings)


def test_lists_of_valid_and_test_in_any_spelling(plant):
    texts = {
        "config/datasets/X/valid/real.txt": "datasets/X/real/a/000.png\n",
        "config/datasets/X/Test/fake.txt": "datasets/X/fake/c/000.png\n",
    }
    root = plant("g", "datasets/X/real/a/{000,001}.png\ndatasets/X/fake/c/000.png", texts)
    plan = plan_import(root)
    assert [(r.split, r.split_source) for r in plan.records] == [
        ("test", "official"),
        ("val", "official"),
    ]
    assert any("1 frames of 1 videos of X are in no list" in w for w in plan.report.warnings)


def test_lists_of_one_dataset_leave_the_split_of_another(plant):
    texts = {"config/datasets/CDF/test/all.txt": "datasets/CDF/Celeb-real/id0_0000/000.png\n"}
    paths = "datasets/CDF/Celeb-real/id0_0000/000.png\ndatasets/FF/{real/000,DF/000_003}/000.png"
    plan = plan_import(plant("g", paths, texts))
    assert {(r.split, r.split_source) for r in plan.records} == {("test", "official")}
