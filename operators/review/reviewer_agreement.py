"""Computes how far the reviewers of a dataset agree on the label of the same faces."""

from __future__ import annotations

from itertools import combinations
from typing import Any

import fiftyone as fo

from ...detector.metrics import agreement as kappas
from ..dataset import marked_views
from .opinions import Opinions
from .states import DECISIONS

CODES = {name: code for code, name in enumerate(DECISIONS)}


def agreement(dataset: fo.Dataset, opinions: Opinions) -> dict[str, Any]:
    """Return kappa of each two reviewers (Cohen), and of all together (Fleiss) if more.

    Returns:
        ``{"rows": [{"who", "faces", "equal", "kappa", "low", "high", "why"}], "conflicts": n,
        "settled": n}``
    """
    import numpy as np

    people = opinions.reviewers()
    shared = [face for face, said in opinions.of.items() if len(said) > 1]
    ids, *names = marked_views.columns(dataset, shared, ["id", "group_id", "video_id"])
    of_face = {i: group or video or i for i, group, video in zip(ids, *names, strict=True)}
    said = [opinions.of[face] for face in ids]
    rated = np.array([[CODES.get(one.get(who, ""), -1) for who in people] for one in said])
    rated = rated.reshape(len(said), len(people))
    groups = np.array([of_face[face] for face in ids])
    rows = [
        _row(f"{a} and {b}", kappas.cohen(rated[:, i], rated[:, j], groups))
        for (i, a), (j, b) in combinations(enumerate(people), 2)
    ]
    if len(people) > 2:
        rows.insert(0, _row(f"all {len(people)}", kappas.fleiss(rated, groups)))
    return {
        "rows": rows,
        "conflicts": len(opinions.conflicts()),
        "settled": len(opinions.settled),
    }


def _row(who: str, found: kappas.Agreement) -> dict[str, Any]:
    low, high = found.interval
    return {
        "who": who,
        "faces": found.items,
        "equal": found.observed,
        "kappa": found.kappa,
        "low": low,
        "high": high,
        "why": found.why or found.interval.why,
    }
