"""Measures where the classes and methods of a view are on the unit sphere."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ...detector.records import LABELS
from ..app.markup import plain
from ..dataset.fields import GROUND_TRUTH

if TYPE_CHECKING:
    from .stored_vectors import Vectors

#: Fields that :func:`geometry` needs besides the embeddings.
COLUMNS = (f"{GROUND_TRUTH}.label", "method")
#: Faces above which the uniformity, whose time is quadratic, is computed on a sample.
MOST_EXACT = 20_000


def geometry(faces: Vectors, head: Any) -> dict[str, Any]:
    """Return the spread and direction of each class and method, as plain numbers.

    Args:
        faces: embeddings, with :data:`COLUMNS`
        head: weight (2, D) of the detector's head, or None

    Returns:
        ``{"groups": {"class/method": {...}}, "uniformity", "uniformity_of"}``. Each group has its
        number of faces, alignment (mean squared distance of its pairs), kappa, and the angles in
        degrees from its mean to the fake axis and to the mean real. Above :data:`MOST_EXACT` faces,
        ``uniformity`` is computed on a seeded sample of ``uniformity_of`` faces.
    """
    import numpy as np

    from ...detector.embeddings.sphere import alignment, concentration, fake_axis, uniformity
    from ...detector.errors import MetricUndefined

    vectors = faces.vectors
    label, method = (faces.columns[name] for name in COLUMNS)
    keys = np.array([f"{a}/{b}" for a, b in zip(label, method, strict=True)])
    axis = None if head is None else fake_axis(head)
    reals = vectors[np.array([x == LABELS[0] for x in label])]
    real_mean = concentration(reals).direction if len(reals) else None
    groups = {}
    for name in np.unique(keys).tolist():
        part = vectors[keys == name]
        cone = concentration(part)
        try:
            spread = alignment(part)
        except MetricUndefined:
            spread = None  # one face has no spread
        groups[name] = {
            "faces": len(part),
            "alignment": spread,
            "kappa": cone.kappa if np.isfinite(cone.kappa) else None,
            "degrees_to_fake_axis": _degrees(cone.direction, axis),
            "degrees_to_mean_real": _degrees(cone.direction, real_mean),
        }
    chosen = vectors
    if len(vectors) > MOST_EXACT:
        chosen = vectors[np.random.default_rng(0).choice(len(vectors), MOST_EXACT, replace=False)]
    even = uniformity(chosen) if len(chosen) > 1 else None
    return {"groups": groups, "uniformity": even, "uniformity_of": len(chosen)}


def _degrees(first: Any, second: Any) -> float | None:
    import numpy as np

    if second is None:
        return None
    return float(np.degrees(np.arccos(np.clip(first @ second, -1, 1))))


def table(found: dict[str, Any]) -> str:
    """Return the geometry as Markdown."""
    lines = [
        "| class/method | faces | in-class spread | kappa | degrees to fake axis | to mean real |",
        "|---|---:|---:|---:|---:|---:|",
    ]
    for name, row in found["groups"].items():
        values = [
            row[n] for n in ("alignment", "kappa", "degrees_to_fake_axis", "degrees_to_mean_real")
        ]
        shown = " | ".join("n/a" if v is None else f"{v:.3g}" for v in values)
        lines.append(f"| {plain(name)} | {row['faces']} | {shown} |")
    even = "n/a" if found["uniformity"] is None else f"{found['uniformity']:.3f}"
    return "\n".join([*lines, "", f"Uniformity of {found['uniformity_of']} faces: {even}."])
