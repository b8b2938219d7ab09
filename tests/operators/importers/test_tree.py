"""The folder as it is found: links, loops, odd names, and lists that try to leave it."""

from __future__ import annotations

import os
import unicodedata
from pathlib import Path

import pytest
from media_forensics.detector.errors import ForensicsError
from media_forensics.operators.importers.contract import ImportOptions
from media_forensics.operators.importers.lists import inside, read_csv, read_json
from media_forensics.operators.importers.plan import plan_import
from media_forensics.operators.importers.tree import Tree


def test_listing_is_sorted_relative_and_case_blind_for_suffixes(plant):
    tree = Tree(plant("t", "b/X.MP4\nb/a.mp4\nb/n.txt\na/c.PNG"))
    assert tree.folders() == ["a", "b"]
    assert tree.videos("b") == ["X.MP4", "a.mp4"]
    assert tree.images("a") == ["c.PNG"]
    assert tree.find("b/X.mp4") == "b/X.MP4"
    assert tree.find("b/none.mp4") is None
    assert tree.folder("B") == "b"
    assert list(tree.all_videos()) == ["b/X.MP4", "b/a.mp4"]


def test_unexplained_leaves_out_claims_hidden_files_and_lists(plant):
    tree = Tree(plant("t", "a/{1,2}.mp4\nm/3.mp4\n.h/4.mp4\nx.json\n.DS_Store"))
    tree.claim("a/1.mp4")
    tree.claim_folder("m")
    assert tree.unexplained() == ["a/2.mp4"]


@pytest.mark.parametrize("path", ["", "   ", "nowhere/at/all"])
def test_a_root_that_is_none(path):
    with pytest.raises(ForensicsError) as error:
        Tree(path)
    assert error.value.field == "root"


def test_a_file_is_no_root(plant):
    with pytest.raises(ForensicsError, match="is a file, not a folder"):
        Tree(plant("t", "a.mp4") / "a.mp4")


def test_links_that_leave_or_loop_are_refused_and_reported(plant, tmp_path):
    outside = plant("outside", "videos/secret.mp4")
    root = plant("UADFV", "real/0000.mp4\nfake/0000_fake.mp4")
    (root / "real" / "0001.mp4").symlink_to(outside / "videos" / "secret.mp4")
    (root / "more").symlink_to(outside)
    (root / "fake" / "again").symlink_to(root)
    (root / "fake" / "0009_fake.mp4").symlink_to(root / "nothing.mp4")
    (root / "fake" / "0000_fake_copy.mp4").symlink_to(root / "fake" / "0000_fake.mp4")
    report = plan_import(root).report
    assert report.refused == ["fake/again", "more", "real/0001.mp4"]
    assert report.unreadable == ["fake/0009_fake.mp4"]
    assert report.found == 2
    followed = plan_import(root, options=ImportOptions(follow_links=True))
    assert followed.report.found == 3
    assert followed.report.refused == ["fake/again"]


def test_a_linked_root_keeps_its_own_name_in_the_paths(plant, tmp_path):
    root = plant("real-place", "real/0000.mp4\nfake/0000_fake.mp4")
    link = tmp_path / "UADFV"
    link.symlink_to(root)
    paths = [record.path for record in plan_import(link).records]
    assert paths == [str(link / "fake/0000_fake.mp4"), str(link / "real/0000.mp4")]


@pytest.mark.skipif(os.name != "posix", reason="file names of bytes")
def test_names_that_are_not_utf8_are_reported_not_imported(plant):
    root = plant("UADFV", "real/0000.mp4\nfake/0000_fake.mp4")
    name = os.fsdecode(b"\xff\xfe.mp4")
    (root / "real" / name).write_bytes(b"x")
    plan = plan_import(root)
    assert plan.report.unreadable == ["real/\\xff\\xfe.mp4"]
    assert len(plan.records) == 2


def test_spaces_and_other_scripts_in_names(plant):
    root = plant("Meine Daten 数据", "real/0000.mp4\nfake/0000_fake.MP4")
    assert {Path(r.path).name for r in plan_import(root, "uadfv").records} == {
        "0000.mp4",
        "0000_fake.MP4",
    }


@pytest.mark.parametrize(
    ("entry", "clean"),
    [("a/b.mp4", "a/b.mp4"), ("./a//b.mp4", "a/b.mp4"), ("a\\b.mp4", "a/b.mp4"), (" a ", "a")],
)
def test_inside(entry, clean):
    assert inside(entry, "list, line 1") == clean


@pytest.mark.parametrize(
    "entry", ["../a", "a/../../b", "/a", "\\a", "C:\\a", "c:/a", "", "  ", "a\0b", "..", "..\\a"]
)
def test_outside(entry):
    with pytest.raises(ForensicsError, match="list, line 7"):
        inside(entry, "list, line 7")


