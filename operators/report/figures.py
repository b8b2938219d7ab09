"""Draws the plots of the report as SVG text, without script, font or picture from elsewhere.

Colours and sides are those of the error audit: reals are blue and point upwards, fakes are
vermilion and point downwards, so that the two can be told apart in grey print.
"""

from __future__ import annotations

from html import escape
from typing import Any

import numpy as np

from ...detector.audit.plot_curves import BARS, bar_of, roc
from ...detector.audit.units import Units
from ...detector.records import FAKE, REAL
from ..app.colours import COLOURS, LINE, POINT

WIDTH, HEIGHT = 460, 250
LEFT, RIGHT, TOP, BOTTOM = 52, 14, 14, 40
GREY = "#666666"
#: Colour (Okabe and Ito 2008) and dashes of each person's line.
PERSONS = (("#0072B2", ""), ("#D55E00", "6 2"), ("#009E73", "2 2"), ("#CC79A7", "8 2 2 2"))


def person_number(track: int) -> str:
    """Return the number of a person as the fields and the panels show it, "" if unknown."""
    return str(track) if track >= 0 else ""


def _frame(parts: list[str], title: str) -> str:
    return (
        f'<svg role="img" aria-label="{escape(title)}" viewBox="0 0 {WIDTH} {HEIGHT}" '
        f'width="{WIDTH}" height="{HEIGHT}" font-family="sans-serif" font-size="11">'
        f"<title>{escape(title)}</title>{''.join(parts)}</svg>"
    )


def _text(x: float, y: float, words: str, anchor: str = "middle", colour: str = GREY) -> str:
    return (
        f'<text x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}" fill="{colour}">'
        f"{escape(words)}</text>"
    )


def _line(
    x0: float, y0: float, x1: float, y1: float, colour: str = "#cccccc", dash: str = ""
) -> str:
    pattern = f' stroke-dasharray="{dash}"' if dash else ""
    ends = f'x1="{x0:.1f}" y1="{y0:.1f}" x2="{x1:.1f}" y2="{y1:.1f}"'
    return f'<line {ends} stroke="{colour}"{pattern}/>'


def _x(value: float) -> float:
    return LEFT + value * (WIDTH - LEFT - RIGHT)


def _y(share: float) -> float:
    """Return the y pixel of ``share``: 0 at the bottom, 1 at the top."""
    return HEIGHT - BOTTOM - share * (HEIGHT - TOP - BOTTOM)


def _label_x(words: str) -> list[str]:
    ticks = [_text(_x(v), HEIGHT - BOTTOM + 14, f"{v:g}") for v in (0, 0.25, 0.5, 0.75, 1)]
    return [*ticks, _text(_x(0.5), HEIGHT - 6, words)]


def distributions(units: Units, threshold: float) -> str:
    """Draw a histogram of p_fake: the share of the reals upwards, of the fakes downwards.

    If nothing is labelled, the share of all units is drawn upwards.
    """
    bars = bar_of(units.p_fake)
    scored = ~np.isnan(units.p_fake)
    groups = [(REAL, "real", COLOURS[REAL], 1), (FAKE, "fake", COLOURS[FAKE], -1)]
    chosen = [(units.label == code) & scored for code, *_ in groups]
    if not any(mask.any() for mask in chosen):
        groups, chosen = [(-1, "all", GREY, 1)], [scored]
    counts = [np.bincount(bars[mask], minlength=BARS) for mask in chosen]
    shares = [c / max(1, c.sum()) for c in counts]
    top = max(float(s.max()) for s in shares) or 1.0
    both = len(groups) == 2
    middle = 0.5 if both else 0.0
    parts = []
    width = (WIDTH - LEFT - RIGHT) / BARS
    for (_, name, colour, side), share, count in zip(groups, shares, counts, strict=True):
        for bar in np.flatnonzero(share):
            size = float(share[bar]) / top * (0.46 if both else 0.94)
            low = middle if side > 0 else middle - size
            parts.append(
                f'<rect x="{_x(bar / BARS) + 0.5:.1f}" y="{_y(low + size):.1f}" '
                f'width="{width - 1:.1f}" height="{_y(0) - _y(size):.1f}" fill="{colour}">'
                f"<title>{int(count[bar])} {name}</title></rect>"
            )
        anchor = 0.97 if side > 0 else 0.02
        mark = {"real": "▲", "fake": "▼"}.get(name, "")
        words = f"{mark} {name} ({int(count.sum()):,})".strip()
        parts.append(_text(LEFT + 4, _y(anchor) + (4 if side > 0 else 0), words, "start", colour))
    parts.append(_line(LEFT, _y(middle), WIDTH - RIGHT, _y(middle), GREY))
    parts.append(_line(_x(threshold), TOP, _x(threshold), HEIGHT - BOTTOM, "#222222", "5 4"))
    for value, position in ((top, 0.94 if not both else 0.96), (0, middle)):
        parts.append(_text(LEFT - 6, _y(position) + 4, f"{value:.0%}", "end"))
    side = f"p_fake of the {units.level} (dashed: threshold {threshold:.3f})"
    return _frame([*parts, *_label_x(side)], f"Distribution of scores per {units.level}")


