"""Lists what can colour the sphere's points, besides label, prediction, error and score."""

from __future__ import annotations

from typing import Any

import fiftyone as fo
import numpy as np

from ....detector.audit.columns import CONTENT, Coded
from ....detector.audit.groups import bin_edges
from ....detector.errors import ForensicsError
from ...dataset import face_columns
from ...embeddings.sphere_source import Sphere
from . import payload as sphere_payload


def field_names(source: face_columns.Source, sphere: Sphere, key: str) -> list[str]:
    """Return the fields of the faces, ours first; of ours only those that tell faces apart."""
    ours = [
        name
        for name, text in sphere.columns.texts.items()
        if name != CONTENT and np.ptp(text.codes) > 0
    ]
    more = face_columns.group_fields(source.faces, key)
    return [*ours, *(name for name in more if name not in sphere.columns.texts)]


def colour_field(
    source: face_columns.Source, sphere: Sphere, name: str, token: str, count: int
) -> dict[str, Any]:
    """Return field ``name`` of the first ``count`` points for the browser, numbers in equal parts.

    Raises:
        ForensicsError: if there is no such field
    """
    texts = sphere.columns.texts
    if name in texts:
        column, ordered = texts[name], False
    else:
        whole = face_columns.field_column(source, name, token)
        ordered = isinstance(source.faces.get_field(name), (fo.FloatField, fo.IntField))
        if isinstance(whole, Coded):
            column = whole.take(sphere.rows)
        else:
            column = binned(whole).take(sphere.rows)
    if count > len(column.codes):
        raise ForensicsError("The samples have changed.", "Refresh the panel.")
    return sphere_payload.field(name, column.take(np.arange(count)), ordered)


def binned(values: np.ndarray) -> Coded:
    """Split numbers (N,) into parts of about equal size, lowest first; NaN is no value."""
    edges = bin_edges(values)
    codes = np.searchsorted(edges, values, side="right").astype(np.int32)
    low, high = ["", *(f"{e:.3g}" for e in edges)], [*(f"{e:.3g}" for e in edges), ""]
    names = [
        f"{a} to {b}" if a and b else f"{a} and above" if a else f"below {b}" if b else "all"
        for a, b in zip(low, high, strict=True)
    ]
    return Coded(np.where(np.isnan(values), -1, codes).astype(np.int32), tuple(names))
