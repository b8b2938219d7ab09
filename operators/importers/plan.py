"""Reads a root into a plan: the records that an import would write, and a report on them.

Nothing here opens a video or writes anything. The preview in the App's form, the dry run from
Python and the import itself all use the same plan.
"""

from __future__ import annotations

import os
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

from ...detector.errors import ForensicsError
from ...detector.files.paths import given
from ...detector.records import FAKE, UNKNOWN, Reason, VideoRecord
from . import same_videos
from .about_videos import with_table
from .contract import Evidence, Importer, ImportOptions, Reading
from .leakage_groups import (
    KnownVideo,
    Side,
    crossings,
    link_records,
    sides_of_known,
    with_pair_status,
)
from .partial_import import select_records
from .registry import importer_named, recognise
from .report import ImportReport, count_rows, new_report
from .splits import derive_splits
from .tree import Tree


@dataclass(slots=True)
class ImportPlan:
    """The records that an import would write, and the report on them.

    Attributes:
        importer: the dataset
        root: absolute path of the root
        records: the chosen records, linked and split, sorted by ``video_id``
        reasons: path of a file -> why it cannot be used (zero bytes)
        report: counts and findings
        same: digest by video id, for videos that are the same file under several names
    """

    importer: Importer
    root: str
    records: list[VideoRecord]
    reasons: dict[str, Reason]
    report: ImportReport
    same: dict[str, str] = field(default_factory=dict)

    @property
    def media(self) -> str:
        """``video`` or ``image`` (frame sources)."""
        return self.report.media


@dataclass(frozen=True, slots=True)
class Source:
    """A root after reading, before any record is selected.

    Attributes:
        importer: the dataset
        evidence: why it was recognised
        tree: the folder
        reading: what the importer read
        records: its records, each id once
    """

    importer: Importer
    evidence: Evidence
    tree: Tree
    reading: Reading
    records: tuple[VideoRecord, ...]


def read_source(
    root: str | os.PathLike[str], format: str = "auto", options: ImportOptions | None = None
) -> Source:
    """Recognise a root and read it.

    Args:
        root: the dataset's root folder, or a manifest
        format: ``auto`` or the name of an importer
        options: only those that decide what is read (pattern, media, links, ...) matter here

    Raises:
        ForensicsError: wrong root, malformed list, two files with one id, or no video found
    """
    options = options or ImportOptions()
    tree, importer, evidence, options = _open(root, format, options)
    reading = importer.read(tree, options)
    if not reading.records:
        lost = next((f"{rel}: {why}" for rel, why in reading.skipped.items()), "")
        raise ForensicsError(
            f"No video of {importer.title} was found in {str(tree.root)!r}.",
            f"Left out: {lost}" if lost else f"Expected there:\n{importer.expects}",
            "root",
        )
    reading.records[:] = _one_kind(reading.records, options.media)
    records = _paired_with_reals(_unique(reading, tree), reading)
    records = with_table(tree, records, reading)
    return Source(importer, evidence, tree, reading, tuple(records))


def plan_import(
    root: str | os.PathLike[str],
    format: str = "auto",
    options: ImportOptions | None = None,
    known: Sequence[KnownVideo] = (),
) -> ImportPlan:
    """Recognise, read, link, split and select the videos of a root, without writing anything.

    Args:
        root: the dataset's root folder, or a manifest
        format: ``auto`` or the name of an importer
        options: what to keep
        known: videos already in the target dataset

    Raises:
        ForensicsError: as :func:`read_source`, or no record is left
    """
    return plan_source(read_source(root, format, options), options, known)


