"""Unit vectors of faces in the form FiftyOne stores them (VectorField), read and written in bulk.

FiftyOne keeps a vector as zlib over numpy's file format. Its own reader builds a Python object per
face and parses the same numpy header each time; here one array is filled from the raw documents,
and vectors are written without searching for repetitions that float32 numbers do not have. Both
ways read what the other has written.
"""

from __future__ import annotations

import io
import zlib
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import numpy as np

from ..detector.errors import ForensicsError

#: Where the numbers start in a numpy file of a vector: its header is padded to this.
_HEADER = 128


@dataclass(frozen=True)
class Vectors:
    """The faces of a view that have a vector.

    Attributes:
        ids: (M,) sample ids
        vectors: (M, D) unit vectors
        columns: further fields of the same faces, (M,) each
        not_finite: faces whose stored vector holds NaN, infinity or only zeros; not in ``ids``
    """

    ids: list[str]
    vectors: np.ndarray
    columns: dict[str, list[Any]]
    not_finite: int


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


def read(
    view: Any, field: str, columns: Sequence[str] = (), most_single: int | None = None
) -> Vectors:
    """Vectors and further fields of all faces of ``view`` that have one, in the view's order.

    Memory is that of the result.

    Args:
        view: faces view without dynamic grouping, see :func:`.views.flat`
        field: a VectorField
        columns: further fields, embedded ones with a dot
        most_single: numbers above which the vectors are float16 instead of float32

    Raises:
        ForensicsError: vectors of different lengths
    """
    query = [
        {"$match": {field: {"$ne": None}}},
        {"$project": dict.fromkeys((field, *columns), 1)},
    ]
    ids: list[str] = []
    out, size, lost = np.empty((0, 0), np.float32), -1, 0
    found: dict[str, list[Any]] = {name: [] for name in columns}
    paths = [(found[name], name.split(".")) for name in columns]
    for document in view._aggregate(post_pipeline=query):
        vector = unpacked(document[field]).ravel().astype(np.float32, copy=False)
        if size < 0:
            size = vector.size
            rows = len(view)
            single = most_single is None or rows * size <= most_single
            out = np.empty((rows, size), np.float32 if single else np.float16)
        elif vector.size != size:
            raise ForensicsError(
                f"The embeddings in {field!r} have different lengths: "
                f"{sorted((size, vector.size))}.",
                "They come from different networks; score the faces again with one checkpoint.",
            )
        length = float(np.sqrt(vector @ vector))
        if not 0 < length < np.inf:  # NaN is neither
            lost += 1
            continue
        if len(ids) == len(out):  # faces were added while we read
            out = np.concatenate([out, np.empty((1024, size), out.dtype)])
        out[len(ids)] = vector / np.float32(length)
        ids.append(str(document["_id"]))
        for values, path in paths:
            value: Any = document
            for part in path:
                value = value.get(part) if isinstance(value, dict) else None
            values.append(value)
    return Vectors(ids, out[: len(ids)], found, lost)
