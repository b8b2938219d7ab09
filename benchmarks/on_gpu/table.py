"""Formats rows: one line each as they arrive, and Markdown at the end."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence

from .goals import GOALS
from .results import FAILED, MEASURED, Row


def number(value: float | None) -> str:
    """Format a number as ``2,891``, ``16.3``, ``0.682`` or ``4.2e-05``; "" for None."""
    if value is None:
        return ""
    size = abs(value)
    if value == 0 or not math.isfinite(value):
        return "0" if value == 0 else str(value)
    if size >= 100:
        return f"{value:,.0f}"
    if size >= 10:
        return f"{value:.1f}"
    return f"{value:.3f}" if size >= 0.01 else f"{value:.1e}"


def line(row: Row) -> str:
    """Return a row as the terminal shows it."""
    if row.state != MEASURED:
        return f"  {row.what}: {'FAILED' if row.state == FAILED else 'not measured'} ({row.note})"
    text = f"  {row.what}: {number(row.value)} {row.unit}".rstrip()
    if row.ratio is not None:
        text += f", {row.ratio:.3f} of {row.against} ({number(row.base)})"
    elif row.against:
        text += f" from {row.against}"
    return f"{text}; {row.note}" if row.note else text


def markdown(facts: Mapping[str, str], rows: Sequence[Row], judge: bool) -> str:
    """Return the tables for docs/speed.md: the machine, the goals, every row.

    Args:
        facts: result of :func:`.machine.facts`
        rows: rows in the order of their arrival
        judge: False for tiny shapes, whose ratios are meaningless
    """
    head = ", ".join(value for key, value in facts.items() if key in ("card", "cores"))
    rest = [
        f"{key} {value}" for key, value in facts.items() if key not in ("card", "cores", "date")
    ]
    lines = [f"{head}; {facts.get('date', '')}; {', '.join(rest)}.", ""]
    lines += ["| goal | bound | measured | |", "|---|---:|---:|---|"]
    for goal in GOALS:
        found, verdict = goal.judged(rows)
        verdict = verdict if judge or found is None else "not judged"
        lines.append(f"| {goal.what} | {goal.words()} | {number(found)} | {verdict} |")
    section = ""
    for row in rows:
        if row.section != section:
            section = row.section
            lines += ["", f"| {section} | measured | baseline in the same run | ratio | |"]
            lines.append("|---|---:|---:|---:|---|")
        lines.append(_cells(row))
    return "\n".join(lines) + "\n"


def _cells(row: Row) -> str:
    value = f"{number(row.value)} {row.unit}".strip()
    if row.state != MEASURED:
        value = "failed" if row.state == FAILED else "not measured"
    base = f"{row.against}: {number(row.base)}" if row.base is not None else row.against
    ratio = "" if row.ratio is None else f"{row.ratio:.3f}"
    return f"| {row.what} | {value} | {base} | {ratio} | {row.note.replace('|', '/')} |"
