"""Shows the effect of a threshold from one view on all other data, as rows and as a table."""

from __future__ import annotations

from typing import Any

import fiftyone as fo

from ...detector.audit.threshold import of_calibration
from ...detector.audit.units import Units
from ..app.markup import plain
from ..dataset.scored_items import items_of
from .evaluation_tables import interval_text, number_text

HERE = "the calibration view itself"


def transfer_rows(
    dataset: fo.Dataset, fitted: Units, key: str, level: str, threshold: float, target_fpr: float
) -> tuple[list[dict[str, Any]], int]:
    """Return rates at the threshold on all data without a shared group with the calibration view.

    Returns:
        rows, the calibration view itself first; and the number of items left out because they share
        a group with it
    """
    import numpy as np

    from ...detector.metrics.threshold_transfer import transfer_table

    everything = items_of(dataset.view(), key, level)
    everything = everything.take(np.isfinite(everything.p_fake))
    inside = np.isin(everything.names, fitted.names)
    related = np.isin(everything.group.texts(), fitted.group.texts()) & ~inside
    rest = everything.take(~inside & ~related)
    source_dataset = rest.texts["source_dataset"].texts()
    parts = {HERE: fitted}
    for source in np.unique(source_dataset).tolist():
        parts[source] = rest.take(source_dataset == source)
    rows = transfer_table(
        threshold, target_fpr, {n: (p.label, p.p_fake, p.group.codes) for n, p in parts.items()}
    )
    return [row.to_json() for row in rows], int(related.sum())


def table(record: dict[str, Any], transfer: list[dict[str, Any]], excluded: int) -> str:
    """Return the threshold and its effect on other data as Markdown."""
    lines = [
        f"Threshold **{record['threshold']:.4f}**, {plain(of_calibration(record).provenance)}.",
        "",
        "| on | real | fake | FPR [95 %] | TPR [95 %] | oracle threshold | its FPR | its TPR "
        "| reals: median, 95th percentile |",
        "|---|---:|---:|---|---|---:|---:|---:|---|",
    ]
    for row in transfer:
        fixed, oracle = row["fixed"], row["oracle"] or {}
        quantiles = row["real_quantiles"]
        reals = f"{quantiles[2]:.3f}, {quantiles[4]:.3f}" if quantiles else "n/a"
        lines.append(
            f"| {plain(row['name'])} | {fixed['n_real']} | {fixed['n_fake']} "
            f"| {_rate(fixed, 'fpr')} | {_rate(fixed, 'tpr')} "
            f"| {number_text(oracle.get('threshold'))} | {number_text(oracle.get('fpr'))} "
            f"| {number_text(oracle.get('tpr'))} | {reals} |"
        )
    if len(transfer) < 2:
        lines += [
            "",
            f"Nothing else can be judged at this threshold: no scored {record['level']} lies "
            "outside the groups of this view. Rates on the view itself are optimistic; choose a "
            "part of "
            "the dataset, for example the split val.",
        ]
    lines += [
        "",
        f"The oracle has seen the labels of its own rows: a bound, not a result. {excluded} "
        f"{record['level']}s that share a group with the calibration view are left out.",
    ]
    return "\n".join(lines)


def _rate(fixed: dict[str, Any], name: str) -> str:
    bounds = fixed[f"{name}_interval"]
    return interval_text(None if bounds is None else {"value": fixed[name], **bounds})
