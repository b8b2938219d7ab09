"""Writes the report's tables as CSV files that a spreadsheet opens without running anything."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Sequence
from typing import Any

from ...detector.text import csv_cells


def cell(value: Any) -> Any:
    """Return ``value`` for a CSV: None as empty, and text that a spreadsheet would run quoted."""
    if value is None:
        return ""
    return f"{value:.6f}" if isinstance(value, float) else csv_cells.cell(value)


def csv_text(columns: Sequence[str], rows: Iterable[Sequence[Any]]) -> str:
    """Write header and rows as CSV (RFC 4180)."""
    stream = io.StringIO()
    writer = csv.writer(stream)
    writer.writerow(columns)
    writer.writerows([cell(value) for value in row] for row in rows)
    return stream.getvalue()
