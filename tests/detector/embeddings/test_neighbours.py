import numpy as np
import pytest
from hypothesis import given, settings, strategies as st
from media_forensics.detector.embeddings import neighbours
from media_forensics.detector.embeddings.neighbours import nearest
from media_forensics.detector.errors import ForensicsError


def units(n, seed, d=6):
    z = np.random.default_rng(seed).normal(size=(n, d))
    return (z / np.linalg.norm(z, axis=1, keepdims=True)).astype(np.float32)


@settings(deadline=None)
@given(st.integers(1, 20), st.integers(1, 30), st.integers(1, 8), st.integers(0, 99))
def test_equals_sorting_all_cosines(n, m, k, seed):
    q, r = units(n, seed), units(m, seed + 1)
    groups_q = np.random.default_rng(seed).integers(0, 4, n)
    groups_r = np.random.default_rng(seed + 2).integers(0, 4, m)
    found = nearest(q, r, k, groups_q, groups_r)
    for row in range(n):
        allowed = np.flatnonzero(groups_r != groups_q[row])
        cosine = r[allowed] @ q[row]
        order = np.argsort(-cosine, kind="stable")[:k]
        count = len(order)
        np.testing.assert_allclose(found.cosine[row, :count], cosine[order], atol=1e-6)
        assert set(found.indices[row, :count]) <= set(allowed)
        assert (found.indices[row, count:] == -1).all()
        assert np.isnan(found.cosine[row, count:]).all()


def test_blocks_change_nothing_and_ties_go_to_the_first(monkeypatch):
    q = units(9, 0)
    r = np.concatenate([units(20, 1)] * 3)  # every reference three times
    whole = nearest(q, r, 5)
    for block, reference_block in ((1, 1), (4, 7), (100, 3)):
        monkeypatch.setattr(neighbours, "_BLOCK", block)
        monkeypatch.setattr(neighbours, "_REFERENCE_BLOCK", reference_block)
        again = nearest(q, r, 5)
        np.testing.assert_allclose(again.cosine, whole.cosine, atol=1e-6)


def test_own_group_is_never_a_neighbour():
    z = units(10, 3)
    found = nearest(z, z, 3, list("aabbccddee"), list("aabbccddee"))
    for row in range(10):
        assert all(index // 2 != row // 2 for index in found.indices[row])


def test_bad_input():
    z = units(3, 0)
    with pytest.raises(ForensicsError, match="do not fit"):
        nearest(z, units(3, 0, 7))
    with pytest.raises(ForensicsError, match="neighbour"):
        nearest(z, z, 0)
    with pytest.raises(ForensicsError, match="neither"):
        nearest(z, z, 1, query_groups=[1, 2, 3])
    with pytest.raises(ForensicsError, match="groups"):
        nearest(z, z, 1, [1], [1, 2, 3])
    assert nearest(z, z[:0], 2).indices.tolist() == [[-1, -1]] * 3
