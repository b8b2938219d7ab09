"""Defines the transformer that the towers in half precision run: matrices, blocks, tokens.

The matrices are stored once in the compute type. QuickGELU's factors (x sigmoid(1.702 x) =
silu(1.702 x) / 1.702) and LayerScale are multiplied into them in float32 before they are rounded.
The residual stream has the compute type; the first and the last LayerNorm run in float32. Scoring
folds the LayerNorms of the blocks into the matrices too (``half_tower.py``); a training step runs
them, because it changes them (``step_tower.py``).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

import torch
import torch.nn.functional as F
from torch import nn
from torch.utils.checkpoint import checkpoint

QUICK = 1.702  # QuickGELU's factor (Hendrycks and Gimpel, arXiv 1606.08415)
Map = Callable[[torch.Tensor], torch.Tensor]
Factor = float | torch.Tensor


@dataclass(frozen=True, slots=True, eq=False)
class Linear:
    """A matrix product with bias.

    Attributes:
        weight: (out, in) in the compute type, not trained
        bias: (out,), None, or a float32 parameter that is being trained
        factor: factor of a bias that is being trained; it is folded into any other
    """

    weight: torch.Tensor
    bias: torch.Tensor | None
    factor: Factor | None = None

    def __call__(self, x: torch.Tensor) -> torch.Tensor:
        bias = self.bias
        if bias is not None:
            bias = bias if self.factor is None else self.factor * bias
            bias = bias.to(self.weight.dtype)
        return F.linear(x, self.weight, bias)

    def rows(self, first: int, end: int) -> Linear:
        """Return the product with rows ``first`` to ``end`` alone."""
        bias = None if self.bias is None else self.bias[first:end]
        return replace(self, weight=self.weight[first:end], bias=bias)


def linear(
    weight: torch.Tensor,
    bias: torch.Tensor | None,
    dtype: torch.dtype,
    factor: Factor = 1.0,
    bias_factor: Factor = 1.0,
) -> Linear:
    """Return the matrix and its bias times their factors, in ``dtype``.

    Args:
        factor, bias_factor: one number, or one for each row (out,)
    """
    rows = factor[:, None] if isinstance(factor, torch.Tensor) else factor
    weight = (rows * weight.detach().float()).to(dtype)
    if bias is None:
        return Linear(weight, None)
    if bias.requires_grad:
        return Linear(weight, bias, bias_factor)
    return Linear(weight, (bias_factor * bias.float()).to(dtype))


@dataclass(frozen=True, slots=True, eq=False)
class Block:
    """A pre-norm transformer block over tokens (N, L, D) in the compute type."""

    heads: int
    norms: tuple[Map, Map]
    attention_in: Linear
    attention_out: Linear
    wide: Linear
    narrow: Linear
    activation: Map

    def __call__(self, x: torch.Tensor, class_only: bool) -> torch.Tensor:
        normed = self.norms[0](x)
        if class_only:
            x = x[:, :1]
        x = x + self._attend(normed, class_only)
        return x + self.narrow(self.activation(self.wide(self.norms[1](x))))

    def _attend(self, x: torch.Tensor, class_only: bool) -> torch.Tensor:
        width = x.shape[-1]
        if class_only:
            (query,) = self._heads(self.attention_in.rows(0, width)(x[:, :1]))
            key, value = self._heads(self.attention_in.rows(width, 3 * width)(x))
        else:
            query, key, value = self._heads(self.attention_in(x))
        out = F.scaled_dot_product_attention(query, key, value)
        return self.attention_out(out.transpose(1, 2).flatten(2))

    def _heads(self, x: torch.Tensor) -> torch.Tensor:
        """Reshape (N, L, parts D) to (parts, N, heads, L, D / heads)."""
        count, length, width = x.shape
        side = self.attention_out.weight.shape[1] // self.heads
        parts = width // (side * self.heads)
        return x.view(count, length, parts, self.heads, side).permute(2, 0, 3, 1, 4)


def block_of(
    block: Any,
    norms: tuple[Map, Map],
    entries: tuple[Linear, Linear],
    quick: bool,
    dtype: torch.dtype,
) -> Block:
    """Return open_clip's ``block`` in ``dtype``.

    Args:
        norms: what runs in place of its LayerNorms
        entries: the products after them, of the attention and of the perceptron
        quick: whether its activation is QuickGELU, so that ``entries`` hold the factor
    """
    attention, mlp = block.attn, block.mlp
    outer, inner = _layer_scale(block.ls_1), _layer_scale(block.ls_2)
    return Block(
        heads=attention.num_heads,
        norms=norms,
        attention_in=entries[0],
        attention_out=linear(
            attention.out_proj.weight, attention.out_proj.bias, dtype, outer, outer
        ),
        wide=entries[1],
        narrow=linear(
            mlp.c_proj.weight, mlp.c_proj.bias, dtype, inner / QUICK if quick else inner, inner
        ),
        activation=F.silu if quick else mlp.gelu,
    )


def is_quick(block: Any) -> bool:
    """Return whether the activation of ``block`` is QuickGELU."""
    return type(block.mlp.gelu).__name__ == "QuickGELU"


class Trunk:
    """A plain class-token transformer of open_clip over blocks in half precision.

    Args:
        visual: an open_clip ``VisionTransformer`` for which the fast forward pass is exact, see
            :class:`detector.model.backbone.Backbone`; it is not changed
        blocks: its blocks
        dtype: torch.float16 or torch.bfloat16
    """

    def __init__(self, visual: Any, blocks: list[Block], dtype: torch.dtype) -> None:
        self.dtype = dtype
        conv = visual.conv1
        bias = conv.bias
        if bias is not None and not bias.requires_grad:
            bias = bias.detach().to(dtype)
        self._patch, self._patch_bias = conv.weight.detach().to(dtype), bias
        self._stride = conv.stride
        positions = visual.positional_embedding.detach().float()
        self._first = visual.class_embedding.detach().float() + positions[0]
        self._positions = positions[1:]
        self._pre, self._post = visual.ln_pre, visual.ln_post
        self.blocks = blocks

    def features(self, x: torch.Tensor, checkpointing: bool = False) -> torch.Tensor:
        """Return raw features (N, D) float32 of normalised pictures (N, 3, S, S) float32.

        Args:
            checkpointing: compute each block again in the backward pass
        """
        with torch.autocast(x.device.type, enabled=False):
            x = self._tokens(x)
            for index, block in enumerate(self.blocks):
                class_only = index == len(self.blocks) - 1
                if checkpointing and torch.is_grad_enabled():
                    x = checkpoint(block, x, class_only, use_reentrant=False)
                else:
                    x = block(x, class_only)
            return self._post(x[:, 0].float())

    def _tokens(self, x: torch.Tensor) -> torch.Tensor:
        """Turn pictures into tokens (N, 1 + patches, D), the class token first."""
        bias = None if self._patch_bias is None else self._patch_bias.to(self.dtype)
        patches = F.conv2d(x.to(self.dtype), self._patch, bias, self._stride)
        patches = patches.flatten(2).transpose(1, 2).float() + self._positions
        tokens = torch.cat([self._first.expand(len(x), 1, -1), patches], dim=1)
        return self._pre(tokens).to(self.dtype)


def _layer_scale(module: nn.Module) -> Factor:
    gamma = getattr(module, "gamma", None)
    return 1.0 if gamma is None else gamma.detach().float()
