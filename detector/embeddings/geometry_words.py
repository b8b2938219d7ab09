"""Describes the geometry of the embeddings in words: tightness, distance and evenness."""

from __future__ import annotations

from typing import Any

import numpy as np

from ..errors import MetricUndefined
from ..records import FAKE, LABELS, REAL

#: Number of faces that are measured, because uniformity takes quadratic time.
MOST = 2000


def sample(count: int, most: int = MOST, seed: int = 0) -> np.ndarray:
    """Return ``most`` of ``count`` rows in order, the same for the same seed."""
    if count <= most:
        return np.arange(count)
    return np.sort(np.random.default_rng(seed).choice(count, most, replace=False))


def geometry(embeddings: np.ndarray, label: np.ndarray) -> list[list[str]]:
    """Return (name, value, meaning) of each measure that is defined on these faces.

    Args:
        embeddings: (N, D) unit vectors
        label: (N,) 0 real, 1 fake, -1 unknown
    """
    from . import sphere

    rows: list[list[str]] = []
    groups = {}
    for code in (REAL, FAKE):
        part = embeddings[label == code]
        try:
            groups[code] = sphere.concentration(part)
        except MetricUndefined:
            continue
        found = groups[code].resultant
        rows.append(
            [
                f"Concentration, {LABELS[code]}",
                f"{found:.2f}",
                f"{_tightness(found)}: length of the mean direction of {len(part):,} faces "
                "(0 spread out, 1 all alike)",
            ]
        )
    if len(groups) == 2:
        angle = float(sphere.prototype_angles(groups)[0, 1])
        text = "between the mean directions of real and fake (0° the same, 90° unrelated)"
        rows.append(["Angle of the classes", f"{angle:.1f}°", text])
    few = sample(len(embeddings))
    rows += _spread(embeddings[few], label[few])
    return rows


def _spread(embeddings: np.ndarray, label: np.ndarray) -> list[list[str]]:
    from . import sphere

    rows: list[list[str]] = []
    known = label >= 0
    count = f"{len(embeddings):,} faces"
    try:
        value = sphere.alignment(embeddings[known], label[known])
        text = f"mean squared distance within a class, {count} (0 identical, 2 unrelated)"
        rows.append(["Alignment", f"{value:.2f}", text])
    except MetricUndefined:
        pass  # no two faces of one class: the row is left out
    try:
        value = sphere.uniformity(embeddings)
        even = -4 + 8 / embeddings.shape[1]
        text = f"log mean exp(-2 d²), {count} (0 collapsed, {even:.2f} even over the whole sphere)"
        rows.append(["Uniformity", f"{value:.2f}", text])
    except MetricUndefined:
        pass  # fewer than two faces: the row is left out
    return rows


def _tightness(resultant: float) -> str:
    for limit, word in ((0.3, "spread out"), (0.6, "loose"), (0.85, "tight")):
        if resultant < limit:
            return word
    return "very tight"


def anchor(explained: float, anchored: str, fitted: int | None) -> str:
    """Return what the picture shows.

    Args:
        explained: share of the spread that the two directions show, or NaN
        anchored: what the first axis is
        fitted: number of faces that define the directions, if not all
    """
    text = f"Anchored on {anchored}."
    if np.isfinite(explained):
        text += (
            f" The two residual directions show {explained:.0%} of the spread at right angles to"
            " it, so faces that look close need not be close."
        )
    if fitted:
        text += f" The directions and the numbers above are those of {fitted:,} faces by chance."
    return text


def drawn(shown: int, there: int, faces: int, partial: bool, threshold: float) -> str:
    """Return how many faces are drawn and why others are not.

    Args:
        shown: faces that are drawn
        there: faces with an embedding
        faces: all faces of the dataset
        partial: True if more faces are still being read
        threshold: at which errors were found, which are drawn before others
    """
    if shown < there:
        text = f"{shown:,} of {there:,} faces are drawn: "
        text += (
            "a sample; all others are being read."
            if partial
            else f"errors at {threshold:.3g} first, the rest is a seeded sample."
        )
    else:
        text = (
            f"All {shown:,} faces are drawn." if there == faces else f"{shown:,} faces are drawn."
        )
    if faces > there:
        text += f" {faces - there:,} of {faces:,} have no embedding and are not on the sphere."
    return text


def card(values: dict[str, Any]) -> dict[str, Any]:
    """Return the texts of a face's hover card."""
    p_fake = values.get("p_fake")
    words = [values.get("source_dataset"), values.get("method"), values.get("split")]
    words = [" · ".join(str(w) for w in words if w)]
    if values.get("frame_number") is not None:
        words.append(f"frame {values['frame_number']}")
    if values.get("video_id"):
        words.append(str(values["video_id"]).rsplit("/", 1)[-1])
    return {
        "filepath": values.get("filepath"),
        "label": values.get("label"),
        "p_fake": "not scored" if p_fake is None else f"{p_fake:.3f}",
        "words": [w for w in words if w],
    }
