"""Defines the visual tower of a detector: forward pass, LayerNorm parameters, identity.

A tower is open_clip's ``VisionTransformer`` without its projection. The feature is the class token
after the last LayerNorm (Yermakov et al. 2025, arXiv 2503.19683, and its code). Only the order of
computation differs, and the result is exact up to rounding: one fused query/key/value projection
and ``scaled_dot_product_attention`` replace ``nn.MultiheadAttention``, QuickGELU is a scaled SiLU,
and the last block computes only the class token, because no later step reads the other tokens.
The weights are loaded in ``towers.py``; the head is in ``detector.py``.
"""

from __future__ import annotations

import functools
import hashlib
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import torch
import torch.nn.functional as F
from torch import nn
from torch.utils.checkpoint import checkpoint

from ..device import torch_device
from ..files.hashes import file_sha256
from ..files.installation import require_torch_pair
from ..files.kept_digests import Stamp, files_read, kept
from ..records import content_hash
from .half_tower import HalfModule, HalfTower
from .preprocess import Preprocess


class Backbone(nn.Module):
    """A visual tower: pictures (N, 3, S, S) -> raw features (N, D) before any projection.

    Args:
        visual: an open_clip visual tower; its projection is removed
        name: the name given to :func:`load_backbone`
        preprocess: the tower's transform
        sha256: result of :func:`frozen_sha256` for ``visual``; None computes it

    Attributes:
        width: D
        sha256: identity of the frozen weights, see :func:`frozen_sha256`
        checkpointing: True recomputes each block in the backward pass (less memory, more time)
        also_tuned: names of tensors other than LayerNorms that training has changed, empty for
            LN-tuning; checkpoints include them. ``sha256`` stays that of the tower as loaded
    """

    def __init__(
        self, visual: Any, name: str, preprocess: Preprocess, sha256: str | None = None
    ) -> None:
        super().__init__()
        if getattr(visual, "proj", None) is not None:
            visual.proj = None
        self.visual: Any = visual
        self.name = name
        self.preprocess = preprocess
        self.checkpointing = False
        self.also_tuned: tuple[str, ...] = ()
        self.sha256 = sha256 or frozen_sha256(visual)
        self.fast = _has_exact_fast_path(visual)
        self._half: tuple[Any, HalfTower | HalfModule] | None = None
        self.width = _width(visual)
        self.requires_grad_(False)
        self.eval()

    def layer_norms(self) -> dict[str, nn.LayerNorm]:
        """Return the LayerNorm modules by name, in the order of a ViT's forward pass.

        They are found by type, because open_clip's and timm's variants are subclasses of
        ``nn.LayerNorm``. ViT-L/14 has 50 modules with 102,400 parameters (arXiv 2503.19683, section
        on LN-tuning).
        """
        return {
            name: module
            for name, module in self.named_modules()
            if isinstance(module, nn.LayerNorm) and module.elementwise_affine
        }

    def layer_norm_parameters(self) -> dict[str, nn.Parameter]:
        """Return LayerNorm weights and biases by full name, such as ``visual.ln_pre.weight``."""
        return {
            f"{name}.{key}": parameter
            for name, module in self.layer_norms().items()
            for key, parameter in module.named_parameters(recurse=False)
        }

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Return raw features (N, D) of normalised pictures (N, 3, S, S)."""
        if not self.fast:
            features = self.visual(x)
            return features[0] if isinstance(features, tuple) else features
        x = self._embed(x)
        blocks = self.visual.transformer.resblocks
        for index, block in enumerate(blocks):
            class_only = index == len(blocks) - 1
            if self.checkpointing and torch.is_grad_enabled():
                x = checkpoint(_block, block, x, class_only, use_reentrant=False)
            else:
                x = _block(block, x, class_only)
        return self.visual.ln_post(x[:, 0])

    def half(self, dtype: torch.dtype) -> HalfTower | HalfModule:
        """Return the tower in float16 or bfloat16, for scoring only.

        The copy takes half the memory of the tower, in addition to it. It is kept until a parameter
        changes and then built again.
        """
        state = dtype, state_of(self.visual)
        if self._half is None or self._half[0] != state:
            self._half = None  # frees its memory before the next copy is allocated
            kind = HalfTower if self.fast else HalfModule
            self._half = state, kind(self.visual, dtype)
        return self._half[1]

    def _embed(self, x: torch.Tensor) -> torch.Tensor:
        """Turn pictures into tokens (N, 1 + patches, width), the class token first."""
        visual = self.visual
        x = visual.conv1(x).flatten(2).transpose(1, 2)
        first = visual.class_embedding.to(x.dtype).expand(x.shape[0], 1, -1)
        x = torch.cat([first, x], dim=1) + visual.positional_embedding.to(x.dtype)
        return visual.ln_pre(visual.patch_dropout(x))


def _block(block: Any, x: torch.Tensor, class_only: bool) -> torch.Tensor:
    """Run one pre-norm transformer block; with ``class_only``, return only its first token."""
    attended = _attention(block.attn, block.ln_1(x), class_only)
    if class_only:
        x = x[:, :1]
    x = x + block.ls_1(attended)
    return x + block.ls_2(_mlp(block.mlp, block.ln_2(x)))


def _mlp(mlp: Any, x: torch.Tensor) -> torch.Tensor:
    """Run the block's perceptron.

    QuickGELU, x sigmoid(1.702 x), is computed as silu(1.702 x) / 1.702. That is one pass over the
    widest tensor of the block instead of three, or ten in training.
    """
    if type(mlp.gelu).__name__ != "QuickGELU":
        return mlp(x)
    tensors = (mlp.c_fc.weight, mlp.c_fc.bias, mlp.c_proj.weight, mlp.c_proj.bias)
    frozen = not any(t.requires_grad for t in tensors)
    if frozen and torch.is_grad_enabled() and not torch.is_autocast_enabled(x.device.type):
        return _FrozenMLP.apply(x, *tensors)  # type: ignore[return-value]
    return _scaled_silu(x, *tensors)[0]


_QUICK = 1.702


def _scaled_silu(
    x: torch.Tensor, w1: torch.Tensor, b1: torch.Tensor, w2: torch.Tensor, b2: torch.Tensor
) -> tuple[torch.Tensor, torch.Tensor]:
    """Return the perceptron's output and u = 1.702 (x w1' + b1), (rows, width).

    Both factors are applied inside the matrix products and cost nothing.
    """
    u = torch.addmm(b1, x.flatten(0, -2), w1.t(), beta=_QUICK, alpha=_QUICK)
    out = torch.addmm(b2, F.silu(u), w2.t(), alpha=1 / _QUICK)
    return out.view(*x.shape[:-1], -1), u


class _FrozenMLP(torch.autograd.Function):
    """:func:`_scaled_silu` for weights without gradient.

    It keeps only u for the backward pass and omits the factors, for which autograd would need
    separate passes.
    """

    @staticmethod
    def forward(ctx: Any, x: torch.Tensor, *tensors: torch.Tensor) -> torch.Tensor:
        out, u = _scaled_silu(x, *tensors)
        ctx.save_for_backward(u, tensors[0], tensors[2])
        return out

    @staticmethod
    def backward(ctx: Any, gradient: torch.Tensor) -> Any:  # type: ignore[override]
        u, w1, w2 = ctx.saved_tensors
        # the two factors cancel
        hidden = torch.mm(gradient.flatten(0, -2), w2)
        hidden = torch.ops.aten.silu_backward.grad_input(hidden, u, grad_input=hidden)
        return torch.mm(hidden, w1).view(*gradient.shape[:-1], -1), None, None, None, None


def _attention(attention: Any, x: torch.Tensor, class_only: bool) -> torch.Tensor:
    """Return self-attention of (N, L, D) with the parameters of an ``nn.MultiheadAttention``."""
    if class_only:
        return attention.out_proj(_class_attention(attention, x))
    count, length, width = x.shape
    fused = F.linear(x, attention.in_proj_weight, attention.in_proj_bias)
    query, key, value = fused.view(count, length, 3, attention.num_heads, -1).permute(2, 0, 3, 1, 4)
    out = F.scaled_dot_product_attention(query, key, value)
    return attention.out_proj(out.transpose(1, 2).reshape(count, length, width))


def _class_attention(attention: Any, x: torch.Tensor) -> torch.Tensor:
    """Return the attention output of the first token of (N, L, D), (N, 1, D), not yet projected.

    With one query, the keys and values of the tokens need not be computed:
    q . (Wk x + bk) = (Wk' q) . x + c, where c does not change the softmax, and
    sum a (Wv x + bv) = Wv (sum a x) + bv. This takes D multiplications per token and head instead
    of 2 D^2 per token.
    """
    count, _, width = x.shape
    heads = attention.num_heads
    wq, wk, wv = attention.in_proj_weight.view(3, heads, -1, width)
    bq, _, bv = attention.in_proj_bias.view(3, heads, -1)
    query = torch.einsum("nk,hdk->nhd", x[:, 0], wq) + bq
    keyed = torch.einsum("nhd,hdk->nhk", query * query.shape[-1] ** -0.5, wk)
    weights = (keyed @ x.transpose(1, 2)).softmax(dim=-1)
    mixed = weights.to(x.dtype) @ x
    return (torch.einsum("nhk,hdk->nhd", mixed, wv) + bv).reshape(count, 1, width)


def state_of(module: nn.Module) -> tuple[tuple[int, int], ...]:
    """Return a value that changes when a parameter of ``module`` is moved, replaced or written."""
    return tuple((p.data_ptr(), p._version) for p in module.parameters())


def _has_exact_fast_path(visual: Any) -> bool:
    """Return whether ``visual`` is a plain class-token ViT, so that the fast forward is exact."""
    from open_clip.transformer import ResidualAttentionBlock, VisionTransformer

    return (
        isinstance(visual, VisionTransformer)
        and visual.attn_pool is None
        and visual.pool_type == "tok"
        and all(
            isinstance(block, ResidualAttentionBlock)
            and isinstance(block.attn, nn.MultiheadAttention)
            and block.attn.in_proj_bias is not None
            and not hasattr(block, "ln_1_kv")
            for block in visual.transformer.resblocks
        )
    )


def _width(visual: Any) -> int:
    """Return the length of the feature vector."""
    if isinstance(getattr(visual, "ln_post", None), nn.LayerNorm):
        return int(visual.ln_post.normalized_shape[0])
    trunk = getattr(visual, "trunk", visual)  # timm, inside open_clip's wrapper or alone
    return int(getattr(trunk, "num_features", 0) or visual.output_dim)


def frozen_sha256(visual: nn.Module, read: Sequence[Stamp] = ()) -> str:
    """Return the sha256 of the tower's tensors without LayerNorms and the unused projection.

    LayerNorms are left out because every checkpoint carries its own. The same frozen tower thus has
    one identity under differently tuned LayerNorms and in every file layout. Tensors are hashed as
    float32 in the order of their names.

    Args:
        read: stamps of all files that the tensors were read from, if they are as they were read;
            then the digest is kept (:func:`detector.files.kept_digests.kept`)
    """
    shapes = [(name, list(t.shape), str(t.dtype)) for name, t in visual.state_dict().items()]
    what = content_hash(["frozen tower", _code_sha256(), torch.__version__, shapes])
    return kept(what, read, lambda: _hashed(visual))


@functools.cache
def _code_sha256() -> str:
    """Return the sha256 of the code between a file's tensors and a tower's."""
    here = Path(__file__).parent
    files = [*here.glob("*.py"), here.parent / "files" / "tensor_files.py"]
    return content_hash([[file.name, file_sha256(file)] for file in sorted(files)])


def _hashed(visual: nn.Module) -> str:
    tuned = {
        f"{name}.{key}"
        for name, module in visual.named_modules()
        if isinstance(module, nn.LayerNorm)
        for key, _ in module.named_parameters(recurse=False)
    }
    digest = hashlib.sha256()
    for name, tensor in sorted(visual.state_dict().items()):
        if name in tuned or name == "proj":
            continue
        values = tensor.detach().to("cpu", torch.float32).contiguous().numpy()
        digest.update(f"{name}{tuple(tensor.shape)}".encode())
        digest.update(memoryview(values).cast("B") if values.size else b"")
    return digest.hexdigest()


def load_backbone(
    name: str, device: str | torch.device | None = None, allow_download: bool = False
) -> Backbone:
    """Return the tower called ``name`` with pretrained weights, frozen, in evaluation mode.

    Args:
        name: ``clip-vit-l14`` (the reference: ViT-L/14 with QuickGELU and OpenAI's weights),
            ``vit-s14-dinov2-saliency`` (small, offline), ``local-dir:FOLDER`` (an open_clip model
            folder), ``open_clip:MODEL:PRETRAINED`` or ``timm:MODEL:SIZE``
        device: target device; None is the GPU if there is one
        allow_download: True lets open_clip download missing weights

    Raises:
        ForensicsError: unknown name, or weights that are not on this machine (the message names
            the file, its origin, its size and the command that fetches it)
    """
    require_torch_pair()
    from .towers import load_tower

    with files_read() as read:
        visual, preprocess = load_tower(name, allow_download)
    identity = frozen_sha256(visual, read)
    return Backbone(visual, name, preprocess, identity).to(default_device(device))


def default_device(device: str | torch.device | None = None) -> torch.device:
    """Return ``device`` as available on this machine, see :func:`detector.device.torch_device`."""
    return torch_device(device)
