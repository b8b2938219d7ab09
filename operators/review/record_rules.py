"""Says whether a record of the review can be stored, and in which order records count."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime, timezone
from typing import Any

#: Years of moments that every reader of the database can show in every time zone.
YEARS = range(1970, 2200)
#: Most letters of a note.
MOST_NOTE = 10_000
ASIDE = "aside"  # a decision that an earlier version imported and nobody can read: of no effect
_TEXTS = ("reviewer", "time", "action", "note", "detector", "checkpoint", "mark")


def moment(time: str | None) -> datetime:
    """Return the moment that a record names; the first of all for an adopted one without a time.

    Raises:
        ValueError: if ``time`` is no time
        OverflowError: at the edge of the calendar
    """
    if not time:
        return datetime.min.replace(tzinfo=timezone.utc)
    found = datetime.fromisoformat(time)
    return found.replace(tzinfo=found.tzinfo or timezone.utc).astimezone(timezone.utc)


def is_text(value: Any) -> bool:
    """Return whether ``value`` is none, or text that the database can store."""
    if not isinstance(value, str):
        return value is None
    return not any("\ud800" <= letter <= "\udfff" for letter in value)


def flaw(values: Mapping[str, Any]) -> str:
    """Return why the database cannot hold ``values`` of a record, "" if it can."""
    for name in _TEXTS:
        if not is_text(values.get(name)):
            return f"{name} is no text"
    if len(values.get("note") or "") > MOST_NOTE:
        return f"the note has more than {MOST_NOTE:,} letters"
    time = values.get("time")
    try:
        known = not time or moment(time).year in YEARS
    except (ValueError, OverflowError):
        known = False
    return "" if known else f"{time!r} is no time of the years {YEARS[0]} to {YEARS[-1]}"


def order(rows: Sequence[Mapping[str, Any]]) -> list[int]:
    """Return the places of ``rows`` in the order of their decisions.

    What was made here is newer than all that was there, whatever the clock said. What was imported
    stands where it was decided.
    """
    latest, keys = "", []
    for row in rows:
        placed = row.get("placed")
        if row["what"] != ASIDE:
            latest = max(latest, placed or row["time"])
        keys.append(placed or latest)
    return sorted(range(len(keys)), key=keys.__getitem__)
