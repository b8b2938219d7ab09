"""Runs a frozen tower in half precision for training steps, with its weights cast once.

Autocast casts each float32 matrix in every forward pass and stores what QuickGELU and LayerNorm
compute on the way. Here the matrices are those of ``half_blocks.py``. What is trained (LayerNorms,
or biases) stays the tower's own float32 parameters, so checkpoints and the tower's identity do not
depend on the type. For the backward pass a perceptron keeps only its hidden layer before the
activation, and a LayerNorm only its input.
"""

from __future__ import annotations

from typing import Any

import torch
import torch.nn.functional as F
from torch import nn

from .half_blocks import QUICK, Block, Map, Trunk, block_of, is_quick, linear


class StepTower(Trunk):
    """A plain class-token transformer of open_clip for training steps in half precision.

    Args:
        visual: see :class:`detector.model.half_blocks.Trunk`; which of its parameters are trained
            must be settled. They are used as they are at each call; the others are cast now
        dtype: torch.bfloat16, which has float32's range, so that gradients need no loss scale
        checkpointing: compute each block again in the backward pass (less memory, more time)
    """

    def __init__(self, visual: Any, dtype: torch.dtype, checkpointing: bool = False) -> None:
        with torch.no_grad():
            blocks = [_block(block, dtype) for block in visual.transformer.resblocks]
        super().__init__(visual, blocks, dtype)
        self._checkpointing = checkpointing

    def __call__(self, x: torch.Tensor) -> torch.Tensor:
        """Return raw features (N, D) float32 of normalised pictures (N, 3, S, S) float32."""
        return self.features(x, self._checkpointing)


def is_frozen(visual: nn.Module) -> bool:
    """Return whether nothing but LayerNorms and biases of ``visual`` is trained."""
    norms = {id(p) for m in visual.modules() if isinstance(m, nn.LayerNorm) for p in m.parameters()}
    return all(
        id(parameter) in norms or name.endswith("bias")
        for name, parameter in visual.named_parameters()
        if parameter.requires_grad
    )


def _block(block: Any, dtype: torch.dtype) -> Block:
    attention, mlp, quick = block.attn, block.mlp, is_quick(block)
    factor = QUICK if quick else 1.0
    entries = (
        linear(attention.in_proj_weight, attention.in_proj_bias, dtype),
        linear(mlp.c_fc.weight, mlp.c_fc.bias, dtype, factor, factor),
    )
    return block_of(block, (_norm(block.ln_1), _norm(block.ln_2)), entries, quick, dtype)


def _norm(norm: nn.LayerNorm) -> Map:
    """Return ``norm`` on tokens in half precision, computed in float32."""

    def run(x: torch.Tensor) -> torch.Tensor:
        shape = tuple(norm.normalized_shape)
        compiled = torch.compiler.is_compiling()  # it fuses the casts
        if x.device.type == "cpu" and not compiled:  # its kernel takes both types at once
            return F.layer_norm(x, shape, norm.weight, norm.bias, norm.eps)
        if x.device.type == "cuda" and not compiled and norm.bias is not None:
            return HalfNorm.apply(x, norm.weight, norm.bias, norm.eps)  # type: ignore[return-value]
        return F.layer_norm(x.float(), shape, norm.weight, norm.bias, norm.eps).to(x.dtype)

    return run


class HalfNorm(torch.autograd.Function):
    """A LayerNorm with float32 parameters on tokens in half precision, for GPUs.

    torch's kernels for GPUs take one type. So statistics come from the kernel without parameters,
    which computes in float32, and weight and bias are applied in float32 in one more pass; nothing
    wider than a token's own type is stored. In the backward pass the weight is rounded; the sums
    over tokens are float32 and rounded once.
    """

    @staticmethod
    def forward(
        ctx: Any, x: torch.Tensor, weight: torch.Tensor, bias: torch.Tensor, eps: float
    ) -> torch.Tensor:
        shape = weight.shape
        normed, mean, rstd = torch.native_layer_norm(x, shape, None, None, eps)
        ctx.save_for_backward(x, mean, rstd, weight, bias)
        return torch.addcmul(bias, normed, weight, out=normed)

    @staticmethod
    def backward(ctx: Any, gradient: torch.Tensor) -> Any:  # type: ignore[override]
        x, mean, rstd, weight, bias = ctx.saved_tensors
        rounded = weight.to(x.dtype), bias.to(x.dtype)
        grads = torch.ops.aten.native_layer_norm_backward(
            gradient, x, weight.shape, mean, rstd, *rounded, list(ctx.needs_input_grad[:3])
        )
        own = (x, weight, bias)
        return (*(g if g is None else g.to(t) for g, t in zip(grads, own, strict=True)), None)
