"""Scores in and out: the same numbers, and every bad table refused with its line."""

from __future__ import annotations

import csv
import json
import tempfile
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, strategies as st
from media_forensics.detector.errors import ForensicsError
from media_forensics.detector.scoring.score_tables import read_scores, write_scores


@pytest.mark.parametrize("suffix", [".csv", ".parquet"])
def test_what_is_written_is_read(tmp_path, suffix):
    if suffix == ".parquet":
        pytest.importorskip("pyarrow")
    p_fake = [0.1234567890123, None, 1.0]
    columns = {
        "video_id": ["001", "a/b", "a/b"],
        "frame_number": [1, 1, 2],
        "p_fake": p_fake,
        "reason": [None, "no_face", None],
        "anything": ["x", "y", "z"],
    }
    table = read_scores(write_scores(tmp_path / f"scores{suffix}", columns))
    assert table.level == "face" and table.key_columns == ("video_id", "frame_number")
    assert table.keys == (("001", 1), ("a/b", 1), ("a/b", 2))
    assert table.p_fake[0] == pytest.approx(p_fake[0], abs=1e-12)
    assert np.isnan(table.p_fake[1]) and table.reasons[1] == "no_face"


def test_logits_become_probabilities(tmp_path):
    path = tmp_path / "a.csv"
    path.write_text("video_id,score\na,0\nb,-1000\nc,2\n")
    table = read_scores(path, scale="logit")
    assert table.level == "video"
    assert table.p_fake == pytest.approx([0.5, 0.0, 1 / (1 + np.exp(-2))])


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("video_id,p_fake\na,0.5\nb,oops\n", "line 3: p_fake is 'oops'"),
        ("video_id,p_fake\na,inf\n", "line 2"),
        ("video_id,p_fake\na,1.5\n", "outside"),
        ("video_id,p_fake\na,0.1\na,0.2\n", "more than once"),
        ("video_id,p_fake\n,0.1\n", "line 2: video_id is empty"),
        ("video_id,other\na,0.1\n", "no column with scores"),
        ("other,p_fake\na,0.1\n", "which video"),
        ("video_id,p_fake\na,0.1,7\n", "line 2: 3 cells"),
        ("video_id,p_fake,P_fake\na,0.1,0.2\n", "'p_fake' more than once"),
        ("filename,label\na,1\nb,0\n", "nothing but 0 and 1"),
        ("video_id,frame_number,p_fake\na,x,0.1\n", "whole number"),
        ("video_id,p_fake\n", "no rows"),
        ("", "no rows"),
    ],
)
def test_a_bad_table_is_refused_with_its_place(tmp_path, text, words):
    path = tmp_path / "bad.csv"
    path.write_text(text)
    with pytest.raises(ForensicsError, match=words):
        read_scores(path)


def test_files_that_are_no_tables(tmp_path):
    with pytest.raises(ForensicsError, match="no file"):
        read_scores(tmp_path / "gone.csv")
    with pytest.raises(ForensicsError, match="not a table format that can be read"):
        read_scores(tmp_path / "a.docx")
    (tmp_path / "a.parquet").write_bytes(b"PAR1 not really")
    with pytest.raises(ForensicsError):
        read_scores(tmp_path / "a.parquet")
    (tmp_path / "a.csv").write_text("video_id,p_fake\na,0.1\n")
    with pytest.raises(ForensicsError, match="scale"):
        read_scores(tmp_path / "a.csv", scale="odd")


def test_an_empty_cell_is_a_gap_and_never_a_number(tmp_path):
    path = tmp_path / "gaps.csv"
    path.write_text("video_id,p_fake\na,\nb,nan\nc,NaN\nd,0.5\n")
    found = read_scores(path).p_fake
    assert np.isnan(found[:3]).all() and found[3] == 0.5


