"""Gradients of frozen layers against finite differences and against PyTorch's own modules."""

from __future__ import annotations

import pytest
import torch
from media_forensics.detector.frozen_layers import FrozenAttention, FrozenMLP, takes_attention

HEADS, WIDTH = 3, 12


def attention_tensors(dtype: torch.dtype) -> tuple[torch.Tensor, ...]:
    shapes = ((3 * WIDTH, WIDTH), (3 * WIDTH,), (WIDTH, WIDTH), (WIDTH,))
    return tuple(torch.randn(shape, dtype=dtype) for shape in shapes)


def mlp_tensors(dtype: torch.dtype) -> tuple[torch.Tensor, ...]:
    shapes = ((4 * WIDTH, WIDTH), (4 * WIDTH,), (WIDTH, 4 * WIDTH), (WIDTH,))
    return tuple(torch.randn(shape, dtype=dtype) for shape in shapes)


@pytest.fixture
def x() -> torch.Tensor:
    torch.manual_seed(0)
    return torch.randn(2, 5, WIDTH, dtype=torch.float64, requires_grad=True)


def test_gradients_are_those_of_finite_differences(x):
    assert takes_attention(x)
    weights = attention_tensors(x.dtype)
    assert torch.autograd.gradcheck(lambda x: FrozenAttention.apply(x, HEADS, *weights), (x,))
    weights = mlp_tensors(x.dtype)
    assert torch.autograd.gradcheck(lambda x: FrozenMLP.apply(x, *weights), (x,))


def test_attention_is_that_of_multihead_attention(x):
    weights = attention_tensors(x.dtype)
    module = torch.nn.MultiheadAttention(WIDTH, HEADS, batch_first=True, dtype=x.dtype)
    with torch.no_grad():
        for parameter, tensor in zip(module.parameters(), weights, strict=True):
            parameter.copy_(tensor)
    expected = module(x, x, x, need_weights=False)[0]
    found = FrozenAttention.apply(x, HEADS, *weights)
    torch.testing.assert_close(found, expected)
    above = torch.randn_like(found)
    (gradient,) = torch.autograd.grad(found, x, above)
    torch.testing.assert_close(gradient, torch.autograd.grad(expected, x, above)[0])


def test_large_scores_stay_finite(x):
    """Rows whose weights are all but one zero, as in float32."""
    weights = [tensor.float() * 30 for tensor in attention_tensors(x.dtype)]
    x = x.detach().float().requires_grad_()
    out = FrozenAttention.apply(x, HEADS, *weights)
    (gradient,) = torch.autograd.grad(out.sum(), x)
    assert out.isfinite().all() and gradient.isfinite().all()


def test_half_precision_is_left_to_torch(x):
    assert not takes_attention(x.bfloat16())
