"""Runs a visual tower in half precision for scoring, with weights cast and factors folded once.

Autocast repeats this work for every batch. In a plain CLIP transformer (``half_blocks.py``) the
LayerNorm weight and bias before a matrix are multiplied into it in float32 before it is rounded.
LayerNorm statistics are float32 in torch's kernels.

The features differ from float32's only by rounding: on twelve photographs and the offline tower by
up to 0.09 degrees in float16 and 0.7 in bfloat16, as under autocast.
"""

from __future__ import annotations

import copy
from typing import Any

import torch
import torch.nn.functional as F
from torch import nn

from .half_blocks import QUICK, Block, Linear, Map, Trunk, block_of, is_quick


class HalfTower(Trunk):
    """A plain class-token transformer of open_clip in half precision, for scoring only.

    Args:
        visual: an open_clip ``VisionTransformer`` for which the fast forward pass is exact, see
            :class:`detector.model.backbone.Backbone`; it is not changed
        dtype: torch.float16 or torch.bfloat16
    """

    @torch.no_grad()
    def __init__(self, visual: Any, dtype: torch.dtype) -> None:
        super().__init__(visual, [_folded(b, dtype) for b in visual.transformer.resblocks], dtype)

    @torch.no_grad()
    def __call__(self, x: torch.Tensor) -> torch.Tensor:
        """Return raw features (N, D) float32 of normalised pictures (N, 3, S, S) float32."""
        return self.features(x)


class HalfModule:
    """Any other tower in half precision: its own forward pass with LayerNorms in float32.

    Args:
        visual: the tower; it is not changed
        dtype: torch.float16 or torch.bfloat16
    """

    def __init__(self, visual: nn.Module, dtype: torch.dtype) -> None:
        self._dtype = dtype
        self._visual = copy.deepcopy(visual).to(dtype).requires_grad_(False)
        own = dict(visual.named_modules())
        for name, module in self._visual.named_modules():
            if isinstance(module, nn.LayerNorm):
                module.register_parameter("weight", _float32(own[name], "weight"))
                module.register_parameter("bias", _float32(own[name], "bias"))
                module.forward = _float32_norm(module)  # pyright: ignore[reportAttributeAccessIssue]

    @torch.no_grad()
    def __call__(self, x: torch.Tensor) -> torch.Tensor:
        """Return raw features (N, D) float32 of normalised pictures (N, 3, S, S) float32."""
        features = self._visual(x.to(self._dtype))
        return (features[0] if isinstance(features, tuple) else features).float()


def _float32(module: nn.Module, name: str) -> nn.Parameter | None:
    value = getattr(module, name)
    return None if value is None else nn.Parameter(value.detach().float().clone(), False)


def _float32_norm(norm: nn.LayerNorm) -> Map:
    def forward(x: torch.Tensor) -> torch.Tensor:
        shape = tuple(norm.normalized_shape)
        return F.layer_norm(x.float(), shape, norm.weight, norm.bias, norm.eps).to(x.dtype)

    return forward


def _folded(block: Any, dtype: torch.dtype) -> Block:
    """Return ``block`` with LayerNorm parameters and QuickGELU's factors folded into matrices."""
    attention, mlp, quick = block.attn, block.mlp, is_quick(block)
    entries = (
        _after_norm(block.ln_1, attention.in_proj_weight, attention.in_proj_bias, 1.0, dtype),
        _after_norm(block.ln_2, mlp.c_fc.weight, mlp.c_fc.bias, QUICK if quick else 1.0, dtype),
    )
    return block_of(block, (_bare(block.ln_1), _bare(block.ln_2)), entries, quick, dtype)


def _bare(norm: nn.LayerNorm) -> Map:
    """Return ``norm`` without its parameters."""
    eps = norm.eps
    return lambda x: F.layer_norm(x, x.shape[-1:], eps=eps)


def _after_norm(
    norm: nn.LayerNorm, weight: torch.Tensor, bias: torch.Tensor, factor: float, dtype: torch.dtype
) -> Linear:
    """Return factor (W (g n + b) + c) as one linear map of the normalised n."""
    weight, bias = weight.float(), bias.float()
    bias = bias + weight @ norm.bias.float() if norm.bias is not None else bias
    return Linear((factor * weight * norm.weight.float()).to(dtype), (factor * bias).to(dtype))
