"""Attention and perceptron of a frozen transformer block: gradients for their input alone.

In LN-tuning every matrix is frozen and yet gradients pass through all of them. Autograd, which
does not know that, keeps and multiplies more than this needs. Exact up to rounding; in float32
(or float64) on a CPU, where training runs without autocast.
"""

from __future__ import annotations

from typing import Any

import torch
import torch.nn.functional as F

_QUICK = 1.702
# With the logsumexp of each row, from which the backward pass has the weights again
_FLASH = getattr(torch.ops.aten, "_scaled_dot_product_flash_attention_for_cpu", None)


def are_frozen(tensors: tuple[torch.Tensor, ...], x: torch.Tensor) -> bool:
    """Whether ``x`` alone gets a gradient, without autocast."""
    wanted = torch.is_grad_enabled() and not any(tensor.requires_grad for tensor in tensors)
    return wanted and not torch.is_autocast_enabled(x.device.type)


def takes_attention(x: torch.Tensor) -> bool:
    """Whether :class:`FrozenAttention` can work on ``x`` here; a compiler does better alone."""
    floats = (torch.float32, torch.float64)
    known = _FLASH is not None and not torch.compiler.is_compiling()
    return known and x.device.type == "cpu" and x.dtype in floats


def scaled_silu(
    x: torch.Tensor, w1: torch.Tensor, b1: torch.Tensor, w2: torch.Tensor, b2: torch.Tensor
) -> tuple[torch.Tensor, torch.Tensor]:
    """Perceptron with QuickGELU, x sigmoid(1.702 x), which is silu(1.702 x) / 1.702: one pass over
    the widest tensor of the block where its definition takes three, and ten in training.

    Returns:
        its output, and u = 1.702 (x w1' + b1), (rows, width); both factors are free inside the
        matrix products
    """
    u = torch.addmm(b1, x.flatten(0, -2), w1.t(), beta=_QUICK, alpha=_QUICK)
    out = torch.addmm(b2, F.silu(u), w2.t(), alpha=1 / _QUICK)
    return out.view(*x.shape[:-1], -1), u


class FrozenMLP(torch.autograd.Function):
    """:func:`scaled_silu` of x, w1, b1, w2, b2: keeps u alone and leaves the factors out, which
    autograd would multiply by in passes of their own."""

    @staticmethod
    def forward(ctx: Any, x: torch.Tensor, *tensors: torch.Tensor) -> torch.Tensor:
        out, u = scaled_silu(x, *tensors)
        ctx.save_for_backward(u, tensors[0], tensors[2])
        return out

    @staticmethod
    def backward(ctx: Any, gradient: torch.Tensor) -> Any:  # type: ignore[override]
        u, w1, w2 = ctx.saved_tensors
        # the two factors cancel
        hidden = torch.mm(gradient.flatten(0, -2), w2)
        hidden = torch.ops.aten.silu_backward.grad_input(hidden, u, grad_input=hidden)
        return torch.mm(hidden, w1).view(*gradient.shape[:-1], -1), None, None, None, None


class FrozenAttention(torch.autograd.Function):
    """Self-attention of x (N, L, D) with in_proj and out_proj, (weight, bias) each, of ``heads``.

    Backward works image by image, so that the weights of one (heads, L, L) stay in the cache, with
    plain batched products, which are faster here than the fused kernel's own backward pass.
    """

    @staticmethod
    def forward(ctx: Any, x: torch.Tensor, heads: int, *tensors: torch.Tensor) -> torch.Tensor:
        w_in, b_in, w_out, b_out = tensors
        count, length, width = x.shape
        fused = torch.addmm(b_in, x.flatten(0, 1), w_in.t()).view(count, length, 3, heads, -1)
        out, logsumexp = _FLASH(*fused.permute(2, 0, 3, 1, 4))  # type: ignore[misc]
        ctx.save_for_backward(fused, out, logsumexp, w_in, w_out)
        flat = out.transpose(1, 2).reshape(count * length, width)
        return torch.addmm(b_out, flat, w_out.t()).view(x.shape)

    @staticmethod
    def backward(ctx: Any, gradient: torch.Tensor) -> Any:  # type: ignore[override]
        fused, outs, logsumexps, w_in, w_out = ctx.saved_tensors
        count, length, _, heads, size = fused.shape
        wanted = torch.mm(gradient.flatten(0, 1), w_out).view(count, length, heads, size)
        found, scale = torch.empty_like(fused), size**-0.5
        images = zip(fused, wanted, outs, logsumexps, found, strict=True)
        for qkv, above, out, logsumexp, below in images:
            query, key, value = qkv.permute(1, 2, 0, 3)  # each (heads, L, size)
            above = above.transpose(0, 1)
            made = torch.empty(3, heads, length, size, dtype=fused.dtype)
            weights = torch.baddbmm(
                logsumexp.unsqueeze(-1), query, key.transpose(1, 2), beta=-1, alpha=scale
            ).exp_()
            torch.bmm(weights.transpose(1, 2), above, out=made[2])
            own = torch.linalg.vecdot(above, out).unsqueeze(-1)
            # gradient of the softmax's input (Dao et al. 2022, arXiv 2205.14135, appendix B.4)
            weights.mul_(torch.baddbmm(own, above, value.transpose(1, 2), beta=-1))
            torch.baddbmm(made[0], weights, key, beta=0, alpha=scale, out=made[0])
            torch.baddbmm(made[1], weights.transpose(1, 2), query, beta=0, alpha=scale, out=made[1])
            below.copy_(made.permute(2, 0, 1, 3))
        result = torch.mm(found.view(count * length, -1), w_in)
        return result.view(gradient.shape), None, None, None, None, None
