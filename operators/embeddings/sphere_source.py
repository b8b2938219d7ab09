"""Provides the sphere of a detector: embeddings read once, projected, and kept in memory."""

from __future__ import annotations

import logging
from collections.abc import Hashable
from dataclasses import dataclass, replace
from pathlib import Path

import fiftyone as fo
import numpy as np

from ...detector.audit.columns import FaceColumns
from ...detector.errors import ForensicsError
from ..dataset import fields, run_names, stored_runs
from ..dataset.face_columns import Source, columns_of, source_of, state_token
from ..dataset.rebuild_cache import RebuildCache
from ..thresholds.stored_thresholds import stored_of
from . import sphere_picture, stored_vectors
from .sphere_picture import Picture

logger = logging.getLogger(__name__)

#: Faces up to which a finished picture is sent at once (2 MB).
SENT_AT_ONCE = 200_000
#: Numbers up to which embeddings are kept in single precision (80 MB).
MOST_SINGLE = 20_000_000
_SPHERES = RebuildCache(4)
_FIRST = RebuildCache(4)
_THERE = RebuildCache(4)
_EMBEDDINGS = RebuildCache(1)


@dataclass(frozen=True)
class Sphere:
    """The drawn faces with an embedding, in the order in which the browser numbers them.

    If there are many faces, the first sphere holds the first faces of the whole one, so that a
    number means the same face in both.

    Attributes:
        columns: columns of these faces
        rows: (N,) their rows among all faces of :func:`operators.dataset.face_columns.columns_of`
        picture: their points, and the statements about them
        faces: number of faces in the dataset, with or without an embedding
    """

    columns: FaceColumns
    rows: np.ndarray
    picture: Picture
    faces: int

    @property
    def partial(self) -> bool:
        """Whether more faces will follow, see :func:`whole_sphere`."""
        return self.picture.partial


def whole_sphere(source: Source, key: str, token: Hashable) -> Sphere:
    """Return the sphere of detector ``key`` with all drawn faces, built or from the cache.

    Raises:
        ForensicsError: there are no embeddings; the hint says what to do
    """
    return _SPHERES.get(token, lambda: _sphere(source, key, token, _whole(source, key, token)))


def first_sphere(source: Source, key: str, token: Hashable) -> Sphere:
    """Return the sphere to show first: the whole one if ready and small, else its first faces.

    Raises:
        ForensicsError: there are no embeddings; the hint says what to do
    """
    path = _file(source, key, token)
    ready = _SPHERES.has(token) or (path is not None and path.exists())
    small = len(columns_of(source, key, token)) <= sphere_picture.READ_AT_ONCE
    if ready or small:
        whole = whole_sphere(source, key, token)
        if len(whole.rows) <= max(SENT_AT_ONCE, whole.picture.first):
            return whole
        return _FIRST.get(token, lambda: _head(source, key, token, whole.picture))
    return _FIRST.get(token, lambda: _sphere(source, key, token, _first(source, key, token)))


def sphere_with(source: Source, key: str, token: Hashable, count: int) -> Sphere:
    """Return a sphere of at least the first ``count`` faces; the whole one if it is in memory."""
    if _SPHERES.has(token):
        return whole_sphere(source, key, token)
    first = first_sphere(source, key, token)
    return first if count <= len(first.rows) else whole_sphere(source, key, token)


def prepare(faces: fo.Dataset, key: str) -> None:
    """Make the picture of ``key`` at the end of a long job, so that the panel opens fast.

    If no picture can be made, only log it: the job has done its work, and the panel will say why.
    """
    try:
        source = source_of(faces)
        token = repr(state_token(source, key))
        if _file(source, key, token) is not None:
            _whole(source, key, token)
    except ForensicsError as error:
        logger.info("no picture of %s: %s", key, error)


def embedding_field(faces: fo.Dataset, key: str) -> str:
    """Return the name of the field with the embeddings of ``key``.

    Raises:
        ForensicsError: there is no such field
    """
    name = fields.ScoreFields(key).embedding
    if not faces.has_field(name):
        raise ForensicsError(
            f"The scores of {key!r} come without embeddings.",
            "Run 'Score faces' with its checkpoint, then refresh the panel.",
        )
    return name


def _sphere(source: Source, key: str, token: Hashable, picture: Picture) -> Sphere:
    columns = columns_of(source, key, token)
    return Sphere(columns.take(picture.rows), picture.rows, picture, len(columns))


