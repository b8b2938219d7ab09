# ruff: noqa: E501
"""The two generic formats: a manifest of one's own, and a folder tree described by a pattern."""

from __future__ import annotations

import sys

import pytest
from media_forensics.detector.errors import ForensicsError
from media_forensics.operators.importers.contract import ImportOptions
from media_forensics.operators.importers.plan import plan_import

AS_IS = ImportOptions(derive_splits="never")


def test_videos_with_every_column(plant, agree):
    root = plant(
        "mine",
        "real/a.mp4\nfake/b.MP4\nfake/ü ber.mp4\nmasks/b.mp4",
        {
            "manifest.csv": "\ufeffpath,label,video_id,dataset,method,family,compression,split,target_id,source_id,pair_id,parents,mask_path,audio_label,license,camera\n"
            "real/a.mp4,real,v-a,Mine,,,c23,train,ann,,,,,real,CC0,phone\n"
            "fake/b.MP4,1,v-b,Mine,roop,face_swap,c23,train,ann,bob,real/a.mp4,v-x;v-y,masks/b.mp4,fake,CC0,\n"
            "fake\\ü ber.mp4,FAKE,,,wav2lip,,,test,,,,v-x,,,,webcam\n"
            "\n"
            "gone.mp4,0,,,,,,,,,,,,,,\n"
        },
    )
    plan = plan_import(root, options=AS_IS)
    assert plan.importer.name == "manifest"
    agree(
        plan,
        """
path             video_id          label source_dataset method   family    compression split target_id source_id pair_id pair_status group mask        audio_label license_note               @camera
real/a.mp4       v-a               0     Mine           original none      c23         train ann       -         -       none        a     -           real        CC0                        phone
fake/b.MP4       v-b               1     Mine           roop     face_swap c23         train ann       bob       v-a     present     a     masks/b.mp4 fake        CC0                        -
fake/ü~ber.mp4   mine/fake/ü~ber   1     mine           wav2lip  lip_sync  -           test  -         -         -       none        a     -           -           Not~stated~by~the~manifest. webcam
""",
    )
    assert [m.path for m in plan.report.missing] == ["gone.mp4"]
    # masks/b.mp4 is a mask, not a video without an explanation
    assert plan.report.unexplained == []


def test_frames_and_folders_of_frames(plant, agree):
    root = plant(
        "mine",
        "x/{1,2,10}.png\ny/seq/{9,10}.jpg",
        {
            "manifest.csv": "path,label,video_id,frame_number,aligned\n"
            "x/2.png,fake,s1,7,true\nx/1.png,fake,s1,3,true\ny/seq,real,s2,,true\n"
        },
    )
    agree(
        plan_import(root, options=AS_IS),
        """
video_id label frames aligned
s1       1     3,7    True
s2       0     9,10   True
""",
    )


def test_videos_and_frames_in_one_manifest_ask_which(plant):
    rows = "path,label,video_id\na.mp4,0,v\nb.png,1,s\n"
    root = plant("mine", "a.mp4\nb.png", {"manifest.csv": rows})
    with pytest.raises(ForensicsError, match="1 videos and 1 sequences") as error:
        plan_import(root)
    assert error.value.field == "media"
    assert [
        r.video_id for r in plan_import(root, options=ImportOptions(media="video")).records
    ] == ["v"]
    assert [
        r.video_id for r in plan_import(root, options=ImportOptions(media="frames")).records
    ] == ["s"]


def test_crops_and_full_frames_in_one_manifest_are_refused(plant):
    rows = "path,label,video_id,aligned\na.png,0,v,true\nb.png,1,s,false\n"
    with pytest.raises(ForensicsError, match="must not be mixed"):
        plan_import(plant("mine", "a.png\nb.png", {"manifest.csv": rows}))


def test_a_manifest_file_is_a_root(plant):
    root = plant("mine", "a.mp4", {"list.csv": "path,label\na.mp4,0\n"})
    assert len(plan_import(root / "list.csv").records) == 1


def test_an_absolute_path_inside_the_root_is_taken(plant):
    root = plant("mine", "a.mp4")
    (root / "manifest.csv").write_text(f"path,label\n{root}/a.mp4,0\n")
    assert [r.path for r in plan_import(root).records] == [str(root / "a.mp4")]


