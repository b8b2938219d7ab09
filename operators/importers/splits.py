"""Derives splits for datasets whose authors define none: seeded, stratified, by whole groups."""

from __future__ import annotations

import random
from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import replace

from ...detector.records import SPLITS, VideoRecord
from .leakage_groups import DisjointSets

MIN_PARTS = 5  # with fewer parts, the three splits cannot have sensible proportions


def derive_splits(
    records: Sequence[VideoRecord],
    val_share: float = 0.1,
    test_share: float = 0.2,
    seed: int = 0,
    settled: Mapping[str, set[str]] | None = None,
) -> tuple[list[VideoRecord], str]:
    """Give each record without a split a ``derived`` one; a group is never divided.

    Videos of one person (``identity``, if the source names it) stay together too, unless that
    leaves too few parts. A part that is already in exactly one split stays there. A part that
    already crosses splits gets none, because any choice would leak. The other parts are dealt out,
    largest first, each to the split with the largest shortfall of the part's (dataset, method)
    counts. Parts of equal size are ordered by a generator seeded with ``seed``, over the sorted
    parts, so that the result does not depend on the order of the files.

    Args:
        records: linked records (with ``group_id``)
        val_share: share for ``val``, in [0, 1)
        test_share: share for ``test``, in [0, 1)
        seed: any integer
        settled: group -> splits that it is in already, by videos outside ``records`` (of
            another dataset, or imported before)

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
    # A person who is already in two splits does not keep groups together.
    units = [
        part if len(of_part[part]) < 2 else group for part, group in zip(parts, groups, strict=True)
    ]
    members: dict[str, list[VideoRecord]] = defaultdict(list)
    sides: dict[str, set[str]] = defaultdict(set)
    for record, unit, splits in zip(records, units, known, strict=True):
        members[unit].append(record)
        sides[unit] |= splits
    # Deal as if nothing had been derived before, so that an interrupted import ends like one that
    # ran through; settled splits then take precedence.
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
    """Return the part that each record belongs to, and a remark.

    A part is a group. Groups of one person are joined if at least MIN_PARTS parts remain and none
    holds more than half of the records.
    """
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
        # Each part is named by its smallest group, so that the order of the files does not matter.
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
    """Return group -> split for groups without a split."""
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

        best = max(SPLITS, key=lack)  # ties: the first wins, so train before val before test
        dealt[group] = best
        filled[best].update(strata[group])
    return dealt
