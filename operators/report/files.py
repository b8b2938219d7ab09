"""Writes the files of a report into a folder that appears with all of them or not at all."""

from __future__ import annotations

import os
import secrets
import shutil
import time
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from ...detector.errors import ForensicsError
from ...detector.files import minisign, sums
from ...detector.files.atomic import write_bytes
from ...detector.records import canonical_json
from ..dataset.code_version import code_version
from .case_facts import CaseFacts
from .case_page import case_files
from .contents import Facts
from .page import page
from .pdf import pdf_of
from .tables import csv_text

FORMAT = "media_forensics/report/1"


@dataclass(frozen=True)
class CaseWords:
    """Texts at the top of a case's pages."""

    title: str
    note: str
    organisation: str


@dataclass(frozen=True)
class Pages:
    """What a report consists of.

    Attributes:
        facts: rates and scores of a detector, None for a case in which no file has a face
        case: the files of a case, None if the dataset is no case
        words, language: of the case's pages
        pdf: whether it is also printed
        key: detector key
    """

    facts: Facts | None
    case: CaseFacts | None
    words: CaseWords
    language: str
    pdf: bool
    key: str


def write(folder: Path, pages: Pages, signer: minisign.SecretKey | None = None) -> dict[str, str]:
    """Write the report, its sums and, with a key, their signature; return the files' sha256."""
    made = time.strftime("%Y-%m-%d %H:%M:%S UTC", time.gmtime())
    version = code_version()
    data = {} if pages.facts is None else _of_detector(pages.facts, made, version)
    if pages.case is not None:
        data |= case_files(
            pages.case,
            **asdict(pages.words),
            language=pages.language,
            made=made,
            version=version,
            key=pages.key if pages.facts is not None else "",
            with_pdf=pages.pdf,
        )
    elif pages.pdf:
        data["report.pdf"] = pdf_of(data["report.html"].decode())
    return write_folder(folder, data, signer)


def _of_detector(facts: Facts, made: str, version: str) -> dict[str, bytes]:
    texts = {
        "report.html": page(facts, made, version),
        "report.json": canonical_json(_json(facts, made, version)) + "\n",
        "rates.csv": csv_text(*_rates(facts)),
        "videos.csv": csv_text(
            list(asdict(facts.videos[0])) if facts.videos else [],
            (list(asdict(video).values()) for video in facts.videos),
        ),
    }
    return {name: text.encode() for name, text in texts.items()}


def write_folder(
    folder: Path, files: Mapping[str, bytes], key: minisign.SecretKey | None = None
) -> dict[str, str]:
    """Write sealed ``files`` under another name, then rename the folder; return their sha256."""
    unfinished = folder.with_name(f".{folder.name}.{os.getpid()}.{secrets.token_hex(4)}.tmp")
    try:
        for name, content in sums.sealed(files, key).items():
            write_bytes(unfinished / name, content)
        if folder.exists():
            folder.rmdir()  # the operator has checked that it is empty
        unfinished.rename(folder)
    except OSError as error:
        raise ForensicsError(
            f"The report cannot be written to {folder}: {error.strerror or error}.",
            "Choose a folder that can be written, on a disk with space.",
            field="folder",
        ) from error
    finally:
        shutil.rmtree(unfinished, ignore_errors=True)
    return sums.read_sums(folder)[1]


def _rates(facts: Facts) -> tuple[list[str], list[list[Any]]]:
    """Return the columns and rows of ``rates.csv``: every table, one after the other."""
    columns = ["table", "row", "real", "fake", "scored_real", "scored_fake", "not_scored", "seen"]
    columns += [f"fpr{part}" for part in ("", "_low", "_high", "_hits", "_interval")]
    columns += [f"fnr{part}" for part in ("", "_low", "_high", "_hits", "_interval")]
    columns += ["auroc", "auroc_low", "auroc_high", "auroc_interval"]
    rows = []
    for table in facts.tables:
        for row in [table.total, *table.rows]:
            values: list[Any] = [table.title, " / ".join(row.name), row.real, row.fake]
            values += [row.scored_real, row.scored_fake, sum(row.lost.values()), row.seen]
            for cell in (row.fpr, row.fnr):
                values += (
                    [cell.rate, cell.low, cell.high, cell.hits, cell.why] if cell else [None] * 5
                )
            area = row.auroc
            values += [area.value, area.low, area.high, area.how] if area else [None] * 4
            rows.append(values)
    return columns, rows


def _json(facts: Facts, made: str, version: str) -> dict[str, Any]:
    """Return everything except the pictures."""
    examples = []
    for example in facts.examples:
        row = {k: v for k, v in asdict(example).items() if k != "picture"}
        row |= {"crop_sha256": example.picture.sha256, "no_picture": example.picture.reason}
        examples.append(row)
    return {
        "format": FORMAT,
        "made": made,
        "version": version,
        "settings": {**asdict(facts.settings)},
        "about": [list(pair) for pair in facts.about],
        "threshold": facts.threshold.to_json(),
        "coverage": facts.coverage,
        "outliers": facts.outliers,
        "tables": [
            {
                "title": table.title,
                "columns": table.columns,
                "total": table.total.to_json(),
                "rows": [row.to_json() for row in table.rows],
            }
            for table in facts.tables
        ],
        "videos": [asdict(video) for video in facts.videos],
        "examples": examples,
        "limits": facts.limits,
    }
