"""Finds the nearest reference embeddings by cosine, outside the query's own group.

Without this exclusion, a face's nearest neighbours are other frames of its own video, and the
comparison is meaningless. The search is exact, in blocks, without an N x M matrix in memory.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np

from ..errors import ForensicsError

_BLOCK = 1024
_REFERENCE_BLOCK = 16_384


class Neighbours(NamedTuple):
    """The k nearest references of each query, nearest first.

    Attributes:
        indices: (N, k) into the references, -1 if fewer than k lie outside the group
        cosine: (N, k) float32, NaN where ``indices`` is -1
    """

    indices: np.ndarray
    cosine: np.ndarray


def nearest(
    queries: Any,
    references: Any,
    k: int = 10,
    query_groups: Sequence[Any] | None = None,
    reference_groups: Sequence[Any] | None = None,
) -> Neighbours:
    """Return for each query the ``k`` references of highest cosine outside its group.

    Args:
        queries: (N, D) unit vectors
        references: (M, D) unit vectors
        k: neighbours per query
        query_groups, reference_groups: (N,) and (M,) keys (``group_id``); both or neither

    Raises:
        ForensicsError: shapes that do not fit, ``k`` below 1, or groups for one side only
    """
    left, right = np.asarray(queries, np.float32), np.asarray(references, np.float32)
    if left.ndim != 2 or right.ndim != 2 or left.shape[1] != right.shape[1]:
        raise ForensicsError(f"Embeddings {left.shape} and {right.shape} do not fit.")
    if k < 1:
        raise ForensicsError(f"At least one neighbour, not {k}.", field="k")
    if (query_groups is None) != (reference_groups is None):
        raise ForensicsError("Give groups for queries and references, or for neither.")
    of_left, of_right = _numbers(query_groups, reference_groups, len(left), len(right))
    indices = np.full((len(left), k), -1, np.int64)
    cosine = np.full((len(left), k), -np.inf, np.float32)
    for start in range(0, len(left), _BLOCK):
        rows = slice(start, start + _BLOCK)
        best_value, best_index = cosine[rows], indices[rows]
        for other in range(0, len(right), _REFERENCE_BLOCK):
            columns = slice(other, other + _REFERENCE_BLOCK)
            values = left[rows] @ right[columns].T
            if of_left is not None and of_right is not None:
                values[of_left[rows, None] == of_right[None, columns]] = -np.inf
            best_value, best_index = _merge(best_value, best_index, values, other, k)
        cosine[rows], indices[rows] = best_value, best_index
    missing = np.isneginf(cosine)
    indices[missing], cosine[missing] = -1, np.nan
    return Neighbours(indices, cosine)


def _merge(
    value: np.ndarray, index: np.ndarray, block: np.ndarray, offset: int, k: int
) -> tuple[np.ndarray, np.ndarray]:
    """Return the k best of the previous results and a block (B, M), best first."""
    if block.shape[1] > k:
        part = np.argpartition(-block, k - 1, axis=1)[:, :k]
        found = np.take_along_axis(block, part, axis=1)
    else:
        part, found = np.broadcast_to(np.arange(block.shape[1]), block.shape), block
    values = np.concatenate([value, found], axis=1)
    indices = np.concatenate([index, part + offset], axis=1)
    # Ties: the lower reference comes first, independent of the block size.
    order = np.lexsort((indices, -values), axis=1)[:, :k]
    return np.take_along_axis(values, order, axis=1), np.take_along_axis(indices, order, axis=1)


def _numbers(
    left: Sequence[Any] | None, right: Sequence[Any] | None, n: int, m: int
) -> tuple[np.ndarray | None, np.ndarray | None]:
    """Return the group keys of both sides as integers."""
    if left is None or right is None:
        return None, None
    if len(left) != n or len(right) != m:
        raise ForensicsError(f"{len(left)} and {len(right)} groups do not fit {n} and {m} rows.")
    number: dict[Any, int] = {}
    return tuple(
        np.array([number.setdefault(key, len(number)) for key in keys], np.int64)
        for keys in (left, right)
    )  # type: ignore[return-value]
