"""Writes the pages of a case: an overview, one page for each file, and all of them in one."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

from ...detector.records import canonical_json
from . import pdf
from .case_facts import CaseFacts
from .figures import over_time
from .page import template
from .texts import LIMITS, texts_of

OVERVIEW = "case.html"
FORMAT = "media_forensics/case/1"


def page_name(number: int) -> str:
    """Return the name of a file's page."""
    return f"file-{number:03}.html"


def case_files(
    case: CaseFacts,
    *,
    title: str,
    note: str,
    organisation: str,
    language: str,
    made: str,
    version: str,
    key: str,
    with_pdf: bool,
) -> dict[str, bytes]:
    """Return the files of a case's report by name.

    Args:
        case: what it says
        title, note, organisation: texts at the top
        language: of the headings and definitions
        made, version: when, and by which version
        key: detector key whose page ``report.html`` shows; "" if there is none
        with_pdf: whether ``case.pdf`` holds all pages

    Raises:
        ForensicsError: an unknown language, or no browser that prints
    """
    texts = texts_of(language)
    common: dict[str, Any] = {
        "case": case,
        "title": title,
        "note": note,
        "organisation": organisation,
        "language": language,
        "t": texts,
        "limits": LIMITS.get(language, case.limits),
        "made": made,
        "version": version,
        "key": key,
        "over_time": over_time,
        "page_name": page_name,
    }
    form = template("case.html")
    pages = {OVERVIEW: form.render(**common, shown=(), whole=False)}
    for file in case.files:
        pages[page_name(file.number)] = form.render(**common, shown=(file,), whole=False)
    found = {name: text.encode() for name, text in pages.items()}
    found["case.json"] = (canonical_json(_json(case, made, version)) + "\n").encode()
    if with_pdf:
        found["case.pdf"] = pdf.pdf_of(form.render(**common, shown=case.files, whole=True))
    return found


def _json(case: CaseFacts, made: str, version: str) -> dict[str, Any]:
    """Return everything but the pictures."""
    files = []
    for file in case.files:
        row = {name: value for name, value in asdict(file).items() if name != "findings"}
        row["findings"] = [{"when": one.when, **one.analysis} for one in file.findings]
        files.append(row)
    return {"format": FORMAT, "made": made, "version": version, "name": case.name, "files": files}
