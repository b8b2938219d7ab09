"""Adds low-rank adapters to the query and value projections, for comparison with LN-tuning.

Hu et al. 2021 (arXiv 2106.09685): W + (alpha / r) B A, with A random and B zero, so that training
starts at the pretrained tower. Rank and scale are theirs for the query and value matrices. A
checkpoint holds the merged weights, so that it loads without this module.
"""

from __future__ import annotations

import math

import torch
from torch import Tensor, nn
from torch.nn.utils import parametrize

from ..detector.errors import ForensicsError
from ..detector.model.backbone import Backbone

RANK = 8
ALPHA = 16.0


class QueryValueAdapter(nn.Module):
    """Module that adds low-rank products to the query and value rows of a fused (3 W, W) weight."""

    def __init__(self, weight: Tensor, generator: torch.Generator) -> None:
        super().__init__()
        rows, width = weight.shape
        if rows != 3 * width:
            raise ValueError(f"{rows} rows are not query, key and value of width {width}")
        bound = 1 / math.sqrt(width)  # nn.Linear's default initialisation

        def drawn() -> nn.Parameter:
            start = (torch.rand((RANK, width), generator=generator) * 2 - 1) * bound
            return nn.Parameter(start.to(weight))

        self.query_a, self.value_a = drawn(), drawn()
        self.query_b = nn.Parameter(torch.zeros((width, RANK)).to(weight))
        self.value_b = nn.Parameter(torch.zeros((width, RANK)).to(weight))

    def forward(self, weight: Tensor) -> Tensor:
        """Return the weight with both products added."""
        scale = ALPHA / RANK
        query = scale * self.query_b @ self.query_a
        value = scale * self.value_b @ self.value_a
        return weight + torch.cat([query, torch.zeros_like(query), value])


def add_adapters(backbone: Backbone, seed: int) -> tuple[tuple[str, ...], dict[str, nn.Parameter]]:
    """Add an adapter to each attention of ``backbone``.

    Returns:
        names of the changed weights, and the adapters' parameters by name

    Raises:
        ForensicsError: no attention has a fused query-key-value weight
    """
    generator = torch.Generator().manual_seed(seed)
    places: list[tuple[str, nn.Module, str]] = []
    for name, module in backbone.named_modules():
        if isinstance(module, nn.MultiheadAttention):
            places.append((name, module, "in_proj_weight"))
        elif isinstance(module, nn.Linear) and name.endswith("qkv"):
            places.append((name, module, "weight"))
    if not places:
        raise ForensicsError(
            f"{backbone.name} has no attention with one query-key-value weight.",
            "LoRA needs a vision transformer; choose another recipe.",
            "recipe",
        )
    for _, module, weight in places:
        adapter = QueryValueAdapter(getattr(module, weight), generator)
        parametrize.register_parametrization(module, weight, adapter)
    parameters = {
        name: parameter
        for name, parameter in backbone.named_parameters()
        if ".parametrizations." in name and not name.endswith(".original")
    }
    return tuple(f"{name}.{weight}" for name, _, weight in places), parameters
