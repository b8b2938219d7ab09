"""Computes the rates of many cells for a grid: one field down, one across, one scale for all.

Hundreds of rows of a table must be read one by one; a grid of hundreds of small intervals on one
scale is seen at a glance. The worst rows and columns come first, and the cells that are worse than
the rest beyond chance are named in words.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from ....detector.audit.audit_words import count, outliers
from ....detector.audit.groups import Grouping, cross, group
from ....detector.audit.table import AuditTable, Cell, Row
from ....detector.audit.threshold import Threshold
from ....detector.audit.units import Units, at_level
from ...evaluation import scope as audit_scope
from .. import grid
from .study import Study, kept_for, with_fields

MOST_ROWS, MOST_COLUMNS = 60, 24
#: Fields laid across: the first one with several values, else the first number that exists.
ACROSS = ("source_dataset", "compression", "split")
NUMBERS = ("eye_distance", "sharpness", "brightness")
#: Upper ends of the scale; used is the first that holds every rate on enough units.
SCALES = (0.1, 0.25, 0.5, 1.0)
PLAIN, FEW, STANDS_OUT = 0, 1, 2


@dataclass(frozen=True)
class Cells:
    """The part of the grid that does not depend on the threshold.

    Attributes:
        scope, units: what is judged, with both fields
        down, across: the two groupings
        table: one row per (row of ``down``, row of ``across``) that holds a unit
        place: the two row numbers of each row of ``table``
        flags: fields that hold true and false
    """

    scope: audit_scope.Scope
    units: Units
    down: Grouping
    across: Grouping
    table: AuditTable
    place: tuple[tuple[int, int], ...]
    flags: frozenset[str]


def fields_of(study: Study, choice: dict[str, Any]) -> tuple[str, str]:
    """Return the fields down and across: the chosen ones, else methods and datasets."""
    down, across = choice.get("down"), choice.get("across")
    if down is None or not _there(study, down):
        down = "method"
    if across is None or not _there(study, across):
        texts = study.units.texts
        found = [name for name in ACROSS if len(texts[name].present()) > 1]
        found += [name for name in NUMBERS if _there(study, name)]
        across = next((name for name in found if name != down), ACROSS[0])
    return down, across


def _there(study: Study, name: str) -> bool:
    return name in study.units.texts or study.source.faces.has_field(name)


def cells_of(study: Study, choice: dict[str, Any]) -> Cells:
    """Return the cells of ``study``, computed when they are first needed."""
    names = fields_of(study, choice)
    return kept_for(study, choice, ("cells", *names), lambda: _lay_out(study, choice, names))


def _lay_out(study: Study, choice: dict[str, Any], names: tuple[str, str]) -> Cells:
    scope, units, flags = study.scope, study.units, frozenset[str]()
    if not all(name in units.texts or name in units.numbers for name in names):
        columns, flags = with_fields(study, choice["token"], names)
        scope = audit_scope.resolve(study.source, columns, choice["scope"], choice.get("kept"))
        units = at_level(scope.columns, units.level)
    down, across = group(units, names[0]), group(units, names[1])
    table = AuditTable(units, cross(down, across), areas=False)
    _, first = np.unique(table.grouping.row, return_index=True)
    place = tuple(zip(down.row[first].tolist(), across.row[first].tolist(), strict=True))
    return Cells(scope, units, down, across, table, place, flags)


def contents(study: Study, choice: dict[str, Any], threshold: Threshold) -> dict[str, Any]:
    """Return the grid for the browser: names of rows and columns, worst first, and the cells."""
    cells = cells_of(study, choice)
    total, rows = cells.table.at(threshold.value)
    unit = study.units.level
    place = cells.place
    down = list(dict.fromkeys(place[row.index][0] for row in rows))  # rows are worst first
    across = list(dict.fromkeys(place[row.index][1] for row in rows))
    hidden = max(0, len(down) - MOST_ROWS), max(0, len(across) - MOST_COLUMNS)
    down, across = down[:MOST_ROWS], across[:MOST_COLUMNS]
    # ranges of a number keep their own order
    down = sorted(down) if cells.down.name in cells.units.numbers else down
    across = sorted(across) if cells.across.name in cells.units.numbers else across
    at = {r: i for i, r in enumerate(down)}, {c: i for i, c in enumerate(across)}
    shown = [row for row in rows if place[row.index][0] in at[0] and place[row.index][1] in at[1]]
    words = outliers(rows, unit, "cell")
    if any(hidden):
        words += (
            f" Shown are the worst {count(len(down), 'row')} and {count(len(across), 'column')};"
            f" {hidden[0]:,} rows and {hidden[1]:,} columns are left out."
        )
    return {
        "words": words,
        "fields": [cells.down.name, cells.across.name],
        "down": [cells.down.labels[r][0] for r in down],
        "across": [cells.across.labels[c][0] for c in across],
        "cells": [
            [
                at[0][place[row.index][0]],
                at[1][place[row.index][1]],
                row.index,
                _plain(row.fpr),
                _plain(row.fnr),
                row.real + row.fake + row.unlabelled,
                sum(row.lost.values()),
            ]
            for row in shown
        ],
        "total": [_plain(total.fpr), _plain(total.fnr)],
        "scale": _scale(rows),
    }


def _plain(cell: Cell | None) -> list[Any] | None:
    """Return hits, trials, rate, low, high, rest, excess and a mark."""
    if cell is None:
        return None
    mark = STANDS_OUT if cell.stands_out else FEW if cell.small else PLAIN
    numbers = (cell.rate, cell.low, cell.high, cell.rest, cell.excess)
    short = [None if n is None else round(n, 4) for n in numbers]
    return [cell.hits, cell.trials, *short, mark]


def _scale(rows: list[Row]) -> float:
    """Return one upper end for all cells: that of the rates which are judged."""
    rates = [c.rate for row in rows for c in (row.fpr, row.fnr) if c is not None and not c.small]
    top = max(rates, default=1.0)
    return next((scale for scale in SCALES if top <= 0.9 * scale), SCALES[-1])


def pick(
    study: Study, choice: dict[str, Any], threshold: Threshold, params: dict[str, Any]
) -> tuple[audit_scope.Scope, Units, grid.Pick]:
    """Return the units of one cell: ``cell`` (a row of the table) and ``kind``.

    Raises:
        ForensicsError: if the cell does not exist any more
    """
    cells = cells_of(study, choice)
    found = grid.pick_kind(cells.units, params["kind"], threshold.value, study.key)
    row = grid.known_row(cells.table.grouping, params["cell"])
    for grouping, number in zip((cells.down, cells.across), cells.place[row], strict=True):
        flag = grouping.name in cells.flags
        found = grid.both(found, grid.pick_row(grouping, number, flag))
    return cells.scope, cells.units, found
