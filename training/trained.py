"""Builds a run's detector and its optimiser, selects trained parameters, and saves checkpoints."""

from __future__ import annotations

from typing import Any

import torch
from torch import nn

from ..detector.errors import ForensicsError
from ..detector.model.backbone import load_backbone
from ..detector.model.checkpoints import save_detector
from ..detector.model.detector import Detector
from ..detector.model.step_tower import StepTower, is_frozen
from . import runs
from .config import TrainConfig
from .lora import add_adapters
from .step import Tower, precision_of


def new_detector(config: TrainConfig, device: torch.device, key: str = "detector") -> Detector:
    """Return a detector with the config's tower, frozen, and a new head drawn from its seed.

    The head has ``nn.Linear``'s default initialisation, as in the authors' code.
    """
    backbone = load_backbone(config.backbone, device)
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(config.seed)
        head = nn.Linear(backbone.width, 2)
    return Detector(backbone, head.to(device), config.normalize, key_name=key)


def trainable(detector: Detector, config: TrainConfig) -> tuple[list[nn.Parameter], nn.Linear]:
    """Enable gradients for exactly the parameters that ``config.tune`` names.

    Returns:
        the tower's trained parameters (empty for a linear probe) and the head

    Raises:
        ForensicsError: ``lora`` on a tower without known attention projections
    """
    detector.requires_grad_(False)
    detector.head.requires_grad_(True)
    backbone = detector.backbone
    tower: dict[str, nn.Parameter] = {}
    if config.tune != "head":
        tower = backbone.layer_norm_parameters()
    if config.tune == "lora":
        backbone.also_tuned, tower = add_adapters(backbone, config.seed)
    elif config.tune in ("bitfit", "full"):
        norms = set(tower)
        own = dict(backbone.named_parameters())
        chosen = [n for n in own if config.tune == "full" or n.endswith("bias")]
        backbone.also_tuned = tuple(name for name in chosen if name not in norms)
        tower = {name: own[name] for name in chosen}
    for parameter in tower.values():
        parameter.requires_grad_(True)
    return list(tower.values()), detector.head


def step_tower(detector: Detector, config: TrainConfig) -> Tower:
    """Return the forward pass of a training step: normalised pictures -> raw features.

    In bf16 a tower of which only LayerNorms or biases are trained keeps its matrices in bf16
    (:class:`detector.model.step_tower.StepTower`). Any other runs under autocast.

    Args:
        detector: after :func:`trainable`, with its parameters on their device
    """
    tower: Any = detector.backbone
    tower.checkpointing = config.activation_checkpointing
    if weights_of(detector, config) == "bf16":
        tower = StepTower(tower.visual, torch.bfloat16, config.activation_checkpointing)
    return torch.compile(tower) if config.compile else tower


def weights_of(detector: Detector, config: TrainConfig) -> str:
    """Return in which type a step keeps the matrices that it multiplies with: fp32 or bf16."""
    lean = detector.backbone.fast and is_frozen(detector.backbone.visual)
    return precision_of(config, detector.device) if lean else "fp32"


def build_optimizer(
    tower: list[nn.Parameter], head: nn.Linear, config: TrainConfig
) -> torch.optim.AdamW:
    """Return AdamW with weight decay on matrices only, grouped as in GenD's code."""
    head_rate = config.head_learning_rate or config.learning_rate
    rate, decay = config.learning_rate, config.weight_decay
    matrices = [p for p in tower if p.ndim > 1]
    vectors = [p for p in tower if p.ndim <= 1]
    groups = [
        {"params": vectors, "base_lr": rate, "weight_decay": 0.0},
        {"params": matrices, "base_lr": rate, "weight_decay": decay},
        {"params": [head.weight], "base_lr": head_rate, "weight_decay": decay},
        {"params": [head.bias], "base_lr": head_rate, "weight_decay": 0.0},
    ]
    groups = [{**group, "lr": group["base_lr"]} for group in groups if group["params"]]
    return torch.optim.AdamW(groups, lr=config.learning_rate, betas=config.betas)


def save_checkpoint(
    detector: Detector,
    run: runs.RunFolder,
    name: str,
    config: TrainConfig,
    position: dict[str, Any],
    validation: dict[str, Any] | None,
) -> None:
    """Write the detector as the run's ``best`` or ``last``, with its training record.

    Raises:
        ForensicsError: it cannot be written; the previous one is intact
    """
    from safetensors import SafetensorError

    asked = run.read("run")
    training = {
        "config": config.to_json(),
        "config_hash": config.hash,
        "manifest_sha256": asked["manifest_sha256"],
        "crop_recipe_hash": asked["crop_recipe_hash"],
        "code_sha256": runs.code_sha256(),
        "epoch": position["epoch"],
        "step": position["step"],
        "validation": validation,
    }
    extra = {"crop_recipe": asked["crop_recipe"], "training": training}
    try:
        save_detector(detector, run.checkpoint(name), extra)
    except (OSError, SafetensorError) as error:
        raise ForensicsError(
            f"The checkpoint {name!r} could not be saved in {run.path} ({error}).",
            "Free space and start the run again; the former checkpoint is intact.",
        ) from error
