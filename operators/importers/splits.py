"""Derived splits for datasets whose authors define none: seeded, stratified, by whole groups."""

from __future__ import annotations

import random
from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import replace

from ...detector.records import SPLITS, VideoRecord
from .groups import DisjointSets

MIN_PARTS = 5  # fewer parts than this cannot fill three splits in any sensible proportion


def derive_splits(
    records: Sequence[VideoRecord],
    val_share: float = 0.1,
    test_share: float = 0.2,
    seed: int = 0,
    settled: Mapping[str, set[str]] | None = None,
) -> tuple[list[VideoRecord], str]:
    """Give each record without a split one, marked ``derived``; no group is ever divided.

    Videos that show one person (``identity``, where the source names it) stay together as well, as
    long as that leaves enough parts to deal out. A part that already lies in exactly one split
    stays there; one that already crosses splits gets nothing, as any choice would leak. The others
    are dealt out, largest first, each to the split that lacks most of what the part holds, counted
    by (dataset, method); ties are broken by a generator seeded with ``seed`` over the sorted
    parts, so that the result does not depend on the order of the files.

    Args:
        records: linked records (with ``group_id``)
        val_share: share for ``val``, in [0, 1)
        test_share: share for ``test``, in [0, 1)
        seed: any integer
        settled: group -> splits that it is in already, by videos beside ``records``: of another
            dataset, or imported before

    Returns:
        new records in the same order, and a remark for the report
    """
    parts, remark = _parts(records)
    groups = [record.group_id or record.video_id for record in records]
    known = [
        ({record.split} if record.split else set()) | (settled or {}).get(group, set())
        for record, group in zip(records, groups, strict=True)
    ]
    of_part: dict[str, set[str]] = defaultdict(set)
    for part, splits in zip(parts, known, strict=True):
        of_part[part] |= splits
    # A person who is on two sides already does not keep groups together.
    units = [
        part if len(of_part[part]) < 2 else group for part, group in zip(parts, groups, strict=True)
    ]
    members: dict[str, list[VideoRecord]] = defaultdict(list)
    sides: dict[str, set[str]] = defaultdict(set)
    for record, unit, splits in zip(records, units, known, strict=True):
        members[unit].append(record)
        sides[unit] |= splits
    # Dealt as if nothing had been derived before, so that an import that was cut in the middle ends
    # like one that was not; what is settled then goes before.
    free = [u for u in members if not any(_official(record) for record in members[u])]
    dealt = _deal(free, members, val_share, test_share, seed)
    given = {unit: split for unit, split in dealt.items() if not sides[unit]}
    given |= {unit: next(iter(splits)) for unit, splits in sides.items() if len(splits) == 1}
    result = []
    for record, unit in zip(records, units, strict=True):
        split = given.get(unit)
        if record.split is None and split is not None:
            record = replace(record, split=split, split_source="derived")
        result.append(record)
    left = sum(record.split is None for record in result)
    if left:
        remark += f" {left} videos have none: their groups cross the splits that are there."
    return result, remark


def _official(record: VideoRecord) -> bool:
    return record.split is not None and record.split_source != "derived"


def _parts(records: Sequence[VideoRecord]) -> tuple[list[str], str]:
    """The part that each record may not leave: its group, joined by identity where that is
    possible without one part holding more than half of everything."""
    groups = [record.group_id or record.video_id for record in records]
    sets = DisjointSets()
    for record, group in zip(records, groups, strict=True):
        person = record.attributes.get("identity")
        if person not in (None, ""):
            sets.union(group, f"{record.source_dataset}/identity/{person}")
    joined = [sets.find(group) for group in groups]
    sizes = Counter(joined)
    count = len(set(groups))
    if len(sizes) == count:
        return groups, f"Splits are derived, by {count} whole groups."
    if len(sizes) >= MIN_PARTS and max(sizes.values()) <= len(records) / 2:
        # Named by the smallest group, so that the order of the files does not matter.
        names: dict[str, str] = {}
        for root, group in zip(joined, groups, strict=True):
            names[root] = min(group, names.get(root, group))
        return [names[root] for root in joined], (
            f"Splits are derived, by {count} whole groups; videos of one person stay together."
        )
    return groups, (
        f"Splits are derived, by {count} whole groups; too few people to keep each on one side."
    )


def _deal(
    groups: list[str],
    members: dict[str, list[VideoRecord]],
    val_share: float,
    test_share: float,
    seed: int,
) -> dict[str, str]:
    """Group -> split for groups that have none."""
    shares = {"train": 1.0 - val_share - test_share, "val": val_share, "test": test_share}
    strata = {
        group: Counter((r.source_dataset, r.method) for r in members[group]) for group in groups
    }
    order = sorted(groups)
    random.Random(f"derived-split-{seed}").shuffle(order)
    order.sort(key=lambda group: -sum(strata[group].values()))
    totals: Counter[tuple[str, str]] = Counter()
    for counts in strata.values():
        totals.update(counts)
    filled: dict[str, Counter[tuple[str, str]]] = {split: Counter() for split in SPLITS}
    dealt: dict[str, str] = {}
    for group in order:

        def lack(split: str, counts: Counter[tuple[str, str]] = strata[group]) -> float:
            # Mean over the group's videos of the unfilled part of the split's quota per stratum.
            share = shares[split]
            if share <= 0:
                return float("-inf")
            return sum(
                n * (1.0 - filled[split][stratum] / (share * totals[stratum]))
                for stratum, n in counts.items()
            )

        best = max(SPLITS, key=lack)  # the first of equals, so train before val before test
        dealt[group] = best
        filled[best].update(strata[group])
    return dealt
