"""Faces as units: nothing lost, means as pandas makes them."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from media_forensics.detector.audit.columns import FaceColumns, coded, label_codes
from media_forensics.detector.audit.units import at_level
from media_forensics.detector.errors import ForensicsError


def test_coded_keeps_every_row_and_sorts_values():
    column = coded(["b", None, "a", "b", ""])
    assert column.values == ("a", "b")
    assert column.codes.tolist() == [1, -1, 0, 1, -1]
    assert coded([]).codes.size == 0
    assert [(*column.values, None)[c] for c in column.codes] == ["b", None, "a", "b", None]


def test_label_codes():
    assert label_codes(["real", "fake", None, "maybe"]).tolist() == [0, 1, -1, -1]


def test_face_level_is_the_faces(columns_of):
    columns, table = columns_of(1000)
    units = at_level(columns, "face")
    assert len(units) == 1000
    assert np.array_equal(units.p_fake, table["p_fake"], equal_nan=True)
    assert units.scored.sum() == np.isfinite(table["p_fake"]).sum()
    lost = np.isnan(table["p_fake"])
    assert ((units.reason.codes >= 0) == lost).all()
    assert units.reason.values[units.reason.codes[lost][0]] == "too_small"


@pytest.mark.parametrize("level", ["video", "person"])
def test_means_are_those_of_pandas(columns_of, level):
    columns, table = columns_of(3000, seed=1)
    units = at_level(columns, level)
    keys = ["video_id"] if level == "video" else ["video_id", "track"]
    frame = pd.DataFrame({k: table[k] for k in ("video_id", "track", "p_fake", "label")})
    want = frame.groupby(keys)["p_fake"].mean()
    assert len(units) == len(want)
    video = np.array(units.video.values, object)[units.video.codes]
    if level == "video":
        got = pd.Series(units.p_fake, index=video).sort_index()
        assert np.allclose(got, want.sort_index(), equal_nan=True)
    else:
        assert np.allclose(np.sort(units.p_fake), np.sort(want), equal_nan=True)
    assert units.faces.sum() == len(columns)
    sizes = frame.groupby(keys).size()
    assert sorted(units.faces) == sorted(sizes)
    for face in (0, 17, 2999):
        assert video[units.unit_of_face[face]] == table["video_id"][face]


def test_stored_video_score_wins(columns_of):
    columns, _ = columns_of(80)
    stored = np.linspace(0, 1, 10)[columns.video.codes]
    units = at_level(replace(columns, video_p_fake=stored), "video")
    assert np.array_equal(units.p_fake, np.linspace(0, 1, 10))


def test_video_without_any_score_keeps_its_reason(columns_of):
    columns, _ = columns_of(80)
    p_fake = np.where(columns.video.codes == 3, np.nan, columns.p_fake)
    units = at_level(replace(columns, p_fake=p_fake), "video")
    row = np.flatnonzero(units.video.codes == 3)
    assert np.isnan(units.p_fake[row]).all()
    assert units.reason.values[units.reason.codes[row][0]] in ("not_scored", "too_small")


def test_faces_without_a_video_are_not_one_big_video(columns_of):
    columns, _ = columns_of(40)
    nameless = replace(columns, video=coded([None] * 40), group=coded([None] * 40))
    units = at_level(nameless, "video")
    assert len(units) == 40
    assert len(np.unique(units.cluster)) == 40


def test_videos_without_a_face_stay_in_the_video_level(columns_of):
    columns, _ = columns_of(80)
    lost = FaceColumns(
        ids=["", ""],
        label=label_codes(["real", "fake"]),
        p_fake=np.full(2, np.nan),
        video=coded(["x", "y"]),
        track=np.array([-1, -1]),
        group=coded([None, None]),
        reason=coded(["no_face", "decode_error"]),
        texts={"method": coded(["original", "newmethod"]), "split": coded([None, "test"])},
    )
    units = at_level(replace(columns, faceless=lost), "video")
    assert len(units) == 12
    assert units.faces[-2:].tolist() == [0, 0]
    assert [units.reason.values[c] for c in units.reason.codes[-2:]] == ["no_face", "decode_error"]
    method = units.texts["method"]
    assert [method.values[c] for c in method.codes[-2:]] == ["original", "newmethod"]
    assert units.texts["split"].codes[-2] == -1
    assert len(set(units.cluster[-2:]) | set(units.cluster[:-2])) == len(set(units.cluster))
    assert at_level(replace(columns, faceless=lost), "face").label.size == 80


def test_take_and_unknown_level(columns_of):
    columns, table = columns_of(100)
    part = columns.take(table["split"] == "test")
    assert len(part) == (table["split"] == "test").sum()
    assert part.ids == [columns.ids[i] for i in np.flatnonzero(table["split"] == "test")]
    with pytest.raises(ForensicsError, match="level"):
        at_level(columns, "clip")


def test_groups_fall_back_to_the_video_and_sort_as_texts():
    video, group = ["v2", "v1", None, "v1"], ["g1", None, None, ""]
    nothing = coded([None] * 4)
    columns = FaceColumns(
        ids=list("abcd"),
        label=label_codes(["real", "fake", "fake", "fake"]),
        p_fake=np.array([0.1, 0.2, 0.3, np.nan]),
        video=coded(video),
        track=np.zeros(4, np.int64),
        group=coded(group),
        reason=nothing,
        texts={},
        pair=coded([None, "v2", "v9", "v2"]),
        frame_number=np.array([1, np.nan, 3, 4]),
        vectors={"embedding": np.eye(4, 3)},
    )
    assert columns.groups.texts().tolist() == ["g1", "v1", "", "v1"]
    assert columns.groups.values == ("g1", "v1")
    assert columns.paired_video.tolist() == [-1, 1, -1, 1]  # of "v1", "v2"
    assert columns.frames.tolist() == [1, -1, 3, 4]
    cut = columns.take(np.array([3, 0]))
    assert cut.vectors["embedding"].tolist() == [[0, 0, 0], [1, 0, 0]]
    units = at_level(columns, "video")
    assert units.names.tolist() == ["v1", "v2", ""] and units.ids == ["b", "a", "c"]
    assert units.group.texts().tolist() == ["v1", "g1", ""]
    part = units.take(np.array([False, True, True]))
    assert part.names.tolist() == ["v2", ""] and part.unit_of_face.tolist() == [0, -1, 1, -1]
