"""Writes rows of results one by one, and turns the failure of a part into a row."""

from __future__ import annotations

import json
import time
import traceback
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TypeVar

T = TypeVar("T")
MEASURED, MISSING, FAILED = "measured", "missing", "failed"


class NotMeasured(Exception):
    """The error for something that this machine does not have; the text says what."""


@dataclass(frozen=True, slots=True)
class Row:
    """One result.

    Attributes:
        section: section that measured it
        what: what was measured
        value, unit: the figure; None if there is none
        against, base: name of the baseline, and its figure in the same unit
        ratio: ratio of value to base
        goal: key of the goal that the row belongs to
        note: a few words
        state: ``measured``, ``missing`` (this machine lacks something) or ``failed``
    """

    section: str
    what: str
    value: float | None = None
    unit: str = ""
    against: str = ""
    base: float | None = None
    ratio: float | None = None
    goal: str = ""
    note: str = ""
    state: str = MEASURED

    @property
    def figure(self) -> float | None:
        """The figure that a goal is compared with."""
        return self.value if self.ratio is None else self.ratio


class Results:
    """The log of a run: one JSON object per line, so that results survive a crash.

    Args:
        path: path of the log
        seconds: time left for the section
    """

    def __init__(self, path: Path, section: str, seconds: float) -> None:
        self.path, self.section = path, section
        self.ends = time.monotonic() + seconds

    def left(self) -> float:
        """Return the seconds that are left for this section."""
        return self.ends - time.monotonic()

    def add(
        self,
        what: str,
        value: float | None = None,
        unit: str = "",
        against: str = "",
        base: float | None = None,
        goal: str = "",
        note: str = "",
        state: str = MEASURED,
    ) -> None:
        """Write a row; its ratio is that of ``value`` to ``base``, if both are given."""
        ratio = value / base if value is not None and base else None
        row = Row(self.section, what, value, unit, against, base, ratio, goal, note, state)
        self.event(row=asdict(row))

    def event(self, **values: object) -> None:
        """Write one line of the log."""
        with self.path.open("a", encoding="utf-8") as stream:
            stream.write(json.dumps(values) + "\n")

    def attempt(self, what: str, work: Callable[[], T], need: float = 3.0) -> T | None:
        """Return the result of ``work``; if it fails, write a row that says why and return None.

        Args:
            need: seconds that must be left to start it
        """
        if self.left() < need:
            self.add(what, note="the section's time is up", state=FAILED)
            return None
        try:
            return work()
        except NotMeasured as error:
            self.add(what, note=str(error), state=MISSING)
        except Exception as error:  # one part's failure must not lose the others
            traceback.print_exc()
            text = " ".join(str(error).split())[:160]
            self.add(what, note=f"{type(error).__name__}: {text}", state=FAILED)
        return None


def events(path: Path, start: int = 0) -> tuple[list[dict], int]:
    """Return the events of a log from byte ``start``, and where the last whole line ends."""
    if not path.is_file():
        return [], start
    with path.open("rb") as stream:
        stream.seek(start)
        whole, newline, _ = stream.read().rpartition(b"\n")
    lines = [json.loads(line) for line in whole.splitlines() if line]
    return lines, start + len(whole) + len(newline)


def rows_of(lines: list[dict]) -> Iterator[Row]:
    """Yield the rows among the events of a log."""
    for line in lines:
        if "row" in line:
            yield Row(**line["row"])
