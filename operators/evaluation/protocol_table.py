"""Formats a protocol's rows beside the published values, as Markdown."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from ...detector.metrics.protocols import Protocol
from ..app.markup import plain
from .evaluation_tables import interval_text


def table(plan: Protocol, found: dict[str, Any]) -> str:
    """Return the rows as Markdown, with the deviations below."""
    lines = [
        f"**{plan.title}**",
        "",
        f"Video-level AUROC in %, {plan.frames} frames, {plan.rule}. Detector "
        f"{plain(found['key'])} ({(found['checkpoint_sha256'] or 'not run')[:12]}); the columns "
        "on the right are published values.",
        "",
        "| dataset | real | fake | ours [95 %] | coverage | " + " | ".join(plan.columns) + " |",
        "|---|---:|---:|---|---:|" + "---:|" * len(plan.columns),
    ]
    for row in found["rows"]:
        coverage = "n/a" if row["coverage"] is None else f"{row['coverage']:.2f}"
        published = (row["published"].get(c) for c in plan.columns)
        lines.append(
            f"| {row['short']} | {row['n_real']} | {row['n_fake']} "
            f"| {interval_text(row['auroc'], 100, '.2f')} "
            f"| {coverage} | "
            + " | ".join("n/a" if v is None else f"{v:.2f}" for v in published)
            + " |"
        )
    lines += ["", *_means(plan, found["rows"]), "", "Deviations:"]
    lines += [
        f"- {row['short']}: {plain('; '.join(row['deviations'])) or 'none'}"
        for row in found["rows"]
    ]
    return "\n".join(lines)


def _means(plan: Protocol, rows: Sequence[dict[str, Any]]) -> list[str]:
    """Return our mean beside each column's, over the datasets that both have."""
    from ...detector.metrics.rates import macro_mean

    out = []
    for column in plan.columns:
        both = [r for r in rows if r["auroc"] is not None and column in r["published"]]
        ours = macro_mean(100 * row["auroc"]["value"] for row in both)
        theirs = macro_mean(row["published"][column] for row in both)
        if ours.value is not None and theirs.value is not None:
            out.append(
                f"Mean over the {ours.used} datasets that {column} reports and are here: ours "
                f"{ours.value:.2f}, published {theirs.value:.2f}."
            )
    return out or ["No dataset with a published value is here."]
