"""Builds the tables of an evaluation: rows, means and a comparison of two detectors."""

from __future__ import annotations

from typing import Any

from ...detector.audit.columns import SEEN
from ...detector.audit.threshold import Threshold
from ...detector.audit.units import Units
from ..app.markup import plain
from ..dataset.scored_items import ALL, LEVELS, parts_of, video_items

MACRO = "mean of methods"


def evaluate_items(level: str, items: Units, threshold: float) -> list[dict[str, Any]]:
    """Return rows for the parts of :func:`operators.dataset.scored_items.parts_of`."""
    from ...detector.metrics.evaluation import evaluate

    group = items.group.codes
    rows = []
    for part in parts_of(items):
        chosen = part.chosen
        row = evaluate(
            items.label[chosen],
            items.p_fake[chosen],
            group[chosen],
            threshold,
            margin=items.margins[chosen],
        )
        names = {n: getattr(part, n) for n in ("source_dataset", "method", "compression", "split")}
        seen = items.texts.get(SEEN)
        count = 0 if seen is None else int((seen.codes[chosen] >= 0).sum())
        rows.append({"level": level, **names, **row.to_json(), "seen": count})
    return rows


def macro(rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Return the mean AUROC and EER over each level's methods, and the number of undefined ones."""
    from ...detector.metrics.rates import macro_mean

    out = []
    for level in LEVELS:
        chosen = [
            row
            for row in rows
            if row["level"] == level and row["method"] != ALL and row["split"] == ALL
        ]
        auroc = macro_mean(None if r["auroc"] is None else r["auroc"]["value"] for r in chosen)
        eer = macro_mean(row["eer"] for row in chosen)
        out.append(
            {
                "level": level,
                "auroc": auroc.value,
                "eer": eer.value,
                "methods": auroc.used,
                "undefined": auroc.undefined,
            }
        )
    return out


def compare(view: Any, key: str, other: str) -> dict[str, Any]:
    """Compare the AUROC of two detectors on the videos that both have scored.

    Returns:
        ``{"key", "with", "videos", "only_one", "paired", "undefined"}``; ``paired`` is a
        :class:`detector.metrics.rates.Comparison` as a dict, or None if undefined
    """
    import numpy as np

    from ...detector.errors import MetricUndefined
    from ...detector.metrics.rates import paired_difference

    mine, theirs = video_items(view, key), video_items(view, other)
    both = np.isfinite(mine.p_fake) & np.isfinite(theirs.p_fake)
    label, group = mine.label[both], mine.group.codes[both]
    a, b = mine.rank[both], theirs.rank[both]
    found: dict[str, Any] = {
        "key": key,
        "with": other,
        "videos": int(both.sum()),
        "only_one": int((np.isfinite(mine.p_fake) ^ np.isfinite(theirs.p_fake)).sum()),
        "paired": None,
        "undefined": "",
    }
    try:
        found["paired"] = paired_difference(label, a, b, "auroc", group)._asdict()
    except MetricUndefined as error:
        found["undefined"] = error.message
    return found


def table(
    rows: list[dict[str, Any]],
    threshold: Threshold,
    means: list[dict[str, Any]],
    comparison: dict[str, Any] | None,
) -> str:
    """Return the rows as Markdown, below the threshold and its origin."""
    lines = [
        f"Threshold {threshold.value:g}: {plain(threshold.provenance)}.",
        "",
        "| level | dataset | method | compression | split | real | fake | seen | AUROC [95 %] "
        "| EER | TPR at FPR 5 % | FPR [95 %] | FNR [95 %] | coverage | AUROC worst case |",
        "|---|---|---|---|---|---:|---:|---:|---|---:|---:|---|---|---:|---:|",
    ]
    for row in rows:
        lines.append(
            f"| {row['level']} | {plain(row['source_dataset'])} | {plain(row['method'])} "
            f"| {plain(row['compression'])} | {plain(row['split'])} "
            f"| {row['n_real']} | {row['n_fake']} | {row['seen']} | {interval_text(row['auroc'])} "
            f"| {number_text(row['eer'])} | {number_text(row['tpr_at_fpr']['0.05'])} "
            f"| {interval_text(row['fpr'])} | {interval_text(row['fnr'])} "
            f"| {row['coverage']:.2f} | {number_text(row['auroc_worst_case'])} |"
        )
    for mean in means:
        if mean["methods"] > 1:
            lines += [
                "",
                f"{MACRO.capitalize()} ({mean['level']}s, {mean['methods']} methods): AUROC "
                f"{number_text(mean['auroc'])}, EER {number_text(mean['eer'])}.",
            ]
    if comparison is not None:
        lines += ["", comparison_text(comparison)]
    return "\n".join(lines)


def comparison_text(found: dict[str, Any]) -> str:
    """Return one sentence on two detectors."""
    start = f"{found['key']} minus {found['with']} on {found['videos']} videos that both scored"
    start += f" ({found['only_one']} more have a score of one only)" if found["only_one"] else ""
    paired = found["paired"]
    if paired is None:
        return f"{start}: n/a. {found['undefined']}"
    if paired["low"] is None:
        return f"{start}: AUROC {paired['difference']:+.3f}; {paired['why']}."
    return (
        f"{start}: AUROC {paired['difference']:+.3f} [{paired['low']:+.3f}, {paired['high']:+.3f}] "
        f"(paired over groups, p = {paired['p_value']:.3f})."
    )


def number_text(value: float | None) -> str:
    """Format as ``0.912``, or ``n/a``."""
    return "n/a" if value is None else f"{value:.3f}"


def interval_text(estimate: dict[str, Any] | None, scale: float = 1, form: str = ".3f") -> str:
    """Format ``0.912 [0.850, 0.961]``, ``0.667 [no interval: ...]`` with the reason, or ``n/a``."""
    if estimate is None:
        return "n/a"
    value, low, high = (estimate[name] for name in ("value", "low", "high"))
    if low is None or high is None:
        return f"{scale * value:{form}} [{estimate.get('why') or 'no interval'}]"
    return f"{scale * value:{form}} [{scale * low:{form}}, {scale * high:{form}}]"