def _head(source: Source, key: str, token: Hashable, whole: Picture) -> Sphere:
    """Return the first sphere of a whole picture that is ready but large to send."""
    count = whole.first
    return _sphere(
        source, key, token, replace(whole, rows=whole.rows[:count], xyz=whole.xyz[:count])
    )


def _first(source: Source, key: str, token: Hashable) -> Picture:
    there = _rows_with_embedding(source, key, token)
    config = fields.scores_config(source.faces, key)
    return sphere_picture.first_picture(
        lambda rows: _read(source, key, token, rows),
        there,
        columns_of(source, key, token),
        config,
        source.faces.name,
    )


def _whole(source: Source, key: str, token: Hashable) -> Picture:
    """Return the whole picture, from the file if the scores have not changed since."""
    path = _file(source, key, token)
    picture = sphere_picture.kept(path) if path else None
    if picture is not None:
        return picture
    picture = _FIRST.get(
        token, lambda: _sphere(source, key, token, _first(source, key, token))
    ).picture
    if picture.partial:
        picture = sphere_picture.whole_picture(
            picture,
            lambda rows: _read(source, key, token, rows),
            _rows_with_embedding(source, key, token),
            columns_of(source, key, token),
            _threshold(source, key),
        )
    if path:
        sphere_picture.keep(path, picture)
    return picture


def _file(source: Source, key: str, token: Hashable) -> Path | None:
    """Return the path of the kept picture, or None if the dataset is too small for one."""
    embedding_field(source.faces, key)
    columns = columns_of(source, key, token)
    info = stored_runs.info_of(source.faces, run_names.SCORES, key)
    if len(columns) < sphere_picture.WORTH_KEEPING or info is None:
        return None
    when = info.timestamp
    if when is not None:  # rounded like the database: a new run still has microseconds
        when = when.replace(microsecond=when.microsecond // 1000 * 1000)
    about = f"{source.faces._doc.id} {key} {when}"
    return sphere_picture.file_of(about, columns, _threshold(source, key))


def _threshold(source: Source, key: str) -> float:
    """Return the threshold of every screen."""
    return stored_of(source.faces, key).judging(level="face").value


def embeddings_of(source: Source, key: str, token: Hashable) -> tuple[np.ndarray, np.ndarray]:
    """Return the unit embeddings (M, D) of all faces that have one, and their rows (M,).

    They are float32, or float16 if there are many: 100,000 faces of 384 numbers then take 77 MB,
        and a
    point moves by less than a pixel. Only the last requested embeddings stay in memory.

    Raises:
        ForensicsError: the vectors have different lengths
    """
    return _EMBEDDINGS.get(("embeddings", token), lambda: _read(source, key, token, None))


def _rows_with_embedding(source: Source, key: str, token: Hashable) -> np.ndarray:
    """Return the rows (M,) of the faces that have an embedding, ascending."""

    def look() -> np.ndarray:
        name = embedding_field(source.faces, key)
        ids = stored_vectors.ids_with_vector(source.faces, name)
        columns = columns_of(source, key, token)
        return np.flatnonzero(np.fromiter((i in ids for i in columns.ids), bool, len(columns)))

    return _THERE.get(token, look)


def _read(
    source: Source, key: str, token: Hashable, chosen: np.ndarray | None
) -> tuple[np.ndarray, np.ndarray]:
    """Return unit embeddings (M, D) and rows (M,), ascending, of the chosen faces that have one.

    Args:
        chosen: rows of faces; None for all
    """
    name = embedding_field(source.faces, key)
    columns = columns_of(source, key, token)
    if chosen is not None and len(chosen) < len(columns):
        ids = [columns.ids[int(row)] for row in chosen]
        found = stored_vectors.read_those(source.faces, name, ids, MOST_SINGLE)
    else:
        found = stored_vectors.read(source.faces.view(), name, most_single=MOST_SINGLE)
    known = range(len(columns)) if chosen is None else chosen
    place = {columns.ids[int(row)]: int(row) for row in known}
    rows = np.array([place.get(sample_id, -1) for sample_id in found.ids], np.int64)
    order = np.argsort(rows, kind="stable")
    order = order[rows[order] >= 0]
    if np.array_equal(order, np.arange(len(rows))):
        return found.vectors, rows  # no copy of the largest array
    return found.vectors[order], rows[order]
