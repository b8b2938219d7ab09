"""Reads unit vectors of faces in bulk from a VectorField, from files, or from both.

FiftyOne stores a vector as zlib over numpy's file format. Its own reader builds a Python object per
face and parses the same numpy header each time. Here one array is filled from the raw documents,
and vectors are written without compression, because float32 numbers hardly compress. Each reader
reads what the other writer has written. Vectors of :mod:`.embedding_files` are read from the files,
unless the face also has its vector in the field.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import islice
from typing import TYPE_CHECKING, Any

import numpy as np

from ...detector.errors import ForensicsError
from ..dataset import marked_views
from . import embedding_files
from .vector_format import unpacked

if TYPE_CHECKING:
    from ...detector.embeddings.shards import Shards

_BATCH = 1000  # faces whose documents are in memory at a time


@dataclass(frozen=True)
class Vectors:
    """The vectors of the faces of a view that have one.

    Attributes:
        ids: (M,) sample ids
        vectors: (M, D) unit vectors
        columns: further fields of the same faces, (M,) values each
        not_finite: faces whose stored vector holds NaN, infinity or only zeros; not in ``ids``
    """

    ids: list[str]
    vectors: np.ndarray
    columns: dict[str, list[Any]]
    not_finite: int


def read(
    view: Any, field: str, columns: Sequence[str] = (), most_single: int | None = None
) -> Vectors:
    """Return vectors and further fields of all faces of ``view`` that have one, in its order.

    Peak memory is about that of the result.

    Args:
        view: faces view without dynamic grouping, see :func:`operators.dataset.views.flat`
        field: a VectorField
        columns: further fields, embedded ones with a dot
        most_single: count of numbers above which the vectors are float16 instead of float32

    Raises:
        ForensicsError: vectors of different lengths, or files that are missing or damaged
    """
    shards = embedding_files.shards_of(view._dataset, field)
    query: list[dict[str, Any]] = [{"$project": dict.fromkeys((field, *columns), 1)}]
    if shards is None:
        query.insert(0, {"$match": {field: {"$ne": None}}})
    ids: list[str] = []
    out, lost = np.empty((0, 0), np.float32), 0
    found: dict[str, list[Any]] = {name: [] for name in columns}
    paths = [(found[name], name.split(".")) for name in columns]
    documents = iter(view._aggregate(post_pipeline=query))
    while batch := list(islice(documents, _BATCH)):
        rows, vectors = _those_of(batch, field, shards)
        if not rows:
            continue
        if not out.size:
            single = most_single is None or len(view) * vectors.shape[1] <= most_single
            kind = np.float32 if single else np.float16
            out = np.empty((len(view), vectors.shape[1]), kind)
        _same_length(field, {out.shape[1], vectors.shape[1]})
        length = np.sqrt(np.einsum("ij,ij->i", vectors, vectors))
        usable = (length > 0) & (length < np.inf)  # NaN is neither
        lost += int((~usable).sum())
        end = len(ids) + int(usable.sum())
        if end > len(out):  # faces were added during the read
            out = np.concatenate([out, np.empty((end - len(out), out.shape[1]), out.dtype)])
        out[len(ids) : end] = vectors[usable] / length[usable, None]
        kept = [batch[row] for row, fine in zip(rows, usable, strict=True) if fine]
        ids += [str(document["_id"]) for document in kept]
        for values, path in paths:
            values += [_value(document, path) for document in kept]
    return Vectors(ids, out[: len(ids)], found, lost)


def read_those(dataset: Any, field: str, ids: Sequence[str], most_single: int) -> Vectors:
    """Return the vectors of the faces ``ids`` that have one, by :func:`read` in several queries."""
    parts = []
    for some in marked_views.slices(ids):
        found = read(dataset.select(some), field)
        if len(ids) * found.vectors.shape[1] > most_single:
            found = replace(found, vectors=found.vectors.astype(np.float16))
        parts.append(found)
    full = [part.vectors for part in parts if len(part.ids)]
    return Vectors(
        [face_id for part in parts for face_id in part.ids],
        np.concatenate(full) if full else np.empty((0, 0), np.float32),
        {},
        sum(part.not_finite for part in parts),
    )


def ids_with_vector(dataset: Any, field: str) -> set[str]:
    """Return the ids of the faces of ``dataset`` that have a vector.

    Raises:
        ForensicsError: files that are missing or damaged
    """
    ids = set(dataset.match({field: {"$ne": None}}).values("id"))
    shards = embedding_files.shards_of(dataset, field)
    if shards is not None:
        every = dataset.values("id")
        places = shards.rows_of(every)
        ids.update(every[row] for row in np.flatnonzero(places >= 0))
    return ids


def _those_of(
    documents: list[dict[str, Any]], field: str, shards: Shards | None
) -> tuple[list[int], np.ndarray]:
    """Return which of ``documents`` have a vector, and the stored vectors (n, D) as float32."""
    own = {
        row: unpacked(document[field]).ravel()
        for row, document in enumerate(documents)
        if document.get(field) is not None
    }
    if shards is None:
        _same_length(field, {vector.size for vector in own.values()})
        return list(own), np.array(list(own.values()), np.float32)
    others = [row for row in range(len(documents)) if row not in own]
    places = shards.rows_of([str(documents[row]["_id"]) for row in others])
    others = [row for row, place in zip(others, places, strict=True) if place >= 0]
    _same_length(field, {shards.numbers, *(vector.size for vector in own.values())})
    vectors = np.empty((len(documents), shards.numbers), np.float32)
    for row, vector in own.items():
        vectors[row] = vector
    filed = np.empty((len(others), shards.numbers), np.float32)
    shards.take(places[places >= 0], filed)
    vectors[others] = filed
    rows = sorted([*own, *others])
    return rows, vectors[rows]


def _same_length(field: str, sizes: set[int]) -> None:
    if len(sizes) > 1:
        raise ForensicsError(
            f"The embeddings in {field!r} have different lengths: {sorted(sizes)}.",
            "They come from different networks; score the faces again with one checkpoint.",
        )


def _value(document: Any, path: Sequence[str]) -> Any:
    for part in path:
        document = document.get(part) if isinstance(document, dict) else None
    return document