TABLES = {
    "header case": ("Video_ID,P_Fake\n007,0.25\n", "007"),
    "semicolons, decimal comma": ("video_id;p_fake\n007;0,25\n", "007"),
    "tabs": ("video\tprob\n007\t0.25\n", "007"),
    "Excel's hint": ("sep=;\nvideo_id;p_fake\n007;0.25\n", "007"),
    "quotes": ('"video_id","p_fake"\n"007","0.25"\n', "007"),
    "pandas' index": (",video_id,p_fake\n0,007,0.25\n", "007"),
    "blank lines": ("video_id,p_fake\n\n007,0.25\n\n", "007"),
    "an id that looks like nothing": ("video_id,p_fake\nNA,0.25\n", "NA"),
    "an id that looks like a number": ("video_id,p_fake\n1e5,0.25\n", "1e5"),
    "hard labels beside": ("video_id,pred,prob_fake\n007,1,0.25\n", "007"),
    "the truth beside": (
        "files,labels,prob_class_0,prob_class_1\na/007.png,1,0.75,0.25\n",
        "a/007.png",
    ),
    "DFDC's submission": ("filename,label\n007.mp4,0.25\n", "007.mp4"),
    "lines of a Mac": ("video_id,p_fake\r007,0.25\r", "007"),
    "a note above": ("# made by a tool, v2\nvideo_id,p_fake\n007,0.25\n", "007"),
    "scikit-learn's name": ("filename,y_true,y_score\n007.mp4,1,0.25\n", "007.mp4"),
    "a column with spaces": ("Video ID,Fake Probability\n007,0.25\n", "007"),
}


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-16-le", "cp1252"])
@pytest.mark.parametrize("name", TABLES)
def test_tables_as_other_tools_write_them(name, encoding, tmp_path):
    text, key = TABLES[name]
    path = tmp_path / "scores.csv"
    path.write_bytes((text + "").encode(encoding))
    table = read_scores(path)
    assert table.keys == ((key,),) and table.p_fake == pytest.approx([0.25])


def test_a_score_of_the_label_beside_it_is_not_taken_for_p_fake(tmp_path):
    """Classifiers print a label and their confidence in it: real with 0.8 is not fake with 0.8."""
    path = tmp_path / "t.csv"
    text = "file,label,score\na.png,FAKE,0.9\nb.png,Real,{}\n"
    path.write_text(text.format(0.8))
    with pytest.raises(ForensicsError, match="may be the confidence in that label") as caught:
        read_scores(path)
    assert caught.value.field == "column"
    assert read_scores(path, column="score").p_fake.tolist() == [0.9, 0.8]
    path.write_text(text.format(0.2))
    assert read_scores(path).p_fake.tolist() == [0.9, 0.2]


def test_two_logits_give_the_margin_and_minus_signs_of_a_locale_are_read(tmp_path):
    path = tmp_path / "t.csv"
    path.write_text("file,logit_real,logit_fake\na.png,50,52.5\nb.png,1,\u22122\n")
    found = read_scores(path, "logit").margin
    assert found is not None and found.tolist() == [2.5, -3.0]


@pytest.mark.parametrize(
    "content",
    [
        {"video_id": ["007", "NA"], "p_fake": [0.25, None]},
        {"video_id": {"0": "007", "1": "NA"}, "p_fake": {"0": 0.25, "1": None}},
        {
            "tool": "x",
            "results": [{"video_id": "007", "p_fake": 0.25}, {"video_id": "NA", "p_fake": None}],
        },
    ],
)
def test_json_in_columns_or_under_a_name(content, tmp_path):
    path = tmp_path / "t.json"
    path.write_text(json.dumps(content))
    found = read_scores(path)
    assert found.keys == (("007",), ("NA",))
    assert found.p_fake[0] == 0.25 and np.isnan(found.p_fake[1])


def test_json_and_excel(tmp_path):
    rows = [{"video_id": "007", "p_fake": 0.25}, {"video_id": "NA", "p_fake": None}]
    (tmp_path / "a.jsonl").write_text("\n".join(map(json.dumps, rows)))
    (tmp_path / "a.json").write_text(json.dumps(rows))
    (tmp_path / "b.json").write_text(json.dumps({"x/007.png": 0.25, "x/NA.png": 0.5}))
    names = ["a.jsonl", "a.json"]
    openpyxl = pytest.importorskip("openpyxl")
    book = openpyxl.Workbook()
    for row in (["video_id", "p_fake"], ["007", 0.25], ["NA", None]):
        book.active.append(row)
    book.save(tmp_path / "a.xlsx")
    for name in [*names, "a.xlsx"]:
        table = read_scores(tmp_path / name)
        assert table.keys == (("007",), ("NA",))
        assert table.p_fake[0] == 0.25 and np.isnan(table.p_fake[1])
    assert read_scores(tmp_path / "b.json").keys == (("x/007.png",), ("x/NA.png",))


