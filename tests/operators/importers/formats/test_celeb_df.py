# ruff: noqa: E501
"""Celeb-DF v1, v2 and Celeb-DF++: the list whose labels are the other way round."""

from __future__ import annotations

import pytest
from media_forensics.detector.errors import ForensicsError
from media_forensics.operators.importers.plan import plan_import

TREE = """
Celeb-real/{id0_0000,id0_0001,id1_0000}.mp4
YouTube-real/{00000,00001}.mp4
Celeb-synthesis/{id0_id1_0000,id0_id2_0000,id1_id0_0000,id3_id0_0007}.mp4
"""
LIST = """1 Celeb-real/id0_0001.mp4
1 YouTube-real/00000.mp4
0 Celeb-synthesis/id1_id0_0000.mp4
0 Celeb-synthesis/id9_id0_0000.mp4
"""


def test_v2(plant, agree):
    plan = plan_import(plant("Celeb-DF-v2", TREE, {"List_of_testing_videos.txt": LIST}))
    assert plan.importer.name == "celeb-df-v2"
    agree(
        plan,
        """
path                                video_id                                       label method           family    split split_source target_id source_id pair_id                          pair_status group @identity @subset
Celeb-real/id0_0000.mp4             Celeb-DF-v2/Celeb-real/id0_0000                0     original         none      train official     id0       -         -                                none        a     id0       Celeb-real
Celeb-real/id0_0001.mp4             Celeb-DF-v2/Celeb-real/id0_0001                0     original         none      test  official     id0       -         -                                none        b     id0       Celeb-real
Celeb-real/id1_0000.mp4             Celeb-DF-v2/Celeb-real/id1_0000                0     original         none      train official     id1       -         -                                none        c     id1       Celeb-real
YouTube-real/00000.mp4              Celeb-DF-v2/YouTube-real/00000                 0     original         none      test  official     00000     -         -                                none        d     -         YouTube-real
YouTube-real/00001.mp4              Celeb-DF-v2/YouTube-real/00001                 0     original         none      train official     00001     -         -                                none        e     -         YouTube-real
Celeb-synthesis/id0_id1_0000.mp4    Celeb-DF-v2/Celeb-synthesis/id0_id1_0000       1     Celeb-synthesis  face_swap train official     id0       id1       Celeb-DF-v2/Celeb-real/id0_0000  present     a     id0       Celeb-synthesis
Celeb-synthesis/id0_id2_0000.mp4    Celeb-DF-v2/Celeb-synthesis/id0_id2_0000       1     Celeb-synthesis  face_swap train official     id0       id2       Celeb-DF-v2/Celeb-real/id0_0000  present     a     id0       Celeb-synthesis
Celeb-synthesis/id1_id0_0000.mp4    Celeb-DF-v2/Celeb-synthesis/id1_id0_0000       1     Celeb-synthesis  face_swap test  official     id1       id0       Celeb-DF-v2/Celeb-real/id1_0000  present     c     id1       Celeb-synthesis
Celeb-synthesis/id3_id0_0007.mp4    Celeb-DF-v2/Celeb-synthesis/id3_id0_0007       1     Celeb-synthesis  face_swap train official     id3       id0       Celeb-DF-v2/Celeb-real/id3_0007  missing     f     id3       Celeb-synthesis
""",
    )
    assert [m.path for m in plan.report.missing] == ["Celeb-synthesis/id9_id0_0000.mp4"]
    crossing = {(c.kind, c.name) for c in plan.report.crossings}
    assert crossing == {
        ("group", "Celeb-DF-v2/Celeb-real/id1_0000"),
        ("identity", "Celeb-DF-v2/id0"),
        ("identity", "Celeb-DF-v2/id1"),
    }


def test_layout_of_self_blended_images_code(plant, agree):
    root = plant(
        "Celeb-DF-v2",
        """
        Celeb-real/videos/id0_0000.mp4
        Youtube-real/videos/00000.mp4
        Celeb-synthesis/videos/id0_id1_0000.MP4
        """,
        {"List_of_testing_videos.txt": "1 YouTube-real/00000.mp4\n"},
    )
    plan = plan_import(root)
    agree(
        plan,
        """
path                                      video_id                                 label split pair_status
Celeb-real/videos/id0_0000.mp4            Celeb-DF-v2/Celeb-real/id0_0000          0     train none
Youtube-real/videos/00000.mp4             Celeb-DF-v2/YouTube-real/00000           0     test  none
Celeb-synthesis/videos/id0_id1_0000.MP4   Celeb-DF-v2/Celeb-synthesis/id0_id1_0000 1     train present
""",
    )
    assert plan.report.missing == []


