"""Finds faces by points of the sphere and points by faces: cards, neighbours, selections."""

from __future__ import annotations

from typing import Any

import numpy as np

from ....detector.audit.audit_words import count
from ....detector.embeddings import geometry_words
from ...dataset import fields, marked_views
from ...dataset.face_columns import Source
from ...embeddings.sphere_source import Sphere, embeddings_of

NEAREST = 24


def selected_points(source: Source, sphere: Sphere, chosen: list[str]) -> list[int]:
    """Return the points of the samples ``chosen``; of a chosen video all its faces."""
    if not chosen:
        return []
    if source.shows_faces:
        return points_of(sphere, chosen)
    names = set(source.shown.select(chosen).values(fields.here(source.shown, "video_id")))
    video = sphere.columns.video
    codes = [code for code, name in enumerate(video.values) if name in names]
    return np.flatnonzero(np.isin(video.codes, codes)).tolist()


def points_of(sphere: Sphere, ids: list[str]) -> list[int]:
    """Return the points of the faces ``ids`` that are drawn."""
    wanted = set(ids)
    return [row for row, sample_id in enumerate(sphere.columns.ids) if sample_id in wanted]


def card(source: Source, sphere: Sphere, point: int) -> dict[str, Any]:
    """Return the hover card of one face."""
    columns = sphere.columns
    sample = source.faces[columns.ids[point]]
    label = sample[fields.GROUND_TRUTH]
    score = float(columns.p_fake[point])
    names = ("source_dataset", "method", "split", "frame_number", "video_id")
    values: dict[str, Any] = {name: sample[name] for name in names if sample.has_field(name)}
    values["filepath"] = sample.filepath
    values["label"] = label.label if label is not None else None
    values["p_fake"] = None if np.isnan(score) else score
    return geometry_words.card(values)


def same_video(sphere: Sphere, point: int) -> np.ndarray:
    """Return the drawn faces of the video of ``point``."""
    codes = sphere.columns.video.codes
    return np.flatnonzero(codes == codes[point]) if codes[point] >= 0 else np.array([point])


def nearest(source: Source, sphere: Sphere, key: str, token: str, point: int) -> np.ndarray:
    """Return the face ``point`` and its nearest drawn faces by cosine that are not of its group."""
    from ....detector.embeddings import neighbours

    vectors, there = embeddings_of(source, key, token)
    vectors = vectors[np.searchsorted(there, sphere.rows)]
    columns = sphere.columns
    group = np.where(
        columns.group.codes >= 0, columns.group.codes, -2 - columns.video.codes.astype(np.int64)
    )
    found = neighbours.nearest(
        vectors[point : point + 1],
        vectors,
        k=min(NEAREST, len(vectors)),
        query_groups=group[point : point + 1].tolist(),
        reference_groups=group.tolist(),
    ).indices[0]
    return np.concatenate([[point], found[found >= 0]])


def grid_view(source: Source, sphere: Sphere, chosen: np.ndarray, what: str) -> tuple[Any, str]:
    """Return the view of the points ``chosen`` in the dataset of the App, and what it holds.

    Returns:
        the view, and a sentence with their number
    """
    faces = count(len(chosen), "face")
    if not source.shows_faces:
        video = sphere.columns.video
        names = [video.values[code] for code in np.unique(video.codes[chosen]) if code >= 0]
        view = marked_views.shown(source.shown, names, fields.here(source.shown, "video_id"))
        return view, f"Grid: {count(len(names), 'video')} of {faces} — {what}"
    ids = [sphere.columns.ids[int(i)] for i in chosen]
    return marked_views.shown(source.faces, ids), f"Grid: {faces} — {what}"
