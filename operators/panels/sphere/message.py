"""Builds what the browser gets of a sphere: points, what can colour them, and words."""

from __future__ import annotations

from typing import Any

from ....detector.audit.columns import SEEN
from ....detector.embeddings import geometry_words
from ...dataset import face_columns, fields, seen_material
from ...embeddings.sphere_source import Sphere
from . import colouring, maps as sphere_maps, payload as sphere_payload

THRESHOLD = 0.5  # for colouring errors: the detector's own call


def picture(source: face_columns.Source, sphere: Sphere, key: str) -> dict[str, Any]:
    """Return everything of a sphere that its component draws first."""
    return {
        "sphere": {**_points(source, sphere, key, 0), "partial": sphere.partial},
        "fields": colouring.field_names(source, sphere, key),
        "umap": sphere_maps.umap_run(source.faces, key) is not None,
        "keys": [[other, other] for other in face_columns.detector_keys(source.faces)],
        "key": key,
        "words": sphere.picture.words,
        **_said(sphere),
    }


def rest(source: face_columns.Source, sphere: Sphere, key: str, since: int) -> dict[str, Any]:
    """Return the points from number ``since`` on, and what is now true of all."""
    return {"sphere": _points(source, sphere, key, since), **_said(sphere)}


def _points(source: face_columns.Source, sphere: Sphere, key: str, since: int) -> dict[str, Any]:
    columns = sphere.columns
    return sphere_payload.payload(
        sphere.picture.xyz[since:],
        columns.label[since:],
        columns.p_fake[since:],
        THRESHOLD,
        _boundary(source, key),
    )


def _boundary(source: face_columns.Source, key: str) -> float | None:
    """Return the cosine to the fake axis at which ``key`` calls a face fake, if there is one."""
    config = fields.scores_config(source.faces, key)
    head = getattr(config, "head_weight", None)
    if head is None:
        return None
    bias = getattr(config, "head_bias", None) or [0.0, 0.0]
    normalize = bool(getattr(config, "normalize", True))
    return sphere_payload.boundary(head, bias, THRESHOLD, normalize)


def _said(sphere: Sphere) -> dict[str, Any]:
    """Say how many faces are drawn, and what the picture shows of them."""
    picture = sphere.picture
    some = picture.fitted if picture.fitted < picture.there else None
    return {
        "drawn": geometry_words.drawn(
            len(sphere.rows), picture.there, sphere.faces, sphere.partial
        ),
        "note": " ".join(
            filter(
                None,
                (
                    geometry_words.anchor(picture.explained, picture.anchored, some),
                    seen_material.words(sphere.columns.texts.get(SEEN), "face"),
                ),
            )
        ),
    }
