"""Packs and unpacks embeddings as FiftyOne stores them."""

from __future__ import annotations

import io
import zlib
from functools import lru_cache
from typing import Any

import numpy as np

#: Where the numbers start in a numpy file of a vector: its header is padded to this.
_HEADER = 128


def packed(vector: np.ndarray) -> bytes:
    """What a VectorField stores for ``vector`` (D,)."""
    vector = np.ascontiguousarray(vector)
    return zlib.compress(_header(vector.dtype.str, vector.shape) + vector.tobytes(), 0)


def unpacked(stored: Any) -> np.ndarray:
    """The vector of what a VectorField stores."""
    if isinstance(stored, (list, tuple)):
        return np.asarray(stored, np.float32)
    data = zlib.decompress(stored)
    if data[:_HEADER] == _header("<f4", ((len(data) - _HEADER) // 4,)):
        return np.frombuffer(data, "<f4", offset=_HEADER)
    return np.load(io.BytesIO(data), allow_pickle=False)


@lru_cache(64)
def _header(dtype: str, shape: tuple[int, ...]) -> bytes:
    """How numpy's file of such an array begins."""
    file = io.BytesIO()
    np.save(file, np.empty(shape, dtype), allow_pickle=False)
    return file.getvalue()[: file.tell() - int(np.prod(shape)) * np.dtype(dtype).itemsize]
