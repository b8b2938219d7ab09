"""Estimates how long a run will take, from measured steps of the same tower on the same machine.

Measured times are stored by machine, device, tower and the settings that change a step's cost. So a
form can show an estimate without loading a network. This module does not import torch at the top.
"""

from __future__ import annotations

import json
import logging
import os
import platform
import subprocess
import sys
import time
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from ..detector.errors import ForensicsError
from ..detector.files.atomic import write_json
from ..detector.files.cache import cache_dir
from ..detector.runners.child_process import command, environment
from ..detector.text.terminal import say
from .batches.sampler import epoch_batches
from .config import TrainConfig
from .manifest import Manifest

log = logging.getLogger(__name__)

MEASURED_CROPS = 8
START_SECONDS = 15.0
"""Seconds to import torch, load the tower and decode the first crops."""


@dataclass(frozen=True, slots=True)
class StepTime:
    """Measured seconds per crop.

    Attributes:
        step: forward, loss, backward and optimiser
        forward: forward only, as in validation and for cached embeddings
    """

    step: float
    forward: float


@dataclass(frozen=True, slots=True)
class Budget:
    """The expected cost of a run.

    Attributes:
        steps: optimiser steps
        seconds: from start to end, or None if no step was measured yet
    """

    steps: int
    seconds: float | None


def budget(config: TrainConfig, manifest: Manifest, time_per_crop: StepTime | None) -> Budget:
    """Return the steps and expected seconds of a run; ``patience`` may end it earlier."""
    per_epoch = _crops_per_epoch(config, manifest)
    per_epoch_steps = -(-per_epoch // config.batch_size)
    if config.sampling == "paired":  # pairs stay together and may leave room in a batch
        per_epoch_steps = len(epoch_batches(manifest.train, config, 0))
    steps = per_epoch_steps * config.epochs
    share = 1.0
    if config.max_steps and config.max_steps < steps:
        share, steps = config.max_steps / steps, config.max_steps
    if time_per_crop is None:
        return Budget(steps, None)
    if config.caches_embeddings:  # each crop is embedded once; the head costs almost nothing
        seconds = time_per_crop.forward * len(manifest) + 0.005 * steps
    else:
        train = time_per_crop.step * per_epoch * (1 + config.self_blend_probability / 2)
        validate = time_per_crop.forward * len(manifest.val)
        seconds = share * config.epochs * (train + validate)
    return Budget(steps, START_SECONDS + seconds)


def _crops_per_epoch(config: TrainConfig, manifest: Manifest) -> int:
    if not config.frames_per_video:
        return len(manifest.train)
    faces: dict[tuple[str, int], int] = {}
    for row in manifest.train:
        faces[row.video_id, row.track] = faces.get((row.video_id, row.track), 0) + 1
    return sum(min(n, config.frames_per_video) for n in faces.values())


def known(config: TrainConfig, device: str | None = None) -> StepTime | None:
    """Return the last time of :func:`measure` for such a run on this machine, or None."""
    found = _table().get(_key(config, device))
    return StepTime(**found) if found else None


def measure(config: TrainConfig, device: str | None = None) -> StepTime:
    """Time a training step and a forward pass on noise, and store both.

    This takes seconds to a minute, and loads torch and the tower.

    Raises:
        ForensicsError: missing tower weights
    """
    import torch

    from ..detector.model.backbone import default_device
    from .step import seconds_per_crop
    from .trained import new_detector, step_tower, trainable

    target = default_device(device)
    detector = new_detector(config, target)
    trainable(detector, config)
    tower = step_tower(detector, config)
    step = seconds_per_crop(detector, tower, config, MEASURED_CROPS)
    side = detector.backbone.preprocess.size
    pixels = torch.zeros((MEASURED_CROPS, 3, side, side), dtype=torch.uint8)
    forward = 0.0
    for _ in range(2):  # the first casts the weights
        began = time.perf_counter()
        detector.features(pixels).sum().item()
        forward = (time.perf_counter() - began) / MEASURED_CROPS
    found = StepTime(step, min(forward, step))
    write_json(_path(), {**_table(), _key(config, device): asdict(found)})
    return found


def _key(config: TrainConfig, device: str | None) -> str:
    parts: list[Any] = [platform.node(), os.cpu_count(), device or "default", config.backbone]
    parts += [
        config.tune,
        config.precision,
        config.activation_checkpointing,
        bool(config.micro_batch),
    ]
    return "/".join(map(str, parts))


def _path() -> Path:
    return cache_dir() / "step_times.json"


def _table() -> dict[str, Any]:
    try:
        return json.loads(_path().read_text(encoding="utf-8"))
    except FileNotFoundError:
        return {}
    except json.JSONDecodeError:
        log.warning("%s is damaged; steps are measured again", _path())
        return {}


def duration(seconds: float) -> str:
    """Return seconds as ``45 s``, ``12 min``, ``2.3 h`` or ``3.1 days``."""
    if seconds < 90:
        return f"{seconds:.0f} s"
    if seconds < 5400:
        return f"{seconds / 60:.0f} min"
    return f"{seconds / 3600:.1f} h" if seconds < 48 * 3600 else f"{seconds / 86400:.1f} days"


def measure_apart(config: TrainConfig, device: str | None = None) -> StepTime:
    """Run :func:`measure` in a separate process, so that the caller never loads torch.

    Raises:
        ForensicsError: the tower weights are missing, or the step does not fit into memory
    """
    done = subprocess.run(
        command("training.budget"),
        input=json.dumps({"config": config.to_json(), "device": device}),
        capture_output=True,
        text=True,
        env=environment(),
    )
    found = known(config, device)
    if done.returncode == 0 and found is not None:
        return found
    last = (done.stderr.strip().splitlines() or ["no output"])[-1]
    raise ForensicsError(
        f"A training step could not be measured: {last}", "Check the tower's weights and memory."
    )


def main() -> int:
    """Measure the step that standard input describes, and store the result in the table."""
    asked = json.loads(sys.stdin.read())
    try:
        measure(TrainConfig.from_json(asked["config"]), asked["device"])
    except ForensicsError as error:
        say(error, error=True)
        return 2
    return 0


if __name__ == "__main__":
    sys.exit(main())
