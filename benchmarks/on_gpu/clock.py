"""Times calls on a device, and frees and measures its memory between them."""

from __future__ import annotations

import gc
import statistics
import time
from collections.abc import Callable

import torch


def wait_for(device: torch.device) -> None:
    """Return when the device has done what it was given."""
    if device.type == "cuda":
        torch.cuda.synchronize(device)


def free(device: torch.device) -> None:
    """Give back what nobody holds any more, so that the next part starts with all memory."""
    gc.collect()
    if device.type == "cuda":
        torch.cuda.empty_cache()


def seconds(
    device: torch.device,
    call: Callable[[], object],
    budget: float = 0.6,
    most: int = 40,
) -> float:
    """Median seconds of a call that is waited for: at least 2, at most ``most`` of them after at
    most 3 that warm up; two and one where a call takes longer than the budget."""
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
    """Bytes that a call needs on the GPU over what is there before it; None on a CPU."""
    if device.type != "cuda":
        call()
        return None
    free(device)
    before = torch.cuda.memory_allocated(device)
    torch.cuda.reset_peak_memory_stats(device)
    call()
    wait_for(device)
    return torch.cuda.max_memory_allocated(device) - before
