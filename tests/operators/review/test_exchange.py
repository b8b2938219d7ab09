"""Decisions as a file: out of one dataset and into another copy of it."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import datetime, timedelta, timezone

import pytest
from media_forensics.detector.errors import ForensicsError
from media_forensics.operators.review import decisions, exchange, opinions, review_log
from media_forensics.operators.review.states import DECISION, KEEP, NOTE

pytestmark = pytest.mark.fiftyone


@pytest.fixture
def faces(faces_of):
    dataset = faces_of(48).dataset
    dataset.set_values("face_index", [0] * 48)
    videos = [f"v{i // 8}" for i in range(48)]
    dataset.set_values("video_id", videos)
    return dataset


def state(dataset) -> list:
    names = ["video_id", "frame_number", DECISION, KEEP, NOTE]
    return sorted(zip(*dataset.values(names), strict=True), key=str)


@pytest.mark.parametrize("kind", exchange.FORMATS)
def test_what_was_exported_comes_in_again_once(faces, faces_of, kind):
    ids = faces.values("id")
    decisions.act(faces.select(ids[:3]), "confirm_label", '=1+1, "quo\ufffdted"\nnext', "ada")
    decisions.act(faces.select(ids[2:5]), "unusable", reviewer="bob")
    decisions.act(faces.select(ids[2]), "wrong_face", reviewer="eve", resolves=True)
    decisions.act(faces.select(ids[6]), "keep", reviewer="ada")
    decisions.act(faces.select(ids[7]), "keep", reviewer="ada")
    decisions.undo(faces, "ada")
    rows = exchange.rows_of(faces)
    assert len(rows) == 8 and rows[0]["p_fake"] == faces[ids[0]].det_p_fake
    text = exchange.text_of(faces, rows, kind)
    assert exchange.rows_in(text) == rows
    other = faces_of(48).dataset  # the same places, other ids
    for name in ("video_id", "face_index"):
        other.set_values(name, faces.values(name))
    found = exchange.merge(other, exchange.rows_in(text))
    assert found == {"added": 8, "there": 0, "left_out": {}}
    assert state(other) == state(faces)
    mine, theirs = opinions.opinions_of(faces), opinions.opinions_of(other)
    assert sorted(map(str, mine.of.values())) == sorted(map(str, theirs.of.values()))
    assert len(theirs.settled) == 1 and theirs.conflicts() == []
    assert exchange.merge(other, rows) == {"added": 0, "there": 8, "left_out": {}}
    assert exchange.merge(faces, rows) == {"added": 0, "there": 8, "left_out": {}}
    stored = review_log.read(other)
    assert [(r.action, len(r.faces)) for r in stored] == [
        ("confirm_label", 3),
        ("unusable", 3),
        ("wrong_face", 1),
        ("keep", 1),
    ]
    decisions.undo(other, "eve")
    assert len(opinions.opinions_of(other).conflicts()) == 1


def test_what_is_older_or_not_here_is_left_out_and_counted(faces):
    ids = faces.values("id")
    decisions.act(faces.select(ids[0]), "confirm_label", reviewer="ada")
    (row,) = exchange.rows_of(faces)
    old = {**row, "time": "2020-01-01T00:00:00+00:00", "action": "unusable"}
    gone = {**row, "face": "0" * 24, "video_id": "elsewhere"}
    other = {**old, "reviewer": "bob"}
    found = exchange.merge(faces, [old, gone, other])
    assert found["added"] == 1
    assert found["left_out"] == {exchange.OLDER: 1, "no such face here": 1}
    assert opinions.opinions_of(faces).of[ids[0]] == {"ada": "confirm_label", "bob": "unusable"}


@pytest.mark.parametrize("kind", exchange.FORMATS)
def test_a_note_that_was_removed_stays_removed(faces, faces_of, kind):
    one, two = (faces.select(face) for face in faces.values("id")[:2])
    for face in (one, two):
        decisions.act(face, "confirm_label", "seen\ronce\r\nmore", "ada")
    decisions.act(one, "note", "", "ada")
    decisions.act(two, "wrong_face", "", "ada")
    other = faces_of(48).dataset
    for name in ("video_id", "face_index"):
        other.set_values(name, faces.values(name))
    rows = exchange.rows_in(exchange.text_of(faces, exchange.rows_of(faces), kind))
    assert exchange.merge(other, rows)["added"] == 5
    assert state(other) == state(faces)
    assert other.count(NOTE) == 0 and other.count(DECISION) == 2
    assert exchange.merge(other, rows)["there"] == 5


def test_a_table_that_was_sorted_otherwise_gives_the_same_state(faces, faces_of):
    one = faces.select(faces.values("id")[:1])
    for action in ("confirm_label", "unusable", "wrong_face"):  # within a second
        decisions.act(one, action, reviewer="ada")
    other = faces_of(48).dataset
    for name in ("video_id", "face_index"):
        other.set_values(name, faces.values(name))
    assert exchange.merge(other, exchange.rows_of(faces)[::-1])["added"] == 3
    assert state(other) == state(faces)


def test_what_was_undone_here_does_not_come_back(faces):
    one = faces.select(faces.values("id")[:1])
    decisions.act(one, "confirm_label", reviewer="ada")
    rows = exchange.rows_of(faces)
    decisions.undo(faces, "ada")
    found = exchange.merge(faces, rows)
    assert found == {"added": 0, "there": 0, "left_out": {exchange.UNDONE: 1}}


def test_decisions_of_other_times_and_hands(faces):
    """Times with other offsets are compared as moments; what names none is older than all."""
    face = faces.values("id")[0]
    decisions.act(faces.select(face), "confirm_label", reviewer="ada")
    (row,) = exchange.rows_of(faces)
    now = datetime.fromisoformat(row["time"])
    early = (now - timedelta(minutes=5)).astimezone(timezone(timedelta(hours=14)))
    late = (now + timedelta(minutes=5)).astimezone(timezone(-timedelta(hours=11)))
    same = now.astimezone(timezone(timedelta(hours=2)))
    rows = [{**row, "number": None, "time": when.isoformat()} for when in (early, same, late)]
    found = exchange.merge(faces, [*rows, {**row, "number": None, "time": ""}])
    assert found == {"added": 1, "there": 1, "left_out": {exchange.OLDER: 2}}


def test_thousands_of_rows_are_stored_by_thousands(faces, monkeypatch):
    inserts = []
    insert = review_log._insert
    monkeypatch.setattr(
        review_log, "_insert", lambda rows: inserts.append(len(rows)) or insert(rows)
    )
    ids = faces.values("id")
    when = datetime(2026, 1, 1, tzinfo=timezone.utc)
    empty = dict.fromkeys(exchange.COLUMNS)
    rows = [
        {
            **empty,
            "number": None,
            "face": ids[i % 48],
            "time": (when + timedelta(seconds=i)).isoformat(),
            "reviewer": "ada",
            "action": ("unusable", "confirm_label")[i // 48 % 2],
            "resolves": False,
        }
        for i in range(2500)
    ]
    assert exchange.merge(faces, rows)["added"] == 2500
    assert inserts == [1000, 1000, 499]  # after the first one
    records = review_log.read(faces)
    assert [record.number for record in records] == list(range(1, 2501))
    assert faces.count_values(DECISION) == {"unusable": 4, "confirm_label": 44}
    decisions.undo(faces, "ada")
    assert faces.count_values(DECISION) == {"unusable": 3, "confirm_label": 45}


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("", "no column 'action'"),
        ("face,reviewer,time,action\nx,ada,yesterday,unusable\n", "yesterday"),
        ("face,reviewer,time,action\nx,ada,2026-11-26T10:00:00+00:00,delete\n", "'delete'"),
        ('{"decisions": [{}]}', "action"),
        ('{"cut', "no decisions"),
        ('{"decisions": 7}', "no decisions"),
        ("[" * 100_000, "no decisions"),
        ('{"decisions": ' + "[" * 100_000, "no decisions"),
    ],
)
def test_a_file_that_holds_no_decisions_is_refused_in_words(text, says):
    with pytest.raises(ForensicsError, match=says):
        exchange.rows_in(text)


@pytest.mark.parametrize(
    "wrong",
    [
        {"time": "0001-01-01T00:00:00+14:00"},
        {"time": "9999-12-31T23:59:59-14:00"},
        {"time": 5},
        {"reviewer": 5},
        {"reviewer": "\ud800"},
        {"time": "1969-12-31T23:00:00+00:00"},
        {"note": ["a"]},
        {"note": "a" * 10_001},
        {"face": ["a"]},
        {"video_id": {"a": 1}},
        {"number": float("inf")},
        {"p_fake": float("nan")},
        {"p_fake": 1.5},
    ],
)
def test_a_row_that_cannot_be_stored_is_refused_in_words(wrong):
    row = {"face": "x", "reviewer": "ada", "time": "2026-11-26T10:00:00+00:00", "action": "keep"}
    assert exchange.rows_in(json.dumps({"decisions": [row]}))
    with pytest.raises(ForensicsError, match="holds no decisions"):
        exchange.rows_in(json.dumps({"decisions": [row | wrong]}))


def test_what_was_decided_before_stands_before_whenever_it_is_imported(faces):
    """The newest decision counts, not the one that came in last."""
    face = faces.values("id")[0]
    one = faces.select(face)
    decisions.act(one, "confirm_label", reviewer="ada")
    row = {**exchange.rows_of(faces)[0], "number": None, "reviewer": "bob"}
    then = datetime.fromisoformat(row["time"])
    for action, hours in (("unusable", -2), ("wrong_face", -1), ("wrong_label", 99)):
        when = (then + timedelta(hours=hours)).isoformat()
        exchange.merge(faces, [{**row, "time": when, "action": action}])
        assert faces[face].review == ("wrong_label" if hours > 0 else "confirm_label")
        decisions.rebuild(faces)
        assert faces[face].review == ("wrong_label" if hours > 0 else "confirm_label")
    assert opinions.opinions_of(faces).of[face] == {"ada": "confirm_label", "bob": "wrong_label"}
    decisions.act(one, "unusable", reviewer="eve")  # a file from tomorrow is not newer for ever
    decisions.rebuild(faces)
    assert faces[face].review == "unusable"
    for who in ("eve", "bob", "ada"):
        decisions.undo(faces, who)
    assert faces[face].review == "wrong_face"


def test_a_row_that_an_earlier_version_let_in_blocks_nothing(faces):
    ids = faces.values("id")
    decisions.act(faces.select(ids[0]), "confirm_label", reviewer="ada")
    edge = {"time": "9999-12-31T23:59:59-14:00"}
    for wrong in (edge, {"note": ["a"]}, {"reviewer": 5}, {"time": 7}):
        with pytest.raises(ForensicsError, match="cannot be stored"):
            decisions.act(faces.select(ids[1]), "keep", wrong.get("note"), "a\ud800")
        good = review_log.Record(0, review_log.DECIDE, "ada", review_log.now(), [ids[1]], "keep")
        stored = review_log.append(faces, good)
        review_log.put_adopted(faces, [replace(stored, **wrong)])  # as it was stored, not copied
        decisions.act(faces.select(ids[2]), "unusable", reviewer="ada")
        assert faces[ids[2]].review == "unusable" and faces[ids[1]].review_keep is None
    assert review_log.aside(faces) == 4 and len(exchange.rows_of(faces)) == 5
    for _ in range(5):
        decisions.undo(faces, "ada")
    assert review_log.next_of(faces, "undo", "ada") is None


def test_a_name_is_the_same_however_it_was_typed():
    row = {"reviewer": " Rene\u0301 ", "time": "2026-11-26T10:00:00+00:00", "action": "keep"}
    (found,) = exchange.rows_in(json.dumps({"decisions": [row]}))
    assert found["reviewer"] == review_log.person("Rene\u0301 ") == "Ren\u00e9"
