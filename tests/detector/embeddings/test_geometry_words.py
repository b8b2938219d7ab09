"""The geometry in words agrees with the pairs."""

from __future__ import annotations

import numpy as np
import pytest
from media_forensics.detector.embeddings import geometry_words


def rows_of(vectors, label):
    return {name: (value, text) for name, value, text in geometry_words.geometry(vectors, label)}


def test_values_against_all_pairs():
    rng = np.random.default_rng(0)
    vectors = rng.normal(size=(60, 8)) + np.repeat([[2.0], [-1.0]], 30, axis=0)
    vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
    label = np.repeat([0, 1], 30)
    rows = rows_of(vectors, label)
    gap = ((vectors[:, None] - vectors[None]) ** 2).sum(-1)
    pairs = np.triu(np.ones((60, 60), bool), 1)
    same = pairs & (label[:, None] == label[None])
    assert float(rows["Alignment"][0]) == pytest.approx(gap[same].mean(), abs=0.006)
    want = np.log(np.exp(-2 * gap[pairs]).mean())
    assert float(rows["Uniformity"][0]) == pytest.approx(want, abs=0.006)
    means = [vectors[label == k].mean(axis=0) for k in (0, 1)]
    lengths = [np.linalg.norm(mean) for mean in means]
    assert float(rows["Concentration, real"][0]) == pytest.approx(lengths[0], abs=0.006)
    cosine = means[0] @ means[1] / lengths[0] / lengths[1]
    angle = np.degrees(np.arccos(cosine))
    assert float(rows["Angle of the classes"][0][:-1]) == pytest.approx(angle, abs=0.06)


def test_one_class_and_one_face():
    vectors = np.eye(4)
    rows = rows_of(vectors, np.zeros(4, int))
    assert "Angle of the classes" not in rows and "Concentration, fake" not in rows
    assert rows["Concentration, real"][1].startswith("loose")
    rows = rows_of(vectors[:1], np.zeros(1, int))
    assert "Uniformity" not in rows and rows["Concentration, real"][1].startswith("very tight")


def test_sample_is_seeded_ordered_and_bounded():
    rows = geometry_words.sample(10_000, 50)
    assert len(rows) == 50 and (np.diff(rows) > 0).all()
    assert np.array_equal(rows, geometry_words.sample(10_000, 50))
    assert geometry_words.sample(10, 50).tolist() == list(range(10))


def test_card_and_note():
    card = geometry_words.card(
        {"filepath": "/a.png", "label": "fake", "p_fake": None, "method": "m", "video_id": "x/y/z"}
    )
    assert card["p_fake"] == "not scored" and card["words"] == ["m", "z"]
    note = geometry_words.anchor(0.42, "the axis", None)
    assert "42%" in note and "by chance" not in note
    assert "those of 10,000 faces" in geometry_words.anchor(float("nan"), "x", 10_000)


def test_what_is_drawn_of_how_many():
    assert geometry_words.drawn(1200, 1200, 1200, False, 0.5) == "All 1,200 faces are drawn."
    some = geometry_words.drawn(1000, 1000, 1200, False, 0.5)
    assert some.startswith("1,000 faces are drawn. 200 of 1,200 have no embedding")
    first = geometry_words.drawn(50, 1000, 1000, True, 0.5)
    assert first.startswith("50 of 1,000 faces are drawn") and "being read" in first
    most = geometry_words.drawn(1_000_000, 1_300_000, 1_300_000, False, 0.21)
    assert most.startswith("1,000,000 of 1,300,000 faces") and "errors at 0.21 first" in most