@pytest.mark.parametrize(
    ("name", "version"),
    [
        ("Celeb-DF", "1"),
        ("Celeb-DF-v1", "1"),
        ("Celeb-DF-v2", "2"),
        ("cdf2", "2"),
        ("celebs", "2"),
    ],
)
def test_the_version_is_told_by_the_folder_and_may_be_named(plant, name, version):
    root = plant(name, TREE, {"List_of_testing_videos.txt": LIST})
    assert plan_import(root).importer.name == f"celeb-df-v{version}"
    other = "2" if version == "1" else "1"
    assert plan_import(root, f"celeb-df-v{other}").records[0].source_dataset == f"Celeb-DF-v{other}"


def test_label_and_folder_that_contradict_each_other(plant):
    texts = {"List_of_testing_videos.txt": "0 Celeb-real/id0_0000.mp4\n"}
    plan = plan_import(plant("Celeb-DF-v2", TREE, texts))
    assert "listed as fake but lies in a real folder" in plan.report.conflicts[0]
    assert {r.label for r in plan.records if "Celeb-real" in r.video_id} == {0}


@pytest.mark.parametrize(
    ("line", "word"),
    [
        ("2 Celeb-real/id0_0000.mp4", "line 2"),
        ("1", "line 2"),
        ("1 ../../etc/passwd", "leaves the chosen folder"),
        ("1 /etc/passwd", "absolute path"),
        ("1 C:\\videos\\a.mp4", "absolute path"),
    ],
)
def test_bad_lines(plant, line, word):
    root = plant("Celeb-DF-v2", TREE, {"List_of_testing_videos.txt": f"{LIST[:26]}{line}\n"})
    with pytest.raises(ForensicsError, match=r"List_of_testing_videos\.txt, line 2") as error:
        plan_import(root)
    assert word in str(error.value)


def test_lines_with_tabs_and_windows_ends(plant):
    text = "1\tCeleb-real/id0_0001.mp4\r\n0  Celeb-synthesis/id1_id0_0000.mp4\r\n"
    plan = plan_import(plant("Celeb-DF-v2", TREE, {"List_of_testing_videos.txt": text}))
    tested = {r.video_id.rpartition("/")[2] for r in plan.records if r.split == "test"}
    assert tested == {"id0_0001", "id1_id0_0000"} and plan.report.missing == []


def test_without_the_list_there_is_no_split(plant):
    plan = plan_import(plant("Celeb-DF-v2", TREE))
    assert {record.split for record in plan.records} == {None}
    assert "List_of_testing_videos.txt is missing" in plan.report.warnings[0]


def test_celeb_df_plus_plus(plant, agree):
    root = plant(
        "Celeb-DF++",
        """
        Celeb-real/{id0_0000,id1_0003}.mp4
        YouTube-real/00000.mp4
        Celeb-synthesis/FaceSwap/{Celeb-DF,BlendFace}/id0_id1_0000.mp4
        Celeb-synthesis/FaceReenact/LIA/id1_id0_0003.mp4
        Celeb-synthesis/TalkingFace/Real3DPortrait/id0_0000_test_00012.mp4
        """,
        {
            "List_of_testing_videos.txt": "1 Celeb-real/id0_0000.mp4\n"
            "0 Celeb-synthesis/FaceSwap/BlendFace/id0_id1_0000.mp4\n"
        },
    )
    plan = plan_import(root)
    assert plan.importer.name == "celeb-df-pp"
    agree(
        plan,
        """
video_id                                                      label method         family       split target_id source_id pair_id                         pair_status group
Celeb-DF++/Celeb-real/id0_0000                                0     original       none         test  id0       -         -                               none        a
Celeb-DF++/Celeb-real/id1_0003                                0     original       none         train id1       -         -                               none        b
Celeb-DF++/YouTube-real/00000                                 0     original       none         train 00000     -         -                               none        c
Celeb-DF++/FaceSwap/Celeb-DF/id0_id1_0000                     1     Celeb-DF       face_swap    train id0       id1       Celeb-DF++/Celeb-real/id0_0000  present     a
Celeb-DF++/FaceSwap/BlendFace/id0_id1_0000                    1     BlendFace      face_swap    test  id0       id1       Celeb-DF++/Celeb-real/id0_0000  present     a
Celeb-DF++/FaceReenact/LIA/id1_id0_0003                       1     LIA            reenactment  train id1       id0       Celeb-DF++/Celeb-real/id1_0003  present     b
Celeb-DF++/TalkingFace/Real3DPortrait/id0_0000_test_00012     1     Real3DPortrait talking_face train id0       -         Celeb-DF++/Celeb-real/id0_0000  present     a
""",
    )
