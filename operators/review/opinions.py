"""Computes what each reviewer thinks of each face, and where reviewers differ.

The fields of a face hold the newest decision, whoever made it. Here every reviewer keeps an own
opinion, so that two people can decide the same faces without seeing each other's decisions. A
decision that *resolves* ends a difference; it is nobody's opinion and does not count as agreement.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

import fiftyone as fo

from . import record_rules, review_log
from .review_log import DECIDE, SET
from .states import DECISION, DECISIONS

_COLUMNS = (
    *("number", "what", "reviewer", "of", "action"),
    *("faces", "states", "resolves", "time", "placed"),
)


@dataclass(frozen=True)
class Opinions:
    """Who thinks what.

    Attributes:
        of: face -> reviewer -> decision
        settled: face -> decision that ended a difference
    """

    of: dict[str, dict[str, str]] = field(default_factory=dict)
    settled: dict[str, str] = field(default_factory=dict)

    def by(self, reviewer: str) -> dict[str, str]:
        """Return face -> decision of one reviewer."""
        return {face: said[reviewer] for face, said in self.of.items() if reviewer in said}

    def conflicts(self) -> list[str]:
        """Return the faces on which reviewers differ and nobody has resolved it.

        What an unknown person said (a decision of version 0.3) is no opinion to differ from.
        """
        return [face for face in self.of if face not in self.settled and self._differ(face)]

    def _differ(self, face: str) -> bool:
        return len({said for who, said in self.of[face].items() if who}) > 1

    def reviewers(self) -> list[str]:
        """Return all known people who have an opinion, in the order of the alphabet."""
        return sorted({who for said in self.of.values() for who in said if who})


def opinions_of(dataset: fo.Dataset) -> Opinions:
    """Return the opinions that the records of ``dataset`` add up to."""
    return folded(review_log.rows(dataset, _COLUMNS))


def disputed(dataset: fo.Dataset) -> list[str]:
    """Return the faces on which reviewers differ and nobody has resolved it."""
    if len(review_log.people(dataset) - {""}) < 2:
        return []
    return opinions_of(dataset).conflicts()


def opinions_about(dataset: fo.Dataset, faces: Sequence[str]) -> Opinions:
    """Return the opinions on ``faces``, from the records about them."""
    found = folded(map(vars, review_log.read_about(dataset, faces)))
    wanted = set(faces)
    of = {face: said for face, said in found.of.items() if face in wanted}
    return Opinions(of, {f: said for f, said in found.settled.items() if f in wanted})


def before_turn(
    dataset: fo.Dataset, what: str, reviewer: str | None, mark: str = ""
) -> dict[str, str]:
    """Return face -> decision of ``reviewer`` before an undo or redo, on the faces it changes.

    If the one called ``mark`` is stored already, it is that; else the next one.
    """
    who = review_log.person(reviewer)
    there = review_log.marked(dataset, mark) if mark else None
    number = there.of if there else review_log.next_of(dataset, what, who)
    faces = review_log.faces_of(dataset, number) if number is not None else []
    records = review_log.read_about(dataset, faces) if faces else []
    said = folded(vars(r) for r in records if not there or r.number < there.number).by(who)
    return {face: said[face] for face in faces if face in said}


def folded(rows: Iterable[dict[str, Any]]) -> Opinions:
    """Return the opinions after ``rows``: records in their order, as dicts of their values."""
    rows = list(rows)
    gone = review_log.undone(rows)
    found = Opinions()
    for row in (rows[place] for place in record_rules.order(rows)):
        if row["what"] not in (DECIDE, SET) or row["number"] in gone:
            continue
        for face, action in _said(row):
            said = found.of.setdefault(face, {})
            if row.get("resolves") and action in DECISIONS:
                found.settled[face] = action
            elif action in DECISIONS:
                said[row["reviewer"]] = action
                if found.settled.get(face, action) != action:
                    del found.settled[face]  # somebody disagrees with the resolution
            elif action in ("clear", None):
                for who in () if row.get("resolves") else {"", row["reviewer"]}:
                    said.pop(who, None)
                found.settled.pop(face, None)
    return found


def _said(row: dict[str, Any]) -> Iterator[tuple[str, str | None]]:
    """Yield the faces of a record with its action, or with the decision that was adopted."""
    if row["what"] == DECIDE:
        for face in row["faces"]:
            yield face, row["action"]
        return
    for face, state in zip(row["faces"], row["states"], strict=True):
        yield face, state.get(DECISION)
