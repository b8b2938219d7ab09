"""Draws the pairs of a fake and its real over common frames."""

from __future__ import annotations

from typing import Any

import numpy as np

from ....detector.audit.pairs import MOST_POINTS, Pairs
from ....detector.records import FAKE
from ....detector.text.markdown import hover
from ...app.colours import COLOURS, GREY, MARGIN, note


def figure(pairs: Pairs, names: tuple[str, ...]) -> list[dict[str, Any]]:
    """Return the line of no difference, and a point per pair (``id`` is its number).

    Of more than :data:`MOST_POINTS` pairs, those are drawn whose fake scores lowest against its
    real.
    """
    order = np.argsort(pairs.delta, kind="stable")[:MOST_POINTS]
    return [
        {
            "type": "scatter",
            "mode": "lines",
            "x": [0, 1],
            "y": [0, 1],
            "line": {"color": GREY, "width": 1, "dash": "dot"},
            "hoverinfo": "skip",
        },
        {
            "type": "scattergl",
            "mode": "markers",
            "name": "pairs",
            "x": [round(float(v), 4) for v in pairs.p_real[order]],
            "y": [round(float(v), 4) for v in pairs.p_fake[order]],
            "ids": [str(int(i)) for i in order],
            "marker": {
                "size": 8,
                "opacity": 0.75,
                "symbol": "triangle-up",
                "color": [COLOURS[FAKE] if a else "#CC79A7" for a in pairs.above[order]],
            },
            "customdata": [
                [hover(names[pairs.fake[i]]), f"{pairs.delta[i]:+.3f}", int(pairs.frames[i])]
                for i in order
            ],
            "hovertemplate": "%{customdata[0]}<br>its real %{x:.3f}, the fake %{y:.3f} "
            "(%{customdata[1]}; %{customdata[2]} common frames)<br>click to see both"
            "<extra></extra>",
        },
    ]


def layout(threshold: float) -> dict[str, Any]:
    """Lay out axes from 0 to 1, the threshold on both, and the meaning of the corners."""
    axis = {"range": [-0.02, 1.02], "dtick": 0.25, "tickfont": {"size": 11}, "fixedrange": True}
    title = {"standoff": 6, "font": {"size": 12}}
    line = {"type": "line", "line": {"color": GREY, "width": 1, "dash": "dash"}}
    return {
        "showlegend": False,
        "margin": MARGIN,
        "xaxis": {**axis, "title": {"text": "p_fake of the real", **title}},
        "yaxis": {**axis, "title": {"text": "p_fake of its fake", **title}},
        "shapes": [
            {**line, "x0": threshold, "x1": threshold, "y0": 0, "y1": 1, "yref": "paper"},
            {**line, "y0": threshold, "y1": threshold, "x0": 0, "x1": 1, "xref": "paper"},
        ],
        "annotations": [
            note("both called fake", 1, 0.99, "right", "top", GREY, -2),
            note("both called real", 0, 0.01, "left", "bottom", GREY, 2),
        ],
        "hovermode": "closest",
        "uirevision": "pairs",
    }
