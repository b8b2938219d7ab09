"""Reports what an import found on the disk, compared with the authors' published counts."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any

from ...detector.records import VideoRecord, label_text
from .contract import Evidence, Missing, Official
from .leakage_groups import Crossing

SHOWN = 20


@dataclass(frozen=True, slots=True)
class CountRow:
    """One line of the count table.

    Attributes:
        split: split name, ``none`` for videos without one, ``all`` for a sum over splits
        method: method name, or ``all``
        label: ``real`` | ``fake`` | ``all``
        compression: ``""`` if the source has none
        found: videos on the disk
        chosen: of these, how many would be written
        official: the published number, or None
        certain: False if the published number comes from a secondary source
    """

    split: str
    method: str
    label: str
    compression: str
    found: int
    chosen: int
    official: int | None = None
    certain: bool = True

    @property
    def difference(self) -> int | None:
        """``found - official``, or None without an official number."""
        return None if self.official is None else self.found - self.official


@dataclass(slots=True, repr=False)
class ImportReport:
    """The report of an import or of its dry run.

    Attributes:
        format, title, root: what was read
        reasons: why the format was recognised
        license_note: terms of use of the dataset
        counts: rows split x method x label (x compression), then the published sums
        media: ``video`` | ``image``
        found, chosen, groups, frames: videos on disk, to be written, their groups and frames
        missing: listed files that the disk lacks
        unexplained: files that no importer rule explains
        empty: files of zero bytes
        unreadable: broken links and names that are not UTF-8
        refused: links that leave the root or run in circles
        conflicts: contradictions within the source
        crossings: groups and identities on both sides of a split
        skipped: media files left out on purpose, with the reason
        warnings: sentences for the user
        written: filled by the import: added, already there, updated, relocated
    """

    format: str
    title: str
    root: str
    reasons: tuple[str, ...]
    license_note: str
    counts: list[CountRow] = field(default_factory=list)
    media: str = "video"
    found: int = 0
    chosen: int = 0
    groups: int = 0
    frames: int = 0
    missing: list[Missing] = field(default_factory=list)
    unexplained: list[str] = field(default_factory=list)
    empty: list[str] = field(default_factory=list)
    unreadable: list[str] = field(default_factory=list)
    refused: list[str] = field(default_factory=list)
    conflicts: list[str] = field(default_factory=list)
    crossings: list[Crossing] = field(default_factory=list)
    skipped: dict[str, str] = field(default_factory=dict)
    warnings: list[str] = field(default_factory=list)
    written: dict[str, int] = field(default_factory=dict)

    def to_json(self) -> dict[str, Any]:
        """Return everything as a plain dict, ready for JSON."""
        data = asdict(self)
        data["reasons"] = list(self.reasons)
        data["crossings"] = [crossing.to_json() for crossing in self.crossings]
        data["counts"] = [{**asdict(row), "difference": row.difference} for row in self.counts]
        return data

    def table(self) -> str:
        """Return the count table as aligned text."""
        header = ("split", "method", "label", "compression", "found", "chosen", "official", "diff")
        rows = [
            (
                row.split,
                row.method,
                row.label,
                row.compression or "-",
                str(row.found),
                str(row.chosen),
                "-" if row.official is None else f"{row.official}{'' if row.certain else '?'}",
                "-" if row.difference is None else f"{row.difference:+d}",
            )
            for row in self.counts
        ]
        widths = [max(len(line[i]) for line in (header, *rows)) for i in range(len(header))]
        return "\n".join(
            "  ".join(cell.ljust(width) for cell, width in zip(line, widths, strict=True)).rstrip()
            for line in (header, *rows)
        )

    def problems(self) -> list[str]:
        """Return one sentence for each kind of problem."""
        lines = [
            _sentence(
                len(self.missing),
                "listed file is missing",
                "listed files are missing",
                [m.path for m in self.missing],
            ),
            _sentence(
                len(self.unexplained),
                "file is not explained by any rule",
                "files are not explained by any rule",
                self.unexplained,
            ),
            _sentence(len(self.empty), "file has zero bytes", "files have zero bytes", self.empty),
            _sentence(
                len(self.unreadable),
                "entry cannot be read",
                "entries cannot be read",
                self.unreadable,
            ),
            _sentence(
                len(self.refused),
                "link was not followed (it leaves the root or runs in a circle)",
                "links were not followed (they leave the root or run in circles)",
                self.refused,
            ),
            _sentence(
                len(self.skipped),
                "file or folder was left out",
                "files or folders were left out",
                [f"{rel} ({why})" for rel, why in self.skipped.items()],
            ),
            *self.conflicts[:SHOWN],
        ]
        for kind in ("group", "identity"):
            names = [c.name for c in self.crossings if c.kind == kind]
            plural = {"group": "groups are", "identity": "identities are"}[kind]
            lines.append(
                _sentence(
                    len(names),
                    f"{kind} is in more than one split",
                    f"{plural} in more than one split",
                    names,
                )
            )
        return [line for line in lines if line]

    def text(self) -> str:
        """Return the whole report as text for a terminal."""
        parts = [
            f"{self.title} ({self.format}) in {self.root}",
            *(f"  because {reason}" for reason in self.reasons),
            f"Terms: {self.license_note}",
            self.table(),
            f"{self.chosen} of {self.found} {'videos' if self.media == 'video' else 'sequences'}"
            f" in {self.groups} groups"
            + (f", {self.frames} frames" if self.media == "image" else ""),
            *self.warnings,
            *self.problems(),
        ]
        if self.written:
            parts.append(", ".join(f"{count} {what}" for what, count in self.written.items()))
        return "\n".join(parts)

    __str__ = text

    def __repr__(self) -> str:
        return f"<ImportReport of {self.title}: {self.chosen} of {self.found}, see .text()>"


def _sentence(count: int, one: str, many: str, examples: Sequence[str]) -> str:
    if not count:
        return ""
    shown = ", ".join(examples[:3]) + (", ..." if count > 3 else "")
    return f"{count} {one if count == 1 else many}: {shown}"


def count_rows(
    found: Iterable[VideoRecord], chosen: Iterable[VideoRecord], official: Sequence[Official]
) -> list[CountRow]:
    """Return a row per split x method x label x compression, then one per published sum.

    Args:
        found: all linked records of the source
        chosen: those that would be written
        official: the published counts
    """
    found, chosen = list(found), list(chosen)
    on_disk = Counter(_cell(record) for record in found)
    kept = Counter(_cell(record) for record in chosen)
    compressions = sorted({record.compression for record in found}) or [""]
    exact: dict[tuple[str, str, int, str], Official] = {}
    sums: list[tuple[Official, str]] = []
    for item in official:
        for compression in compressions if item.per_compression else [None]:
            if None in (item.split, item.method, item.label) or item.subset:
                sums.append((item, compression if compression is not None else "all"))
            else:
                where = compression if compression is not None else compressions[0]
                exact[item.split, item.method, item.label, where] = item  # type: ignore[index]
    rows = []
    for cell in sorted(set(on_disk) | set(exact), key=_cell_order):
        published = exact.get(cell)
        rows.append(
            CountRow(
                cell[0],
                cell[1],
                label_text(cell[2]),
                cell[3],
                on_disk[cell],
                kept[cell],
                published.count if published else None,
                published.certain if published else True,
            )
        )
    for item, compression in sums:
        rows.append(_sum_row(item, compression, found, chosen))
    return rows


def _sum_row(
    item: Official, compression: str, found: list[VideoRecord], chosen: list[VideoRecord]
) -> CountRow:
    def matches(record: VideoRecord) -> bool:
        split, method, label, comp = _cell(record)
        return (
            (item.split is None or split == item.split)
            and (item.method is None or method == item.method)
            and (item.label is None or label == item.label)
            and (compression == "all" or comp == compression)
            and (item.subset is None or record.attributes.get("subset") == item.subset)
        )

    method = item.method or "all"
    return CountRow(
        item.split or "all",
        f"{method} ({item.subset})" if item.subset else method,
        label_text(item.label) if item.label is not None else "all",
        compression if compression != "all" else "",
        sum(map(matches, found)),
        sum(map(matches, chosen)),
        item.count,
        item.certain,
    )


def _cell(record: VideoRecord) -> tuple[str, str, int, str]:
    return (record.split or "none", record.method, record.label, record.compression)


def _cell_order(cell: tuple[str, str, int, str]) -> tuple[int, int, str, str]:
    order = {"train": 0, "val": 1, "test": 2, "none": 3}
    return (order.get(cell[0], 4), cell[2], cell[1], cell[3])


def new_report(evidence: Evidence, title: str, root: str, license_note: str) -> ImportReport:
    """Return an empty report for a recognised root."""
    return ImportReport(evidence.format, title, root, evidence.reasons, license_note)
