"""The sphere of a detector: embeddings read once, projected, and kept as a few bytes per face."""

from __future__ import annotations

import logging
from collections.abc import Hashable
from dataclasses import dataclass, replace
from pathlib import Path

import fiftyone as fo
import numpy as np

from ...detector.audit.columns import FaceColumns
from ...detector.errors import ForensicsError
from ..dataset import fields
from ..dataset.face_columns import Source, columns_of, run_config, source_of, state_token
from ..dataset.rebuild_cache import RebuildCache
from . import sphere_picture, stored_vectors
from .sphere_picture import Picture

logger = logging.getLogger(__name__)

#: Faces up to which a picture that is ready is sent at once: 2 MB.
SENT_AT_ONCE = 200_000
#: Numbers that are kept in single precision: 80 MB.
MOST_SINGLE = 20_000_000
_SPHERES = RebuildCache(4)
_FIRST = RebuildCache(4)
_THERE = RebuildCache(4)
_EMBEDDINGS = RebuildCache(1)


@dataclass(frozen=True)
class Sphere:
    """Faces with an embedding, in the order in which the browser numbers them.

    The first sphere of many faces holds the first faces of the whole one: a number means the same
    face in both.

    Attributes:
        columns: of these faces
        rows: (N,) their rows among all faces of :func:`operators.dataset.face_columns.columns_of`
        picture: where they are drawn, and what can be said of them
        faces: of the dataset, with or without an embedding
    """

    columns: FaceColumns
    rows: np.ndarray
    picture: Picture
    faces: int

    @property
    def partial(self) -> bool:
        """Whether more faces are to come, see :func:`whole_sphere`."""
        return self.picture.partial


def whole_sphere(source: Source, key: str, token: Hashable) -> Sphere:
    """The sphere of detector ``key`` with all faces that are drawn, built or from the cache.

    Raises:
        ForensicsError: no embeddings; the hint says what to do
    """
    return _SPHERES.get(token, lambda: _sphere(source, key, token, _whole(source, key, token)))


def first_sphere(source: Source, key: str, token: Hashable) -> Sphere:
    """What is shown first: the whole sphere where it is at hand, else its first faces.

    Raises:
        ForensicsError: no embeddings; the hint says what to do
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
    """A sphere of at least the first ``count`` faces: the whole one where it is in memory."""
    if _SPHERES.has(token):
        return whole_sphere(source, key, token)
    first = first_sphere(source, key, token)
    return first if count <= len(first.rows) else whole_sphere(source, key, token)


def prepare(faces: fo.Dataset, key: str) -> None:
    """Make the picture of ``key`` now, so that the panel opens fast: for the end of long jobs.

    Where there is none to make, the panel will say why; the job has done its work all the same.
    """
    try:
        source = source_of(faces)
        token = repr(state_token(source, key))
        if _file(source, key, token) is not None:
            _whole(source, key, token)
    except ForensicsError as error:
        logger.info("no picture of %s: %s", key, error)


def embedding_field(faces: fo.Dataset, key: str) -> str:
    """Name of the field with the embeddings of ``key``.

    Raises:
        ForensicsError: there is none
    """
    name = fields.ScoreFields(key).embedding
    if not faces.has_field(name):
        raise ForensicsError(
            f"The scores of {key!r} come without embeddings.",
            "Run 'Score faces' with its checkpoint, and come back.",
        )
    return name


def _sphere(source: Source, key: str, token: Hashable, picture: Picture) -> Sphere:
    columns = columns_of(source, key, token)
    return Sphere(columns.take(picture.rows), picture.rows, picture, len(columns))


def _head(source: Source, key: str, token: Hashable, whole: Picture) -> Sphere:
    """The first sphere of a whole picture that is ready, but large to send."""
    count = whole.first
    return _sphere(
        source, key, token, replace(whole, rows=whole.rows[:count], xyz=whole.xyz[:count])
    )


def _first(source: Source, key: str, token: Hashable) -> Picture:
    there = _rows_with_embedding(source, key, token)
    config = run_config(source.faces, key)
    return sphere_picture.first_picture(
        lambda rows: _read(source, key, token, rows),
        there,
        columns_of(source, key, token),
        config,
        source.faces.name,
    )


def _whole(source: Source, key: str, token: Hashable) -> Picture:
    """The whole picture, from a file of an earlier time where nothing has changed."""
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
        )
    if path:
        sphere_picture.keep(path, picture)
    return picture


def _file(source: Source, key: str, token: Hashable) -> Path | None:
    """Path of the kept picture, None where it is not worth one."""
    embedding_field(source.faces, key)
    columns = columns_of(source, key, token)
    name = fields.ScoreFields(key).run
    if len(columns) < sphere_picture.WORTH_KEEPING or not source.faces.has_run(name):
        return None
    when = source.faces.get_run_info(name).timestamp
    if when is not None:  # as precise as the database: a run is registered with microseconds
        when = when.replace(microsecond=when.microsecond // 1000 * 1000)
    return sphere_picture.file_of(f"{source.faces._doc.id} {key} {when}", columns)


def embeddings_of(source: Source, key: str, token: Hashable) -> tuple[np.ndarray, np.ndarray]:
    """Unit embeddings (M, D) of all faces that have one, and their rows (M,).

    In float32, or in float16 where they are many: that keeps 100,000 faces of 384 numbers in 77 MB
    and moves a point by less than a pixel. Only those asked for last are kept in memory.

    Raises:
        ForensicsError: not all are vectors of one length
    """
    return _EMBEDDINGS.get(("embeddings", token), lambda: _read(source, key, token, None))


def _rows_with_embedding(source: Source, key: str, token: Hashable) -> np.ndarray:
    """Rows (M,) of the faces that have an embedding, ascending."""

    def look() -> np.ndarray:
        name = embedding_field(source.faces, key)
        ids = stored_vectors.ids_with_vector(source.faces, name)
        columns = columns_of(source, key, token)
        return np.flatnonzero(np.fromiter((i in ids for i in columns.ids), bool, len(columns)))

    return _THERE.get(token, look)


def _read(
    source: Source, key: str, token: Hashable, chosen: np.ndarray | None
) -> tuple[np.ndarray, np.ndarray]:
    """Unit embeddings (M, D) and rows (M,), ascending, of those of ``chosen`` that have one.

    Args:
        chosen: rows of faces; None for all
    """
    name = embedding_field(source.faces, key)
    columns = columns_of(source, key, token)
    view = source.faces.view()
    if chosen is not None and len(chosen) < len(columns):
        view = view.select([columns.ids[int(row)] for row in chosen])
    found = stored_vectors.read(view, name, most_single=MOST_SINGLE)
    known = range(len(columns)) if chosen is None else chosen
    place = {columns.ids[int(row)]: int(row) for row in known}
    rows = np.array([place.get(sample_id, -1) for sample_id in found.ids], np.int64)
    order = np.argsort(rows, kind="stable")
    order = order[rows[order] >= 0]
    if np.array_equal(order, np.arange(len(rows))):
        return found.vectors, rows  # no copy of what is largest here
    return found.vectors[order], rows[order]
