# ruff: noqa: E501
"""FFIW-10K, UADFV, DeeperForensics-1.0, KoDF, DFDM: the names say everything."""

from __future__ import annotations

import pytest
from media_forensics.detector.errors import ForensicsError
from media_forensics.operators.importers.contract import ImportOptions
from media_forensics.operators.importers.plan import plan_import

AS_IS = ImportOptions(derive_splits="never")
A, B = "a1b2c3d4e5f6a7b8c9d0", "0123456789abcdef0123"


def test_ffiw(plant, agree):
    root = plant(
        "FFIW10K-v1-release",
        """
        {source,target}/train/videos/{00000,00001}.mp4
        {source,target}/val/videos/00000.mp4
        source/test/videos/00007.mp4
        target/test/videos/00008.mp4
        target_mask/train/videos/00000.mp4
        """,
    )
    agree(
        plan_import(root),
        """
path                              video_id                     label method   family    split pair_id                      pair_status group mask
source/train/videos/00000.mp4     FFIW-10K/source/train/00000  0     original none      train -                            none        a     -
source/train/videos/00001.mp4     FFIW-10K/source/train/00001  0     original none      train -                            none        b     -
source/val/videos/00000.mp4       FFIW-10K/source/val/00000    0     original none      val   -                            none        c     -
source/test/videos/00007.mp4      FFIW-10K/source/test/00007   0     original none      test  -                            none        d     -
target/train/videos/00000.mp4     FFIW-10K/target/train/00000  1     FFIW     face_swap train FFIW-10K/source/train/00000  present     a     target_mask/train/videos/00000.mp4
target/train/videos/00001.mp4     FFIW-10K/target/train/00001  1     FFIW     face_swap train FFIW-10K/source/train/00001  present     b     -
target/val/videos/00000.mp4       FFIW-10K/target/val/00000    1     FFIW     face_swap val   FFIW-10K/source/val/00000    present     c     -
target/test/videos/00008.mp4      FFIW-10K/target/test/00008   1     FFIW     face_swap test  FFIW-10K/source/test/00008   missing     e     -
""",
    )


def test_ffiw_test_release_without_split_folders(plant):
    plan = plan_import(
        plant("FFIW10K-v1-release-test", "{source,target}/44.mp4\ntarget_mask/44.mp4")
    )
    assert [(r.video_id, r.split) for r in plan.records] == [
        ("FFIW-10K/source/test/44", "test"),
        ("FFIW-10K/target/test/44", "test"),
    ]


def test_uadfv(plant, agree):
    root = plant("UADFV", "real/{0000,0001}.mp4\nfake/{0000_fake,0009_fake}.mp4\nfake/readme.mp4")
    plan = plan_import(root, options=AS_IS)
    agree(
        plan,
        """
video_id               label method   family    split pair_id          pair_status group
UADFV/real/0000        0     original none      -     -                none        a
UADFV/real/0001        0     original none      -     -                none        b
UADFV/fake/0000_fake   1     UADFV    face_swap -     UADFV/real/0000  present     a
UADFV/fake/0009_fake   1     UADFV    face_swap -     UADFV/real/0009  missing     c
""",
    )
    assert plan.report.unexplained == ["fake/readme.mp4"]


def test_deeperforensics(plant, agree):
    root = plant(
        "DeeperForensics-1.0",
        """
        manipulated_videos/end_to_end/{000_M101,003_W012}.mp4
        manipulated_videos/end_to_end_mix_2_distortions/000_M101.mp4
        original_sequences/youtube/c23/videos/000.mp4
        source_videos/M101/light_up/happy/camera_front/M101_light_up_happy_camera_front.mp4
        """,
        {
            "lists/splits/train.txt": "000_M101.mp4\n",
            "lists/splits/val.txt": "",
            "lists/splits/test.txt": "003_W012.mp4\n",
        },
    )
    plan = plan_import(root, "deeperforensics")
    agree(
        plan,
        """
video_id                                                          label method                       source_dataset      split target_id source_id pair_id                          pair_status group @source_sex @source_origin
DeeperForensics-1.0/end_to_end/000_M101                           1     end_to_end                   DeeperForensics-1.0 train 000       M101      FaceForensics++/youtube/c23/000  present     a     male        Asian
DeeperForensics-1.0/end_to_end/003_W012                           1     end_to_end                   DeeperForensics-1.0 test  003       W012      FaceForensics++/youtube/c23/003  missing     b     female      other
DeeperForensics-1.0/end_to_end_mix_2_distortions/000_M101         1     end_to_end_mix_2_distortions DeeperForensics-1.0 train 000       M101      FaceForensics++/youtube/c23/000  present     a     male        Asian
FaceForensics++/youtube/c23/000                                   0     original                     FaceForensics++     train 000       -         -                                none        a     -           -
""",
    )
    missing = [m.path for m in plan.report.missing]
    assert missing == ["manipulated_videos/end_to_end_mix_2_distortions/003_W012.mp4"]
    assert plan.report.skipped["source_videos"].startswith("studio footage")
    assert plan.report.unexplained == []


