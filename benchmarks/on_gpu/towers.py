"""Defines the baselines' towers: one with only the necessary products, and transformers'."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import torch
import torch.nn.functional as F

from .bench import Bench
from .clock import free, seconds
from .results import NotMeasured
from .sizes import TowerShape

QUICK = 1.702  # QuickGELU: x sigmoid(1.702 x) = silu(1.702 x) / 1.702


class LeanTower:
    """A frozen ViT at the least cost of its products.

    The weights are in one dtype, with QuickGELU's factors folded into them, so that each product
    adds its bias itself. Attention is scaled dot-product attention, and after the last attention
    only the class token is computed.

    Args:
        tensors: weights by open_clip's names, float32
        shape: shape of the tower
        dtype: dtype of weights and activations; LayerNorms compute in float32 inside their kernel
        device: device of the tower
    """

    def __init__(
        self,
        tensors: Mapping[str, torch.Tensor],
        shape: TowerShape,
        dtype: torch.dtype,
        device: torch.device,
    ) -> None:
        self.shape = shape
        self.tensors: dict[str, torch.Tensor] = {}
        for name, tensor in tensors.items():
            tensor = tensor.to(device)
            if "mlp.c_fc." in name:
                tensor = tensor * QUICK
            elif name.endswith("mlp.c_proj.weight"):
                tensor = tensor / QUICK
            self.tensors[name] = tensor.to(dtype)

    @torch.no_grad()
    def __call__(self, x: torch.Tensor) -> torch.Tensor:
        """Return features (N, D) of normalised pictures (N, 3, S, S) in the tower's dtype."""
        of = self.tensors
        x = F.conv2d(x, of["conv1.weight"], stride=self.shape.patch).flatten(2).transpose(1, 2)
        first = of["class_embedding"].expand(len(x), 1, -1)
        x = torch.cat([first, x], dim=1) + of["positional_embedding"]
        x = self._norm(x, "ln_pre")
        for number in range(self.shape.blocks):
            x = self._block(x, f"transformer.resblocks.{number}", number == self.shape.blocks - 1)
        return self._norm(x[:, 0], "ln_post")

    def _block(self, x: torch.Tensor, name: str, last: bool) -> torch.Tensor:
        normed = self._norm(x, f"{name}.ln_1")
        if last:
            x = x[:, :1]
        x = x + self._attention(normed, f"{name}.attn", last)
        hidden = F.silu(self._linear(self._norm(x, f"{name}.ln_2"), f"{name}.mlp.c_fc"))
        return x + self._linear(hidden, f"{name}.mlp.c_proj")

    def _attention(self, x: torch.Tensor, name: str, last: bool) -> torch.Tensor:
        weight, bias = self.tensors[f"{name}.in_proj_weight"], self.tensors[f"{name}.in_proj_bias"]
        width = self.shape.width
        if last:
            query = self._heads(F.linear(x[:, :1], weight[:width], bias[:width]), 1)
            keys = self._heads(F.linear(x, weight[width:], bias[width:]), 2)
            parts = (*query, *keys)
        else:
            parts = tuple(self._heads(F.linear(x, weight, bias), 3))
        mixed = F.scaled_dot_product_attention(*parts).transpose(1, 2).flatten(2)
        return self._linear(mixed, f"{name}.out_proj")

    def _heads(self, x: torch.Tensor, parts: int) -> torch.Tensor:
        """Reshape (N, L, parts D) to (parts, N, heads, L, D / heads)."""
        count, length, _ = x.shape
        return x.view(count, length, parts, self.shape.heads, -1).permute(2, 0, 3, 1, 4)

    def _linear(self, x: torch.Tensor, name: str) -> torch.Tensor:
        return F.linear(x, self.tensors[f"{name}.weight"], self.tensors[f"{name}.bias"])

    def _norm(self, x: torch.Tensor, name: str) -> torch.Tensor:
        weight, bias = self.tensors[f"{name}.weight"], self.tensors[f"{name}.bias"]
        return F.layer_norm(x, (self.shape.width,), weight, bias, 1e-5)


def transformers_tower(
    shape: TowerShape, device: torch.device, dtype: torch.dtype = torch.float32
) -> Any:
    """Return transformers' ``CLIPVisionModel`` of that shape with random weights.

    Time and memory do not depend on the weights.

    Raises:
        NotMeasured: transformers is not installed
    """
    try:
        import transformers
    except ImportError as error:
        raise NotMeasured("the baseline is not measured: transformers is not installed") from error
    config = transformers.CLIPVisionConfig(
        hidden_size=shape.width,
        intermediate_size=4 * shape.width,
        num_hidden_layers=shape.blocks,
        num_attention_heads=shape.heads,
        image_size=shape.side,
        patch_size=shape.patch,
        projection_dim=shape.width // 2,
        hidden_act="quick_gelu",
    )
    with device:
        model = transformers.CLIPVisionModel(config)
    return model.to(device, dtype).eval()


def rates(
    bench: Bench, batches: tuple[int, ...], forward: Callable[[torch.Tensor], Any], x: torch.Tensor
) -> dict[int, float]:
    """Return pictures per second of a forward pass by batch size, up to what fits into memory.

    Args:
        x: input of at least the largest batch, on the device
    """
    device, budget = bench.device, bench.sizes.budget
    found: dict[int, float] = {}
    for batch in batches:
        try:
            with torch.no_grad():
                part = x[:batch]
                found[batch] = batch / seconds(device, lambda part=part: forward(part), budget)
        except torch.cuda.OutOfMemoryError:
            if not found:
                raise
            break
        finally:
            free(device)
    return found
