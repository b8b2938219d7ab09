"""Checks the device and the number of processes of a run before anything starts.

The answer comes from torch in a separate process, so that the App never loads it.
"""

from __future__ import annotations

import os
from dataclasses import dataclass

from ..detector import device as device_of
from ..detector.errors import ForensicsError

AUTO, CPU, CUDA, MPS = device_of.AUTO, device_of.CPU, device_of.CUDA, device_of.MPS


@dataclass(frozen=True, slots=True)
class Placement:
    """A checked choice of device and processes.

    Attributes:
        device: torch device; None: a GPU if there is one
        processes: ranks on this machine
    """

    device: str | None
    processes: int


def placement(device: str | None, processes: int = 1, batch_size: int | None = None) -> Placement:
    """Check the device and processes of a run.

    Args:
        device: ``auto`` (or None: a GPU if there is one), ``cpu``, ``cuda``, ``cuda:N`` or
            ``mps``
        processes: ranks that train together on this machine, one GPU each
        batch_size: crops of one step over all ranks

    Raises:
        ForensicsError: an unknown or missing device, or more processes than GPUs, cores or crops in
            a batch; ``field`` is ``device`` or ``processes``
    """
    name = device_of.checked(device)
    if isinstance(processes, bool) or not isinstance(processes, int) or processes < 1:
        raise ForensicsError(
            f"{processes!r} processes cannot train.", "It is a whole number from 1.", "processes"
        )
    if name != AUTO:
        device_of.resolved(name)
    if processes > 1:
        _check_processes(name, processes, batch_size)
    return Placement(None if name == AUTO else name, processes)


def _check_processes(name: str, processes: int, batch_size: int | None) -> None:
    if ":" in name or name == MPS:
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


def gpus() -> int:
    """Return the number of CUDA GPUs that torch can use here, see :func:`device.found`."""
    return device_of.found().gpus
