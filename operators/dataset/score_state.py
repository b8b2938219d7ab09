"""Says whether the scores of a key are whole: marks that outlive a killed process.

Whoever replaces scores (:mod:`operators.scoring.score_claim`) first names the new maker together
with a mark, by one update; then clears, then writes, then takes the mark away. Every reader refuses
marked scores, so that the name of one detector never stands over numbers of another.
"""

from __future__ import annotations

from collections.abc import Iterable

import fiftyone as fo

from ...detector.errors import ForensicsError
from . import fields, run_names, stored_runs
from .dataset_changes import documents

#: The run's entry that says what is unfinished; absent or "" in whole scores.
MARK = "unfinished"
CLEARING = "the earlier scores are being removed"
WRITING = "the scores are being written"
VIDEO_SCORES = "the scores of videos and persons are being computed"


def unfinished(dataset: fo.Dataset) -> dict[str, str]:
    """What is unfinished, by detector key, as the database says now."""
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
    """Raise :class:`ForensicsError` where the scores of ``key`` are being replaced or half so."""
    why = unfinished(dataset).get(key)
    if why is not None:
        raise _refusal(dataset, key, why)


def require_faces_whole(dataset: fo.Dataset, key: str) -> None:
    """As :func:`require_whole`, for whoever computes the scores of videos and persons anew."""
    why = unfinished(dataset).get(key)
    if why is not None and why != VIDEO_SCORES:
        raise _refusal(dataset, key, why)


def require_fields_whole(dataset: fo.Dataset, names: Iterable[str]) -> None:
    """Raise :class:`ForensicsError` where one of the fields ``names`` is of unfinished scores."""
    found = unfinished(dataset)
    for key, why in found.items():
        if set(names) & set(fields.fields_of_key(dataset, key)):
            raise _refusal(dataset, key, why)


def _refusal(dataset: fo.Dataset, key: str, why: str) -> ForensicsError:
    return ForensicsError(
        f"The scores of {key!r} on {dataset.name!r} are unfinished: {why}, or that was cut off.",
        "Wait for the run that writes them; where it was killed, run it again.",
        "key",
    )


def mark(dataset: fo.Dataset, key: str, what: str) -> None:
    """Mark the scores of ``key`` as unfinished: ``what`` is going on; "" takes the mark away."""
    stored_runs.change(dataset, fields.ScoreFields(key).run, **{MARK: what})