def curve(units: Units, fpr: float | None, tpr: float | None) -> str | None:
    """Draw the ROC with the operating point as a diamond, or return None if a class is missing."""
    found = roc(units)
    if found is None:
        return None
    parts = []
    for value in (0, 0.25, 0.5, 0.75, 1):
        parts.append(_line(_x(value), TOP, _x(value), HEIGHT - BOTTOM))
        parts.append(_line(LEFT, _y(value), WIDTH - RIGHT, _y(value)))
        parts.append(_text(LEFT - 6, _y(value) + 4, f"{value:.0%}", "end"))
    parts.append(_line(_x(0), _y(0), _x(1), _y(1), GREY, "2 3"))
    points = " ".join(
        f"{_x(float(x)):.1f},{_y(float(y)):.1f}" for x, y in zip(found.fpr, found.tpr, strict=True)
    )
    parts.append(f'<polyline points="{points}" fill="none" stroke="{LINE}" stroke-width="2"/>')
    if fpr is not None and tpr is not None:
        x, y = _x(fpr), _y(tpr)
        diamond = f"{x:.1f},{y - 7:.1f} {x + 7:.1f},{y:.1f} {x:.1f},{y + 7:.1f} {x - 7:.1f},{y:.1f}"
        parts.append(f'<polygon points="{diamond}" fill="{POINT}" stroke="#ffffff"/>')
        words = f"◆ {fpr:.1%} false alarms, {tpr:.1%} of fakes found"
        parts.append(_text(WIDTH - RIGHT - 6, HEIGHT - BOTTOM - 8, words, "end", POINT))
    words = "false alarms (FPR); upwards: fakes found (TPR)"
    return _frame([*parts, *_label_x(words)], "ROC curve with the operating point")


def over_time(result: dict[str, Any], texts: dict[str, str]) -> str:
    """Draw p_fake over time, one line per person with its number at the end, and the threshold.

    Args:
        result: a :class:`detector.scoring.analysis.Analysis` as JSON
        texts: ``over_time``, the title, and the words of the axis

    Returns:
        "" where there is no course over time: no score, or those of a single frame
    """
    lines = []
    for person in result["persons"]:
        rows = [row for row in person["timeline"] if row["p_fake"] is not None]
        if rows:
            lines.append((person_number(person["track"]), rows))
    if not lines:
        return ""
    by_time = all(row["seconds"] is not None for _, rows in lines for row in rows)
    times = [[row["seconds"] if by_time else row["frame"] + 1 for row in rows] for _, rows in lines]
    first, last = min(map(min, times)), max(map(max, times))
    span = last - first
    if not span:
        return ""
    parts = []
    for value in (0, 0.25, 0.5, 0.75, 1):
        parts.append(_line(LEFT, _y(value), WIDTH - RIGHT, _y(value)))
        parts.append(_text(LEFT - 6, _y(value) + 4, f"{value:g}", "end"))
        parts.append(_text(_x(0.97 * value), HEIGHT - BOTTOM + 14, f"{first + value * span:.4g}"))
    for place, ((number, rows), xs) in enumerate(zip(lines, times, strict=True)):
        points = [
            (_x(0.97 * (x - first) / span), _y(r["p_fake"])) for x, r in zip(xs, rows, strict=True)
        ]
        colour, dash = PERSONS[place % len(PERSONS)]
        dashes = f' stroke-dasharray="{dash}"' if dash else ""
        shape = " ".join(f"{x:.1f},{y:.1f}" for x, y in points)
        parts.append(
            f'<polyline points="{shape}" fill="none" stroke="{colour}" stroke-width="1.5"{dashes}/>'
        )
        parts += [f'<circle cx="{x:.1f}" cy="{y:.1f}" r="2.2" fill="{colour}"/>' for x, y in points]
        parts.append(_text(points[-1][0] + 4, points[-1][1] + 4, number, "start", colour))
    threshold = float(result["operating"]["threshold"])
    if 0 <= threshold <= 1:
        parts.append(_line(LEFT, _y(threshold), WIDTH - RIGHT, _y(threshold), "#222222", "5 4"))
    unit = texts["seconds" if by_time else "frame_axis"]
    words = texts["dashed"].format(unit=unit, value=f"{threshold:.3f}")
    parts.append(_text(_x(0.5), HEIGHT - 6, words))
    return _frame(parts, texts["over_time"])
