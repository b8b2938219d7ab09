"""Draws a video's scores along its frames, person by person: data, sentence and plot."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from ....detector.audit.audit_words import count
from ....detector.audit.threshold import Threshold
from ...app.colours import MARGIN, note
from ...dataset.appearance import BLUE, GREEN, GREY, ORANGE, PURPLE, SKY, VERMILION

#: One per person, told apart by symbol as well as by colour (Okabe & Ito).
PEOPLE = (
    (VERMILION, "triangle-up"),
    (GREEN, "square"),
    (PURPLE, "diamond"),
    (ORANGE, "star"),
    (SKY, "hexagon"),
)
REAL_COLOUR = BLUE
DRIVING = 3  # number of frames that get a ring
GAP_Y = -0.06


@dataclass(frozen=True)
class Person:
    """One person (track) of a video, frame by frame.

    Attributes:
        track: its number, -1 if unknown
        subject: whether it is the person that the label is of
        frames: (n,) frame numbers as the App shows them (from 1), ascending
        p_fake: (n,) scores, NaN if the face has none
        ids: (n,) sample ids
        rank: (n,) numbers that faces are ordered by, see :mod:`detector.metrics.ranks`
    """

    track: int
    subject: bool
    frames: np.ndarray
    p_fake: np.ndarray
    ids: Sequence[str]
    rank: np.ndarray


@dataclass(frozen=True)
class Timeline:
    """What is drawn of one video.

    Attributes:
        video_id, label: id and ground truth of the video
        people: its persons, highest score first
        real: the faces of its paired real, None if there are none
        gaps: (frame, reason) of every tried frame without a score
        threshold: p_fake from which a face counts as fake
        score: score of the video, None without one
    """

    video_id: str
    label: str | None
    people: tuple[Person, ...]
    real: Person | None
    gaps: tuple[tuple[int, str], ...]
    threshold: Threshold
    score: float | None
    seen: str = ""  # how the detector knows the video: trained on, ...


def driving(timeline: Timeline) -> list[tuple[int, float, str]]:
    """Return (frame, p_fake, sample id) of the highest-scoring frames of all persons."""
    rows = [
        (-float(rank), int(frame), float(score), sample_id)
        for person in timeline.people
        for frame, score, sample_id, rank in zip(
            person.frames, person.p_fake, person.ids, person.rank, strict=True
        )
        if not np.isnan(score)
    ]
    return [row[1:] for row in sorted(rows)[:DRIVING]]


def sentence(timeline: Timeline) -> str:
    """Describe the video: truth, score, persons, frames over the threshold, gaps by reason."""
    parts = [f"Truth: {timeline.label or 'not known'}."]
    if timeline.seen:
        parts.append(f"The detector was {timeline.seen} this video or its group.")
    if timeline.score is None:
        parts.append("The video has no score.")
    else:
        called = "called fake" if timeline.score >= timeline.threshold.value else "called real"
        parts.append(f"Video score {timeline.score:.3f}: {called}.")
    for person in timeline.people:
        scores = person.p_fake[~np.isnan(person.p_fake)]
        who = f"Person {person.track}" if person.track >= 0 else "The person"
        if not scores.size:
            parts.append(f"{who}: no face scored.")
            continue
        over = int((scores >= timeline.threshold.value).sum())
        parts.append(
            f"{who}: mean {scores.mean():.3f}, {over} of {count(scores.size, 'face')} over the "
            f"threshold."
        )
    if timeline.real is not None:
        scores = timeline.real.p_fake[~np.isnan(timeline.real.p_fake)]
        if scores.size:
            parts.append(f"Its real: mean {scores.mean():.3f}.")
    if timeline.gaps:
        reasons: dict[str, int] = {}
        for _, reason in timeline.gaps:
            reasons[reason] = reasons.get(reason, 0) + 1
        listed = ", ".join(f"{number} {reason}" for reason, number in sorted(reasons.items()))
        parts.append(f"{count(len(timeline.gaps), 'tried frame')} without a score ({listed}).")
    return " ".join(parts)


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
