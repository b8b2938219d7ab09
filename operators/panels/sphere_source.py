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
_SPHERES = RebuildCache(4)


@dataclass(frozen=True)
class Sphere:
    """Faces with an embedding, in the order in which the browser numbers them.

    Attributes:
        columns: of these faces
        xyz: (N, 3) float32 in the unit ball, see :func:`detector.sphere.fake_axis_projection`
        explained: share of the residual spread that is shown
        anchored: what the first axis is
        words: see :func:`.sphere_words.geometry`
        dropped: faces without an embedding
        sampled: True where not all faces are drawn
    """

    columns: FaceColumns
    xyz: np.ndarray
    explained: float
    anchored: str
    words: list[list[str]]
    dropped: int
    sampled: bool


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
    columns = columns_of(source, key, token)
    faces = source.faces
    name = embedding_field(faces, key)
    there = faces.match({name: {"$ne": None}})
    inside = set(there.values("id"))
    mask = np.fromiter((i in inside for i in columns.ids), bool, len(columns))
    if mask.sum() < 2:
        raise ForensicsError(
            f"Fewer than two faces of {faces.name!r} have an embedding of {key!r}.",
            "Run 'Score faces', and come back.",
        )
    dropped = int((~mask).sum())
    chosen = np.flatnonzero(mask)
    if chosen.size > MOST_DRAWN:
        chosen = chosen[_worth_drawing(columns.take(chosen))]
    drawn = columns.take(chosen)
    config = run_config(faces, key)
    xyz, explained, anchored, words = _projection(faces, name, key, drawn, config)
    sampled = len(drawn) + dropped < len(columns)
    return Sphere(drawn, xyz, explained, anchored, words, dropped, sampled)


def _worth_drawing(columns: FaceColumns) -> np.ndarray:
    """Indices of all errors at 0.5 and of a seeded sample of the rest."""
    called = columns.p_fake >= 0.5
    wrong = ((columns.label == REAL) & called) | ((columns.label == FAKE) & ~called)
    errors = np.flatnonzero(wrong)
    errors = errors[sample(len(errors), MOST_DRAWN // 2)]
    rest = np.flatnonzero(~wrong)
    rest = rest[sample(len(rest), MOST_DRAWN - len(errors))]
    return np.sort(np.concatenate([errors, rest]))


def _projection(
    faces: fo.Dataset, name: str, key: str, drawn: FaceColumns, config: Any
) -> tuple[np.ndarray, float, str, list[list[str]]]:
    """Coordinates of the drawn faces, from a file of an earlier time where nothing has changed."""
    when = faces.get_run_info(f"scores_{key}").timestamp if config is not None else None
    mark = hashlib.sha256(f"{faces._doc.id} {key} {when} 1".encode())
    mark.update("".join(drawn.ids).encode())
    mark.update(drawn.label.tobytes())
    path = None
    if len(drawn) >= WORTH_KEEPING and config is not None:
        path = _folder() / f"{mark.hexdigest()[:32]}.npz"
        found = _read(path)
        if found is not None:
            return found
    embeddings = read_embeddings(faces, name, drawn.ids)
    xyz, explained, anchored = project(embeddings, drawn.label, config)
    words = geometry(embeddings, drawn.label)
    if path is not None:
        _write(path, xyz, explained, anchored, words)
    return xyz, explained, anchored, words


def read_embeddings(faces: fo.Dataset, name: str, ids: Any) -> np.ndarray:
    """Embeddings (N, D) float32 of the samples ``ids``, in their order; unit length.

    Raises:
        ForensicsError: not all are vectors of one length
    """
    found, values = faces.match({name: {"$ne": None}}).values(["id", name])
    place = {sample_id: index for index, sample_id in enumerate(found)}
    lengths = {np.size(value) for value in values}
    if len(lengths) != 1:
        raise ForensicsError(
            f"The embeddings in {name!r} have different lengths: {sorted(lengths)}.",
            "They come from different networks; score the faces again with one checkpoint.",
        )
    rows = np.array([place[i] for i in ids])
    # one row at a time into float32: a stack in float64 would need three times the memory
    out = np.empty((len(rows), lengths.pop()), np.float32)
    for target, row in enumerate(rows):
        out[target] = values[row]
    norms = np.linalg.norm(out, axis=1, keepdims=True)
    return out / np.maximum(norms, 1e-12)


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


def _read(path: Path) -> tuple[np.ndarray, float, str, list[list[str]]] | None:
    if not path.exists():
        return None
    try:
        with np.load(path, allow_pickle=False) as data:
            words = [[str(cell) for cell in row] for row in data["words"]]
            return data["xyz"], float(data["explained"]), str(data["anchored"]), words
    except (OSError, ValueError, KeyError, zipfile.BadZipFile) as error:
        logger.warning("%s cannot be read (%s); it is made again", path.name, error)
        return None


def _write(
    path: Path, xyz: np.ndarray, explained: float, anchored: str, words: list[list[str]]
) -> None:
    """Keep a projection; a folder that cannot be written costs time later and nothing else."""
    from ...detector.atomic import replacing

    try:
        with replacing(path) as temporary, temporary.open("wb") as handle:
            np.savez(handle, xyz=xyz, explained=explained, anchored=anchored, words=np.array(words))
    except OSError as error:
        logger.warning("the projection was not kept: %s", error)
