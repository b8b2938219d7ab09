"""The sphere of a detector: embeddings read once, projected, and kept as a few bytes per face."""

from __future__ import annotations

import hashlib
import logging
import zipfile
from collections.abc import Hashable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import fiftyone as fo
import numpy as np

from ...detector.errors import ForensicsError
from ...detector.records import FAKE, REAL
from .. import fields
from .audit_units import FaceColumns
from .face_columns import Source, columns_of, run_config
from .rebuild_cache import RebuildCache
from .sphere_words import geometry, sample

logger = logging.getLogger(__name__)

#: Faces that are drawn; of more, all errors and a seeded sample of the rest.
MOST_DRAWN = 200_000
#: Faces from which a projection is worth a file: reading 100,000 embeddings takes seconds.
WORTH_KEEPING = 3000
#: Numbers that are kept in single precision: 80 MB.
MOST_SINGLE = 20_000_000
_SPHERES = RebuildCache(4)
_EMBEDDINGS = RebuildCache(1)


@dataclass(frozen=True)
class Sphere:
    """Faces with an embedding, in the order in which the browser numbers them.

    Attributes:
        columns: of these faces
        rows: (N,) their rows among all faces of :func:`.face_columns.columns_of`
        picture: where they are drawn, and what can be said of them
        dropped: faces without an embedding
        sampled: True where not all faces are drawn
    """

    columns: FaceColumns
    rows: np.ndarray
    picture: Picture
    dropped: int
    sampled: bool


@dataclass(frozen=True)
class Picture:
    """What is computed from the embeddings, small enough to keep.

    Attributes:
        rows: (N,) rows of the faces that are drawn
        there: faces with an embedding, drawn or not
        xyz: (N, 3) float32 in the unit ball, see :func:`detector.sphere.fake_axis_projection`
        explained: share of the residual spread that is shown
        anchored: what the first axis is
        words: see :func:`.sphere_words.geometry`
    """

    rows: np.ndarray
    there: int
    xyz: np.ndarray
    explained: float
    anchored: str
    words: list[list[str]]


def sphere_of(source: Source, key: str, token: Hashable) -> Sphere:
    """The sphere of detector ``key``, built or taken from the cache.

    Raises:
        ForensicsError: no embeddings; the hint says what to do
    """
    return _SPHERES.get(("sphere", token), lambda: _build(source, key, token))


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


def _build(source: Source, key: str, token: Hashable) -> Sphere:
    embedding_field(source.faces, key)
    columns = columns_of(source, key, token)
    picture = _picture(source, key, token, columns)
    drawn = columns.take(picture.rows)
    dropped = len(columns) - picture.there
    return Sphere(drawn, picture.rows, picture, dropped, len(drawn) < picture.there)


def _picture(source: Source, key: str, token: Hashable, columns: FaceColumns) -> Picture:
    """The picture, from a file of an earlier time where nothing has changed.

    Scores and embeddings are written together, so the scored faces tell when to look again.
    """
    faces, config = source.faces, run_config(source.faces, key)
    if len(columns) < WORTH_KEEPING or config is None:
        return _draw(source, key, token, columns, config)
    when = faces.get_run_info(f"scores_{key}").timestamp
    mark = hashlib.sha256(f"{faces._doc.id} {key} {when} {MOST_DRAWN} 2".encode())
    mark.update("".join(columns.ids).encode())
    mark.update(columns.label.tobytes() + np.isnan(columns.p_fake).tobytes())
    path = _folder() / f"{mark.hexdigest()[:32]}.npz"
    picture = _read(path)
    if picture is None:
        picture = _draw(source, key, token, columns, config)
        _write(path, picture)
    return picture


def _draw(source: Source, key: str, token: Hashable, columns: FaceColumns, config: Any) -> Picture:
    embeddings, there = embeddings_of(source, key, token)
    if len(there) < 2:
        raise ForensicsError(
            f"Fewer than two faces of {source.faces.name!r} have an embedding of {key!r}.",
            "Run 'Score faces', and come back.",
        )
    chosen = np.arange(len(there))
    if chosen.size > MOST_DRAWN:
        chosen = _worth_drawing(columns.take(there))
    rows = there[chosen]
    vectors = embeddings[chosen].astype(np.float32)
    label = columns.label[rows]
    xyz, explained, anchored = project(vectors, label, config)
    return Picture(rows, len(there), xyz, explained, anchored, geometry(vectors, label))


