"""A basis names its rows whatever their order and coding, and says what differs."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from media_forensics.detector.audit.basis import INGREDIENTS, Basis, FittedOn, digest, text_codes
from media_forensics.detector.errors import ForensicsError

IDS = [f"{i:024x}" for i in range(5)]
BASIS = Basis("c", "r", "mean", 5, "m", "l", "s", "k", "1.0")


def test_a_digest_is_of_the_values_alone():
    scores = np.array([0.1, np.nan, 0.3, 0.0, 1.0])
    want = digest(IDS, scores)
    assert digest(list(IDS), scores.astype(">f8")) == want
    other_nan = np.where(np.isnan(scores), -np.nan, scores)
    assert digest(IDS, np.where(other_nan == 0, -0.0, other_nan)) == want
    changed = scores.copy()
    changed[2] = np.nextafter(0.3, 1)
    assert digest(IDS, changed) != want
    assert digest(IDS[::-1], scores) != want and digest(IDS[:-1], scores[:-1]) != want
    assert digest(IDS, scores, scores) != digest(IDS, scores)


def test_codes_of_texts_do_not_depend_on_their_neighbours():
    assert text_codes(["real", "fake"])[1] == text_codes(["fake"])[0]
    assert len(set(text_codes(["", None, ("a", ""), ("", "a"), ("a",)]).tolist())) == 5


@pytest.mark.parametrize("name", INGREDIENTS)
def test_each_ingredient_is_told_unless_ignored(name):
    now = replace(BASIS, **{name: "other"})
    (words,) = BASIS.differences(now)
    assert words
    assert BASIS.differences(now, ignoring=(name,)) == ()
    assert Basis.from_json(BASIS.to_json()) == BASIS


def test_faces_that_are_gone_are_the_one_reason():
    now = replace(BASIS, faces=2, members="x", labels="x", scores="x", kinds="x")
    assert BASIS.differences(now) == ("3 of its 5 faces are gone",)
    (words,) = now.differences(BASIS)
    assert words == "faces have been added: 5 instead of 2"


def test_the_plugins_version_alone_makes_nothing_stale():
    assert BASIS.differences(replace(BASIS, code="2.0")) == ()
    with pytest.raises(ForensicsError, match="no setting"):
        Basis.from_json({**BASIS.to_json(), "more": 1})


def test_rows_share_groups_or_else_files():
    mine = FittedOn(frozenset({"g1"}), frozenset({"f1"}))
    assert "1 of its groups" in mine.shared(FittedOn(frozenset({"g1", "g2"}), frozenset()))
    assert "1 of its files" in mine.shared(FittedOn(frozenset({"g2"}), frozenset({"f1"})))
    assert mine.shared(FittedOn(frozenset({"g2"}), frozenset({"f2"}))) == ""
