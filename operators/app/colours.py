"""Defines the colours, margins and small texts that every plot shares."""

from __future__ import annotations

from typing import Any

from ...detector.records import FAKE, REAL
from ..dataset.appearance import BLUE, GREEN, GREY as GREY, VERMILION

COLOURS = {REAL: BLUE, FAKE: VERMILION}
LINE = GREEN  # a curve belongs to neither class
POINT = VERMILION
MARGIN = {"t": 22, "l": 48, "r": 10, "b": 36}


def note(
    text: str, x: float, y: float, x_anchor: str, y_anchor: str, colour: str, shift: int
) -> dict[str, Any]:
    """Return a small text; ``y`` is a fraction of the plot's height."""
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
