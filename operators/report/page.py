"""Writes the report as one HTML page that opens offline, prints and runs no script.

The template ``page.html`` escapes every value, because texts come from outside (names of files,
methods, people's notes). A content security policy forbids scripts and requests, and the pictures
are data URIs.
"""

from __future__ import annotations

from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING

from ...detector.audit.audit_words import between, count, percent
from ...detector.audit.columns import SEEN
from ...detector.audit.table import Area, Cell
from ..dataset import seen_material
from .contents import Facts
from .figures import curve, distributions

if TYPE_CHECKING:
    from jinja2 import Template

#: Most videos listed on the page; the CSV lists all of them.
MOST_VIDEOS = 500


def page(facts: Facts, made: str, version: str) -> str:
    """Return the page.

    Args:
        facts: what the report says
        made: time at which it is made, in words
        version: version of the plugin
    """
    total, called = facts.total, sum(video.verdict == "called fake" for video in facts.videos)
    fpr = None if total.fpr is None else total.fpr.rate
    tpr = None if total.fnr is None else 1 - total.fnr.rate
    figures = [distributions(facts.units, facts.threshold.value), curve(facts.units, fpr, tpr)]
    lost_first = sorted(
        facts.videos, key=lambda v: (v.rank is not None, -(v.rank or 0), v.video_id)
    )
    kinds = dict.fromkeys(example.kind for example in facts.examples)
    return template("page.html").render(
        facts=facts,
        examples=[(kind, [e for e in facts.examples if e.kind == kind]) for kind in kinds],
        settings=facts.settings,
        made=made,
        version=version,
        rates=_rates(facts),
        called=f"{count(called, 'video')} of {len(facts.videos):,} called fake.",
        seen=seen_material.words(facts.units.texts.get(SEEN), facts.settings.level),
        figures="".join(figure for figure in figures if figure),
        videos=lost_first[:MOST_VIDEOS],
    )


@lru_cache(4)
def template(name: str) -> Template:
    """Return a template of this folder; it escapes every value."""
    from jinja2 import Environment, FileSystemLoader, StrictUndefined

    environment = Environment(
        loader=FileSystemLoader(Path(__file__).parent),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )
    environment.filters |= {
        "area": _area,
        "hits": lambda cell: f"{cell.hits:,} of {cell.trials:,}",
        "lost": lambda lost: ", ".join(f"{n:,} {why}" for why, n in sorted(lost.items())) or "0",
        "rate": _rate,
        "thousands": lambda number: f"{number:,}",
    }
    return environment.get_template(name)


def _rates(facts: Facts) -> list[tuple[str, str]]:
    """Return the named rates of everything that is judged; empty if nothing is labelled."""
    unit, total = facts.settings.level, facts.total
    rows = []
    for name, cell, what in (
        ("False alarms (FPR)", total.fpr, f"real {unit}s called fake"),
        ("Missed fakes (FNR)", total.fnr, f"fake {unit}s called real"),
    ):
        if cell is not None:
            rows.append((name, f"{_rate(cell)}: {cell.hits:,} of {cell.trials:,} {what}"))
    if total.auroc is not None:
        rows.append(("AUROC, any threshold", _area(total.auroc)))
    return rows


def _rate(cell: Cell) -> str:
    return f"{percent(cell.rate)} ({between(cell.low, cell.high, cell.why)})"


def _area(area: Area) -> str:
    if area.low is None or area.high is None:
        return f"{area.value:.3f} ({area.how})"
    return f"{area.value:.3f} ({area.low:.3f} to {area.high:.3f}; {area.how})"
