"""Defines the losses on unit embeddings, as pure functions of a whole gathered batch.

A new loss needs a file, a line in :data:`LOSSES`, and its weight ``<name>_weight`` in
``TrainConfig``.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from torch import Tensor

from .gaussian_uniformity import uniformity
from .pair_alignment import alignment

if TYPE_CHECKING:
    from ..config import TrainConfig

__all__ = ["LOSSES", "alignment", "uniformity"]

#: Losses of unit embeddings (N, D) and labels (N,), by name, in the order of their addition.
LOSSES: dict[str, Callable[[Tensor, Tensor, TrainConfig], Tensor]] = {
    "alignment": lambda units, labels, config: alignment(units, labels, config.alignment_power),
    "uniformity": lambda units, labels, config: uniformity(units, config.uniformity_t),
}
