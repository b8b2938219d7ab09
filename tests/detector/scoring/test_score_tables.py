"""Scores in and out: the same numbers, and every bad table refused with its line."""

from __future__ import annotations

import numpy as np
import pytest
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
        ("video_id,p_fake\na,0.5\nb,oops\n", "line 3: the score 'oops'"),
        ("video_id,p_fake\na,inf\n", "line 2"),
        ("video_id,p_fake\na,1.5\n", "outside"),
        ("video_id,p_fake\na,0.1\na,0.2\n", "more than once"),
        ("video_id,p_fake\n,0.1\n", "line 2: video_id is empty"),
        ("video_id,other\na,0.1\n", "no column with scores"),
        ("name,p_fake\na,0.1\n", "which video"),
        ("video_id,frame_number,p_fake\na,x,0.1\n", "whole number"),
        ("video_id,p_fake\n", "no rows"),
        ("", "cannot be read"),
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
    with pytest.raises(ForensicsError, match="neither CSV nor Parquet"):
        read_scores(tmp_path / "a.txt")
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
