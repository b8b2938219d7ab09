"""Describes the audit in sentences: rows that stand out, units without a score, a click's grid."""

from __future__ import annotations

from collections.abc import Sequence

from .table import Cell, Row

NAMED = 3  # number of rows that the sentence names; the others are counted


def percent(rate: float) -> str:
    """Return ``3.4 %`` with a no-break space; whole numbers from 10 %."""
    value = 100 * rate
    text = f"{value:.0f}" if value >= 9.95 or value == 0 else f"{value:.1f}"
    return f"{text}\u00a0%"


def between(low: float | None, high: float | None, why: str) -> str:
    """Return ``3.4 % to 12 %``, or why there is no interval."""
    return why if low is None or high is None else f"{percent(low)} to {percent(high)}"


def count(number: int, word: str) -> str:
    """Return ``1 face`` or ``12,345 faces``."""
    return f"{number:,} {word}" if number == 1 else f"{number:,} {word}s"


def outliers(rows: Sequence[Row], unit: str, what_row: str = "row") -> str:
    """Return one sentence that names the rows that are worse than the rest beyond chance."""
    found: list[tuple[Cell, Row, str]] = []
    for row in rows:
        for cell, what in ((row.fpr, f"real {unit}s called fake"), (row.fnr, "fakes missed")):
            if cell is not None and cell.stands_out:
                found.append((cell, row, what))
    found.sort(key=lambda item: -(item[0].excess or 0))
    if not found:
        tested = sum(
            cell is not None and not cell.small and cell.rest is not None
            for row in rows
            for cell in (row.fpr, row.fnr)
        )
        if not tested:
            return f"Too few independent units per {what_row} to tell {what_row}s apart."
        judged = count(tested, "judged rate")
        return f"No {what_row} stands out: of {judged} none is above the rest beyond chance."
    texts = [
        f"{' · '.join(row.name)}: {percent(cell.rate)} of {what} "
        f"({between(cell.low, cell.high, cell.why)}; the rest {percent(cell.rest or 0)})"
        for cell, row, what in found[:NAMED]
    ]
    more = f"; and {len(found) - NAMED} more" if len(found) > NAMED else ""
    return f"Worse than the rest beyond chance: {'; '.join(texts)}{more}."


def coverage(total: Row, unit: str) -> str:
    """Return a sentence on the units without a score, by reason."""
    lost = sum(total.lost.values())
    everything = total.real + total.fake
    if not lost:
        text = f"All {count(everything, unit)} are scored."
    else:
        reasons = ", ".join(f"{n:,} {r}" for r, n in sorted(total.lost.items(), key=_largest))
        everyone = count(everything, unit)
        text = f"{lost:,} of {everyone} not scored ({reasons}); not counted in any rate."
    if total.unlabelled:
        text += f" {count(total.unlabelled, unit)} without a ground truth left out."
    return text


def _largest(item: tuple[str, int]) -> tuple[int, str]:
    return -item[1], item[0]


def shown(what: str, units: int, unit: str, faces: int, grid: int, grid_unit: str) -> str:
    """Return a text about the samples that a click put into the grid, with all counts.

    Args:
        what: for example ``false positives of Celeb-DF · original``
        units, unit: number and kind of the units (faces, persons or videos)
        faces: number of faces of these units
        grid, grid_unit: number and kind of the samples in the grid
    """
    if grid_unit == "face":
        inside = "" if unit == "face" else f", {count(units, unit)}"
        return f"Grid: {count(grid, 'face')}{inside} — {what}"
    inside = f" holding {count(faces, 'face')}" if unit == "face" else ""
    return f"Grid: {count(grid, 'video')}{inside} — {what}"
