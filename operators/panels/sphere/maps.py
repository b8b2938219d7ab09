"""Makes flat maps of the sphere: a plane for FiftyOne's Embeddings panel, a UMAP for our plot."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import fiftyone as fo
import numpy as np

from ....detector.errors import ForensicsError
from ...dataset import derived, marked_views
from ...dataset.dataset_changes import changing
from ...embeddings.sphere_source import Sphere
from . import payload as sphere_payload


def register_plane(faces: fo.Dataset, key: str, sphere: Sphere) -> str:
    """Store the 2-D projection of ``sphere`` for FiftyOne's Embeddings panel.

    Returns:
        the brain key, ``<key>_plane``: degrees to the fake axis against the leading residual
    """
    import fiftyone.brain as fob

    name = f"{key}_plane"
    angle = np.degrees(np.arccos(np.clip(sphere.picture.xyz[:, 0], -1, 1)))
    points = np.stack(
        [-angle, sphere.picture.xyz[:, 1] * 100], axis=1
    )  # fakes to the right, as here
    ids = list(sphere.columns.ids)
    view = marked_views.marked(faces, f"map {name}", ids)
    with changing(faces):
        if faces.has_brain_run(name):
            faces.delete_brain_run(name)
        of_face = dict(zip(ids, points, strict=True))
        fob.compute_visualization(view, points=of_face, brain_key=name)
    marked_views.forget_others(faces, f"map {name}", view)
    return name


def umap_run(faces: fo.Dataset, key: str) -> str | None:
    """Return the brain key of the cosine UMAP that 'Map embeddings' made for ``key``, or None."""
    name = f"{key}_umap"
    if not faces.has_brain_run(name):
        return None
    config = faces.get_brain_info(name).config
    return name if getattr(config, "metric", None) == "cosine" else None


def umap_map(faces: fo.Dataset, key: str, sphere: Sphere, count: int) -> dict[str, Any]:
    """Return the UMAP of the first ``count`` points for the browser, and what to know about it.

    Raises:
        ForensicsError: if there is none
    """
    name = umap_run(faces, key)
    if name is None:
        raise ForensicsError(
            f"There is no UMAP of {key!r}.", "Run 'Map embeddings' with UMAP ticked."
        )
    points, missing = placed(faces.load_brain_results(name), sphere.columns.ids[:count])
    words = (
        "UMAP of cosine distances: faces that lie together are near neighbours. Angles, "
        "distances between groups and the size of a group mean nothing here."
    )
    if missing:
        words += f" {missing:,} faces were not there when it was made, and are not on it."
    why = _why_stale(faces, key, "umap")
    if why:
        words += f" It is out of date ({why}): run 'Map embeddings' again."
    return {"xy": sphere_payload.flat_map(points), "words": words}


def _why_stale(faces: fo.Dataset, key: str, part: str) -> str | None:
    return derived.why_stale(faces, key, "map", part)


def placed(results: Any, ids: Sequence[str]) -> tuple[np.ndarray, int]:
    """Return places (N, 2) of faces in [-1, 1], one scale for both axes, NaN if not on the map.

    Returns:
        the places, and how many are missing
    """
    points = np.asarray(results.points, np.float64)
    low, high = points.min(axis=0), points.max(axis=0)
    scaled = (points - (low + high) / 2) / max(float((high - low).max()) / 2, 1e-12)
    row = {str(sample_id): i for i, sample_id in enumerate(results.sample_ids)}
    found = np.array([row.get(sample_id, -1) for sample_id in ids], np.int64)
    out = np.where(found[:, None] >= 0, scaled[found], np.nan)
    return out, int((found < 0).sum())
