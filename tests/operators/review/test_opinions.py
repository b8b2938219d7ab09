"""What each reviewer thinks, where they differ, and how a difference ends."""

from __future__ import annotations

import random

import pytest
from media_forensics.operators.review import decisions, opinions, review_log
from media_forensics.operators.review.states import folded

pytestmark = pytest.mark.fiftyone


@pytest.fixture
def faces(faces_of):
    return faces_of(40).dataset


def test_everybody_keeps_an_own_opinion_and_a_resolution_ends_a_difference(faces):
    first, second, third = faces.values("id")[:3]

    def act(face, action, who, **more):
        decisions.act(faces.select(face), action, reviewer=who, **more)

    act(first, "confirm_label", "ada")
    act(first, "wrong_label", "bob")
    act(second, "confirm_label", "ada")
    act(second, "confirm_label", "bob")
    act(third, "unusable", "bob")
    act(third, "keep", "ada")  # no opinion on the label
    found = opinions.opinions_of(faces)
    assert found.of[first] == {"ada": "confirm_label", "bob": "wrong_label"}
    assert found.conflicts() == [first]
    assert found.by("ada") == {first: "confirm_label", second: "confirm_label"}
    assert found.reviewers() == ["ada", "bob"]
    act(first, "wrong_face", "eve", resolves=True)
    found = opinions.opinions_of(faces)
    assert found.conflicts() == [] and found.settled == {first: "wrong_face"}
    assert found.reviewers() == ["ada", "bob"]  # a resolution is nobody's opinion
    assert faces[first].review == "wrong_face"
    act(first, "confirm_label", "bob")  # everybody is of one opinion, which is not the resolution
    assert opinions.opinions_of(faces).conflicts() == []
    act(first, "unusable", "bob")
    assert opinions.opinions_of(faces).conflicts() == [first]
    decisions.undo(faces, "bob")
    assert opinions.opinions_of(faces).conflicts() == []
    act(first, "clear", "ada")
    assert opinions.opinions_of(faces).of[first] == {"bob": "confirm_label"}


def test_what_is_read_for_one_face_is_what_all_records_say(faces):
    """Undo, redo and the states by the newest records equal those by all records."""
    rng = random.Random(4)
    ids = faces.values("id")[:8]
    stacks: dict[str, tuple[list[int], list[int]]] = {"ada": ([], []), "bob": ([], [])}
    for _ in range(60):
        who = rng.choice(["ada", "bob"])
        done, back = stacks[who]
        what = rng.choice(["act", "act", "undo", "redo"])
        if what == "act":
            action = rng.choice(["confirm_label", "wrong_face", "keep", "clear"])
            decisions.act(faces.select(rng.sample(ids, 2)), action, reviewer=who)
            done.append(review_log.last(faces))
            back.clear()
        elif source := (done if what == "undo" else back):
            number = source.pop()
            (back if what == "undo" else done).append(number)
            assert set(decisions.turn(faces, what, who)) == set(review_log.faces_of(faces, number))
        assert review_log.next_of(faces, "undo", who) == (done[-1] if done else None)
        assert review_log.next_of(faces, "redo", who) == (back[-1] if back else None)
    states = folded(review_log.read(faces), ids)
    names = ["id", decisions.DECISION, decisions.KEEP]
    for face, decision, keep in zip(*faces.select(ids).values(names), strict=True):
        assert (decision, keep) == (states[face]["review"], states[face]["review_keep"])


def test_an_action_that_is_sent_twice_counts_once(faces):
    one = faces.select(faces.values("id")[:1])
    for _ in range(2):
        assert decisions.act(one, "unusable", reviewer="ada", mark="m1") == 1
    decisions.act(one, "unusable", reviewer="ada", mark="m2")
    assert len(decisions.turn(faces, "undo", "ada", mark="m3")) == 1
    assert list(decisions.turn(faces, "undo", "ada", mark="m3")) == one.values("id")
    assert len(review_log.read(faces)) == 3
    assert opinions.opinions_of(faces).of[one.first().id] == {"ada": "unusable"}


def test_a_clear_takes_back_what_one_said_oneself(faces):
    """A face that another person called wrong is not one to train on again."""
    face = faces.values("id")[0]

    def act(action, who, note=None, **more):
        decisions.act(faces.select(face), action, note, who, **more)
        decisions.rebuild(faces)  # the same from all records
        return [faces[face][name] for name in ("review", "review_keep", "review_note")]

    act("keep", "ada", "mine")
    act("wrong_label", "bob")
    assert act("clear", "ada") == ["wrong_label", None, None]
    assert faces[face].review_by == "bob"
    act("confirm_label", "ada")
    assert act("unusable", "eve", resolves=True)[0] == "unusable"
    assert act("clear", "eve", resolves=True)[0] == "confirm_label"
    found = opinions.opinions_of(faces)
    assert found.of[face] == {"ada": "confirm_label", "bob": "wrong_label"}
    assert found.conflicts() == [face]
    assert act("clear", "bob")[0] == "confirm_label" and act("clear", "ada") == [None] * 3
