"""Where a run trains: device and number of processes, checked before anything starts. No torch.

The answer comes from torch itself, asked in a process of its own: the App never loads it.
"""

from __future__ import annotations

import functools
import os
import re
import subprocess
import sys
from dataclasses import dataclass

from ..detector.errors import ForensicsError

AUTO, CPU, CUDA = "auto", "cpu", "cuda"
DEVICES = (AUTO, CPU, CUDA)


@dataclass(frozen=True, slots=True)
class Placement:
    """A choice that was checked.

    Attributes:
        device: torch device, None for the GPU where there is one
        processes: ranks on this machine
    """

    device: str | None
    processes: int


def placement(device: str | None, processes: int = 1, batch_size: int | None = None) -> Placement:
    """Check where a run is to train.

    Args:
        device: ``auto`` (or None: a GPU where there is one), ``cpu``, ``cuda`` or ``cuda:N``
        processes: ranks that train together on this machine, each on a GPU of its own
        batch_size: crops of one step over all ranks

    Raises:
        ForensicsError: an unknown device, a GPU that is not there, or more processes than GPUs,
            cores or crops in a batch; ``field`` is ``device`` or ``processes``
    """
    name = AUTO if device in (None, "") else str(device)
    found = re.fullmatch(r"cuda:(\d+)", name)
    if name not in DEVICES and not found:
        raise ForensicsError(
            f"There is no device {name!r}.", f"Known: {', '.join(DEVICES)}, cuda:N.", "device"
        )
    if isinstance(processes, bool) or not isinstance(processes, int) or processes < 1:
        raise ForensicsError(
            f"{processes!r} processes cannot train.", "It is a whole number from 1.", "processes"
        )
    if name.startswith(CUDA):
        _check_gpu(name, int(found[1]) if found else 0)
    if processes > 1:
        _check_processes(name, processes, batch_size)
    return Placement(None if name == AUTO else name, processes)


def _check_gpu(name: str, number: int) -> None:
    there = gpus()
    if number >= there:
        has = "torch finds no GPU here" if not there else f"torch finds {there} GPU(s) here"
        raise ForensicsError(
            f"The device {name!r} is not there: {has}.",
            "Choose auto or cpu, or install the torch build for your GPU.",
            "device",
        )


def _check_processes(name: str, processes: int, batch_size: int | None) -> None:
    if ":" in name:
        raise ForensicsError(
            f"{processes} processes cannot share {name}.",
            "Choose cuda: each process then gets a GPU of its own.",
            "processes",
        )
    there = 0 if name == CPU else gpus()
    most, what = (there, "GPU(s)") if there else (os.cpu_count() or 1, "cores")
    if processes > most:
        raise ForensicsError(
            f"{processes} processes are too many for {most} {what}.",
            f"Choose {most} or fewer.",
            "processes",
        )
    if batch_size is not None and processes > batch_size:
        raise ForensicsError(
            f"A batch of {batch_size} cannot be shared by {processes} processes.",
            "Each needs a crop of every batch.",
            "processes",
        )


@functools.lru_cache(maxsize=1)
def gpus() -> int:
    """Number of GPUs that torch can use on this machine. Takes seconds the first time.

    Raises:
        ForensicsError: torch cannot be loaded
    """
    done = subprocess.run(
        [sys.executable, "-c", "import torch; print(torch.cuda.device_count())"],
        capture_output=True,
        text=True,
    )
    lines = done.stdout.split()
    if done.returncode or not lines:
        last = (done.stderr.strip().splitlines() or ["no output"])[-1]
        raise ForensicsError(f"torch cannot be loaded: {last}", "Install the plugin again.")
    return int(lines[-1])
