"""Draws a video's scores along its frames, person by person."""

from __future__ import annotations

from typing import Any

import numpy as np

from ...app.colours import MARGIN, note
from ...dataset.appearance import BLUE, GREEN, GREY, ORANGE, PURPLE, SKY, VERMILION
from ..person_scores import Person, Timeline, driving

#: One per person, told apart by symbol as well as by colour (Okabe & Ito).
PEOPLE = (
    (VERMILION, "triangle-up"),
    (GREEN, "square"),
    (PURPLE, "diamond"),
    (ORANGE, "star"),
    (SKY, "hexagon"),
)
REAL_COLOUR = BLUE
GAP_Y = -0.06


def figure(timeline: Timeline) -> list[dict[str, Any]]:
    """Return traces of the paired real, each person, the driving frames and the gaps.

    ``ids`` are sample ids, so that a click opens the face.
    """
    traces = []
    if timeline.real is not None:
        traces.append(_line(timeline.real, "its real", REAL_COLOUR, "circle", "dot"))
    for number, person in enumerate(timeline.people):
        colour, symbol = PEOPLE[number % len(PEOPLE)]
        name = f"person {person.track}" if person.track >= 0 else "person"
        name += "" if person.subject else " (not the subject)"
        traces.append(_line(person, name, colour, symbol, "solid"))
    top = driving(timeline)
    traces.append(
        {
            "type": "scatter",
            "mode": "markers",
            "name": "driving frames",
            "x": [row[0] for row in top],
            "y": [round(row[1], 4) for row in top],
            "ids": [row[2] for row in top],
            "marker": {"size": 15, "symbol": "circle-open", "color": GREY, "line": {"width": 2}},
            "hovertemplate": "frame %{x}: among the highest<extra></extra>",
        }
    )
    if timeline.gaps:
        traces.append(
            {
                "type": "scatter",
                "mode": "markers",
                "name": "no score",
                "x": [frame for frame, _ in timeline.gaps],
                "y": [GAP_Y] * len(timeline.gaps),
                "marker": {"size": 8, "symbol": "x-thin-open", "color": GREY},
                "customdata": [reason for _, reason in timeline.gaps],
                "hovertemplate": "frame %{x}: no score, %{customdata}<extra></extra>",
            }
        )
    return traces


def _line(person: Person, name: str, colour: str, symbol: str, dash: str) -> dict[str, Any]:
    scores = [None if np.isnan(p) else round(float(p), 4) for p in person.p_fake]
    return {
        "type": "scatter",
        "mode": "lines+markers",
        "connectgaps": False,
        "name": name,
        "x": [int(frame) for frame in person.frames],
        "y": scores,
        "ids": list(person.ids),
        "line": {"color": colour, "width": 2, "dash": dash},
        "marker": {"size": 8, "symbol": symbol, "color": colour},
        "hovertemplate": f"{name}, frame %{{x}}: p_fake %{{y:.3f}}<br>click to see the face"
        "<extra></extra>",
    }


def layout(threshold: float, video_id: str) -> dict[str, Any]:
    """Lay out frame against p_fake, with the threshold as a line; zoom is kept within a video."""
    font = {"size": 12}
    return {
        "margin": {**MARGIN, "r": 56, "b": 84},
        "showlegend": True,
        "legend": {"orientation": "h", "x": 0, "xanchor": "left", "y": -0.24, "yanchor": "top"},
        "xaxis": {"title": {"text": "frame", "standoff": 6, "font": font}},
        "yaxis": {
            "title": {"text": "p_fake of the face", "standoff": 4, "font": font},
            "range": [-0.12, 1.05],
            "tickvals": [0, 0.25, 0.5, 0.75, 1],
        },
        "shapes": [
            {
                "type": "line",
                "x0": 0,
                "x1": 1,
                "xref": "paper",
                "y0": threshold,
                "y1": threshold,
                "line": {"color": GREY, "width": 2, "dash": "dash"},
            }
        ],
        "annotations": [
            {**note("fake ↑<br>real ↓", 1, threshold, "left", "middle", GREY, 4)}
            | {"xref": "paper", "yref": "y"},
        ],
        "hovermode": "closest",
        "uirevision": video_id,
    }
