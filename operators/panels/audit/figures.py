"""Draws the error audit's score distributions and ROC curve as Plotly traces.

Real and fake differ by side and by colour (Okabe & Ito's blue and vermilion), never by colour
alone. Lines and texts without a class are mid-grey, because Python does not know the App's theme.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from ....detector.audit.columns import SEEN
from ....detector.audit.plot_curves import BARS, Roc, bar_of, edges
from ....detector.audit.units import Units
from ....detector.records import FAKE, REAL
from ...app.colours import COLOURS, GREY, LINE, MARGIN, POINT, note


def histogram(units: Units, unit: str) -> list[dict[str, Any]]:
    """Return two traces of bars: shares of the reals upwards, of the fakes downwards.

    The bars show shares instead of counts, so that few reals beside many fakes can be compared.
    """
    bars = bar_of(units.p_fake)
    borders = edges()
    centres = (borders[:-1] + borders[1:]) / 2
    traces = []
    for code, name, side in ((REAL, "real", 1), (FAKE, "fake", -1)):
        chosen = units.scored & (units.label == code)
        counts = np.bincount(bars[chosen], minlength=BARS)
        total = int(counts.sum())
        share = counts / total if total else np.zeros(BARS)
        traces.append(
            {
                "type": "bar",
                "name": f"{name} ({total:,} {unit}s)",
                "x": [round(float(c), 4) for c in centres],
                "y": [round(side * float(s), 5) for s in share],
                "width": 0.96 / BARS,
                "marker": {"color": COLOURS[code]},
                "customdata": [
                    [int(n), f"{low:.3f}", f"{high:.3f}", f"{s:.1%}"]
                    for n, low, high, s in zip(
                        counts, borders[:-1], borders[1:], share, strict=True
                    )
                ],
                "hovertemplate": f"%{{customdata[0]}} {name} {unit}s (%{{customdata[3]}} of them)"
                "<br>p_fake %{customdata[1]} to %{customdata[2]}<br>click to see them"
                "<extra></extra>",
            }
        )
    seen = units.texts.get(SEEN)
    if seen is not None and (seen.codes >= 0).any():
        traces += _seen_bars(units, traces, bars, seen.codes >= 0)
    return traces


def _seen_bars(
    units: Units, traces: list[dict[str, Any]], bars: np.ndarray, seen: np.ndarray
) -> list[dict[str, Any]]:
    """Return the part of each bar of :func:`histogram` that the detector has seen, hatched."""
    out = []
    for code, trace, side in ((REAL, traces[0], 1), (FAKE, traces[1], -1)):
        of_class = units.scored & (units.label == code)
        counts = np.bincount(bars[of_class & seen], minlength=BARS)
        share = counts / max(1, int(of_class.sum()))
        out.append(
            {
                **trace,
                "name": f"{trace['name']}, seen by the detector",
                "y": [round(side * float(s), 5) for s in share],
                "marker": {
                    "color": COLOURS[code],
                    "pattern": {"shape": "/", "fgcolor": "#ffffff", "size": 6},
                },
                "customdata": [
                    [int(n), *rest[1:3], f"{s:.1%}"]
                    for n, s, rest in zip(counts, share, trace["customdata"], strict=True)
                ],
                "hovertemplate": trace["hovertemplate"].replace(
                    "<br>p_fake", "<br>seen by the detector<br>p_fake"
                ),
            }
        )
    return out


def highest(traces: list[dict[str, Any]]) -> float:
    """Return the longest bar of :func:`histogram`, as a share."""
    return max((abs(y) for trace in traces for y in trace["y"]), default=0.0) or 1.0


def histogram_layout(threshold: float, top: float, unit: str, seen: bool = False) -> dict[str, Any]:
    """Lay out the threshold as a line and names on all four sides; ``top`` is the longest bar."""
    ticks = _ticks(top)
    return {
        "barmode": "overlay",
        "bargap": 0,
        "showlegend": False,
        "margin": MARGIN,
        "xaxis": {
            "range": [-0.02, 1.02],
            "title": {"text": f"p_fake of the {unit}", "standoff": 6, "font": {"size": 12}},
            "tickfont": {"size": 11},
            "fixedrange": True,
        },
        "yaxis": {
            "range": [-1.2 * top, 1.2 * top],
            "title": {"text": "share of class", "standoff": 4, "font": {"size": 12}},
            "tickfont": {"size": 11},
            "tickvals": ticks,
            "ticktext": [f"{abs(tick):.0%}" for tick in ticks],
            "fixedrange": True,
        },
        "shapes": [
            {
                "type": "line",
                "x0": threshold,
                "x1": threshold,
                "y0": 0,
                "y1": 1,
                "yref": "paper",
                "line": {"color": GREY, "width": 2, "dash": "dash"},
            }
        ],
        "annotations": [
            note("called fake →", threshold, 1, "left", "bottom", GREY, 4),
            note("← called real", threshold, 1, "right", "bottom", GREY, -4),
            note("▲ real", 0, 1, "left", "top", COLOURS[REAL], 4),
            note("▼ fake", 0, 0, "left", "bottom", COLOURS[FAKE], 4),
            *([note("hatched: seen by the detector", 1, 0, "right", "bottom", GREY, 0)] * seen),
        ],
        "hoverlabel": {"align": "left"},
        "uirevision": "distributions",
    }


def _ticks(top: float) -> list[float]:
    """Return round ticks, the same on both sides of zero."""
    power = 10 ** np.floor(np.log10(top))
    step = next(s for s in (power / 5, power / 2, power, power * 2, power * 5) if top / s <= 3.5)
    inner = [round(float(step * k), 6) for k in range(1, int(top / step) + 1)]
    return [-tick for tick in reversed(inner)] + [0.0, *inner]


def roc_figure(curve: Roc | None) -> list[dict[str, Any]]:
    """Return the traces of chance and of the curve (``idx`` of a click is its point)."""
    if curve is None:
        return []
    return [
        {
            "type": "scatter",
            "mode": "lines",
            "name": "chance",
            "x": [0, 1],
            "y": [0, 1],
            "line": {"color": GREY, "width": 1, "dash": "dot"},
            "hoverinfo": "skip",
        },
        {
            "type": "scatter",
            "mode": "lines+markers",
            "name": "detector",
            "x": [round(float(v), 5) for v in curve.fpr],
            "y": [round(float(v), 5) for v in curve.tpr],
            "line": {"color": LINE, "width": 2},
            "marker": {"size": 4, "color": LINE},
            "customdata": ["none reaches it" if t != t else f"{t:.4f}" for t in curve.thresholds],
            "hovertemplate": "threshold %{customdata}<br>false-positive rate %{x:.1%}"
            "<br>fakes found %{y:.1%}<br>click: move here, see its errors<extra></extra>",
        },
    ]


def roc_layout(fpr: float | None, tpr: float | None) -> dict[str, Any]:
    """Lay out axes from 0 to 1 in per cent, and the operating point as a diamond.

    The point is part of the layout, so that the curve is not sent again when the threshold moves.
    """
    axis = {
        "range": [-0.02, 1.02],
        "tickformat": ".0%",
        "tickfont": {"size": 11},
        "fixedrange": True,
        "dtick": 0.25,
    }
    layout: dict[str, Any] = {
        "showlegend": False,
        "margin": MARGIN,
        "xaxis": {
            **axis,
            "title": {"text": "false alarms (FPR)", "standoff": 6, "font": {"size": 12}},
        },
        "yaxis": {**axis, "title": {"text": "fakes found", "standoff": 4, "font": {"size": 12}}},
        "hovermode": "closest",
        "uirevision": "roc",
    }
    if fpr is not None and tpr is not None:
        diamond = note("◆", fpr, tpr, "center", "middle", POINT, 0)
        diamond |= {"yref": "y", "font": {"size": 17, "color": POINT}}
        text = f"◆ {fpr:.1%} false alarms,<br>{tpr:.1%} of fakes found"
        label = note(text, 1, 0.02, "right", "bottom", POINT, -2)
        layout["annotations"] = [diamond, {**label, "align": "right"}]
    return layout
