"""Computes the geometry of unit embeddings: spread, direction, fake axis, projections.

All results are exact and need no N x N matrix in memory. Functions take unit vectors (N, D) as any
float array and sum in float64. References: Wang & Isola 2020 (arXiv 2005.10242) for alignment and
uniformity, Banerjee et al. 2005 (JMLR 6) for the concentration.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np

from ..errors import ForensicsError, MetricUndefined

_BLOCK = 2048  # rows per block of products: 34 MB in float64


class Concentration(NamedTuple):
    """Von Mises-Fisher summary of a set of unit vectors.

    Attributes:
        direction: (D,) unit mean direction, the prototype
        resultant: length of the mean vector, in [0, 1]
        kappa: concentration; in high dimensions only its ranks are meaningful
    """

    direction: np.ndarray
    resultant: float
    kappa: float


class Projection(NamedTuple):
    """Embeddings projected onto a head's fake axis and two further directions.

    Attributes:
        xyz: (N, 3) in the unit ball: cosine to the fake axis, and the two orthogonal directions of
            largest spread
        xy: (N, 2) the first two columns
        basis: (3, D) orthonormal rows, the first is the fake axis; reuse it to draw other
            embeddings in the same picture
        explained: share of the spread orthogonal to the axis that the two directions show
    """

    xyz: np.ndarray
    xy: np.ndarray
    basis: np.ndarray
    explained: float


def _rows(embeddings: Any) -> np.ndarray:
    """Return embeddings as a finite array (N, D)."""
    array = np.asarray(embeddings)
    if array.ndim != 2:
        raise ForensicsError(f"Embeddings are (N, D), not {array.shape}.")
    if not np.isfinite(array).all():
        raise ForensicsError("Some embeddings are missing (NaN); leave those faces out.")
    return array


def alignment(embeddings: Any, labels: Sequence[Any] | np.ndarray | None = None) -> float:
    """Return the mean squared distance over pairs i < j, with ``labels`` only over equal labels.

    The value is in [0, 4]; 0 means collapsed. The closed form takes O(N D): the squared distances
    of n points sum to n * sum |z|^2 - |sum z|^2.

    Raises:
        MetricUndefined: there is no pair
    """
    rows = _rows(embeddings)
    keys = np.zeros(len(rows), np.int64) if labels is None else np.asarray(labels)
    total, pairs = 0.0, 0
    for key in np.unique(keys):
        part = rows[keys == key]
        count = len(part)
        total += count * float(np.einsum("nd,nd->", part, part, dtype=np.float64))
        total -= float(np.sum(part.sum(axis=0, dtype=np.float64) ** 2))
        pairs += count * (count - 1) // 2
    if not pairs:
        raise MetricUndefined("Alignment needs two embeddings of one class.")
    return max(0.0, total / pairs)


def uniformity(embeddings: Any, t: float = 2.0) -> float:
    """Return the log of the mean of exp(-t |zi - zj|^2) over pairs i < j; lower is more even.

    Exact, in O(N^2 D) time and O(N) memory (20,000 x 768 takes seconds on two cores). The uniform
    distribution on a sphere of many dimensions gives about -2t.

    Raises:
        MetricUndefined: fewer than two embeddings
    """
    rows = _rows(embeddings)
    count = len(rows)
    if count < 2:
        raise MetricUndefined("Uniformity needs two embeddings.")
    squares = np.einsum("nd,nd->n", rows, rows, dtype=np.float64)
    total = 0.0
    for start in range(0, count, _BLOCK):
        left = rows[start : start + _BLOCK].astype(np.float64)
        for other in range(start, count, _BLOCK):
            right = rows[other : other + _BLOCK].astype(np.float64)
            distance = squares[start : start + _BLOCK, None] + squares[other : other + _BLOCK]
            distance -= 2 * left @ right.T
            value = np.exp(-t * np.maximum(distance, 0))
            total += float(np.triu(value, 1).sum() if start == other else value.sum())
    return float(np.log(total / (count * (count - 1) / 2)))


def concentration(embeddings: Any) -> Concentration:
    """Return mean direction and von Mises-Fisher concentration kappa = R (D - R^2) / (1 - R^2).

    Raises:
        MetricUndefined: no embeddings, or embeddings that sum to zero
    """
    rows = _rows(embeddings)
    if not len(rows):
        raise MetricUndefined("A direction needs an embedding.")
    mean = rows.mean(axis=0, dtype=np.float64)
    resultant = float(np.linalg.norm(mean))
    if resultant < 1e-12:
        raise MetricUndefined("The embeddings cancel out; they have no mean direction.")
    resultant = min(resultant, 1.0)
    spread = 1 - resultant**2
    kappa = resultant * (rows.shape[1] - resultant**2) / spread if spread > 1e-12 else np.inf
    return Concentration(mean / np.linalg.norm(mean), resultant, float(kappa))


def prototype_angles(groups: dict[Any, Concentration]) -> np.ndarray:
    """Return the angles (G, G) in degrees between the prototypes of ``groups``, in their order."""
    directions = np.stack([group.direction for group in groups.values()])
    return np.degrees(np.arccos(np.clip(directions @ directions.T, -1, 1)))


def fake_axis(head: Any) -> np.ndarray:
    """Return the unit vector (D,) along w1 - w0 of a head.

    Args:
        head: array (2, D), or an object with such a ``weight``

    Raises:
        ForensicsError: both rows are equal, so there is no axis
    """
    weight = getattr(head, "weight", head)
    if hasattr(weight, "detach"):
        weight = weight.detach().cpu().numpy()
    weight = np.asarray(weight, np.float64)
    axis = weight[1] - weight[0]
    length = np.linalg.norm(axis)
    if length == 0:
        raise ForensicsError("The head's two rows are equal; it has no fake axis.")
    return axis / length


def projection_basis(embeddings: Any, head: Any) -> tuple[np.ndarray, float]:
    """Return the basis (3, D) of :func:`fake_axis_projection` and the explained share.

    The two directions are the principal components of the embeddings after removing the axis. Each
    is oriented so that its largest coordinate is positive, so that a picture does not flip between
    two runs.
    """
    rows = _rows(embeddings)
    axis = fake_axis(head)
    if rows.shape[1] != axis.size:
        raise ForensicsError(f"Embeddings of {rows.shape[1]} do not fit a head of {axis.size}.")
    mean = rows.mean(axis=0, dtype=np.float64) if len(rows) else np.zeros(axis.size)
    scatter = np.zeros((axis.size, axis.size))
    for start in range(0, len(rows), _BLOCK):
        part = rows[start : start + _BLOCK] - mean
        part = part - np.outer(part @ axis, axis)
        scatter += part.T @ part
    # The axis gets the lowest eigenvalue, so that it is never chosen.
    values, vectors = np.linalg.eigh(scatter - np.outer(axis, axis))
    chosen = vectors[:, [-1, -2]].T
    signs = np.sign(chosen[np.arange(2), np.abs(chosen).argmax(axis=1)])
    total = float(np.trace(scatter))
    explained = float(values[[-1, -2]].sum() / total) if total > 0 else 0.0
    return np.vstack([axis, chosen * signs[:, None]]), explained


def fake_axis_projection(embeddings: Any, head: Any, basis: np.ndarray | None = None) -> Projection:
    """Return the coordinates of unit embeddings (N, D) for the 3-D sphere and the 2-D plot.

    The projection is orthogonal. Every point stays inside the unit ball, and the first coordinate
    times |w1 - w0| plus the bias difference is the margin.

    Args:
        embeddings: (N, D)
        head: weight (2, D), or an object with such a ``weight``
        basis: basis of an earlier projection, to draw these points in the same picture
    """
    rows = _rows(embeddings)
    explained = float("nan")
    if basis is None:
        basis, explained = projection_basis(rows, head)
    xyz = (rows @ basis.T.astype(rows.dtype, copy=False)).astype(np.float32)
    return Projection(xyz, xyz[:, :2], basis, explained)
