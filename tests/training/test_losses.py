"""Losses against explicit loops over pairs, in double precision."""

from __future__ import annotations

import math

import pytest
import torch
from media_forensics.training.losses import alignment, uniformity


def units(n: int, d: int, seed: int, dtype=torch.float64) -> torch.Tensor:
    generator = torch.Generator().manual_seed(seed)
    z = torch.randn((n, d), generator=generator, dtype=torch.float64)
    return (z / z.norm(dim=1, keepdim=True)).to(dtype)


def loop_alignment(z, labels, power=2.0):
    values = [
        (z[i] - z[j]).norm() ** power
        for i in range(len(z))
        for j in range(i + 1, len(z))
        if labels[i] == labels[j]
    ]
    return sum(values) / len(values) if values else z.new_zeros(())


def loop_uniformity(z, t=2.0):
    values = [
        torch.exp(-t * (z[i] - z[j]).square().sum())
        for i in range(len(z))
        for j in range(i + 1, len(z))
    ]
    return torch.log(torch.clamp(sum(values) / len(values), min=1e-6))


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64, torch.bfloat16])
@pytest.mark.parametrize("power", [1.0, 2.0, 3.0])
@pytest.mark.parametrize("labels", [[0, 1, 0, 1, 1, 0, 0], [0] * 7, [0, 1, 2, 2, 1, 0, 0]])
def test_alignment_is_the_loop(dtype, power, labels):
    z = units(7, 5, 1, dtype)
    y = torch.tensor(labels)
    expected = loop_alignment(z.double(), y, power)
    assert alignment(z, y, power).item() == pytest.approx(expected.item(), rel=1e-5)


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64, torch.bfloat16])
@pytest.mark.parametrize("t", [1.0, 2.0, 5.0])
def test_uniformity_is_the_loop(dtype, t):
    z = units(9, 4, 2, dtype)
    assert uniformity(z, t).item() == pytest.approx(
        loop_uniformity(z.double(), t).item(), rel=1e-5, abs=1e-6
    )


@pytest.mark.parametrize("power", [2.0, 3.0])
def test_gradients_are_those_of_the_loop(power):
    y = torch.tensor([0, 1, 0, 1, 1, 0])
    for ours, loop in (
        (lambda z: alignment(z, y, power), lambda z: loop_alignment(z, y, power)),
        (uniformity, loop_uniformity),
    ):
        a = units(6, 8, 3).requires_grad_()
        b = a.detach().clone().requires_grad_()
        ours(a).backward()
        loop(b).backward()
        torch.testing.assert_close(a.grad, b.grad, rtol=1e-4, atol=1e-6)


def test_frozen_values():
    """By hand: e1, e1, (1, 1)/sqrt 2, e2, e2 with labels 0 0 0 1 1."""
    r = 1 / math.sqrt(2)
    z = torch.tensor([[1.0, 0], [1, 0], [r, r], [0, 1], [0, 1]])
    near = 2 - math.sqrt(2)  # squared distance of neighbours
    assert alignment(z, torch.tensor([0, 0, 0, 1, 1])).item() == pytest.approx(
        (0 + near + near + 0) / 4, abs=1e-6
    )
    pairs = [0.0, near, 2, 2, near, 2, 2, near, near, 0]
    expected = math.log(sum(math.exp(-2 * p) for p in pairs) / 10)
    assert uniformity(z).item() == pytest.approx(expected, abs=1e-6)


def test_identical_rows_give_zero_and_finite_gradients():
    z = torch.ones((4, 3)).div(math.sqrt(3)).requires_grad_()
    y = torch.tensor([0, 0, 1, 1])
    total = alignment(z, y) + uniformity(z) + alignment(z, y, 3.0)
    assert total.item() == pytest.approx(0, abs=1e-5)
    total.backward()
    assert torch.isfinite(z.grad).all()


def test_no_pair_gives_zero():
    z = units(2, 3, 4, torch.float32)
    assert alignment(z, torch.tensor([0, 1])).item() == 0
    assert uniformity(z[:1]).item() == 0
    assert alignment(z[:0], torch.tensor([], dtype=torch.int64)).item() == 0


def test_uniformity_has_the_floor_of_the_released_code():
    z = torch.eye(4) * 100  # not unit: far enough apart for the floor
    assert uniformity(z).item() == pytest.approx(math.log(1e-6), rel=1e-6)


def test_rows_without_labels_are_refused():
    with pytest.raises(ValueError, match="3 embeddings but 2 labels"):
        alignment(units(3, 2, 0), torch.tensor([0, 1]))
