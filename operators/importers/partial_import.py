"""Selects records for a partial import: splits, methods, compressions, labels, a first look."""

from __future__ import annotations

import difflib
import random
from collections import Counter, defaultdict
from collections.abc import Sequence

from ...detector.errors import ForensicsError
from ...detector.records import FAKE, UNKNOWN, VideoRecord
from .contract import ImportOptions


def select_records(
    records: Sequence[VideoRecord], options: ImportOptions
) -> tuple[list[VideoRecord], list[str]]:
    """Return the records that the options keep, and remarks on what was left out and why.

    Raises:
        ForensicsError: no record has a named method or compression (names the option), or no group
            is small enough for ``max_per_class``
    """
    _check_known(records, options)
    notes: list[str] = []
    kept = [record for record in records if _keeps(record, options)]
    audio_only = sum(is_audio_only(record) for record in records)
    if audio_only and options.audio_only == "exclude":
        notes.append(f"{audio_only} videos with manipulated sound only are left out.")
    elif audio_only:
        notes.append(
            f"{audio_only} videos have manipulated sound only: their pictures are real, so they "
            "are labelled real with audio_label fake."
        )
    if options.max_per_class:
        kept, remark = at_most(kept, options.max_per_class, options.seed)
        notes.append(remark)
    return kept, notes


def is_audio_only(record: VideoRecord) -> bool:
    """Return whether the pictures are real and only the sound is manipulated."""
    return record.label == 0 and record.audio_label == "fake"


def at_most(records: Sequence[VideoRecord], limit: int, seed: int) -> tuple[list[VideoRecord], str]:
    """Keep at most ``limit`` reals, fakes and others, by whole groups, from all splits in turn.

    Args:
        records: linked records
        limit: largest number of videos of either label, > 0
        seed: decides which groups

    Returns:
        the kept records in their order, and a remark

    Raises:
        ForensicsError: no group is small enough
    """
    members: dict[str, Counter[int]] = defaultdict(Counter)
    split_of: dict[str, str] = {}
    for record in records:
        members[record.group_id].update([record.label])
        split_of.setdefault(record.group_id, record.split or "")
    by_split: dict[str, list[str]] = defaultdict(list)
    for group in sorted(members):
        by_split[split_of[group]].append(group)
    queues = []
    for split in sorted(by_split):
        groups = by_split[split]
        random.Random(f"first-look-{seed}-{split}").shuffle(groups)
        # Groups with both labels first: a first look needs pairs.
        groups.sort(key=lambda group: len(members[group]) < 2)
        queues.append(groups)
    chosen: set[str] = set()
    total: Counter[int] = Counter()
    for turn in range(max((len(queue) for queue in queues), default=0)):
        for queue in queues:
            if turn >= len(queue):
                continue
            counts = members[queue[turn]]
            if all(total[label] + n <= limit for label, n in counts.items()):
                chosen.add(queue[turn])
                total.update(counts)
    if records and not chosen:
        smallest = min(max(counts.values()) for counts in members.values())
        raise ForensicsError(
            f"No whole group has at most {limit} videos of a class; the smallest needs {smallest}.",
            "Raise max_per_class, or choose fewer methods or compressions.",
            "max_per_class",
        )
    kept = [record for record in records if record.group_id in chosen]
    unknown = f", {total[UNKNOWN]} without a label" if total[UNKNOWN] else ""
    return kept, (
        f"First look: {len(chosen)} of {len(members)} groups, {total[0]} real and {total[1]} fake"
        f"{unknown}."
    )


def _keeps(record: VideoRecord, options: ImportOptions) -> bool:
    return (
        (not options.splits or (record.split or "none") in options.splits)
        and (not options.methods or record.label != FAKE or record.method in options.methods)
        and (not options.compressions or record.compression in options.compressions)
        and (not options.labels or record.label_name in options.labels)
        and (options.audio_only == "keep" or not is_audio_only(record))
    )


def _check_known(records: Sequence[VideoRecord], options: ImportOptions) -> None:
    for field, values in (
        ("methods", {record.method for record in records}),
        ("compressions", {record.compression for record in records}),
    ):
        for value in getattr(options, field):
            if value in values:
                continue
            near = difflib.get_close_matches(value, values, n=1, cutoff=0.5)
            raise ForensicsError(
                f"No video has {field[:-1]} {value!r}.",
                f"Did you mean {near[0]!r}?"
                if near
                else f"There are: {', '.join(sorted(values))}.",
                field,
            )
