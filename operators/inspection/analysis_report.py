"""Writes an analysis of a file in words, and its timelines as Plotly traces."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from ..app.markup import plain
from ..dataset import fields
from ..dataset.appearance import COLOURS


def markdown(result: dict[str, Any]) -> str:
    """Return the verdict, its reasons and one line per person, as Markdown."""
    score = "" if result["score"] is None else f", score {result['score']:.3f}"
    lines = [
        f"**{plain(Path(result['path']).name)}: {result['headline']}{score}**",
        "",
        *(f"- {plain(reason)}" for reason in result["reasons"]),
        *(
            f"- Person {person['track']}: {plain(text)}"
            if len(result["persons"]) > 1
            else f"- {plain(text)}"
            for person, text in zip(result["persons"], result.get("comparable") or (), strict=False)
        ),
        f"- {result['frames_usable']} of {result['frames_tried']} frames show a usable face; rule "
        f"{result['rule']}; detector {plain(result['detector'])} "
        f"({result['detector_sha256'][:12]}); file sha256 {result['sha256'][:16]}.",
    ]
    if result["persons"]:
        lines += [
            "",
            "| person | score | scored faces | frames that drive it (p_fake) |",
            "|---:|---:|---:|---|",
        ]
    for person in result["persons"]:
        number = person["track"] if person["track"] >= 0 else ""
        shown = "n/a" if person["score"] is None else f"{person['score']:.3f}"
        shown += "" if person["enough"] else " (too few)"
        times = {face["frame"]: face for face in person["timeline"]}
        drivers = ", ".join(_moment(times[number]) for number in person["drivers"])
        lines.append(
            f"| {number} | {shown} | {person['scored']} of {len(person['timeline'])} | {drivers} |"
        )
    return "\n".join(lines)


def _moment(face: dict[str, Any]) -> str:
    where = "" if face["seconds"] is None else f" at {face['seconds']:.2f} s"
    return f"frame {fields.frame_number(face['frame'])}{where} ({face['p_fake']:.2f})"


def timeline(result: dict[str, Any]) -> list[dict[str, Any]]:
    """Return Plotly traces: p_fake over time with one line per person, and the threshold."""
    traces: list[dict[str, Any]] = []
    by_time = in_seconds(result)
    for person in result["persons"]:
        rows = [face for face in person["timeline"] if face["p_fake"] is not None]
        traces.append(
            {
                "type": "scatter",
                "mode": "lines+markers",
                "name": f"person {person['track']}" if person["track"] >= 0 else "person",
                "x": [r["seconds"] if by_time else fields.frame_number(r["frame"]) for r in rows],
                "y": [row["p_fake"] for row in rows],
            }
        )
    ends = [x for trace in traces for x in trace["x"]]
    if ends:
        traces.append(
            {
                "type": "scatter",
                "mode": "lines",
                "name": "threshold",
                "x": [min(ends), max(ends)],
                "y": [result["operating"]["threshold"]] * 2,
                "line": {"dash": "dash", "color": COLOURS["fake"]},
            }
        )
    return traces


def in_seconds(result: dict[str, Any]) -> bool:
    rows = [face for person in result["persons"] for face in person["timeline"]]
    return bool(rows) and all(row["seconds"] is not None for row in rows)