def test_logits_are_kept_where_probabilities_are_all_one(tmp_path):
    logits = 45 + np.arange(8) / 3
    path = tmp_path / "z.csv"
    lines = [f"v{i},{value!r}" for i, value in enumerate(logits.tolist())]
    path.write_text("\n".join(["video_id,logit", *lines]))
    table = read_scores(path, "logit")
    assert table.margin is not None and np.array_equal(table.margin, logits)
    assert set(table.p_fake) == {1.0} and table.score_column == "logit"
    with pytest.raises(ForensicsError, match="no column with scores"):
        read_scores(path)  # a logit is no probability
    with pytest.raises(ForensicsError, match="no column 'other'"):
        read_scores(path, column="other")


def test_rounding_beyond_the_ends_is_taken_as_the_ends(tmp_path):
    path = tmp_path / "a.csv"
    path.write_text("video_id,p_fake\na,1.0000000000000002\nb,-1e-17\n")
    assert read_scores(path).p_fake.tolist() == [1.0, 0.0]


@given(
    st.lists(
        st.tuples(st.text("aZ0_é/. -", min_size=1, max_size=9), st.floats(0, 1)),
        min_size=1,
        max_size=8,
        unique_by=lambda row: row[0].strip(),
    ),
    st.sampled_from([",", ";", "\t", "|"]),
    st.booleans(),
    st.sampled_from(["utf-8", "utf-8-sig", "utf-16"]),
)
def test_any_dialect_gives_the_same_numbers(rows, separator, commas, encoding):
    rows = [(key.strip(), value) for key, value in rows if key.strip()]
    if not rows or (commas and separator == ","):
        return
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "t.csv"
        with path.open("w", encoding=encoding, newline="") as stream:
            writer = csv.writer(stream, delimiter=separator)
            writer.writerow(["video_id", "p_fake", "note"])
            for key, value in rows:
                text = f"{value:.17f}"
                writer.writerow([key, text.replace(".", ",") if commas else text, "x"])
        table = read_scores(path)
    assert [key for (key,) in table.keys] == [key for key, _ in rows]
    assert table.p_fake == pytest.approx([value for _, value in rows], abs=1e-12)


TURNED = ("p_real", "Real (%)", "is_fake,real_prob", "confidence,genuine_score")


@pytest.mark.parametrize(
    ("header", "rows", "p_fake", "margin"),
    [
        ("file,Fake (%)", ["a,0.4", "b,90"], [0.004, 0.9], None),
        ("file,fake_probability_percent", ["a,0.4", "b,40"], [0.004, 0.4], None),
        ("file,p_fake,p_fake_rank (95% CI)", ["a,0.4,1"], [0.4], None),
        ("file,p_fake,logits", ["a,0.4,[-1 2]"], [0.4], None),
        ("file,score@1%FPR,p_fake", ["a,0.9,0.4"], [0.4], None),
        ("file,prob_fake,logit", ["a,1,44.5", "b,1,41"], [1, 1], [44.5, 41]),
        ("file,p_fake,logit_real,logit_fake", ["a,1,-20,24.5"], [1], [44.5]),
        ("file,prob_fake,logit_fake", ["a,0.5,3"], [0.5], None),
        ("file,fake,score", ["a,1.00,0.75", "b,0.00,0.5"], [0.75, 0.5], None),
        ("file,real,fake", ["a,0.5,0.5"], [0.5], [0]),
        ("file,prob_real,prob_fake", ["a,0,1", "b,1e-30,1"], [1, 1], [np.log(1e30)] * 2),
        ("file,p_real", ["a,0.5", "b,1"], [0.5, 0], [0, -37]),
        ("file,Real (%)", ["a,50"], [0.5], [0]),
        ("file,is_fake,real_prob", ["a,1,0.5"], [0.5], [0]),
        ("file,confidence,genuine_score", ["a,0.9,0.5"], [0.5], [0]),
    ],
)
def test_what_stands_beside_a_score(header, rows, p_fake, margin, tmp_path):
    path = tmp_path / "t.csv"
    path.write_text("\n".join([header, *rows]))
    found = read_scores(path)
    assert found.p_fake.tolist() == pytest.approx(p_fake)
    assert (found.margin is None) if margin is None else found.margin == pytest.approx(margin)
    turned = sum("turned" in remark for remark in found.remarks)
    assert turned == (header[5:] in TURNED)
    assert len(found.remarks) == turned + ("(%)" in header or "percent" in header)


