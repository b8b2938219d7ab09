"""Computes the learning rate at each moment of a run."""

from __future__ import annotations

import math

import torch

from .config import TrainConfig


def learning_rate(config: TrainConfig, epochs_done: float) -> float:
    """Return the tower's learning rate after ``epochs_done`` epochs, which may be a fraction.

    * ``cosine``: as in paper 1's code, ``CosineAnnealingLR`` stepped once per batch.
    * ``warmup_cycles``: as in GenD's text, each cycle rises linearly from the minimum, then returns
      to it by a cosine. (Their code warms up in the first cycle only.)

    Args:
        config: schedule, rates, cycle and warm-up lengths in epochs
        epochs_done: (steps done) / (steps per epoch)
    """
    high, low = config.learning_rate, config.min_learning_rate
    if config.schedule == "constant":
        return high
    if config.schedule == "cosine":
        return _cosine(high, low, min(epochs_done / config.epochs, 1.0))
    place = epochs_done % config.cycle_epochs
    if place < config.warmup_epochs:
        return low + (high - low) * place / config.warmup_epochs
    return _cosine(
        high, low, (place - config.warmup_epochs) / (config.cycle_epochs - config.warmup_epochs)
    )


def _cosine(high: float, low: float, share: float) -> float:
    return low + (high - low) * (1.0 + math.cos(math.pi * share)) / 2.0


def set_rate(optimizer: torch.optim.Optimizer, config: TrainConfig, epochs_done: float) -> float:
    """Set each group's rate for the next step; return the tower's."""
    rate = learning_rate(config, epochs_done)
    for group in optimizer.param_groups:
        group["lr"] = group["base_lr"] * (rate / config.learning_rate)
    return rate