@pytest.mark.parametrize(
    ("rows", "words"),
    [
        ("a.mp4,maybe", ["line 2", "'maybe'"]),
        ("a.mp4,0\n../b.mp4,0", ["line 3", "leaves the chosen folder"]),
        ("/etc/passwd,0", ["line 2", "absolute path"]),
        ("a.mp4", ["line 2", "1 cells, but the header has 2"]),
        ('"a.mp4,0', ["line 2"]),
        (",0", ["line 2", "empty"]),
    ],
)
def test_bad_rows_name_their_line(plant, rows, words):
    root = plant("mine", "a.mp4", {"manifest.csv": f"path,label\n{rows}\n"})
    with pytest.raises(ForensicsError) as error:
        plan_import(root)
    assert all(word in str(error.value) for word in words), str(error.value)


@pytest.mark.parametrize(
    ("column", "value"),
    [
        ("split", "training"),
        ("family", "swap"),
        ("audio_label", "maybe"),
        ("frame_number", "1.5"),
        ("frame_number", "-1"),
        ("frame_number", "x"),
        ("aligned", "perhaps"),
    ],
)
def test_bad_values_name_their_column(plant, column, value):
    root = plant("mine", "a.png", {"manifest.csv": f"path,label,{column}\na.png,0,{value}\n"})
    with pytest.raises(ForensicsError) as error:
        plan_import(root)
    assert column in str(error.value) and "line 2" in str(error.value)


def test_a_column_twice(plant):
    root = plant("mine", "a.mp4", {"manifest.csv": "path,label,Label\na.mp4,0,1\n"})
    with pytest.raises(ForensicsError, match="column 'label' occurs twice"):
        plan_import(root)


def test_two_rows_with_one_id(plant):
    root = plant(
        "mine", "a.mp4\nb.mp4", {"manifest.csv": "path,label,video_id\na.mp4,0,v\nb.mp4,1,v\n"}
    )
    with pytest.raises(ForensicsError, match=r"1 ids? belongs? to two files.*a.mp4 and b.mp4"):
        plan_import(root)


def test_parquet(plant, monkeypatch):
    pyarrow = pytest.importorskip("pyarrow")
    parquet = pytest.importorskip("pyarrow.parquet")
    root = plant("mine", "a.mp4\nb.mp4")
    table = pyarrow.table({"path": ["a.mp4", "b.mp4"], "label": [0, 1], "score": [0.5, None]})
    parquet.write_table(table, root / "manifest.parquet")
    plan = plan_import(root)
    assert [(r.label, r.attributes) for r in plan.records] == [(0, {"score": "0.5"}), (1, {})]


def test_parquet_without_its_package_says_what_to_install(plant, monkeypatch):
    root = plant("mine", "a.mp4", {"manifest.parquet": b"PAR1"})
    monkeypatch.setitem(sys.modules, "pyarrow", None)
    with pytest.raises(ForensicsError, match="pip install 'pyarrow"):
        plan_import(root)


TREE = """
train/real/cam1/{000,001}.mp4
train/fake/roop/000_001.mp4
test/Real/cam2/007.MP4
test/fake/wav2lip/007.mp4
"""


def test_a_tree_by_a_pattern(plant, agree):
    root = plant("mine", TREE)
    options = ImportOptions(pattern="{split}/{label}/{method}/{video}.mp4", dataset_name="Mine")
    agree(
        plan_import(root, "tree", options),
        """
video_id                          label method   family    split split_source pair_id                   pair_status group
Mine/train/real/cam1/000          0     original none      train official     -                         none        a
Mine/train/real/cam1/001          0     original none      train official     -                         none        a
Mine/train/fake/roop/000_001      1     roop     face_swap train official     Mine/train/real/cam1/000  present     a
Mine/test/Real/cam2/007           0     original none      test  official     -                         none        b
Mine/test/fake/wav2lip/007        1     wav2lip  lip_sync  test  official     Mine/test/Real/cam2/007   present     b
""",
    )


