import numpy as np
import pytest
import torch
from hypothesis import given, settings, strategies as st
from media_forensics.detector.embeddings import sphere
from media_forensics.detector.errors import ForensicsError, MetricUndefined
from media_forensics.detector.model.head import margin


def units(n, d=8, seed=0, towards=0.0):
    rng = np.random.default_rng(seed)
    z = rng.normal(size=(n, d))
    z[:, 0] += towards
    return (z / np.linalg.norm(z, axis=1, keepdims=True)).astype(np.float32)


def pairs(z):
    z = z.astype(np.float64)
    i, j = np.triu_indices(len(z), 1)
    return np.sum((z[i] - z[j]) ** 2, axis=1), i, j


@settings(deadline=None)
@given(st.integers(2, 60), st.integers(0, 1000))
def test_alignment_and_uniformity_equal_all_pairs(n, seed):
    z = units(n, seed=seed)
    squared, i, j = pairs(z)
    assert sphere.alignment(z) == pytest.approx(squared.mean(), abs=1e-6)
    assert sphere.uniformity(z) == pytest.approx(np.log(np.exp(-2 * squared).mean()), abs=1e-6)
    labels = np.random.default_rng(seed).integers(0, 3, n)
    same = labels[i] == labels[j]
    if same.any():
        assert sphere.alignment(z, labels) == pytest.approx(squared[same].mean(), abs=1e-6)


def test_blocks_do_not_change_uniformity(monkeypatch):
    z = units(50)
    whole = sphere.uniformity(z)
    for block in (1, 7, 50, 64):
        monkeypatch.setattr(sphere, "_BLOCK", block)
        assert sphere.uniformity(z) == pytest.approx(whole, abs=1e-12)


def test_uniform_points_in_many_dimensions_and_collapse():
    # E exp(-4 + 4 c) with c ~ N(0, 1/d): -4 + 8/d, here -3.992
    assert sphere.uniformity(units(600, 1024)) == pytest.approx(-3.992, abs=0.01)
    same = np.tile(units(1), (5, 1))
    assert sphere.alignment(same) == pytest.approx(0, abs=1e-6)
    assert sphere.uniformity(same) == pytest.approx(0, abs=1e-6)


def test_pairs_are_needed():
    for function in (sphere.alignment, sphere.uniformity):
        with pytest.raises(MetricUndefined):
            function(units(1))
    with pytest.raises(MetricUndefined):
        sphere.alignment(units(2), [0, 1])
    with pytest.raises(MetricUndefined):
        sphere.concentration(units(0))
    with pytest.raises(MetricUndefined, match="cancel"):
        sphere.concentration(np.array([[1.0, 0], [-1, 0]]))
    with pytest.raises(ForensicsError, match="NaN"):
        sphere.alignment(np.array([[np.nan, 1]]))
    with pytest.raises(ForensicsError, match=r"\(N, D\)"):
        sphere.alignment(np.ones(3))


def test_concentration_follows_banerjee():
    z = units(400, 16, towards=3.0)
    found = sphere.concentration(z)
    mean = z.astype(np.float64).mean(0)
    r = np.linalg.norm(mean)
    np.testing.assert_allclose(found.direction, mean / r)
    assert found.resultant == pytest.approx(r)
    assert found.kappa == pytest.approx(r * (16 - r**2) / (1 - r**2))
    assert sphere.concentration(z[:1]).kappa > 1e6
    # the values that the formula gives in 1024 dimensions
    for r, kappa in ((0.3, 338), (0.6, 960), (0.8, 2274), (0.9, 4847)):
        axis = np.zeros((2, 1024))
        axis[:, 0], axis[0, 1], axis[1, 1] = r, np.sqrt(1 - r * r), -np.sqrt(1 - r * r)
        assert sphere.concentration(axis).kappa == pytest.approx(kappa, rel=2e-3)


def test_prototypes_and_their_angles():
    z = np.array([[1, 0, 0], [1, 0, 0], [0, 1, 0], [-1, 0, 0]], float)
    groups = {n: sphere.concentration(z[k]) for n, k in (("a", [0, 1]), ("b", [2]), ("c", [3]))}
    expected = [[0, 90, 180], [90, 0, 90], [180, 90, 0]]
    np.testing.assert_allclose(sphere.prototype_angles(groups), expected, atol=1e-5)


def head(d=8, seed=1):
    torch.manual_seed(seed)
    return torch.nn.Linear(d, 2)


def test_projection_is_orthogonal_and_its_first_axis_is_the_margin():
    z, h = units(200), head()
    found = sphere.fake_axis_projection(z, h)
    np.testing.assert_allclose(found.basis @ found.basis.T, np.eye(3), atol=1e-10)
    assert np.linalg.norm(found.xyz, axis=1).max() <= 1 + 1e-5
    assert np.array_equal(found.xy, found.xyz[:, :2]) and found.xyz.dtype == np.float32
    weight = h.weight.detach().double().numpy()
    bias = h.bias.detach().double().numpy()
    length = np.linalg.norm(weight[1] - weight[0])
    expected = margin(z, h)
    np.testing.assert_allclose(found.xyz[:, 0] * length + bias[1] - bias[0], expected, atol=1e-5)
    same = sphere.fake_axis_projection(z, h.weight.detach().numpy().tolist())
    np.testing.assert_allclose(same.xyz, found.xyz, atol=1e-6)


def test_second_and_third_axis_are_the_principal_components_of_the_rest():
    z, h = units(300, 12, towards=1.0), head(12)
    found = sphere.fake_axis_projection(z, h)
    axis = sphere.fake_axis(h)
    rest = z - np.outer(z @ axis, axis)
    rest = rest - rest.mean(0)
    _, values, vectors = np.linalg.svd(rest, full_matrices=False)
    for row, expected in zip(found.basis[1:], vectors[:2], strict=True):
        assert abs(row @ expected) == pytest.approx(1, abs=1e-6)
    share = (values[:2] ** 2).sum() / (values**2).sum()
    assert found.explained == pytest.approx(share, abs=1e-6)


def test_projection_does_not_flip_and_can_be_reused(monkeypatch):
    z, h = units(100), head()
    found = sphere.fake_axis_projection(z, h)
    shuffled = sphere.fake_axis_projection(z[::-1], h)
    np.testing.assert_allclose(shuffled.xyz[::-1], found.xyz, atol=1e-5)
    part = sphere.fake_axis_projection(z[:10], h, found.basis)
    np.testing.assert_allclose(part.xyz, found.xyz[:10], atol=1e-6)
    monkeypatch.setattr(sphere, "_BLOCK", 13)
    np.testing.assert_allclose(sphere.fake_axis_projection(z, h).xyz, found.xyz, atol=1e-5)


@pytest.mark.parametrize("count", [0, 1, 2])
def test_projection_of_few_points(count):
    found = sphere.fake_axis_projection(units(count), head())
    assert found.xyz.shape == (count, 3) and np.isfinite(found.basis).all()
    np.testing.assert_allclose(found.basis @ found.basis.T, np.eye(3), atol=1e-8)


def test_projection_refuses_a_head_without_axis_or_of_another_size():
    with pytest.raises(ForensicsError, match="no fake axis"):
        sphere.fake_axis(np.ones((2, 8)))
    with pytest.raises(ForensicsError, match="do not fit"):
        sphere.fake_axis_projection(units(3), head(9))
