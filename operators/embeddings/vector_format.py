"""Packs and unpacks embeddings in FiftyOne's storage format."""

from __future__ import annotations

import io
import zlib
from functools import lru_cache
from typing import Any

import numpy as np

#: Offset of the numbers in numpy's file of a vector; the header is padded to it.
_HEADER = 128


def packed(vector: np.ndarray) -> bytes:
    """Return the bytes that a VectorField stores for ``vector`` (D,)."""
    vector = np.ascontiguousarray(vector)
    return zlib.compress(_header(vector.dtype.str, vector.shape) + vector.tobytes(), 0)


def unpacked(stored: Any) -> np.ndarray:
    """Return the vector from the stored value of a VectorField."""
    if isinstance(stored, (list, tuple)):
        return np.asarray(stored, np.float32)
    data = zlib.decompress(stored)
    if data[:_HEADER] == _header("<f4", ((len(data) - _HEADER) // 4,)):
        return np.frombuffer(data, "<f4", offset=_HEADER)
    return np.load(io.BytesIO(data), allow_pickle=False)


@lru_cache(64)
def _header(dtype: str, shape: tuple[int, ...]) -> bytes:
    """Return the header of numpy's file of such an array."""
    file = io.BytesIO()
    np.save(file, np.empty(shape, dtype), allow_pickle=False)
    return file.getvalue()[: file.tell() - int(np.prod(shape)) * np.dtype(dtype).itemsize]
