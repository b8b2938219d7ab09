"""Chooses the frames of a video: uniform, stride or spread."""

from __future__ import annotations

import heapq

import numpy as np

from ..errors import ForensicsError

SAMPLING_MODES = ("uniform", "stride", "spread")


def choose_frames(total: int, count: int, mode: str) -> list[int]:
    """Return the positions to read among ``total`` frames.

    Args:
        total: number of frames, >= 0
        count: number of frames, or the step for ``stride``; >= 1
        mode: ``uniform``: ``np.linspace(0, total - 1, count, dtype=int)`` as in DeepfakeBench,
            without repeats (they occur if ``count > total``); ``stride``: every ``count``-th frame
            from 0; ``spread``: the first ``count`` of :func:`spread_order`

    Returns:
        ascending positions for ``uniform`` and ``stride``; in the order to try for ``spread``

    Raises:
        ForensicsError: unknown mode or ``count < 1``
    """
    if mode not in SAMPLING_MODES:
        raise ForensicsError(
            f"Unknown sampling mode {mode!r}.", f"Use one of {', '.join(SAMPLING_MODES)}.", "mode"
        )
    if count < 1:
        raise ForensicsError(f"count is {count}.", "Give 1 or more.", "count")
    if total <= 0:
        return []
    if mode == "uniform":
        return np.unique(np.linspace(0, total - 1, count, dtype=int)).tolist()
    if mode == "stride":
        return list(range(0, total, count))
    return spread_order(total, count)


def spread_order(total: int, count: int | None = None) -> list[int]:
    """Return positions 0 .. total-1, each as far as possible from all before it (farthest-first).

    Starts at ``total // 2``; of equally distant positions the smallest comes first. The order does
    not depend on ``count``, so a larger count only appends. The ``at_least`` mode of GenD's cropper
    (arXiv 2508.06248, released code) has the same goal, but its search is quadratic. This one keeps
    the gaps in a heap and takes O(k log k) for the first k.

    Args:
        total: number of positions
        count: number of positions to return; None for all
    """
    wanted = total if count is None else min(count, total)
    if wanted <= 0:
        return []
    middle = total // 2
    order = [middle]
    # (-distance of the best position of the gap, that position, first, last). The best positions of
    # the two outer gaps are the ends of the video.
    gaps: list[tuple[int, int, int, int]] = []
    if middle > 0:
        gaps.append((-middle, 0, 0, middle - 1))
    if middle < total - 1:
        gaps.append((-(total - 1 - middle), total - 1, middle + 1, total - 1))
    heapq.heapify(gaps)
    while len(order) < wanted:
        _, best, first, last = heapq.heappop(gaps)
        order.append(best)
        for low, high in ((first, best - 1), (best + 1, last)):
            if low <= high:
                position = (low + high) // 2
                distance = min(position - low, high - position) + 1
                heapq.heappush(gaps, (-distance, position, low, high))
    return order
