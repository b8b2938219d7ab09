"""Spells the colours, margins and small texts that every plot shares."""

from __future__ import annotations

from typing import Any

from ...detector.records import FAKE, REAL
from ..dataset.appearance import BLUE, GREEN, GREY as GREY, VERMILION

COLOURS = {REAL: BLUE, FAKE: VERMILION}
LINE = GREEN  # the curve is of neither class
POINT = VERMILION
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
