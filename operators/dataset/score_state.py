"""Tells whether the scores of a key are complete, by marks that survive a killed process.

Replacing scores (:mod:`operators.scoring.score_claim`) first names the new maker and sets a mark,
in one update. Then it clears, then writes, then removes the mark. Every reader refuses marked
scores, so that numbers of one detector never appear under the name of another.
"""

from __future__ import annotations

from collections.abc import Iterable

import fiftyone as fo

from ...detector.errors import ForensicsError
from . import fields, run_names, stored_runs
from .dataset_changes import documents

#: Entry of the run that says what is unfinished; absent or "" for complete scores.
MARK = "unfinished"
CLEARING = "the earlier scores are being removed"
WRITING = "the scores are being written"
VIDEO_SCORES = "the scores of videos and persons are being computed"


def unfinished(dataset: fo.Dataset) -> dict[str, str]:
    """Return what is unfinished in the database now, by detector key."""
    found = documents("runs").find(
        {"_dataset_id": dataset._doc.id, f"config.{MARK}": {"$gt": ""}},
        {"key": 1, f"config.{MARK}": 1},
    )
    marked = {row["_id"]: row for row in found}
    if not marked:
        return {}
    raw = documents("datasets").find_one({"_id": dataset._doc.id}, ["runs"]) or {}
    named = (raw.get("runs") or {}).values()
    return {
        row["key"].removeprefix(run_names.SCORES): row["config"][MARK]
        for run_id, row in marked.items()
        if run_id in named
    }


def require_whole(dataset: fo.Dataset, key: str) -> None:
    """Raise :class:`ForensicsError` if the scores of ``key`` are being replaced or incomplete."""
    why = unfinished(dataset).get(key)
    if why is not None:
        raise _refusal(dataset, key, why)


def require_faces_whole(dataset: fo.Dataset, key: str) -> None:
    """Do as :func:`require_whole`, for code that recomputes the scores of videos and persons."""
    why = unfinished(dataset).get(key)
    if why is not None and why != VIDEO_SCORES:
        raise _refusal(dataset, key, why)


def require_fields_whole(dataset: fo.Dataset, names: Iterable[str]) -> None:
    """Raise :class:`ForensicsError` if one of the fields ``names`` holds unfinished scores."""
    found = unfinished(dataset)
    for key, why in found.items():
        if set(names) & set(fields.fields_of_key(dataset, key)):
            raise _refusal(dataset, key, why)


def _refusal(dataset: fo.Dataset, key: str, why: str) -> ForensicsError:
    return ForensicsError(
        f"The scores of {key!r} on {dataset.name!r} are unfinished: {why}, or that step was "
        "interrupted.",
        "Wait for the run that writes them; where it was killed, run it again.",
        "key",
    )


def mark(dataset: fo.Dataset, key: str, what: str) -> None:
    """Mark the scores of ``key`` as unfinished because of ``what``; "" removes the mark."""
    stored_runs.change(dataset, fields.ScoreFields(key).run, **{MARK: what})
