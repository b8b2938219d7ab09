"""Spells the colours, margins and small texts that every plot shares."""

from __future__ import annotations

from typing import Any

from ...detector.records import FAKE, REAL

COLOURS = {REAL: "#0072B2", FAKE: "#D55E00"}
GREY = "#888888"
LINE = "#009E73"  # the curve is of neither class
POINT = "#D55E00"
MARGIN = {"t": 22, "l": 48, "r": 10, "b": 36}


def note(
    text: str, x: float, y: float, x_anchor: str, y_anchor: str, colour: str, shift: int
) -> dict[str, Any]:
    """A small text; ``y`` in fractions of the plot."""
    return {
        "text": text,
        "x": x,
        "y": y,
        "yref": "paper",
        "xanchor": x_anchor,
        "yanchor": y_anchor,
        "xshift": shift,
        "showarrow": False,
        "font": {"size": 12, "color": colour},
    }