def test_deeperforensics_bad_list(plant):
    root = plant(
        "DeeperForensics-1.0",
        "manipulated_videos/end_to_end/000_M101.mp4",
        {"lists/splits/train.txt": "000_M101.mp4\nsomething.mp4\n"},
    )
    with pytest.raises(ForensicsError, match=r"train\.txt, line 2"):
        plan_import(root)


def test_originals_of_ff_in_the_root_do_not_make_it_ambiguous(plant):
    root = plant(
        "x",
        "manipulated_videos/end_to_end/000_M101.mp4\noriginal_sequences/youtube/c23/videos/000.mp4",
    )
    plan = plan_import(root, options=AS_IS)
    assert plan.importer.name == "deeperforensics"
    assert {r.label: r.pair_status for r in plan.records} == {0: "none", 1: "present"}


def test_kodf(plant, agree):
    root = plant(
        "KoDF",
        f"""
        original_videos/{A}/{{{A}_001,{A}_002}}.mp4
        original_videos/{B}/{B}_001.mp4
        synthesized_videos/dfl/20201118/{A}/{A}_{B}_1_0001.mp4
        synthesized_videos/audio-driven/20201118/{B}/{B}_{A}_5_0004.mp4
        adversarial_videos/fo/{B}_{A}_4_0002.mp4
        """,
    )
    plan = plan_import(root, options=AS_IS)
    agree(
        plan,
        f"""
video_id                             label method       family       target_id source_id pair_id            pair_status group @adversarial
KoDF/real/{A}_001                    0     original     none         {A}       -         -                  none        a     False
KoDF/real/{A}_002                    0     original     none         {A}       -         -                  none        a     False
KoDF/real/{B}_001                    0     original     none         {B}       -         -                  none        b     False
KoDF/dfl/{A}_{B}_1_0001              1     dfl          face_swap    {A}       {B}       -                  ambiguous   a     False
KoDF/audio-driven/{B}_{A}_5_0004     1     audio-driven talking_face {B}       {A}       -                  ambiguous   b     False
KoDF/fo/{B}_{A}_4_0002               1     fo           reenactment  {B}       {A}       -                  ambiguous   b     True
""",
    )


def test_dfdm(plant, agree):
    root = plant(
        "DFDM",
        """
        DFDM_crf0/dfaker/id28_id20_0008_4dfaker.mp4
        DFDM_crf23/dfaker/id28_id20_0008_4dfaker.mp4
        DFDM_crf23/DFL-H128/id1_id2_0001_5dfl.mp4
        Celeb-real/id28_0008.mp4
        """,
    )
    agree(
        plan_import(root, options=AS_IS),
        """
video_id                                  label method   compression source_dataset family    pair_id                            pair_status group
DFDM/dfaker/c0/id28_id20_0008_4dfaker     1     dfaker   c0          DFDM           face_swap Celeb-DF-v2/Celeb-real/id28_0008   present     a
DFDM/dfaker/c23/id28_id20_0008_4dfaker    1     dfaker   c23         DFDM           face_swap Celeb-DF-v2/Celeb-real/id28_0008   present     a
DFDM/dfl-h128/c23/id1_id2_0001_5dfl       1     dfl-h128 c23         DFDM           face_swap Celeb-DF-v2/Celeb-real/id1_0001    missing     b
Celeb-DF-v2/Celeb-real/id28_0008          0     original -           Celeb-DF-v2    none      -                                  none        a
""",
    )
