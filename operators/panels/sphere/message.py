"""Builds what the browser gets of a sphere: points, what can colour them, and words."""

from __future__ import annotations

from typing import Any

from ....detector.audit.columns import SEEN
from ....detector.audit.threshold import Threshold
from ....detector.embeddings import geometry_words
from ...dataset import face_columns, fields, seen_material
from ...embeddings.sphere_source import Sphere
from ...thresholds.stored_thresholds import stored_of
from . import colouring, maps as sphere_maps, payload as sphere_payload


def picture(source: face_columns.Source, sphere: Sphere, key: str) -> dict[str, Any]:
    """Return everything of a sphere that its component draws first."""
    return {
        "sphere": {**_points(source, sphere, key, 0), "partial": sphere.partial},
        "fields": colouring.field_names(source, sphere, key),
        "umap": sphere_maps.umap_run(source.faces, key) is not None,
        "keys": [[other, other] for other in face_columns.detector_keys(source.faces)],
        "key": key,
        "words": sphere.picture.words,
        **_said(source, sphere, key),
    }


def rest(source: face_columns.Source, sphere: Sphere, key: str, since: int) -> dict[str, Any]:
    """Return the points from number ``since`` on, and what is now true of all."""
    return {"sphere": _points(source, sphere, key, since), **_said(source, sphere, key)}


def _points(source: face_columns.Source, sphere: Sphere, key: str, since: int) -> dict[str, Any]:
    columns = sphere.columns
    at = _threshold(source, key).value
    return sphere_payload.payload(
        sphere.picture.xyz[since:],
        columns.label[since:],
        columns.p_fake[since:],
        at,
        _boundary(source, key, at),
    )


def _threshold(source: face_columns.Source, key: str) -> Threshold:
    """Return the threshold of every screen, for the colours and the dashed line."""
    return stored_of(source.faces, key).judging(level="face")


def _boundary(source: face_columns.Source, key: str, at: float) -> float | None:
    """Return the cosine to the fake axis at which ``key`` gives p_fake ``at``, if there is one."""
    config = fields.scores_config(source.faces, key)
    head = getattr(config, "head_weight", None)
    if head is None:
        return None
    bias = getattr(config, "head_bias", None) or [0.0, 0.0]
    normalize = bool(getattr(config, "normalize", True))
    return sphere_payload.boundary(head, bias, at, normalize)


def _said(source: face_columns.Source, sphere: Sphere, key: str) -> dict[str, Any]:
    """Say how many faces are drawn, at which threshold, and what the picture shows of them."""
    picture, at = sphere.picture, _threshold(source, key)
    some = picture.fitted if picture.fitted < picture.there else None
    return {
        "drawn": geometry_words.drawn(
            len(sphere.rows), picture.there, sphere.faces, sphere.partial, picture.threshold
        ),
        "note": " ".join(
            filter(
                None,
                (
                    geometry_words.anchor(picture.explained, picture.anchored, some),
                    f"Threshold {at.value:.3g}: {at.provenance}.",
                    seen_material.words(sphere.columns.texts.get(SEEN), "face"),
                ),
            )
        ),
    }
