"""Writes the table and the section of every format in docs/datasets.md from the importers.

``python -m media_forensics.operators.importers.catalogue docs/datasets.md`` rewrites the text
between the two markers of that file. A test compares the page with the importers, so that they
cannot drift apart.
"""

from __future__ import annotations

import sys
from pathlib import Path

from .contract import Importer, Official
from .registry import importers

BEGIN = "<!-- formats: written by operators/importers/catalogue.py -->"
END = "<!-- end of formats -->"
_LABELS = {0: "real", 1: "fake", None: "all"}


def render() -> str:
    """Return the table of formats and a section for each, as Markdown."""
    lines = [
        "| format | dataset | splits | official counts | also called |",
        "|---|---|---|---|---|",
    ]
    for importer in importers():
        lines.append(
            f"| [`{importer.name}`](#{_anchor(importer)}) | {importer.title} | "
            f"{'official' if importer.official_split else 'none: derived'} | "
            f"{_summary(importer)} | {', '.join(f'`{a}`' for a in importer.aliases)} |"
        )
    for importer in importers():
        lines += ["", *_section(importer)]
    return "\n".join(lines)


def _anchor(importer: Importer) -> str:
    """Return GitHub's anchor of a section's heading."""
    kept = (c for c in importer.title.lower() if c.isalnum() or c in " -_")
    return "".join(kept).replace(" ", "-")


def _summary(importer: Importer) -> str:
    """Return the total of reals and fakes; if only parts are published, the sum of those parts."""
    if not importer.official:
        return "none"
    parts = []
    for label, name in _LABELS.items():
        of_label = [item for item in importer.official if item.label == label]
        whole = [item for item in of_label if item.split is None]
        counted = whole or of_label
        if counted:
            splits = {item.split for item in counted}
            where = f" ({splits.pop()})" if len(splits) == 1 and not whole else ""
            parts.append(f"{sum(item.count for item in counted):,} {name}{where}")
    return ", ".join(parts)


def _section(importer: Importer) -> list[str]:
    lines = [f"### {importer.title}", ""]
    lines.append(f'`format="{importer.name}"`. {importer.license_note}')
    if importer.url:
        lines.append(f"<{importer.url}>")
    lines += ["", "```", importer.expects, "```"]
    if importer.gotchas:
        lines += ["", *(f"* {gotcha}" for gotcha in importer.gotchas)]
    if importer.official:
        lines += ["", "| split | method | label | official count |", "|---|---|---|---:|"]
        lines += [_official(item) for item in importer.official]
        if any(item.per_compression for item in importer.official):
            lines += ["", "For each compression by itself."]
        if any(not item.certain for item in importer.official):
            lines += ["", "? from secondary sources"]
    return lines


def _official(item: Official) -> str:
    method = item.method or "all"
    if item.subset:
        method = f"{method} ({item.subset})"
    count = f"{item.count:,}{'' if item.certain else ' ?'}"
    return f"| {item.split or 'all'} | {method} | {_LABELS[item.label]} | {count} |"


def update(page: str) -> str:
    """Return ``page`` with the text between the markers rewritten."""
    head, _, rest = page.partition(BEGIN)
    _, _, tail = rest.partition(END)
    return f"{head}{BEGIN}\n\n{render()}\n\n{END}{tail}"


if __name__ == "__main__":
    target = Path(sys.argv[1])
    target.write_text(update(target.read_text(encoding="utf-8")), encoding="utf-8")
