"""Keeps what is known of each file of a case with its dataset: the analysis and the file's facts.

A record belongs to a file (by its sha256), a detector and its settings. It is a custom run, so that
it goes with the dataset when that is renamed or copied, and is there for a file without any face.
"""

from __future__ import annotations

import json
from dataclasses import asdict
from datetime import datetime, timezone
from typing import Any

import fiftyone as fo

from ...detector.file_facts.fact import Fact
from ...detector.records import content_hash
from ..dataset import run_names, stored_runs

FORMAT = 3  # part of the settings: a newer one computes again


def settings_of(**settings: Any) -> str:
    """Return a short hash of everything, besides the file, that an analysis depends on."""
    return content_hash({"format": FORMAT, **settings})[:12]


def store(
    case: fo.Dataset,
    settings: str,
    analysis: dict[str, Any],
    facts: list[Fact],
    hashes: tuple[int, ...],
    copies: list[str],
    unread: dict[str, str],
    path: str,
) -> None:
    """Store the record of a file, in place of an earlier one with the same settings.

    The earlier one's place among the records, and its paths, are kept.

    Args:
        case: dataset of the case
        settings: see :func:`settings_of`
        analysis: as JSON, with what was added to it
        facts: what the file says of itself
        hashes: of its frames
        copies: where the same or a similar file is in other datasets
        unread: by dataset, what it could not be compared with
        path: where the file is now
    """
    now = datetime.now(timezone.utc).isoformat(" ", "microseconds")
    earlier = known(case, analysis["sha256"], settings) or {"paths": [], "since": now}
    whole = {
        "analysis": analysis,
        "facts": [asdict(row) for row in facts],
        "hashes": [f"{value:016x}" for value in hashes],
        "copies": copies,
        "unread": unread,
        "paths": _with(earlier["paths"], path),
        "when": now,
        "since": earlier["since"],
    }
    _put(case, settings, whole)


def update(
    case: fo.Dataset, settings: str, record: dict[str, Any], path: str, **changes: Any
) -> None:
    """Store a record again with where the file is now, and other values, if they differ."""
    changes["paths"] = _with(record["paths"], path)
    if any(record[name] != value for name, value in changes.items()):
        _put(case, settings, {**record, **changes})


def _with(paths: list[str], path: str) -> list[str]:
    """Return the paths, each once, with ``path`` as the last one."""
    return [*(other for other in paths if other != path), path]


def _put(case: fo.Dataset, settings: str, whole: dict[str, Any]) -> None:
    analysis = whole["analysis"]
    stored_runs.put(
        case,
        _name(analysis["sha256"], settings),
        method=run_names.method_of(run_names.ANALYSIS),
        results={"record": json.dumps(whole)},
        sha256=analysis["sha256"],
        made_by=analysis["detector"],
        verdict=analysis["headline"],
        score=analysis["score"],
    )


def known(case: fo.Dataset, sha256: str, settings: str) -> dict[str, Any] | None:
    """Return the whole record of a file that was analyzed with these settings, or None."""
    name = _name(sha256, settings)
    if stored_runs.info_of(case, run_names.ANALYSIS, name.removeprefix(run_names.ANALYSIS)) is None:
        return None
    return json.loads(stored_runs.results_of(case, name)["record"])


def all_of(case: fo.Dataset) -> list[dict[str, Any]]:
    """Return every record of a case, oldest first; those of one file stand together."""
    keys = stored_runs.listed(case, run_names.ANALYSIS)
    rows = [
        json.loads(stored_runs.results_of(case, run_names.ANALYSIS + key)["record"]) for key in keys
    ]
    rows.sort(key=lambda row: row["since"])  # an update makes none newer
    order: dict[str, int] = {}
    for row in rows:
        order.setdefault(row["analysis"]["sha256"], len(order))
    return sorted(rows, key=lambda row: order[row["analysis"]["sha256"]])


def _name(sha256: str, settings: str) -> str:
    return f"{run_names.ANALYSIS}{sha256[:24]}_{settings}"
