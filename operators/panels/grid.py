"""Builds what a click on a number shows in the App's grid: exactly the samples behind it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from ...detector.audit.audit_words import shown
from ...detector.audit.groups import NO_VALUE, Grouping
from ...detector.audit.plot_curves import BARS, bar_of, edges
from ...detector.audit.units import Units
from ...detector.errors import ForensicsError
from ...detector.records import FAKE, LABELS, REAL
from ..dataset import fields, marked_views, views
from ..dataset.face_columns import P_FAKE, YES, Source
from ..evaluation.scope import Scope
from .slice_fields import member_of

#: Kinds of clicks in words.
KINDS = {
    "all": "all",
    "real": "reals",
    "fake": "fakes",
    "fp": "false positives",
    "fn": "false negatives",
    "errors": "errors",
    "lost": "not scored",
}


@dataclass(frozen=True)
class Pick:
    """A choice of units, and the database query that makes the same choice of faces.

    Attributes:
        mask: (U,) chosen units
        query: for faces, without the scope; None if no field expresses the choice
        words: the choice in words
    """

    mask: np.ndarray
    query: dict[str, Any] | None
    words: str


def pick_kind(units: Units, kind: str, threshold: float, key: str) -> Pick:
    """Return the units of ``kind``, one of :data:`KINDS`."""
    score, label_path = f"{key}{P_FAKE}", f"{fields.GROUND_TRUTH}.label"
    real, fake = units.label == REAL, units.label == FAKE
    with np.errstate(invalid="ignore"):
        called, passed = units.p_fake >= threshold, units.p_fake < threshold
    over, under = {score: {"$gte": threshold}}, {score: {"$lt": threshold}}
    is_real, is_fake = {label_path: LABELS[REAL]}, {label_path: LABELS[FAKE]}
    picks = {
        "all": (np.ones(len(units), bool), {}),
        "real": (real, is_real),
        "fake": (fake, is_fake),
        "fp": (real & called, {**is_real, **over}),
        "fn": (fake & passed, {**is_fake, **under}),
        "errors": (
            (real & called) | (fake & passed),
            {"$or": [{**is_real, **over}, {**is_fake, **under}]},
        ),
        "lost": (
            np.isnan(units.p_fake) & (real | fake),
            {score: None, label_path: {"$in": list(LABELS)}},
        ),
    }
    mask, query = picks[kind]
    return Pick(mask, query, KINDS[kind])


def known_row(grouping: Grouping, row: Any) -> int:
    """Return ``row`` as a row number of ``grouping``.

    Raises:
        ForensicsError: if the samples have changed since the row was shown
    """
    if not 0 <= int(row) < len(grouping.labels):
        raise ForensicsError("That row no longer exists.", "Refresh the panel.")
    return int(row)


def pick_row(grouping: Grouping, row: int, flag: bool = False) -> Pick:
    """Return the units of one row of the table; ``flag`` if its field holds true and false."""
    query: dict[str, Any] = {}
    for name, rule in grouping.filters[row].items():
        if member := member_of(name):
            path, value = member
            query[path] = {"$ne": value} if rule.get("value") is None else value
            continue
        if flag and rule.get("value") is not None:
            rule = {"value": rule["value"] == YES}
        query[name] = _condition(rule)
    label = " · ".join(grouping.labels[row])
    words = f"of {grouping.name}: {NO_VALUE}" if label == NO_VALUE else f"of {label}"
    return Pick(grouping.row == row, query, words)


def _condition(rule: dict[str, Any]) -> Any:
    if "value" in rule:
        value = rule["value"]
        return {"$in": [None, ""]} if value is None else value
    limits = {"$gte": rule["low"], "$lt": rule["high"]}
    limits = {operator: value for operator, value in limits.items() if value is not None}
    # without any limit, the number must still exist
    return limits or {"$ne": None}


def pick_bar(units: Units, bar: int, label: int, key: str) -> Pick:
    """Return the units of class ``label`` in one bar of the histogram."""
    borders = edges()
    low, high = float(borders[bar]), float(borders[bar + 1])
    last = bar == BARS - 1
    query = {
        f"{fields.GROUND_TRUTH}.label": LABELS[label],
        f"{key}{P_FAKE}": {"$gte": low, **({} if last else {"$lt": high})},
    }
    mask = (units.label == label) & (bar_of(units.p_fake) == bar)
    return Pick(mask, query, f"{LABELS[label]}, p_fake {low:.3f} to {high:.3f}")


def both(first: Pick, second: Pick) -> Pick:
    """Return the units that are in both picks."""
    words, mask = f"{first.words} {second.words}", first.mask & second.mask
    if first.query is None or second.query is None:
        return Pick(mask, None, words)
    query = {"$and": [q for q in (first.query, second.query) if q]}
    return Pick(mask, query if query["$and"] else {}, words)


def grid_view(source: Source, scope: Scope, units: Units, pick: Pick) -> tuple[Any, str]:
    """Return the view of ``pick`` in the dataset that the App shows, and what it holds, in words.

    If a unit is a face, faces are found by their own fields, else by their video; persons are found
    one by one. In a video dataset the view shows the videos.
    """
    faces = pick.mask[units.unit_of_face]
    count = int(pick.mask.sum())
    videos = _videos(units, pick.mask)
    if not source.shows_faces:
        view = marked_views.shown(source.shown, videos, fields.here(source.shown, "video_id"))
        grid, kind = len(videos), "video"
    else:
        base = views.subjects(scope.base if scope.base is not None else source.faces.view())
        if units.level == "face" and pick.query is not None and scope.query is not None:
            query = [q for q in (scope.query, pick.query) if q]
            view = base.match({"$and": query}) if query else base
        elif units.level == "video" and (units.video.codes[pick.mask] >= 0).all():
            within = base.match(scope.query) if scope.query else base
            view = marked_views.shown(within, videos, "video_id")
        else:
            ids = [scope.columns.ids[int(i)] for i in np.flatnonzero(faces)]
            view = marked_views.shown(source.faces, ids)
        grid, kind = int(faces.sum()), "face"
    text = shown(pick.words, count, units.level, int(faces.sum()), grid, kind)
    empty = int((units.faces[pick.mask] == 0).sum())
    if empty and source.shows_faces:
        where = f"; open {source.videos.name!r} to see them" if source.videos is not None else ""
        text += f" — {empty} of them gave no face{where}"
    return view, text


def _videos(units: Units, mask: np.ndarray) -> list[str]:
    """Return the ``video_id`` of the chosen units."""
    codes = np.unique(units.video.codes[mask])
    return [units.video.values[code] for code in codes if code >= 0]
