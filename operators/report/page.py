"""The report as one HTML page that opens offline, prints, and runs nothing.

Every text that comes from outside (names of files, methods, people's notes) is escaped; the page
forbids scripts and requests by a content security policy, and its pictures are data URIs.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from html import escape
from typing import Any

from ...detector.audit.table import Area, Cell, Row
from ...detector.audit.words import count, percent
from .contents import Example, Facts, Table, Video
from .figures import curve, distributions

#: Videos listed on the page; all of them are in the CSV.
MOST_VIDEOS = 500
DOCS = "docs/audit.md and docs/metrics.md"
STYLE = """
:root { color-scheme: light; }
body { font: 14px/1.5 system-ui, sans-serif; color: #1a1a1a; background: #fff; max-width: 1000px;
  margin: 2em auto; padding: 0 1.5em; }
h1 { font-size: 1.7em; margin-bottom: .1em; } h2 { font-size: 1.2em; margin: 1.8em 0 .5em;
  border-bottom: 1px solid #ccc; } h3 { font-size: 1em; margin: 1.4em 0 .4em; }
.dim { color: #555; } .warn { border-left: 4px solid #D55E00; padding: .3em .8em;
  background: #fdf3ec; }
table { border-collapse: collapse; width: 100%;
  font-variant-numeric: tabular-nums; font-size: 13px; }
th, td { text-align: left; padding: .25em .6em; border-bottom: 1px solid #ddd;
  vertical-align: top; }
th { color: #444; font-weight: 600; } td.n, th.n { text-align: right; }
td { overflow-wrap: anywhere; } tr.total td { font-weight: 600; background: #f4f4f4; }
td.out { background: #fbe3d5; }
.facts td:first-child { width: 14em; color: #555; }
.figures, .faces { display: flex; flex-wrap: wrap; gap: 1em; }
figure { margin: 0; width: 136px; font-size: 11px; overflow-wrap: anywhere; break-inside: avoid; }
figure img { width: 128px; height: 128px; object-fit: cover; border: 1px solid #999; }
figure .none { width: 128px; height: 128px; border: 1px dashed #999; display: grid;
  place-items: center; color: #555; }
.hash { font-family: ui-monospace, monospace; font-size: 11px; }
@media print { body { max-width: none; margin: 0; } h2 { break-after: avoid; }
  tr, svg { break-inside: avoid; } thead { display: table-header-group; } }
"""


def page(facts: Facts, made: str, version: str) -> str:
    """The page.

    Args:
        facts: what it says
        made: when, in words
        version: of the plugin
    """
    settings, total = facts.settings, facts.total
    parts = [
        f"<h1>{escape(settings.title)}</h1>",
        f'<p class="dim">Made {escape(made)} by FiftyOne Deepfake Forensics {escape(version)}, '
        "which examines faces only.</p>",
    ]
    if settings.note:
        parts.append(f"<p>{escape(settings.note)}</p>")
    parts += ["<h2>Result</h2>", *_result(facts)]
    parts += ["<h2>What was examined</h2>", _facts_table(facts.about)]
    parts += ["<h2>Scores</h2>", _figures(facts)]
    if total.real + total.fake:
        parts.append("<h2>Error rates</h2>")
        parts.append(f"<p>{escape(facts.outliers)}</p>")
        parts.append(
            '<p class="dim">▲ worse than the rest beyond chance, all rows of its table considered; '
            '"few": too few independent units to be judged.</p>'
        )
        parts += [_rates(table) for table in facts.tables]
    if settings.examples:
        parts += ["<h2>Examples</h2>", _examples(facts.examples, settings.blur)]
    parts += ["<h2>Videos</h2>", _videos(facts.videos)]
    parts.append("<h2>Limits</h2>")
    parts.append("<ul>" + "".join(f"<li>{escape(text)}</li>" for text in facts.limits) + "</ul>")
    parts.append(f'<p class="dim">How each number is made: {DOCS} of the plugin.</p>')
    policy = "default-src 'none'; img-src data:; style-src 'unsafe-inline'"
    return (
        '<!DOCTYPE html>\n<html lang="en"><head><meta charset="utf-8">'
        f'<meta http-equiv="Content-Security-Policy" content="{policy}">'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        f"<title>{escape(settings.title)}</title><style>{STYLE}</style></head>"
        f"<body>{''.join(parts)}</body></html>\n"
    )


def _result(facts: Facts) -> Iterable[str]:
    unit, threshold, total = facts.settings.level, facts.threshold, facts.total
    style = "" if threshold.honest else ' class="warn"'
    yield (
        f"<p{style}>Called fake: p_fake ≥ {threshold.value:.3f}. The threshold is "
        f"{escape(threshold.provenance)}.</p>"
    )
    yield f"<p>{escape(facts.coverage)}</p>"
    rows = []
    if total.fpr is not None:
        rows.append(("False alarms (FPR)", _rate(total.fpr, f"real {unit}s called fake")))
    if total.fnr is not None:
        rows.append(("Missed fakes (FNR)", _rate(total.fnr, f"fake {unit}s called real")))
    if total.auroc is not None:
        rows.append(("AUROC, any threshold", _area(total.auroc)))
    if rows:
        yield _facts_table(rows)
    else:
        called = sum(video.verdict == "called fake" for video in facts.videos)
        yield f"<p>{count(called, 'video')} of {len(facts.videos):,} called fake.</p>"


def _rate(cell: Cell, what: str) -> str:
    return (
        f"{percent(cell.rate)} ({percent(cell.low)} to {percent(cell.high)}): "
        f"{cell.hits:,} of {cell.trials:,} {what}"
    )


def _area(area: Area) -> str:
    if area.low is None or area.high is None:
        return f"{area.value:.3f} ({area.how})"
    return f"{area.value:.3f} ({area.low:.3f} to {area.high:.3f}; {area.how})"


def _facts_table(rows: Iterable[tuple[str, str]]) -> str:
    body = "".join(f"<tr><td>{escape(n)}</td><td>{escape(v)}</td></tr>" for n, v in rows)
    return f'<table class="facts">{body}</table>'


def _figures(facts: Facts) -> str:
    total = facts.total
    fpr = None if total.fpr is None else total.fpr.rate
    tpr = None if total.fnr is None else 1 - total.fnr.rate
    found = [distributions(facts.units, facts.threshold.value), curve(facts.units, fpr, tpr)]
    return f'<div class="figures">{"".join(f for f in found if f)}</div>'


def _head(names: Sequence[tuple[str, bool]]) -> str:
    cells = "".join(f'<th{_number(n)} scope="col">{escape(text)}</th>' for text, n in names)
    return f"<thead><tr>{cells}</tr></thead>"


def _number(numeric: bool) -> str:
    return ' class="n"' if numeric else ""


def _rates(table: Table) -> str:
    names = [(name, False) for name in table.columns]
    names += [("false alarms (FPR)", False), ("missed fakes (FNR)", False), ("AUROC", False)]
    names += [("real", True), ("fake", True), ("not scored", True)]
    body = "".join(_row(row, len(table.columns)) for row in table.rows)
    if len(table.rows) > 1:
        body += _row(table.total, len(table.columns))
    return f"<h3>{escape(table.title)}</h3><table>{_head(names)}<tbody>{body}</tbody></table>"


def _row(row: Row, width: int) -> str:
    total = row.index < 0
    names = ["all", *[""] * (width - 1)] if total else list(row.name)
    cells = [f"<td>{escape(name)}</td>" for name in names]
    cells += [_cell(row.fpr), _cell(row.fnr)]
    cells.append(f"<td>{escape(_area(row.auroc)) if row.auroc else 'n/a'}</td>")
    lost = ", ".join(f"{n:,} {reason}" for reason, n in sorted(row.lost.items()))
    for value in (f"{row.real:,}", f"{row.fake:,}", lost or "0"):
        cells.append(f'<td class="n">{escape(value)}</td>')
    style = ' class="total"' if total else ""
    return f"<tr{style}>{''.join(cells)}</tr>"


def _cell(cell: Cell | None) -> str:
    if cell is None:
        return "<td>n/a</td>"
    mark, few = ("▲ " if cell.stands_out else ""), (" few" if cell.small else "")
    style = ' class="out"' if cell.stands_out else ""
    return (
        f"<td{style}>{mark}{percent(cell.rate)} ({percent(cell.low)} to {percent(cell.high)})<br>"
        f'<span class="dim">{cell.hits:,} of {cell.trials:,}{few}</span></td>'
    )


def _examples(examples: Sequence[Example], blurred: bool) -> str:
    if not examples:
        return "<p>No face is called wrongly at this threshold.</p>"
    parts = [
        '<p class="dim">The worst, one face per video'
        f"{'; faces are blurred' if blurred else ''}.</p>"
    ]
    for kind in dict.fromkeys(example.kind for example in examples):
        shown = [e for e in examples if e.kind == kind]
        parts.append(f'<h3>{escape(kind)}</h3><div class="faces">')
        parts += [_example(example) for example in shown]
        parts.append("</div>")
    return "".join(parts)


def _example(example: Example) -> str:
    picture = example.picture
    frame = "" if example.frame_number is None else f", frame {example.frame_number}"
    words = f"p_fake {example.p_fake:.3f}; {example.method or 'method not known'}"
    image = (
        f'<img src="{picture.uri}" alt="{escape(f"face of {example.video_id}{frame}")}">'
        if picture.uri
        else f'<div class="none">{escape(picture.reason or "no picture")}</div>'
    )
    return (
        f"<figure>{image}<figcaption>{escape(words)}<br>{escape(example.video_id)}{frame}"
        "</figcaption></figure>"
    )


def _videos(videos: Sequence[Video]) -> str:
    names = [("video", False), ("truth", False), ("p_fake", True), ("at the threshold", False)]
    names += [("faces scored", True), ("sha256 of the file", False)]
    lost_first = sorted(videos, key=lambda v: (v.p_fake is not None, -(v.p_fake or 0), v.video_id))
    body = "".join(_video(video) for video in lost_first[:MOST_VIDEOS])
    more = len(videos) - MOST_VIDEOS
    note = f'<p class="dim">{more:,} more are in the CSV.</p>' if more > 0 else ""
    return f"<table>{_head(names)}<tbody>{body}</tbody></table>{note}"


def _video(video: Video) -> str:
    score = "n/a" if video.p_fake is None else f"{video.p_fake:.3f}"
    verdict = video.verdict if video.p_fake is not None else f"not scored: {video.reason}"
    digest = video.sha256 or video.file_reason or "not hashed"
    values: list[tuple[Any, str]] = [
        (video.video_id, ""),
        (video.label or "not known", ""),
        (score, ' class="n"'),
        (verdict, ""),
        (f"{video.scored} of {video.faces}", ' class="n"'),
        (digest, ' class="hash"'),
    ]
    cells = "".join(f"<td{style}>{escape(str(value))}</td>" for value, style in values)
    return f"<tr>{cells}</tr>"
