"""Fakes against their own reals: what the manipulation alone adds to the score.

A pair shares person, light and camera. Faces are compared at the same frame only, and a pair of
videos by the mean over those frames.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from ...detector.markup import hover
from ...detector.records import FAKE, REAL
from .audit_figures import COLOURS, GREY, MARGIN, note
from .audit_units import Coded, FaceColumns

MOST_POINTS = 20_000


@dataclass(frozen=True)
class Pairs:
    """Pairs of videos with faces at common frames.

    Attributes:
        fake, real: (P,) codes of the videos, into ``FaceColumns.video``
        p_fake, p_real: (P,) mean scores over the common frames
        frames: (P,) common frames
        unpaired: fake videos with a score but without such a real
    """

    fake: np.ndarray
    real: np.ndarray
    p_fake: np.ndarray
    p_real: np.ndarray
    frames: np.ndarray
    unpaired: int

    @property
    def delta(self) -> np.ndarray:
        """(P,) fake minus real."""
        return self.p_fake - self.p_real


def pairs_of(columns: FaceColumns, pair: Coded, frame_number: np.ndarray) -> Pairs:
    """The pairs among the scored faces.

    Args:
        columns: faces
        pair: ``pair_id`` of each face: the ``video_id`` of its real
        frame_number: (N,) NaN where unknown
    """
    place = {name: code for code, name in enumerate(columns.video.values)}
    real_of = np.array([*(place.get(name, -1) for name in pair.values), -1], np.int64)
    video = columns.video.codes.astype(np.int64)
    scored = ~np.isnan(columns.p_fake) & ~np.isnan(frame_number) & (video >= 0)
    number = np.where(np.isnan(frame_number), 0, frame_number).astype(np.int64)
    span = int(number.max(initial=0)) + 1
    reals = np.flatnonzero(scored & (columns.label == REAL))
    fakes = np.flatnonzero(scored & (columns.label == FAKE))
    key, score = _means(video[reals] * span + number[reals], columns.p_fake[reals])
    wanted = real_of[pair.codes[fakes]]
    asked = wanted * span + number[fakes]
    at = np.searchsorted(key, asked)
    at = np.minimum(at, max(0, len(key) - 1))
    there = (wanted >= 0) & (key[at] == asked) if len(key) else np.zeros(len(fakes), bool)
    fakes, at, wanted = fakes[there], at[there], wanted[there]
    names, first, unit = np.unique(video[fakes], return_index=True, return_inverse=True)
    unit = unit.ravel()
    count = np.bincount(unit, minlength=len(names))
    every = np.unique(video[scored & (columns.label == FAKE)]).size
    return Pairs(
        fake=names,
        real=wanted[first],
        p_fake=np.bincount(unit, columns.p_fake[fakes], len(names)) / np.maximum(count, 1),
        p_real=np.bincount(unit, score[at], len(names)) / np.maximum(count, 1),
        frames=count,
        unpaired=int(every - len(names)),
    )


def _means(key: np.ndarray, values: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Distinct keys, ascending, and the mean value of each."""
    found, unit = np.unique(key, return_inverse=True)
    unit = unit.ravel()
    total = np.bincount(unit, values, len(found))
    return found, total / np.maximum(np.bincount(unit, minlength=len(found)), 1)


def figure(pairs: Pairs, names: tuple[str, ...]) -> list[dict[str, Any]]:
    """Traces: the line of no difference, and a point per pair (``id`` is its number).

    Of more than :data:`MOST_POINTS` pairs, those whose fake scores lowest against its real.
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
                "color": [COLOURS[FAKE] if d > 0 else "#CC79A7" for d in pairs.delta[order]],
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


def sentence(pairs: Pairs) -> str:
    """How many fakes score no higher than their own real, and how many have none."""
    below = int((pairs.delta <= 0).sum())
    text = f"{below:,} of {len(pairs.fake):,} fake videos score no higher than their own real"
    text += f"; on average a fake scores {pairs.delta.mean():+.3f} against it."
    if pairs.unpaired:
        text += f" {pairs.unpaired:,} more have no scored real at a common frame."
    return text


def layout(threshold: float) -> dict[str, Any]:
    """Axes from 0 to 1, the threshold on both, and what the corners mean."""
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
