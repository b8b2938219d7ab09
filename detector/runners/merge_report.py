"""What a merge of shards found: what is there twice, what is missing, who still works on it."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any

from ..errors import ForensicsError
from ..text.markup import plain
from .shard_notes import ShardNote

_SHOWN = 5  # names in a message


@dataclass(frozen=True, slots=True)
class MergeReport:
    """Everything that a person has to know before the parts of several shards count as one.

    Attributes:
        units: videos asked for
        complete: videos of which everything asked for is there
        duplicates: videos that are there more than once, with equal results: one is taken
        conflicts: videos that are there more than once with different results
        gaps: videos of which something, or everything, is missing
        outdated: videos with results of another file than is asked for; not taken
        foreign: videos that nobody asked for; not taken
        running: runs that may still write
        died: runs that ended without a word
        damaged: files that cannot be read, with the cause
    """

    units: int
    complete: int
    duplicates: tuple[str, ...] = ()
    conflicts: tuple[str, ...] = ()
    gaps: tuple[str, ...] = ()
    outdated: tuple[str, ...] = ()
    foreign: tuple[str, ...] = ()
    running: tuple[ShardNote, ...] = ()
    died: tuple[ShardNote, ...] = ()
    damaged: tuple[tuple[str, str], ...] = ()

    def to_json(self) -> dict[str, Any]:
        """Plain lists, dicts, numbers and strings."""
        return asdict(self)

    def require(self, allow_gaps: bool = False) -> None:
        """Refuse what only a person can decide.

        Args:
            allow_gaps: take what is there although something is missing, damaged or a run died

        Raises:
            ForensicsError: a run is at it, results contradict each other, or gaps
        """
        if self.running:
            raise ForensicsError(
                f"{_some(len(self.running), 'run')} may still write: {_names(self.running)}.",
                "Wait for it or stop it, then merge again.",
                "merge_from",
            )
        if self.conflicts:
            raise ForensicsError(
                f"{_some(len(self.conflicts), 'video')} with two different results: "
                f"{_names(self.conflicts)}.",
                "Remove the one that is wrong; which one that is nobody can guess.",
                "merge_from",
            )
        if self.gaps and not allow_gaps:
            more = f" Damaged: {_names([path for path, _ in self.damaged])}." * bool(self.damaged)
            more += f" Died: {_names(self.died)}." * bool(self.died)
            raise ForensicsError(
                f"{len(self.gaps)} of {_some(self.units, 'video')} not finished: "
                f"{_names(self.gaps)}.{more}",
                "Run the shards again to fill the gaps, or allow an incomplete merge.",
                "allow_gaps",
            )

    def table(self) -> str:
        """The report as a Markdown table; rows without anything are left out."""
        rows: list[tuple[str, int, str]] = [
            ("asked for", self.units, ""),
            ("complete", self.complete, ""),
            ("duplicates, equal", len(self.duplicates), _names(self.duplicates)),
            ("conflicts", len(self.conflicts), _names(self.conflicts)),
            ("gaps", len(self.gaps), _names(self.gaps)),
            ("outdated", len(self.outdated), _names(self.outdated)),
            ("not asked for", len(self.foreign), _names(self.foreign)),
            ("running", len(self.running), _names(self.running)),
            ("died", len(self.died), _names(self.died)),
            ("damaged files", len(self.damaged), "; ".join(f"{p}: {w}" for p, w in self.damaged)),
        ]
        shown = [row for row in rows if row[1] or row in rows[:2]]
        lines = [f"| {name} | {n} | {plain(text)} |" for name, n, text in shown]
        return "\n".join(["| videos | n | |", "|---|---|---|", *lines])


def _names(values: Any) -> str:
    names = [str(value) for value in values]
    more = f" and {len(names) - _SHOWN} more" if len(names) > _SHOWN else ""
    return ", ".join(names[:_SHOWN]) + more


def _some(count: int, what: str) -> str:
    return f"{count} {what}" + ("s" if count != 1 else "")