def test_a_percent_column_takes_no_plain_columns_place(tmp_path):
    path = tmp_path / "t.csv"
    path.write_text("video,frame,frame_pct,face_percent,p_fake,p_fake_percent\na,3,7,12.5,0.974,97")
    found = read_scores(path)
    assert found.keys == (("a", 3),) and found.p_fake.tolist() == [0.974]


def test_percent_that_is_none_is_refused(tmp_path):
    path = tmp_path / "t.csv"
    path.write_text("file,fake_percent\na,0.97\nb,0.4")
    with pytest.raises(ForensicsError, match="no value is above 1"):
        read_scores(path)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("file,pred,confidence\na,1,0.9\nb,0,0.97\n", "may be the confidence"),
        ("file,is_fake,score\na,True,0.9\nb,False,0.97\n", "may be the confidence"),
        ("file,verdict,prob\na,fake_face,0.9\nb,real_face,0.97\n", "may be the confidence"),
        ("filename,fake\na.mp4,1.00\nb.mp4,0.00\n", "nothing but 0 and 1"),
        ("filename,is_fake\na.mp4,1\nb.mp4,0\n", "nothing but 0 and 1"),
        ("video,frame,score\na,0.5,0.1\na,1.7,0.2\n", "a time?"),
    ],
)
def test_decisions_truths_and_times_are_no_scores_and_no_frames(text, words, tmp_path):
    path = tmp_path / "t.csv"
    path.write_text(text)
    with pytest.raises(ForensicsError, match=words):
        read_scores(path)


def test_what_a_reader_would_drop_silently_is_named(tmp_path):
    path = tmp_path / "t.json"
    path.write_text('{"a.mp4": 0.9, "a.mp4": 0.1}')
    with pytest.raises(ForensicsError, match=r"'a\.mp4' occurs twice"):
        read_scores(path)
    openpyxl = pytest.importorskip("openpyxl")
    book = openpyxl.Workbook()
    for sheet in (book.active, book.create_sheet("FaceSwap")):
        for row in (["file", "p_fake"], ["a.mp4", 0.5]):
            sheet.append(row)
    book.save(tmp_path / "t.xlsx")
    with pytest.raises(ForensicsError, match="2 sheets with rows: Sheet, FaceSwap"):
        read_scores(tmp_path / "t.xlsx")


def test_two_logits_under_plain_names_give_their_difference(tmp_path):
    path = tmp_path / "t.csv"
    path.write_text("file,fake,real\na,4,1\nb,-1,2.5\n")
    found = read_scores(path, "logit").margin
    assert found is not None and found.tolist() == [3, -3.5]


@pytest.mark.parametrize(
    ("header", "rows", "scale", "asked", "p_fake"),
    [
        ("file,prob", ["a,0.25"], "probability", {"scores_of": "real"}, 0.75),
        ("file,p_real", ["a,0.25"], "probability", {"column": "p_real"}, 0.75),
        ("file,p_real", ["a,0.25"], "probability", {"scores_of": "fake"}, 0.25),
        ("file,logit_real", ["a,1.0001"], "logit", {}, 1 / (1 + np.exp(1.0001))),
        (
            "file,logit_real,logit_fake",
            ["a,2,1"],
            "logit",
            {"column": "logit_real"},
            1 / (1 + np.e),
        ),
        ("file,logit_0,logit_1", ["a,1,2"], "logit", {"scores_of": "real"}, 1 / (1 + np.e)),
        ("file,score_real,score_fake", ["a,2.5,1.5"], "logit", {}, 1 / (1 + np.e)),
        (
            "file,prob_class_0,prob_class_1",
            ["a,.75,.25"],
            "probability",
            {"scores_of": "real"},
            0.75,
        ),
    ],
)
def test_scores_of_the_class_real_are_turned(header, rows, scale, asked, p_fake, tmp_path):
    path = tmp_path / "t.csv"
    path.write_text("\n".join([header, *rows]))
    found = read_scores(path, scale, **asked)
    assert found.p_fake == pytest.approx([p_fake])
    assert found.margin is None or found.margin == pytest.approx(np.log(p_fake / (1 - p_fake)))
    with pytest.raises(ForensicsError, match="unknown"):
        read_scores(path, scores_of="cat")


def test_percentages_are_not_advised_to_be_logits(tmp_path):
    path = tmp_path / "t.csv"
    path.write_text("file,p_fake\na,97.3\nb,0.9\n")
    with pytest.raises(ForensicsError) as caught:
        read_scores(path)
    assert caught.value.hint.startswith("Divide percentages by 100")
