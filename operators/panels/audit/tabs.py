"""Builds what is under the plots beside the table: cells, slices, transfer, a second detector.

Each is computed only while its tab is open.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from ....detector.audit import (
    compare as audit_compare,
    pairs as audit_pairs,
    transfer as audit_transfer,
)
from ....detector.audit.audit_words import count
from ....detector.audit.groups import group
from ....detector.audit.threshold import Threshold
from ....detector.audit.units import Units, at_level
from ....detector.embeddings import regions as sphere_regions
from ....detector.errors import ForensicsError, MetricUndefined
from ....detector.records import LABELS, content_hash
from ...dataset import face_columns, fields
from ...evaluation import scope as audit_scope
from .. import grid
from . import cells as audit_cells
from .study import Study, by_dataset_of, wide_of

TABLE, CELLS, SLICES, TRANSFER = "table", "cells", "slices", "transfer"
COMPARE, PAIRS = "compare", "pairs"
TABS = (
    (TABLE, "Table"),
    (CELLS, "At a glance"),
    (SLICES, "Where errors concentrate"),
    (TRANSFER, "Threshold transfer"),
    (COMPARE, "Second detector"),
    (PAIRS, "Fakes and their reals"),
)
MOST_LISTED = 50


def drawing(study: Study, choice: dict[str, Any]) -> str:
    """Return a token of what the plots show; they are sent again only if it changes."""
    names = ("token", "key", "level", "scope", "kept")
    return content_hash([study.source.shown.name, *(choice.get(name) for name in names)])[:16]


def contents(study: Study, choice: dict[str, Any], threshold: Threshold) -> dict[str, Any]:
    """Return the data of the open tab; those of the others are None."""
    tab = choice.get("tab") or TABLE
    filled = {
        CELLS: audit_cells.contents,
        SLICES: _slices,
        TRANSFER: _transfer,
        COMPARE: _compare,
        PAIRS: _pairs,
    }
    data: dict[str, Any] = {"tab": tab, "tabs": [list(t) for t in TABS]}
    for name, make in filled.items():
        data[name] = make(study, choice, threshold) if name == tab else None
    return data


# -- slices --------------------------------------------------------------------------------------


def _slices(study: Study, choice: dict[str, Any], threshold: Threshold) -> dict[str, Any]:
    wide = wide_of(study, choice)
    found = wide.finder.at(threshold.value)
    unit = study.units.level
    if not found.tested:
        words = f"Too few independent {unit}s to look for slices."
    elif not found.slices:
        words = f"None of {found.tested:,} slices of up to three fields is worse beyond chance."
    else:
        words = (
            f"{count(len(found.slices), 'slice')}, each worse than the rest beyond chance although "
            f"it is one of {found.tested:,} slices of up to three fields. A slice found by "
            "search looks worse than it is: check it on other material."
        )
    return {
        "rows": [s.to_json() for s in found.slices],
        "words": words,
        "regions": bool(choice.get("regions")),
        "can_regions": unit == "face",
    }


def pick_slice(
    study: Study, choice: dict[str, Any], threshold: Threshold, params: dict[str, Any]
) -> tuple[audit_scope.Scope, Units, grid.Pick]:
    """Return the units of one number of a slice.

    Raises:
        ForensicsError: if the slice does not exist any more
    """
    wide = wide_of(study, choice)
    pick = grid.pick_kind(wide.units, params["kind"], threshold.value, study.key)
    for name, row in params["conditions"]:
        grouping = wide.finder.groupings.get(name) or group(wide.units, name)
        row = grid.known_row(grouping, row)
        part = grid.pick_row(grouping, row, name in wide.flags)
        if name == sphere_regions.FIELD:  # not a field of the database: its faces one by one
            part = grid.Pick(part.mask, None, part.words)
        pick = grid.both(pick, part)
    return wide.scope, wide.units, pick


# -- threshold transfer --------------------------------------------------------------------------


def _transfer(study: Study, choice: dict[str, Any], threshold: Threshold) -> dict[str, Any]:
    rows = audit_transfer.transfer(by_dataset_of(study, choice), threshold.value)
    return {
        "rows": rows,
        "words": audit_transfer.sentence(rows),
        "target": audit_transfer.TARGET,
        "provenance": threshold.provenance,
    }


# -- second detector -----------------------------------------------------------------------------


def _others(study: Study) -> list[str]:
    keys = face_columns.detector_keys(study.source.faces)
    return [key for key in keys if key != study.key]


def _second(study: Study, choice: dict[str, Any]) -> tuple[str, Units]:
    """Return key and units of the second detector: the same units in the same order.

    Raises:
        ForensicsError: if there is no other detector
    """
    keys = _others(study)
    if not keys:
        raise ForensicsError(
            "Only one detector has scored these faces.",
            "Train another and run 'Score faces' with it, then compare here.",
        )
    key = choice.get("other") if choice.get("other") in keys else keys[0]
    assert key is not None
    token = repr(face_columns.state_token(study.source, key))
    columns = face_columns.columns_of(study.source, key, token)
    scope = audit_scope.resolve(study.source, columns, choice["scope"], choice.get("kept"))
    units = at_level(scope.columns, study.units.level)
    if len(units) != len(study.units) or scope.columns.ids != study.scope.columns.ids:
        raise ForensicsError("The samples have changed meanwhile.", "Refresh the panel (↻).")
    return key, units


def _compare(study: Study, choice: dict[str, Any], threshold: Threshold) -> dict[str, Any]:
    try:
        key, second = _second(study, choice)
        found = audit_compare.compare(study.units, second, threshold.value)
    except (ForensicsError, MetricUndefined) as error:
        return {"words": str(error), "rows": [], "others": [], "key": None, "list": {}}
    fixed, broken = int(found.fixed.sum()), int(found.broken.sum())
    p_value = audit_compare.sign_test(fixed, broken)
    unit = study.units.level
    words = (
        f"{key} against {study.key} at the same false alarms: {count(fixed, unit)} fixed, "
        f"{broken:,} newly broken of {int(found.both.sum()):,}"
    )
    words += "" if p_value is None else f" (sign test p = {p_value:.2g})"
    return {
        "words": f"{words}; {found.words}.",
        "key": key,
        "others": [[name, name] for name in _others(study)],
        "columns": len(study.grouping.labels[0]),
        "rows": audit_compare.rows(found, study.units, study.grouping),
        "list": audit_compare.changed(found, study.units, second, MOST_LISTED),
    }


def pick_changed(
    study: Study, choice: dict[str, Any], threshold: Threshold, params: dict[str, Any]
) -> grid.Pick:
    """Return fixed or broken units, found one by one: all, those of one row, or a single one."""
    _, second = _second(study, choice)
    found = audit_compare.compare(study.units, second, threshold.value)
    what = params.get("what")
    if what not in ("fixed", "broken"):
        raise ForensicsError(f"There is nothing called {what!r}.")
    mask = found.fixed if what == "fixed" else found.broken
    words = "fixed" if what == "fixed" else "newly broken"
    row, unit = params.get("row"), params.get("unit")
    if row is not None and int(row) >= 0:
        mask = mask & (study.grouping.row == int(row))
        words += f" of {' · '.join(study.grouping.labels[int(row)])}"
    label = params.get("label")
    if label is not None:
        mask = mask & (study.units.label == int(label))
        words = f"{words} ({LABELS[int(label)]})"
    if unit is not None:
        mask = mask & (np.arange(len(mask)) == int(unit))
    return grid.Pick(mask, None, words)


# -- pairs ---------------------------------------------------------------------------------------


def _pairs(study: Study, choice: dict[str, Any], threshold: Threshold) -> dict[str, Any]:
    """Return the words; Python draws the plot itself."""
    if study.pairs is None:
        return {"words": "No fake has a scored real at a common frame (field pair_id)."}
    return {"words": f"{audit_pairs.sentence(study.pairs)} Click a point to see both videos."}


def pair_view(study: Study, number: int) -> tuple[Any, str]:
    """Return both videos of pair ``number``, and what they are, in words.

    Raises:
        ForensicsError: if there is no such pair
    """
    pairs, video = study.pairs, study.scope.columns.video
    if pairs is None or not 0 <= number < len(pairs.fake):
        raise ForensicsError("That pair no longer exists.", "Refresh the panel.")
    names = [video.values[pairs.fake[number]], video.values[pairs.real[number]]]
    shown = study.source.shown
    view = shown.select_by(fields.here(shown, "video_id"), names)
    what = "face" if study.source.shows_faces else "video"
    delta = float(pairs.delta[number])
    text = f"Grid: {count(len(view), what)} — {names[0]} and its real ({delta:+.3f})"
    return view, text
