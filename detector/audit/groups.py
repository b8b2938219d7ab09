"""Groups units into rows of the audit table: dataset by method, or the values of a field."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from ..errors import ForensicsError
from .columns import Coded
from .units import Units

BY_METHOD = "dataset_method"
BINS = 5  # rows of a number field, with about equally many units each
NO_VALUE = "no value"


@dataclass(frozen=True)
class Grouping:
    """Rows of the table.

    Attributes:
        name: :data:`BY_METHOD` or a field name
        labels: (R,) parts of each row's name
        row: (U,) row of each unit
        against: (U,) number shared by units that are compared in one AUROC: the dataset for
            ``BY_METHOD`` (a method's fakes against all reals of its dataset), else the row
        filters: (R,) definition of the row, by field: ``{"value": text or None}`` or
            ``{"low": a, "high": b}`` for a <= x < b, None for no bound
    """

    name: str
    labels: tuple[tuple[str, ...], ...]
    row: np.ndarray
    against: np.ndarray
    filters: tuple[dict[str, dict[str, Any]], ...]


def group(units: Units, name: str) -> Grouping:
    """Return the grouping ``name`` of ``units``.

    Raises:
        ForensicsError: there is no such column
    """
    if name == BY_METHOD:
        return _by_method(units)
    if name in units.texts:
        return _by_text(name, units.texts[name])
    if name in units.numbers:
        return _by_number(name, units.numbers[name])
    raise ForensicsError(
        f"There is no field {name!r} to group by.",
        f"Known: {', '.join([BY_METHOD, *units.texts, *units.numbers])}.",
        field="group",
    )


def cross(down: Grouping, across: Grouping) -> Grouping:
    """Return every non-empty pair of rows of two groupings of the same units."""
    width = len(across.labels)
    found, row = np.unique(down.row * width + across.row, return_inverse=True)
    row = row.ravel()
    pairs = [divmod(number, width) for number in found.tolist()]
    return Grouping(
        name=f"{down.name} and {across.name}",
        labels=tuple(down.labels[a] + across.labels[b] for a, b in pairs),
        row=row,
        against=row,
        filters=tuple({**down.filters[a], **across.filters[b]} for a, b in pairs),
    )


def _by_method(units: Units) -> Grouping:
    """Group by (dataset, method); names omit the dataset if there is only one."""
    dataset, method = units.texts["source_dataset"], units.texts["method"]
    width = len(method.values) + 1
    key = (dataset.codes.astype(np.int64) + 1) * width + method.codes + 1
    found, row = np.unique(key, return_inverse=True)
    row = row.ravel()
    single = len(np.unique(found // width)) <= 1
    labels, filters = [], []
    for pair in found.tolist():
        source, kind = _text(dataset, pair // width - 1), _text(method, pair % width - 1)
        names = (kind,) if single else (source, kind)
        labels.append(tuple(NO_VALUE if name is None else name for name in names))
        filters.append({"source_dataset": {"value": source}, "method": {"value": kind}})
    against = found[row] // width
    return Grouping(BY_METHOD, tuple(labels), row, against, tuple(filters))


def _by_text(name: str, column: Coded) -> Grouping:
    found, row = np.unique(column.codes, return_inverse=True)
    row = row.ravel()
    values = [_text(column, code) for code in found.tolist()]
    labels = tuple((NO_VALUE if value is None else value,) for value in values)
    return Grouping(name, labels, row, row, tuple({name: {"value": v}} for v in values))


def _by_number(name: str, values: np.ndarray) -> Grouping:
    edges = bin_edges(values)
    row = np.searchsorted(edges, values, side="right")
    row = np.where(np.isnan(values), len(edges) + 1, row)
    bounds: list[tuple[float | None, float | None]] = [
        *zip([None, *edges.tolist()], [*edges.tolist(), None], strict=True)
    ]
    labels = [(_range(low, high),) for low, high in bounds]
    filters: list[dict[str, dict[str, Any]]] = [
        {name: {"low": low, "high": high}} for low, high in bounds
    ]
    if np.isnan(values).any():
        labels.append((NO_VALUE,))
        filters.append({name: {"value": None}})
    return Grouping(name, tuple(labels), row, row, tuple(filters))


def bin_edges(values: np.ndarray) -> np.ndarray:
    """Return the inner edges of up to ``BINS`` bins with about equally many values each.

    Edges are rounded to three digits if they stay distinct, so that a row can be named and its
    view rebuilt from the name.
    """
    finite = values[np.isfinite(values)]
    if not finite.size:
        return np.zeros(0)
    distinct = np.unique(finite)
    if distinct.size <= BINS:
        return distinct[1:]
    edges = np.quantile(finite, np.arange(1, BINS) / BINS)
    rounded = np.array([float(f"{edge:.3g}") for edge in edges])
    edges = rounded if np.unique(rounded).size == edges.size else edges
    edges = np.unique(edges)
    return edges[(edges > finite.min()) & (edges <= finite.max())]


def _range(low: float | None, high: float | None) -> str:
    if low is None and high is None:
        return "all"
    if low is None:
        return f"below {high:.3g}"
    return f"{low:.3g} and above" if high is None else f"{low:.3g} to {high:.3g}"


def _text(column: Coded, code: int) -> str | None:
    return None if code < 0 else column.values[code]
