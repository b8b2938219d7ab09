"""Defines one fact that a file states about itself, as clean and short text."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from ..text.terminal import printable

MOST_TEXT = 1200  # characters of a value
MOST_FACTS = 400  # of one group


@dataclass(frozen=True, slots=True)
class Fact:
    """One statement of a file.

    Attributes:
        group: what it belongs to, for example ``container``
        name: what it states; both are one line without control characters
        value: the statement, at most :data:`MOST_TEXT` characters
    """

    group: str
    name: str
    value: str


def fact(group: str, name: Any, value: Any) -> Fact:
    """Return a fact with cleaned texts: whatever the file holds, it is one printable line."""
    return Fact(group, cleaned(name, 80), cleaned(value))


def cleaned(value: Any, most: int = MOST_TEXT) -> str:
    """Return ``value`` as one line of printable text; long text is cut, and says by how much."""
    if isinstance(value, bytes):
        text = value[: 4 * most].decode("utf-8", "replace").rstrip("\0 ")
        more = max(0, len(value) - 4 * most)
    else:
        text, more = str(value), 0
    text = printable(" ".join(text.split()))
    more += max(0, len(text) - most)
    return f"{text[:most]} ({more:,} more)" if more else text


def limited(facts: list[Fact], group: str) -> list[Fact]:
    """Return at most :data:`MOST_FACTS` of ``facts``, and then a fact that says how many more."""
    if len(facts) <= MOST_FACTS:
        return facts
    return [*facts[:MOST_FACTS], fact(group, "not listed", f"{len(facts) - MOST_FACTS:,} more")]
