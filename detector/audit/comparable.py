"""Finds audited material like one person of a file, and the error rates on it.

Like means: faces of about the same size, crops of about the same sharpness, and, if it is named,
the same compression. Everything else (method, camera, lighting, people) may differ, so the rates
are those of the nearest measured material, not of the file.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from .audit_words import between, count, percent
from .columns import CONTENT, SEEN
from .groups import Grouping
from .table import AuditTable, Cell, Row
from .units import Units

MEASURES = ("eye_distance", "sharpness")
SIZE_BAND, SHARPNESS_BAND = 1.5, 2.0  # factors up and down


@dataclass(frozen=True, slots=True)
class Like:
    """What the material has to be like.

    Attributes:
        eye_distance: mean pixels between the eyes of the person, None if unknown
        sharpness: mean sharpness of its crops, see :mod:`detector.faces.quality`; None if unknown
        compression: as the audited datasets call it; "" for any
        sha256: of the file itself, which is no material for its own rates
    """

    eye_distance: float | None
    sharpness: float | None
    compression: str = ""
    sha256: str = ""

    def words(self) -> str:
        """Return the bands in words."""
        said = []
        for what, value, band in (
            ("eyes {} pixels apart", self.eye_distance, SIZE_BAND),
            ("sharpness {}", self.sharpness, SHARPNESS_BAND),
        ):
            if value is not None:
                said.append(what.format(f"{value / band:.3g} to {value * band:.3g}"))
        said.append(f"compression {self.compression}" if self.compression else "any compression")
        return ", ".join(said)


def like(units: Units, wanted: Like) -> np.ndarray:
    """Return (U,) which units are like ``wanted`` and were not seen by the detector."""
    chosen = np.ones(len(units), bool)
    for name, value, band in zip(
        MEASURES, (wanted.eye_distance, wanted.sharpness), (SIZE_BAND, SHARPNESS_BAND), strict=True
    ):
        if value is None:
            continue
        column = units.numbers.get(name)
        if column is None:
            return np.zeros(len(units), bool)
        with np.errstate(invalid="ignore"):
            chosen &= (column >= value / band) & (column <= value * band)
    if wanted.compression:
        column = units.texts.get("compression")
        if column is None or wanted.compression not in column.values:
            return np.zeros(len(units), bool)
        chosen &= column.codes == column.values.index(wanted.compression)
    content = units.texts.get(CONTENT)
    if wanted.sha256 and content is not None and wanted.sha256 in content.values:
        chosen &= content.codes != content.values.index(wanted.sha256)
    seen = units.texts.get(SEEN)
    return chosen if seen is None else chosen & (seen.codes < 0)


def rates(units: Units, wanted: Like, threshold: float) -> Row | None:
    """Return the error rates at ``threshold`` on the units like ``wanted``; None without any."""
    found = units.take(like(units, wanted) & units.scored)
    if not len(found):
        return None
    everything = np.zeros(len(found), np.int64)
    grouping = Grouping("all", (("all",),), everything, everything, ({},))
    return AuditTable(found, grouping, areas=False).at(threshold)[0]


def words(row: Row, unit: str) -> str:
    """Return the rates of a row in one sentence."""
    return "; ".join(
        _cell(cell, kind, wrong, unit)
        for cell, kind, wrong in ((row.fpr, "real", "called fake"), (row.fnr, "fake", "missed"))
    )


def _cell(cell: Cell | None, kind: str, wrong: str, unit: str) -> str:
    if cell is None:
        return f"no {kind} {unit} like this"
    interval = between(cell.low, cell.high, cell.why)
    return (
        f"{cell.hits:,} of {count(cell.trials, f'{kind} {unit}')} {wrong}: "
        f"{percent(cell.rate)} ({interval})"
    )