def plan_source(
    source: Source, options: ImportOptions | None = None, known: Sequence[KnownVideo] = ()
) -> ImportPlan:
    """Link, split and select the records of ``source``, which is not changed.

    Raises:
        ForensicsError: no record is left, or none has the chosen method or compression
    """
    options = options or ImportOptions()
    importer, tree = source.importer, source.tree
    report = new_report(source.evidence, importer.title, str(tree.root), importer.license_note)
    same = same_videos.same_videos(
        source.records, known, lambda path: tree.size(tree.relative(path))
    )
    linked = link_records(source.records, known, same)
    records = sorted(linked, key=lambda record: record.video_id)
    there = sides_of_known(records, known, same)
    records, derived = _derive(records, source.reading, importer, options, there)
    chosen, remarks = select_records(records, options)
    if not chosen:
        raise ForensicsError(
            "The chosen splits, methods and compressions leave no video.",
            f"There are:\n{_available(records)}",
            "splits",
        )
    chosen = with_pair_status(chosen, {video.video_id for video in known})
    reasons = _fill(report, source, records, chosen, there)
    report.warnings.extend([*derived, *remarks, *same_videos.words(records, same)])
    return ImportPlan(importer, str(tree.root), chosen, reasons, report, same)


def _open(
    root: str | os.PathLike[str], format: str, options: ImportOptions
) -> tuple[Tree, Importer, Evidence, ImportOptions]:
    """Return the tree of a root and its importer; for a manifest file, the tree of its folder."""
    path = given(root, "root") if os.fspath(root).strip() else Path(root)
    named = importer_named(format) if format != "auto" else None
    if path.suffix.lower() in (".csv", ".parquet") and path.is_file():
        manifest = importer_named("manifest")
        if named in (None, manifest):
            tree = Tree(path.parent, options.follow_links)
            evidence = Evidence("manifest", (f"the manifest {path.name} was chosen",))
            return tree, manifest, evidence, replace(options, manifest=path.name)
    tree = Tree(root, options.follow_links)
    importer, evidence = recognise(tree, format)
    return tree, importer, evidence, options


def _derive(
    records: list[VideoRecord],
    reading: Reading,
    importer: Importer,
    options: ImportOptions,
    there: Sequence[Side],
) -> tuple[list[VideoRecord], list[str]]:
    """Return the records with derived splits, for the datasets that may have them, and remarks.

    A split that an earlier import derived stays. A new record gets the split of its group.
    """
    if options.derive_splits == "never":
        return records, []
    datasets = {record.source_dataset for record in records}
    if options.derive_splits == "auto" and importer.official_split:
        datasets &= reading.unsplit
    stored = {side.video_id: side.split for side in there}
    mine = [
        replace(record, split=stored[record.video_id], split_source="derived")
        if record.split is None and record.video_id in stored
        else record
        for record in records
        if record.source_dataset in datasets and record.label != UNKNOWN  # nothing to train on
    ]
    if all(record.split is not None for record in mine):
        by_id = {record.video_id: record for record in mine}
        return [by_id.get(record.video_id, record) for record in records], []
    settled: dict[str, set[str]] = defaultdict(set)
    for group, split in (
        *((side.group, side.split) for side in there),
        *((record.group_id, record.split) for record in records if record.split),
    ):
        settled[group].add(split)
    derived, remark = derive_splits(
        mine, options.val_share, options.test_share, options.seed, settled
    )
    by_id = {record.video_id: record for record in derived}
    return [by_id.get(record.video_id, record) for record in records], [remark]


def _one_kind(records: list[VideoRecord], media: str) -> list[VideoRecord]:
    """Return the records of one kind of media, because a FiftyOne dataset holds only one kind.

    Raises:
        ForensicsError: videos and frames (or crops and full frames) together, and none was chosen
    """
    sequences = [record for record in records if record.frames]
    if sequences and len(sequences) < len(records):
        if media == "auto":
            raise ForensicsError(
                f"The source holds {len(records) - len(sequences)} videos and {len(sequences)} "
                "sequences of frames; one dataset holds either.",
                "Choose media: video or frames.",
                "media",
            )
        records = [record for record in records if bool(record.frames) == (media == "frames")]
    if len({record.aligned for record in records}) > 1:
        raise ForensicsError(
            "Some frames are aligned crops and some are not: their scores must not be mixed.",
            "Import them as two datasets.",
            "aligned",
        )
    return records