def test_json_and_csv_errors_name_the_line(plant):
    root = plant("t", "", {"a.json": '{"a": 1,\nb}', "b.csv": "x,y\n1,2\n3\n", "c.csv": ""})
    tree = Tree(root)
    with pytest.raises(ForensicsError, match=r"a\.json, line 2, column 1"):
        read_json(tree, "a.json")
    with pytest.raises(ForensicsError, match=r"b\.csv, line 3"):
        list(read_csv(tree, "b.csv"))
    with pytest.raises(ForensicsError, match="column 'z' is missing"):
        list(read_csv(tree, "b.csv", ["z"]))
    with pytest.raises(ForensicsError, match=r"c\.csv is empty"):
        list(read_csv(tree, "c.csv"))


COMPANIONS = ("._000.mp4", "Thumbs.db", ".DS_Store", "desktop.ini", "001.mp4.part", "~$000.mp4")


def test_what_systems_leave_beside_media_is_no_media(plant):
    root = plant("copied", "real/000.mp4\nfake/000.mp4")
    for folder in ("real", "fake", "real/__MACOSX", "fake/@eaDir"):
        (root / folder).mkdir(exist_ok=True)
        for name in COMPANIONS:
            (root / folder / name).write_bytes(b"\0\5\26\7" + bytes(4092))
    tree = Tree(root)
    assert [path for path in tree.all_videos()] == ["fake/000.mp4", "real/000.mp4"]
    assert tree.folders("real") == [] and tree.unexplained() == ["fake/000.mp4", "real/000.mp4"]
    plan = plan_import(root, "tree", ImportOptions(pattern="{label}/{video}.mp4"))
    assert len(plan.records) == 2 and not plan.report.unexplained


@pytest.mark.parametrize("on_disk", ["NFC", "NFD"])
@pytest.mark.parametrize("in_list", ["NFC", "NFD"])
def test_two_spellings_of_one_name_are_one_name(plant, on_disk, in_list):
    """macOS stores decomposed names, lists are written elsewhere; the disk's own path is kept."""

    def spelled(text, form):
        return unicodedata.normalize(form, text)

    folder, name = (spelled(text, on_disk) for text in ("Zo\u00eb", "caf\u00e9.mp4"))
    composed = "Zo\u00eb/caf\u00e9.mp4"
    rows = f"path,label\n{spelled(composed, in_list)},fake\n"
    root = plant("names", "", {"manifest.csv": rows})
    (root / folder).mkdir()
    (root / folder / name).write_bytes((plant("other", "a.mp4") / "a.mp4").read_bytes())
    tree = Tree(root)
    assert tree.is_file(composed) and list(tree.all_videos()) == [composed]
    assert tree.absolute(composed) == str(root / folder / name)
    assert tree.relative(tree.absolute(composed)) == composed
    plan = plan_import(root)
    (record,) = plan.records
    assert Path(record.path).is_file() and record.label == 1 and not plan.report.missing


def test_hidden_and_deleted_media_are_left_out_and_named(plant):
    """Android's and Linux's bins, Syncthing's old versions, thumbnails."""
    hidden = "d/.Trash-1000/a/3.mp4\nd/.stversions/a/0~20240101.mp4\nd/real/.trashed-17-1.mp4"
    plan = plan_import(
        plant("h", f"d/{{real,fake}}/0.mp4\n{hidden}"),
        "tree",
        ImportOptions(pattern="d/{label}/{video}.mp4"),
    )
    assert len(plan.records) == 2
    assert plan.report.skipped == dict.fromkeys(
        ("d/.Trash-1000", "d/.stversions", "d/real/.trashed-17-1.mp4"), "hidden"
    )
    assert any("left out: d/.Trash-1000 (hidden)" in line for line in plan.report.problems())
    root = plant("g", "FF/{real,Deepfakes,.thumbnails}/000_003/000.png")
    assert {r.attributes["subset"] for r in plan_import(root).records} == {"real", "Deepfakes"}


def test_a_hidden_link_that_leads_nowhere_loses_nothing_else(plant):
    root = plant("l", "real/0.mp4\nfake/0.mp4")
    (root / "real" / ".loop").symlink_to(".loop")
    assert len(plan_import(root, "tree", ImportOptions(pattern="{label}/{video}.mp4")).records) == 2


def test_camcorders_and_old_phones_write_videos(plant):
    plan = plan_import(plant("cam", "real/{0.MTS,1.m2ts,2.ogv}\nfake/{3.VOB,4.3g2,5.mxf}"),
                       "tree", ImportOptions(pattern="{label}/{video}.*"))  # fmt: skip
    assert len(plan.records) == 6 and not plan.report.unexplained


def test_a_space_at_the_end_of_a_folder_is_part_of_its_name(plant):
    plant("data", "real/{0,1}.mp4")
    root = plant("data ", "real/7.mp4")
    assert [*Tree(str(root)).all_videos()] == ["real/7.mp4"]
    assert Tree(f"{root.parent / 'data'}  ").root.name == "data"
