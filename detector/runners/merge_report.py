"""Reports the state of shards before a merge: duplicates, gaps, conflicts and running shards."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any

from ..errors import ForensicsError
from ..text.markdown import plain
from .shard_notes import ShardNote

_SHOWN = 5  # names in a message


@dataclass(frozen=True, slots=True)
class MergeReport:
    """The state of the parts of several shards before they are merged.

    Attributes:
        units: number of requested videos
        complete: number of requested videos with all requested results
        duplicates: videos that occur more than once with equal results; one is used
        conflicts: videos that occur more than once with different results
        gaps: videos with missing results
        outdated: videos with results of another file than the requested one; not used
        foreign: videos that were not requested; not used
        running: runs that may still write
        died: runs that ended without reporting it
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
        """Return plain lists, dicts, numbers and strings."""
        return asdict(self)

    def require(self, allow_gaps: bool = False) -> None:
        """Refuse a merge that needs a decision by a person.

        Args:
            allow_gaps: merge although results are missing or damaged, or a run died

        Raises:
            ForensicsError: a run may still write, results conflict, or there are gaps
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
                "Remove the wrong one; the merge cannot tell which one it is.",
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
        """Return the report as a Markdown table without empty rows."""
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