def _worth_drawing(columns: FaceColumns) -> np.ndarray:
    """Indices of all errors at 0.5 and of a seeded sample of the rest."""
    called = columns.p_fake >= 0.5
    wrong = ((columns.label == REAL) & called) | ((columns.label == FAKE) & ~called)
    errors = np.flatnonzero(wrong)
    errors = errors[sample(len(errors), MOST_DRAWN // 2)]
    rest = np.flatnonzero(~wrong)
    rest = rest[sample(len(rest), MOST_DRAWN - len(errors))]
    return np.sort(np.concatenate([errors, rest]))


def embeddings_of(source: Source, key: str, token: Hashable) -> tuple[np.ndarray, np.ndarray]:
    """Unit embeddings (M, D) of all faces that have one, and their rows (M,).

    In float32, or in float16 where they are many: that keeps 100,000 faces of 384 numbers in 77 MB
    and moves a point by less than a pixel. Only those asked for last are kept in memory.

    Raises:
        ForensicsError: not all are vectors of one length
    """
    return _EMBEDDINGS.get(("embeddings", token), lambda: _read_embeddings(source, key, token))


def _read_embeddings(source: Source, key: str, token: Hashable) -> tuple[np.ndarray, np.ndarray]:
    name = embedding_field(source.faces, key)
    ids, values = source.faces.match({name: {"$ne": None}}).values(["id", name])
    lengths = {np.size(value) for value in values}
    if len(lengths) > 1:
        raise ForensicsError(
            f"The embeddings in {name!r} have different lengths: {sorted(lengths)}.",
            "They come from different networks; score the faces again with one checkpoint.",
        )
    place = {sample_id: row for row, sample_id in enumerate(columns_of(source, key, token).ids)}
    rows = np.array([place.get(sample_id, -1) for sample_id in ids], np.int64)
    shape = (len(values), lengths.pop() if lengths else 0)
    out = np.empty(shape, np.float32 if np.prod(shape) <= MOST_SINGLE else np.float16)
    for index, value in enumerate(values):  # a stack in float64 would need eight times the memory
        vector = np.asarray(value, np.float32).ravel()
        out[index] = vector / max(float(np.linalg.norm(vector)), 1e-12)
        values[index] = None
    order = np.argsort(rows, kind="stable")
    order = order[rows[order] >= 0]
    return out[order], rows[order]


def project(
    embeddings: np.ndarray, label: np.ndarray, config: Any
) -> tuple[np.ndarray, float, str]:
    """Coordinates (N, 3), explained share and anchor of unit embeddings (N, D).

    The anchor is the head's fake axis. Without a head (imported scores) it is the direction from
    the mean real to the mean fake, which needs both classes.

    Raises:
        ForensicsError: neither a head nor two classes
    """
    from ...detector.sphere import fake_axis_projection

    head = getattr(config, "head_weight", None)
    if head is not None:
        anchored = "the head's fake axis (w_fake - w_real)"
        weight = np.asarray(head, np.float64)
    else:
        if not ((label == REAL).any() and (label == FAKE).any()):
            raise ForensicsError(
                "The scores come without the detector's head, and one class is missing.",
                "Run 'Score faces' with a checkpoint.",
            )
        anchored = "the line from the mean real to the mean fake face (no head is stored)"
        weight = np.stack([embeddings[label == code].mean(axis=0) for code in (REAL, FAKE)])
    found = fake_axis_projection(embeddings, weight)
    return found.xyz, found.explained, anchored


def _folder() -> Path:
    from ...detector.weights import cache_dir

    return cache_dir() / "projections"


def _read(path: Path) -> Picture | None:
    if not path.exists():
        return None
    try:
        with np.load(path, allow_pickle=False) as data:
            return Picture(
                rows=data["rows"],
                there=int(data["there"]),
                xyz=data["xyz"],
                explained=float(data["explained"]),
                anchored=str(data["anchored"]),
                words=[[str(cell) for cell in row] for row in data["words"]],
            )
    except (OSError, ValueError, KeyError, zipfile.BadZipFile) as error:
        logger.warning("%s cannot be read (%s); it is made again", path.name, error)
        return None


def _write(path: Path, picture: Picture) -> None:
    """Keep a picture; a folder that cannot be written costs time later and nothing else."""
    from ...detector.atomic import replacing

    try:
        with replacing(path) as temporary, temporary.open("wb") as handle:
            np.savez(
                handle,
                rows=picture.rows,
                there=picture.there,
                xyz=picture.xyz,
                explained=picture.explained,
                anchored=picture.anchored,
                words=np.array(picture.words),
            )
    except OSError as error:
        logger.warning("the projection was not kept: %s", error)
