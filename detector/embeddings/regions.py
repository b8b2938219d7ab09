"""Divides the sphere into regions of similar faces, named by their most frequent values.

Uses spherical k-means (Dhillon & Modha 2001) on unit vectors. Regions help to find errors that no
field names. They are not classes, and another seed gives other regions.
"""

from __future__ import annotations

import numpy as np

from ..audit.columns import Coded

COUNT = 16
MOST_FITTED = 20_000
ROUNDS = 25
RESTARTS = 6  # the tightest result is kept
_BLOCK = 8192
FIELD = "region of the sphere"


def regions(vectors: np.ndarray, count: int = COUNT, seed: int = 0) -> np.ndarray:
    """Return the region (N,) of each unit vector (N, D); numbers are consecutive from 0.

    Args:
        vectors: (N, D) unit vectors
        count: maximum number of regions
        seed: for the fitted sample and the first centres
    """
    rng = np.random.default_rng(seed)
    fitted = vectors
    if len(vectors) > MOST_FITTED:
        fitted = vectors[np.sort(rng.choice(len(vectors), MOST_FITTED, replace=False))]
    fitted = np.asarray(fitted, np.float32)
    tries = [_fit(fitted, _first(fitted, min(count, len(fitted)), rng)) for _ in range(RESTARTS)]
    centres = max(tries, key=lambda found: float((fitted @ found.T).max(axis=1).sum()))
    out = np.empty(len(vectors), np.int64)
    for start in range(0, len(vectors), _BLOCK):
        rows = slice(start, start + _BLOCK)
        out[rows] = (np.asarray(vectors[rows], np.float32) @ centres.T).argmax(axis=1)
    return np.unique(out, return_inverse=True)[1].ravel()


def _fit(vectors: np.ndarray, centres: np.ndarray) -> np.ndarray:
    """Return the centres (K, D) after Lloyd's iterations from ``centres``."""
    for _ in range(ROUNDS):
        label = (vectors @ centres.T).argmax(axis=1)
        one_hot = np.equal.outer(np.arange(len(centres)), label).astype(np.float32)
        sums = one_hot @ vectors
        length = np.linalg.norm(sums, axis=1, keepdims=True)
        new = np.where(length > 1e-12, sums / np.maximum(length, 1e-12), centres)
        if np.allclose(new, centres, atol=1e-6):
            break
        centres = new
    return centres


def _first(vectors: np.ndarray, count: int, rng: np.random.Generator) -> np.ndarray:
    """Return first centres by k-means++ (Arthur & Vassilvitskii 2007) with cosine distance."""
    chosen = [int(rng.integers(len(vectors)))]
    distance = 1 - vectors @ vectors[chosen[0]]
    while len(chosen) < count:
        weight = np.maximum(distance, 0.0).astype(np.float64)
        if weight.sum() <= 1e-9:
            break  # fewer distinct vectors than regions
        chosen.append(int(rng.choice(len(vectors), p=weight / weight.sum())))
        distance = np.minimum(distance, 1 - vectors @ vectors[chosen[-1]])
    return vectors[chosen].copy()


def named(label: np.ndarray, rows: np.ndarray, count: int, kinds: list[Coded]) -> Coded:
    """Return a column of ``count`` faces with the regions of ``rows`` and no value elsewhere.

    Args:
        label: (M,) region of each face of ``rows``
        rows: (M,) rows among all faces
        count: number of all faces
        kinds: columns of all faces; a region is named by their most frequent combination
    """
    names = []
    for region in range(int(label.max(initial=-1)) + 1):
        mine = rows[label == region]
        key = np.zeros(len(mine), np.int64)
        for column in kinds:
            key = key * (len(column.values) + 1) + column.codes[mine] + 1
        _, first, times = np.unique(key, return_index=True, return_counts=True)
        most = int(np.argmax(times))
        face = mine[first[most]]
        values = [c.values[c.codes[face]] if c.codes[face] >= 0 else "unknown" for c in kinds]
        share = times[most] / len(mine)
        names.append(f"{region + 1} ({share:.0%} {' · '.join(values)})")
    codes = np.full(count, -1, np.int32)
    codes[rows] = label
    return Coded(codes, tuple(names))
