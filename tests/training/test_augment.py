from __future__ import annotations

import math

import numpy as np
import pytest
import torch
from media_forensics.detector.errors import ForensicsError
from media_forensics.training.augment import augment, generator_for, slerp_within_class


def loop_slerp(features, labels, seed, t_range=(0.0, 1.0)):
    """The definition, one row at a time, in double precision; draws in the documented order."""
    generator = torch.Generator().manual_seed(seed)
    out = features.double().clone()
    for label in sorted(set(labels.tolist())):
        rows = [i for i, y in enumerate(labels.tolist()) if y == label]
        if len(rows) < 2:
            continue
        order = torch.randperm(len(rows), generator=generator).tolist()
        ts = torch.rand((len(rows), 1), generator=generator)[:, 0].tolist()
        for place, row in enumerate(rows):
            a = features[row].double() / features[row].double().norm()
            other = features[rows[order[place]]].double()
            b = other / other.norm()
            t = t_range[0] + (t_range[1] - t_range[0]) * ts[place]
            cosine = min(max(float(a @ b), -1 + 1e-7), 1 - 1e-7)
            theta = math.acos(cosine)
            out[row] = (
                math.sin((1 - t) * theta) / math.sin(theta) * a
                + math.sin(t * theta) / math.sin(theta) * b
            )
    return out


@pytest.mark.parametrize("labels", [[0, 1, 0, 1, 1, 0, 0, 1], [0] * 8, [0, 1, 1, 1, 1, 1, 1, 1]])
@pytest.mark.parametrize("t_range", [(0.0, 1.0), (0.2, 0.6)])
def test_slerp_is_the_loop(labels, t_range):
    features = torch.randn((8, 6), generator=torch.Generator().manual_seed(1)) * 3
    y = torch.tensor(labels)
    mixed = slerp_within_class(features, y, torch.Generator().manual_seed(5), t_range)
    expected = loop_slerp(features, y, 5, t_range)
    torch.testing.assert_close(mixed.double(), expected, rtol=1e-4, atol=2e-4)


def test_slerp_stays_on_the_sphere_and_within_the_class():
    features = torch.randn((64, 16), generator=torch.Generator().manual_seed(2))
    features[:32, 0] += 50  # two far classes
    y = torch.tensor([0] * 32 + [1] * 32)
    mixed = slerp_within_class(features, y, torch.Generator().manual_seed(0))
    torch.testing.assert_close(mixed.norm(dim=1), torch.ones(64), rtol=1e-4, atol=1e-4)
    assert (mixed[:32, 0] > 0.9).all()
    assert features[0].norm() > 10  # the input is not touched


def test_a_single_row_stays_as_it_is():
    features = torch.tensor([[3.0, 4.0], [1.0, 0.0], [0.0, 2.0]])
    y = torch.tensor([0, 1, 1])
    mixed = slerp_within_class(features, y, torch.Generator().manual_seed(0))
    assert mixed[0].tolist() == [3.0, 4.0]


def test_no_mixing_at_t_zero_and_finite_gradients_at_equal_rows():
    features = torch.randn((6, 4), generator=torch.Generator().manual_seed(3))
    features[1] = features[0] * 2  # the same direction: an angle of 0
    features.requires_grad_()
    y = torch.zeros(6, dtype=torch.int64)
    mixed = slerp_within_class(features, y, torch.Generator().manual_seed(0), (0.0, 0.0))
    torch.testing.assert_close(mixed, torch.nn.functional.normalize(features, dim=1))
    slerp_within_class(features, y, torch.Generator().manual_seed(0)).sum().backward()
    assert torch.isfinite(features.grad).all()


def crop() -> np.ndarray:
    y, x = np.mgrid[0:64, 0:64]
    return np.stack([x * 4, y * 4, (x * y) // 16], -1).astype(np.uint8)


@pytest.mark.parametrize("name", ["paper1", "gend"])
def test_the_same_seed_gives_the_same_picture(name):
    one = augment(crop(), name, generator_for(0, 1, 2, 2))
    two = augment(crop(), name, generator_for(0, 1, 2, 2))
    other = augment(crop(), name, generator_for(0, 2, 2, 2))
    assert one.size == (64, 64)
    assert one.mode == "RGB"
    np.testing.assert_array_equal(np.asarray(one), np.asarray(two))
    assert (np.asarray(one) != np.asarray(other)).any()


def test_none_changes_nothing():
    picture = augment(crop(), "none", np.random.default_rng(0))
    np.testing.assert_array_equal(np.asarray(picture), crop())


def test_unknown_names_are_refused():
    with pytest.raises(ForensicsError, match="no augmentation 'papr1'"):
        augment(crop(), "papr1", np.random.default_rng(0))


def test_parameters_lie_in_the_ranges_of_the_papers(monkeypatch):
    """Record every call into torchvision over many draws."""
    from torchvision.transforms.v2 import functional as F

    calls: dict[str, list] = {}
    names = ("horizontal_flip", "affine", "gaussian_blur", "adjust_brightness", "adjust_contrast")
    for name in (*names, "jpeg"):

        def record(image, *args, _name=name, **kwargs):
            calls.setdefault(_name, []).append((args, kwargs))
            return image

        monkeypatch.setattr(F, name, record)
    draws = 2000
    for i in range(draws):
        augment(crop(), "gend", np.random.default_rng(i))
    assert 0.45 < len(calls["horizontal_flip"]) / draws < 0.55
    assert 0.07 < len(calls["gaussian_blur"]) / draws < 0.13
    angles = [k["angle"] for _, k in calls["affine"]]
    scales = [k["scale"] for _, k in calls["affine"]]
    shifts = np.array([k["translate"] for _, k in calls["affine"]])
    assert -10 <= min(angles) < -9.5
    assert 9.5 < max(angles) <= 10
    assert 0.9 <= min(scales) < 0.91
    assert 1.09 < max(scales) <= 1.1
    assert shifts.min() == -6
    assert shifts.max() == 6  # a tenth of 64
    qualities = [a[0] for a, _ in calls["jpeg"]]
    assert (min(qualities), max(qualities), len(qualities)) == (40, 100, draws)
    for name in ("adjust_brightness", "adjust_contrast"):
        factors = [a[0] for a, _ in calls[name]]
        assert 0.9 <= min(factors) < 0.905
        assert 1.095 < max(factors) <= 1.1
    assert all(a[0] == [7, 7] and 0.1 <= a[1][0] <= 2 for a, _ in calls["gaussian_blur"])
    calls.clear()
    for i in range(50):
        augment(crop(), "paper1", np.random.default_rng(i))
    assert [a[0] for a, _ in calls["gaussian_blur"]] == [[3, 7]] * 50
