"""Computes one optimiser step: pictures to features, to the loss, to gradients."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from ..detector.device import sent
from ..detector.model.detector import Detector, autocast
from .augment import slerp_within_class
from .config import TrainConfig
from .distributed import gather_labels, gather_rows
from .losses import LOSSES

Tower = Callable[[Tensor], Tensor]


@dataclass(frozen=True, slots=True)
class LossTerms:
    """The loss of one batch, and its terms before weighting.

    Attributes:
        total: the weighted sum that is minimised
        ce: cross-entropy, nats
        parts: loss name -> value, for each of :data:`LOSSES` on the unit embeddings
        crops: rows of the batch over all ranks
    """

    total: float
    ce: float
    parts: dict[str, float]
    crops: int

    def to_json(self) -> dict[str, float]:
        """Return every number by its name, as in the run's records."""
        return {"total": self.total, "ce": self.ce, **self.parts, "crops": self.crops}


@dataclass(frozen=True, slots=True, eq=False)
class LossTensors:
    """The loss terms of a batch on the device; reading them waits for the device.

    Attributes:
        values: (2 + parts,) the weighted sum, the cross-entropy, and each part
        crops: rows of the batch over all ranks
    """

    values: Tensor
    crops: int

    def read(self, *more: Tensor) -> tuple[LossTerms, list[float]]:
        """Return the terms as numbers, and each scalar of ``more``, in one copy from the device."""
        values = torch.stack([*self.values, *(one.detach().to(self.values) for one in more)])
        total, ce, *parts = values.tolist()
        named = dict(zip(LOSSES, parts, strict=False))
        return LossTerms(total, ce, named, self.crops), parts[len(LOSSES) :]


def precision_of(config: TrainConfig, device: torch.device) -> str:
    """Return ``fp32`` or ``bf16``, also for ``auto`` on this device.

    bf16 has float32's range, so that small gradients are kept without a loss scale.
    """
    if config.precision != "auto":
        return config.precision
    return "bf16" if device.type == "cuda" else "fp32"


def embed(detector: Detector, tower: Tower, pixels: Tensor, precision: str) -> Tensor:
    """Return raw features (N, D) float32 on the detector's device of uint8 pixels (N, 3, S, S)."""
    x = detector.backbone.preprocess.normalize(pixels.to(detector.device, non_blocking=True))
    with autocast(detector.device, precision):
        features = tower(x)
    return features.float()


def objective(
    detector: Detector,
    features: Tensor,
    labels: Tensor,
    config: TrainConfig,
    generator: torch.Generator,
) -> tuple[Tensor, LossTensors]:
    """Return the weighted loss of one whole batch of raw features, in float32.

    As in the code of Yermakov et al. 2025 (arXiv 2503.19683, 2508.06248): first slerp on the
    features, then cross-entropy on the head's logits, and alignment and uniformity on the unit
    embeddings, also for a head that reads raw features. Deviation: their code runs the head in bf16
    too.

    Args:
        features: (N, D) features of all ranks
        labels: (N,) int64, best on the host, where slerp reads them
        generator: CPU generator of the slerp draws, seeded alike on all ranks
    """
    if config.slerp:
        features = slerp_within_class(features, labels, generator, config.slerp_range)
    labels = sent(labels, features.device)
    logits, units = detector.classify(features)
    ce = F.cross_entropy(logits, labels, label_smoothing=config.label_smoothing)
    total, parts = config.ce_weight * ce, []
    for name, loss in LOSSES.items():
        weight = getattr(config, f"{name}_weight")
        with torch.set_grad_enabled(weight > 0):
            part = loss(units, labels, config)
        if weight:
            total = total + weight * part
        parts.append(part)
    values = torch.stack([total, ce, *parts]).detach()
    return total, LossTensors(values, len(labels))


def backward_on_pixels(
    detector: Detector,
    tower: Tower,
    pixels: Tensor,
    labels: Tensor,
    config: TrainConfig,
    generator: torch.Generator,
) -> LossTensors:
    """Add the gradients of this rank's share of one batch to the parameters.

    With ``micro_batch`` the tower sees only that many crops at once, but the loss is that of the
    whole batch (gradient cache, Gao et al. 2021, arXiv 2101.06983). First come the features without
    a graph, then the loss and its gradient with respect to them, then each part again with a graph.
    This costs a second forward pass. Plain gradient accumulation would change the pair losses.

    Args:
        pixels: uint8 (n, 3, S, S) of this rank
        labels: (n,) int64 of this rank
    """
    precision = precision_of(config, detector.device)
    labels, sizes = gather_labels(labels, detector.device)
    size = config.micro_batch or len(pixels)
    tuned = config.tune != "head"
    at_once = tuned and len(pixels) <= size
    with torch.set_grad_enabled(at_once):
        parts = [embed(detector, tower, part, precision) for part in pixels.split(max(size, 1))]
        features = torch.cat(parts)
    if not at_once:
        features.requires_grad_(tuned)
    rows = gather_rows(features, sizes)
    total, terms = objective(detector, rows, labels, config, generator)
    total.backward()
    if tuned and not at_once and features.grad is not None:
        for part, gradient in zip(pixels.split(size), features.grad.split(size), strict=True):
            embed(detector, tower, part, precision).backward(gradient)
    return terms


def backward_on_features(
    detector: Detector,
    features: Tensor,
    labels: Tensor,
    config: TrainConfig,
    generator: torch.Generator,
) -> LossTensors:
    """Like :func:`backward_on_pixels`, for a linear probe on existing features."""
    labels, sizes = gather_labels(labels, features.device)
    rows = gather_rows(features, sizes)
    total, terms = objective(detector, rows, labels, config, generator)
    total.backward()
    return terms


def gradient_norm(parameters: Sequence[nn.Parameter]) -> Tensor:
    """Return the L2 norm, a scalar, over all gradients that exist."""
    return nn.utils.get_total_norm([p.grad for p in parameters if p.grad is not None])


def seconds_per_crop(
    detector: Detector, tower: Tower, config: TrainConfig, crops: int = 16
) -> float:
    """Return the measured time of a training step per crop, on noise, to estimate a budget.

    The second of two steps is timed. No gradient is left behind.
    """
    side = detector.backbone.preprocess.size
    generator = torch.Generator().manual_seed(0)
    pixels = torch.randint(0, 256, (crops, 3, side, side), dtype=torch.uint8, generator=generator)
    labels = torch.arange(crops) % 2
    seconds = 0.0
    for _ in range(2):
        start = time.perf_counter()
        backward_on_pixels(detector, tower, pixels, labels, config, generator)
        if detector.device.type == "cuda":
            torch.cuda.synchronize(detector.device)
        seconds = time.perf_counter() - start
    detector.zero_grad(set_to_none=True)
    return seconds / crops
