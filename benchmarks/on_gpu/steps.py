"""Defines a training step of our loop, and the same step by transformers and PEFT."""

from __future__ import annotations

import contextlib
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import torch
import torch.nn.functional as F

from .results import NotMeasured
from .sizes import TowerShape
from .towers import transformers_tower

if TYPE_CHECKING:
    from media_forensics.training.config import TrainConfig

Step = Callable[[torch.Tensor, torch.Tensor], None]
_NORMS = ["pre_layrnorm", "layer_norm1", "layer_norm2", "post_layernorm"]


def own_step(detector: Any, config: TrainConfig, under_autocast: bool = False) -> Step:
    """Return a step of the training loop on uint8 pixels and labels, on any device.

    Args:
        detector: detector on its device; its LayerNorms and head are trained
        config: config with the losses and the precision
        under_autocast: keep the frozen weights in fp32 and cast them in each step
    """
    from media_forensics.training.step import backward_on_pixels
    from media_forensics.training.trained import build_optimizer, step_tower, trainable

    parameters, head = trainable(detector, config)
    optimizer = build_optimizer(parameters, head, config)
    generator = torch.Generator()
    tower = detector.backbone if under_autocast else step_tower(detector, config)

    def step(pixels: torch.Tensor, labels: torch.Tensor) -> None:
        optimizer.zero_grad(set_to_none=True)
        backward_on_pixels(detector, tower, pixels, labels, config, generator)
        optimizer.step()

    return step


def peft_step(shape: TowerShape, device: torch.device, precision: str) -> Step:
    """Return the same step in the reference way.

    It uses transformers' tower, PEFT's LayerNorm tuning, autograd's defaults, and autocast for a
    half precision, with the same losses.

    Args:
        precision: ``fp32``, ``bf16`` or ``fp16``; the last has no loss scale and only gives the
            time

    Raises:
        NotMeasured: transformers or PEFT is not installed
    """
    try:
        import peft
    except ImportError as error:
        raise NotMeasured("the baseline is not measured: peft is not installed") from error
    tuned = peft.LNTuningConfig(target_modules=_NORMS)
    model = peft.get_peft_model(transformers_tower(shape, device), tuned).to(device)
    head = torch.nn.Linear(shape.width, 2).to(device)
    trained = [p for p in model.parameters() if p.requires_grad] + list(head.parameters())
    optimizer = torch.optim.AdamW(trained, lr=3e-4, weight_decay=0.0)
    mean = torch.tensor([0.481, 0.458, 0.408], device=device)[:, None, None]
    std = torch.tensor([0.269, 0.261, 0.276], device=device)[:, None, None]

    def step(pixels: torch.Tensor, labels: torch.Tensor) -> None:
        labels = labels.to(device, non_blocking=True)
        x = (pixels.to(device, non_blocking=True).float() / 255 - mean) / std
        with half(device, precision):
            features = model(pixel_values=x).pooler_output
        loss = reference_loss(features, labels, head)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()

    return step


def half(device: torch.device, precision: str) -> Any:
    """Return autocast to a half precision, or a null context for ``fp32``."""
    if precision == "fp32":
        return contextlib.nullcontext()
    return torch.autocast(device.type, torch.bfloat16 if precision == "bf16" else torch.float16)


def reference_loss(
    features: torch.Tensor, labels: torch.Tensor, head: torch.nn.Linear
) -> torch.Tensor:
    """Return GenD's losses, written as in its code."""
    z = F.normalize(features.float(), dim=1)
    same = torch.nonzero((labels[:, None] == labels[None, :]).triu(diagonal=1))
    align = (z[same[:, 0]] - z[same[:, 1]]).norm(dim=1).pow(2).mean()
    spread = torch.pdist(z).pow(2).mul(-2).exp().mean().clamp(min=1e-6).log()
    return F.cross_entropy(head(z), labels) + 0.1 * align + 0.5 * spread
