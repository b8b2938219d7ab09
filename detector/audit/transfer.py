"""Shows how a threshold performs on each dataset: one row per dataset.

The rates at the chosen threshold are listed beside those at the best threshold for the dataset (an
oracle, because it uses the labels, at the target rate). The gap is the risk of deployment. The
reals' scores alone, without any fake, already show most of it.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from ..errors import MetricUndefined
from ..records import REAL
from .groups import group
from .table import AuditTable
from .threshold import unreachable
from .units import Units

TARGET = 0.05  # maximum false-positive rate of the oracle


def by_dataset(units: Units) -> AuditTable:
    """Return the table with one row per dataset, which does not depend on a threshold."""
    return AuditTable(units, group(units, "source_dataset"))


def transfer(table: AuditTable, threshold: float) -> list[dict[str, Any]]:
    """Return the rows of :func:`by_dataset` for the browser, in the order of the datasets' names.

    Returns:
        ``name``, ``index`` (row of the grouping by dataset), ``fpr`` and ``fnr`` as cells of the
        audit table, ``half`` (the same two rates at 0.5), ``oracle`` (threshold, fpr, fnr; None
        with ``why`` if undefined) and ``reals`` (median and 95 % quantile of p_fake)
    """
    units, grouping = table.units, table.grouping
    _, rows = table.at(threshold)
    half = {row.index: row for row in table.at(0.5)[1]}
    found = []
    for row in sorted(rows, key=lambda r: r.name):
        here = units.scored & (grouping.row == row.index)
        label, p_fake = units.label[here], units.p_fake[here]
        reals = p_fake[label == REAL]
        plain = row.to_json()
        oracle, why = _oracle(label, p_fake)
        found.append(
            {
                "index": row.index,
                "name": " · ".join(row.name),
                "fpr": plain["fpr"],
                "fnr": plain["fnr"],
                "half": [_rate(half[row.index].fpr), _rate(half[row.index].fnr)],
                "oracle": oracle,
                "why": why,
                "reals": [float(q) for q in np.quantile(reals, (0.5, 0.95))]
                if reals.size
                else None,
            }
        )
    return found


def _rate(cell: Any) -> float | None:
    return None if cell is None else cell.rate


def _oracle(label: np.ndarray, p_fake: np.ndarray) -> tuple[dict[str, float] | None, str]:
    from ..metrics.rates import operating_point

    try:
        point = operating_point(label, p_fake, TARGET)
    except MetricUndefined as error:
        return None, str(error)
    if unreachable(point.threshold):
        return None, unreachable(point.threshold)
    return {"threshold": point.threshold, "fpr": point.fpr, "fnr": 1 - point.tpr}, ""


def sentence(rows: list[dict[str, Any]]) -> str:
    """Return a sentence on the spread of the datasets' own thresholds."""
    own = [(row["oracle"]["threshold"], row["name"]) for row in rows if row["oracle"]]
    if len(own) < 2:
        return (
            f"Fewer than two datasets have a threshold of their own at {TARGET:.0%} false alarms."
        )
    low, high = min(own), max(own)
    return (
        f"For at most {TARGET:.0%} false alarms each dataset would need its own threshold: from "
        f"{low[0]:.3f} ({low[1]}) to {high[0]:.3f} ({high[1]})."
    )
