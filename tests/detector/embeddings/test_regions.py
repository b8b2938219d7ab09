"""Regions of the sphere: found where they are, and named by what is in them."""

from __future__ import annotations

import numpy as np
from media_forensics.detector.audit.columns import coded
from media_forensics.detector.embeddings.regions import named, regions
from sklearn.metrics import adjusted_rand_score


def groups(count: int, size: int, each: int, seed: int = 0):
    rng = np.random.default_rng(seed)
    centres = rng.normal(size=(count, size))
    vectors = np.repeat(centres / np.linalg.norm(centres, axis=1, keepdims=True), each, axis=0)
    vectors = vectors + rng.normal(0, 0.05, vectors.shape)
    vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
    return vectors.astype(np.float32), np.repeat(np.arange(count), each)


def test_groups_that_lie_apart_are_found():
    vectors, truth = groups(6, 16, 300)
    assert adjusted_rand_score(truth, regions(vectors, 6)) > 0.99
    assert np.array_equal(regions(vectors, 6), regions(vectors, 6))


def test_a_hundred_thousand_faces_of_half_precision():
    vectors, truth = groups(5, 8, 20_000, seed=3)
    assert adjusted_rand_score(truth, regions(vectors.astype(np.float16), 5)) > 0.99


def test_fewer_faces_than_regions():
    vectors, _ = groups(1, 4, 3)
    assert len(regions(vectors, 16)) == 3
    same = np.repeat(vectors[:1], 10, axis=0)
    assert set(regions(same, 16)) == {0}


def test_names_hold_the_most_frequent_kind():
    kinds = [coded(["a", "a", "b", None, "b"]), coded(["x", "x", "y", "y", "y"])]
    column = named(np.array([0, 0, 0, 1]), np.array([0, 1, 2, 3]), 5, kinds)
    assert column.values == ("1 (67% a · x)", "2 (100% unknown · y)")
    assert column.codes.tolist() == [0, 0, 0, 1, -1]