def test_frames_by_a_pattern(plant, agree):
    root = plant("mine", "s1/pristine/ann/{1,12,2}.png\ns1/swap/ann/5.jpg\ns1/swap/notes.png")
    options = ImportOptions(
        pattern="{session}/{label}/{video}/{frame}.*", aligned=True, derive_splits="never"
    )
    plan = plan_import(root, "tree", options)
    agree(
        plan,
        """
video_id                 label aligned method   frames pair_status @session
mine/pristine/s1/ann     0     True    original 1,2,12 none        s1
mine/swap/s1/ann         1     True    swap     5      present     s1
""",
    )
    assert plan.report.unexplained == ["s1/swap/notes.png"]


def test_named_parents(plant, agree):
    root = plant("mine", "real/{a,b}.mp4\nfake/f1-a-b.mp4")
    options = ImportOptions(pattern="{label}/*.mp4", derive_splits="never")
    with pytest.raises(ForensicsError, match=r"needs \{video\}"):
        plan_import(root, "tree", options)
    root2 = plant("mine2", "fake/f1/a/b.mp4\nreal/x/x/a.mp4")
    options = ImportOptions(pattern="{label}/{take}/{target}/{video}.mp4", derive_splits="never")
    fake = next(r for r in plan_import(root2, "tree", options).records if r.label)
    assert fake.pair_id == "mine2/real/x/a" and fake.pair_status == "present"


@pytest.mark.parametrize(
    "pattern", ["", "../{label}/{video}.mp4", "{label}/{label}/{video}.mp4", "{label}.mp4", "{a"]
)
def test_bad_patterns(plant, pattern):
    root = plant("mine", TREE)
    with pytest.raises(ForensicsError) as error:
        plan_import(root, "tree", ImportOptions(pattern=pattern))
    assert error.value.field == "pattern"


def test_a_pattern_that_matches_nothing_shows_a_path(plant):
    root = plant("mine", TREE)
    with pytest.raises(ForensicsError, match=r"A file there is 'test/Real/cam2/007.MP4'"):
        plan_import(root, "tree", ImportOptions(pattern="{label}/{video}.avi"))


def test_a_manifest_may_know_no_labels(plant):
    rows = "path,label\na.mp4,\nb.mp4,unknown\nc.mp4,None\nd.mp4,fake\n"
    root = plant("case", "{a,b,c,d}.mp4", {"manifest.csv": rows})
    plan = plan_import(root)
    assert [(r.label, r.label_name) for r in plan.records] == [(-1, "unknown")] * 3 + [(1, "fake")]
    assert {r.split for r in plan.records[:3]} == {None}, "nothing to train on, nothing to split"
    assert "unknown" in plan.report.table()
    only = plan_import(root, options=ImportOptions(labels=("unknown",)))
    assert len(only.records) == 3
    bare = plan_import(plant("bare", "a.mp4", {"manifest.csv": "path\na.mp4\n"}))
    assert [r.label for r in bare.records] == [-1]
    assert "no label" in bare.report.reasons[0]


def test_a_pattern_may_know_no_labels(plant):
    root = plant("case", "in/{a,b}.mp4\nreal/c.mp4\nunknown/d.mp4")
    options = ImportOptions(pattern="*/{video}.mp4")
    assert {r.label for r in plan_import(root, "tree", options).records} == {-1}
    options = ImportOptions(pattern="{label}/{video}.mp4")
    found = {r.path.rpartition("/")[2]: r.label for r in plan_import(root, "tree", options).records}
    assert found == {"a.mp4": 1, "b.mp4": 1, "c.mp4": 0, "d.mp4": -1}


@pytest.mark.parametrize("separator", [",", ";", "\t"])
@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16"])
def test_manifests_as_spreadsheets_and_pandas_write_them(plant, separator, encoding):
    """``1.0`` is what pandas makes of 1 in a column with an empty cell."""
    rows = "path,label\nä.mp4,1.0\nb.mp4,0.0\nc.mp4,\n".replace(",", separator)
    plan = plan_import(plant("m", "{ä,b,c}.mp4", {"manifest.csv": rows.encode(encoding)}))
    assert [r.label for r in plan.records] == [0, -1, 1]