def _unique(reading: Reading, tree: Tree) -> list[VideoRecord]:
    """Return the records, each id once.

    If a list names a file twice, its first entry counts, and contradictions become conflicts. A
    file that is listed both as real and as fake is left out.

    Raises:
        ForensicsError: two files share an id; the message shows the first ids and their files
    """
    by_id: dict[str, VideoRecord] = {}
    twice: dict[str, set[str]] = defaultdict(set)
    torn: set[str] = set()
    for record in reading.records:
        first = by_id.setdefault(record.video_id, record)
        if first is record or first == record:
            continue
        rel = tree.relative(record.path)
        if (first.path, first.frames) != (record.path, record.frames):
            twice[record.video_id] |= {first.path, record.path}
        elif first.label != record.label:
            reading.conflicts.append(f"{rel} is listed as real and as fake; it is left out.")
            torn.add(record.video_id)
        else:
            reading.conflicts.append(
                f"{rel} is listed twice with different values; the first are kept."
            )
    if twice:
        shown = "; ".join(
            f"{video_id}: {' and '.join(sorted(tree.relative(p) for p in paths))}"
            for video_id, paths in sorted(twice.items())[:3]
        )
        raise ForensicsError(
            f"{len(twice)} ids belong to two files each: {shown}.",
            "Remove the copies, or import a folder that holds only one of them.",
            "root",
        )
    return [record for video_id, record in by_id.items() if video_id not in torn]


def _paired_with_reals(records: list[VideoRecord], reading: Reading) -> list[VideoRecord]:
    """Return the records; an original that is a fake becomes a parent instead of the pair."""
    fakes = {record.video_id for record in records if record.label == FAKE}
    result = []
    for record in records:
        if record.pair_id in fakes:
            reading.conflicts.append(
                f"{record.video_id}: its original {record.pair_id} is a fake; it has no pair."
            )
            parents = (*record.parents, record.pair_id)
            record = replace(record, pair_id=None, parents=tuple(dict.fromkeys(parents)))
        result.append(record)
    return result


def _available(records: list[VideoRecord]) -> str:
    return "\n".join(
        f"{row.split}, {row.method}, {row.compression or 'no compression'}: {row.found}"
        for row in count_rows(records, [], ())[:30]
    )


def _fill(
    report: ImportReport,
    source: Source,
    records: list[VideoRecord],
    chosen: list[VideoRecord],
    there: Sequence[Side],
) -> dict[str, Reason]:
    """Fill the report and return the reasons of files that cannot be used."""
    tree, reading = source.tree, source.reading
    reasons: dict[str, Reason] = {}
    for record in records:
        for path in [path for _, path in record.frames] or [record.path]:
            if tree.size(tree.relative(path)) == 0:
                reasons[path] = Reason.EMPTY_FILE
    report.empty = sorted(map(tree.relative, reasons))
    report.counts = count_rows(records, chosen, source.importer.official)
    report.media = "image" if chosen[0].frames else "video"
    report.found, report.chosen = len(records), len(chosen)
    report.groups = len({record.group_id for record in chosen})
    report.frames = sum(len(record.frames) for record in chosen)
    # Several lists may name the same absent file; it counts as missing once.
    report.missing = sorted({m.path: m for m in reading.missing}.values(), key=lambda m: m.path)
    report.unexplained = [rel for rel in tree.unexplained() if rel not in reading.skipped]
    hidden = dict.fromkeys(tree.problems.hidden, "hidden")
    report.skipped = dict(sorted({**reading.skipped, **hidden}.items()))
    report.unreadable = sorted(tree.problems.broken | tree.problems.undecodable)
    report.refused = sorted(tree.problems.outside | tree.problems.loops)
    report.conflicts = list(reading.conflicts)
    report.crossings = crossings(chosen, there)
    report.warnings = list(reading.warnings)
    return reasons
