"""Connects ranks: gathers rows with their gradient, adds gradients, and agrees on decisions.

The pair losses and slerp need the whole batch. So each rank embeds its share, all rows are
gathered, and each rank computes the same loss on the same rows. A mean of per-rank losses would be
another loss (its gradient was 79 % off on two ranks). With one process every function here is the
identity.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Sequence
from typing import Any

import torch
import torch.distributed as dist
from torch import Tensor, nn

from ..detector.device import resolved


def ranks() -> int:
    """Return the number of processes that train together."""
    return dist.get_world_size() if dist.is_available() and dist.is_initialized() else 1


def rank() -> int:
    """Return the number of this process, from 0."""
    return dist.get_rank() if ranks() > 1 else 0


def start_from_environment(device: str | None) -> str | None:
    """Join the process group that torchrun describes in the environment, if there is one.

    Returns:
        the device of this rank: ``cuda:LOCAL_RANK`` if GPUs are used, else ``device``
    """
    if int(os.environ.get("WORLD_SIZE", "1")) < 2:
        return device
    on_gpu = resolved(device).startswith("cuda")
    if on_gpu:
        device = f"cuda:{os.environ.get('LOCAL_RANK', '0')}"
        torch.cuda.set_device(device)
    dist.init_process_group("nccl" if on_gpu else "gloo")
    return device if on_gpu else "cpu"


def finish() -> None:
    """Leave the process group."""
    if dist.is_available() and dist.is_initialized():
        dist.destroy_process_group()


class _Gather(torch.autograd.Function):
    """Rows of all ranks in rank order; backward returns to each rank the gradient of its own rows.

    That slice is the whole derivative, because each rank computes the same loss. The parameters'
    gradients from the rows of other ranks are added by :func:`reduce_gradients`.
    """

    @staticmethod
    def forward(ctx: Any, rows: Tensor, sizes: Sequence[int]) -> Tensor:
        parts, ctx.start = _gather(rows, sizes)
        ctx.count = len(rows)
        return parts

    @staticmethod
    def backward(ctx: Any, gradient: Tensor) -> Any:  # type: ignore[override]
        return gradient[ctx.start : ctx.start + ctx.count], None


def gather_rows(rows: Tensor, sizes: Sequence[int] = ()) -> Tensor:
    """Return the rows of all ranks in rank order, with gradient, from this rank's rows (n, ...).

    The ranks may hold different numbers of rows.

    Args:
        sizes: rows of each rank, if known; to ask for them waits for the device
    """
    if ranks() == 1:
        return rows
    sizes = sizes or _sizes(len(rows), rows.device)
    if rows.requires_grad:
        return _Gather.apply(rows, sizes)  # type: ignore[return-value]
    return _gather(rows, sizes)[0]


def gather_labels(labels: Tensor, device: torch.device) -> tuple[Tensor, list[int]]:
    """Return the labels of all ranks on the host, and the rows of each rank ([] for one rank).

    Call it before a step's work is queued on ``device``: with several ranks it waits for it.
    """
    if ranks() == 1:
        return labels, []
    sizes = _sizes(len(labels), device)
    return _gather(labels.to(device), sizes)[0].cpu(), sizes


def _sizes(count: int, device: torch.device) -> list[int]:
    """Return how many rows each rank has; waits for the device."""
    mine = torch.tensor([count], device=device)
    counts = [torch.zeros_like(mine) for _ in range(ranks())]
    dist.all_gather(counts, mine)
    return torch.cat(counts).tolist()


def _gather(rows: Tensor, sizes: Sequence[int]) -> tuple[Tensor, int]:
    """Return the rows of all ranks, and the index where the rows of this rank start."""
    padded = rows.new_zeros((max(sizes), *rows.shape[1:]))
    padded[: len(rows)] = rows.detach()
    parts = [torch.empty_like(padded) for _ in sizes]
    dist.all_gather(parts, padded)
    whole = torch.cat([part[:size] for part, size in zip(parts, sizes, strict=True)])
    return whole, sum(sizes[: rank()])


def reduce_gradients(tower: Iterable[nn.Parameter], head: Iterable[nn.Parameter]) -> None:
    """Complete the gradients after a backward pass, in one message (0.4 MB for ViT-L/14).

    The tower's gradients are summed, because each rank holds those of its own rows. The head's are
    averaged, because each rank already holds the whole gradient.
    """
    if ranks() == 1:
        return
    parameters = [(p, 1.0) for p in tower] + [(p, 1.0 / ranks()) for p in head]
    for parameter, _ in parameters:
        if parameter.grad is None:  # this rank had no rows
            parameter.grad = torch.zeros_like(parameter)
    flat = torch.cat([(p.grad * factor).flatten() for p, factor in parameters])  # type: ignore[operator]
    dist.all_reduce(flat)
    start = 0
    for parameter, _ in parameters:
        parameter.grad = flat[start : start + parameter.numel()].view_as(parameter).clone()
        start += parameter.numel()


def any_rank(flag: bool, device: torch.device) -> bool:
    """Return on all ranks whether the flag is true on any rank."""
    if ranks() == 1:
        return flag
    value = torch.tensor([int(flag)], device=device)
    dist.all_reduce(value, dist.ReduceOp.MAX)
    return bool(value.item())


def wait_for_all() -> None:
    """Wait until all ranks have called this."""
    if ranks() > 1:
        dist.barrier()
