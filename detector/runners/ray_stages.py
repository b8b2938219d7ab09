"""Divides the CPUs and GPUs of a Ray cluster among the actors of each stage."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from ..device import CPU

_FACES_SHARE = 0.25  # of a GPU, for the actors that find faces beside one that scores


@dataclass(frozen=True, slots=True)
class Stage:
    """The actors of one stage.

    Attributes:
        most: maximum number; the pool grows to it while there is work
        cpus, gpus: resources per actor; an actor with a GPU needs little CPU
    """

    most: int = 1
    cpus: float = 1.0
    gpus: float = 0.0


def stages(
    ray: Any, workers: int = 0, device: str | None = None, extract: bool = False
) -> tuple[Stage, Stage]:
    """Return the decoding and the scoring actors for the CPUs and GPUs of ``ray``.

    Args:
        ray: the connected module
        workers: number of decoding actors; 0: one per remaining CPU
        device: of the detectors; ``cpu`` uses no GPU
        extract: True if the first stage also finds faces, which takes a share of the GPUs
    """
    here = ray.cluster_resources()
    cpus, gpus = int(here.get("CPU", 1)), int(here.get("GPU", 0))
    if gpus and device != CPU:
        decoders = workers or max(1, cpus - gpus)
        if not extract:
            return Stage(decoders), Stage(gpus, 1.0, 1.0)
        share = _share(decoders, gpus, _FACES_SHARE)
        return Stage(decoders, gpus=share), Stage(gpus, 1.0, 1.0 - _FACES_SHARE)
    scorers = max(1, cpus // 2)
    return Stage(workers or max(1, cpus - scorers)), Stage(scorers)


def extract_stage(ray: Any, workers: int = 0, device: str | None = None) -> Stage:
    """Return the actors for extraction only, one per CPU; GPUs are divided among them.

    Args:
        ray: the connected module
        workers: number of actors; 0: one per CPU
        device: of the face detector; ``cpu`` uses no GPU
    """
    here = ray.cluster_resources()
    cpus, gpus = int(here.get("CPU", 1)), int(here.get("GPU", 0))
    actors = workers or max(1, cpus)
    return Stage(actors, gpus=_share(actors, gpus) if gpus and device != CPU else 0.0)


def _share(actors: int, gpus: int, of_each: float = 1.0) -> float:
    """Return the share of a GPU for each of ``actors``, in Ray's steps of 0.0001."""
    on_one = -(-actors // gpus)
    return max(1, int(10_000 * of_each / on_one)) / 10_000
