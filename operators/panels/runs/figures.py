"""Draws curves of training runs as Plotly traces, without knowing FiftyOne."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

MOST_POINTS = 400
"""Most points of a curve; a longer one is averaged over equal stretches."""

#: Curves that can be drawn: name, short and full label, and the level of their records.
CURVES = (
    ("auroc", "val. AUROC", "validation AUROC (video level)", "epoch"),
    ("total", "loss", "training loss", "step"),
    ("ce", "CE", "cross-entropy (training)", "step"),
    ("loss", "val. CE", "cross-entropy (validation)", "epoch"),
    ("alignment", "alignment", "alignment (training)", "step"),
    ("uniformity", "uniformity", "uniformity (training)", "step"),
    ("learning_rate", "lr", "learning rate", "step"),
    ("crops_per_second", "speed", "crops per second", "step"),
)
COLOURS = ("#4c8dd6", "#e8833a", "#5fa55a", "#c85c5c", "#8e74b8", "#9c7b5b", "#d17fb8", "#808080")


def curve(records: Sequence[dict[str, Any]], name: str) -> tuple[list[float], list[float]]:
    """Return steps and values of a curve in ``metrics.jsonl``, thinned to :data:`MOST_POINTS`."""
    kind = next(level for key, _, _, level in CURVES if key == name)
    points = [(r["step"], r[name]) for r in records if r["kind"] == kind and r[name] is not None]
    width = -(-len(points) // MOST_POINTS) if points else 1
    parts = [points[i : i + width] for i in range(0, len(points), width)]
    return (
        [part[-1][0] for part in parts],
        [sum(value for _, value in part) / len(part) for part in parts],
    )


def traces(runs: Sequence[tuple[str, Sequence[dict[str, Any]]]], name: str) -> list[dict[str, Any]]:
    """Return one line per run (key, records); validation AUROC with its 95 % interval."""
    out = []
    for number, (key, records) in enumerate(runs):
        colour = COLOURS[number % len(COLOURS)]
        x, y = curve(records, name)
        trace: dict[str, Any] = {
            "type": "scatter",
            "mode": "lines+markers" if len(x) < 60 else "lines",
            "name": key,
            "x": x,
            "y": [round(value, 6) for value in y],
            "line": {"color": colour, "width": 2},
            "marker": {"size": 5},
        }
        out.append(trace)
        if name == "auroc":
            out += _band(records, key, colour)
    return out


def _band(records: Sequence[dict[str, Any]], key: str, colour: str) -> list[dict[str, Any]]:
    """Return the 95 % interval of the validation AUROC as a shaded band, if there is one."""
    rows = [r for r in records if r["kind"] == "epoch" and r["auroc_low"] is not None]
    step = -(-len(rows) // MOST_POINTS) or 1
    rows = rows[::step]
    if not rows:
        return []
    x = [r["step"] for r in rows]
    low, high = ([round(r[end], 6) for r in rows] for end in ("auroc_low", "auroc_high"))
    return [
        {
            "type": "scatter",
            "mode": "lines",
            "name": f"{key} 95 %",
            "x": [*x, *x[::-1]],
            "y": [*low, *high[::-1]],
            "fill": "toself",
            "fillcolor": f"{colour}2e",
            "line": {"width": 0},
            "hoverinfo": "skip",
            "showlegend": False,
        }
    ]


def layout(name: str) -> dict[str, Any]:
    """Lay out axes and legend; mid-grey lines are visible on light and dark."""
    label = next(text for key, _, text, _ in CURVES if key == name)
    axis = {"gridcolor": "#8884", "zeroline": False, "automargin": True}
    return {
        "xaxis": {**axis, "title": {"text": "step"}},
        "yaxis": {**axis, "title": {"text": label}},
        "margin": {"t": 8, "r": 8, "b": 36, "l": 48},
        "showlegend": True,
        "legend": {"orientation": "h", "x": 0, "y": 1.02, "yanchor": "bottom"},
        "uirevision": name,
    }
