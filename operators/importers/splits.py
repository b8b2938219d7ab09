"""Derived splits for datasets whose authors define none: seeded, stratified, by whole groups."""

from __future__ import annotations

import random
from collections import Counter, defaultdict
from collections.abc import Sequence
from dataclasses import replace

from ...detector.records import SPLITS, VideoRecord


def derive_splits(
    records: Sequence[VideoRecord],
    val_share: float = 0.1,
    test_share: float = 0.2,
    seed: int = 0,
) -> list[VideoRecord]:
    """Give each record without a split one, marked ``derived``; no group is ever divided.

    A group that already lies in exactly one split stays there. A group that already crosses
    splits gets nothing (its records without a split keep none), as any choice would leak. The
    others are dealt out largest first, each to the split that lacks most of what the group holds,
    counted by (dataset, method); ties are broken by a generator seeded with ``seed`` over the
    sorted groups, so that the result does not depend on the order of the files.

    Args:
        records: linked records (with ``group_id``)
        val_share: share for ``val``, in [0, 1)
        test_share: share for ``test``, in [0, 1)
        seed: any integer

    Returns:
        new records in the same order
    """
    members: dict[str, list[VideoRecord]] = defaultdict(list)
    for record in records:
        members[record.group_id or record.video_id].append(record)
    given: dict[str, str | None] = {}
    open_groups: list[str] = []
    for group, inside in members.items():
        known = {record.split for record in inside if record.split is not None}
        if not known:
            open_groups.append(group)
        elif len(known) == 1:
            given[group] = known.pop()
        else:
            given[group] = None
    given.update(_deal(open_groups, members, val_share, test_share, seed))
    result = []
    for record in records:
        split = given[record.group_id or record.video_id]
        if record.split is None and split is not None:
            record = replace(record, split=split, split_source="derived")
        result.append(record)
    return result


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
