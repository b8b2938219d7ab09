"""Times calls on a device, and frees and measures its memory between them."""

from __future__ import annotations

import gc
import statistics
import time
from collections.abc import Callable

import torch


def wait_for(device: torch.device) -> None:
    """Wait until the device has finished its work."""
    if device.type == "cuda":
        torch.cuda.synchronize(device)


def free(device: torch.device) -> None:
    """Free unused memory, so that the next part starts with all of it."""
    gc.collect()
    if device.type == "cuda":
        torch.cuda.empty_cache()


def seconds(
    device: torch.device,
    call: Callable[[], object],
    budget: float = 0.6,
    most: int = 40,
) -> float:
    """Return the median seconds of a call, including the wait for the device.

    At most 3 calls warm up. Then at least 2 and at most ``most`` are timed; a call that takes
    longer than the budget runs once to warm up and twice for the time.
    """
    began = time.perf_counter()
    for _ in range(3):
        call()
        wait_for(device)
        if time.perf_counter() - began > 2 * budget:
            break
    times: list[float] = []
    began = time.perf_counter()
    while len(times) < 2 or (time.perf_counter() - began < budget and len(times) < most):
        start = time.perf_counter()
        call()
        wait_for(device)
        times.append(time.perf_counter() - start)
    return statistics.median(times)


def peak_bytes(device: torch.device, call: Callable[[], object]) -> int | None:
    """Return the bytes that a call needs on the GPU beyond those in use; None on a CPU."""
    if device.type != "cuda":
        call()
        return None
    free(device)
    before = torch.cuda.memory_allocated(device)
    torch.cuda.reset_peak_memory_stats(device)
    call()
    wait_for(device)
    return torch.cuda.max_memory_allocated(device) - before
