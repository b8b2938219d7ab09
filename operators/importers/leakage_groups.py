"""Links pairs and finds leakage groups: videos that show the same people and scenes.

Two videos that share a parent must never be on both sides of a split. Groups are the connected
components (union-find) over every record, all of its parents (on the disk or not), and all
encodings of one video.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from ...detector.records import VideoRecord
from .contract import leak_key

IDENTITY_ATTRIBUTES = ("identity", "source_identity")


class DisjointSets:
    """Union-find over hashable items with path halving and union by size."""

    def __init__(self) -> None:
        self._parent: dict[str, str] = {}
        self._size: dict[str, int] = {}

    def find(self, item: str) -> str:
        """Return the representative of the item's set; an unknown item becomes its own set."""
        parent = self._parent
        if item not in parent:
            parent[item] = item
            self._size[item] = 1
            return item
        while parent[item] != item:
            parent[item] = parent[parent[item]]
            item = parent[item]
        return item

    def union(self, a: str, b: str) -> None:
        """Merge the sets of ``a`` and ``b``."""
        a, b = self.find(a), self.find(b)
        if a == b:
            return
        if self._size[a] < self._size[b]:
            a, b = b, a
        self._parent[b] = a
        self._size[a] += self._size[b]

    def items(self) -> Iterable[str]:
        """Return all items seen so far."""
        return self._parent.keys()


@dataclass(frozen=True, slots=True)
class KnownVideo:
    """A video that an earlier import wrote to the dataset."""

    video_id: str
    compression: str
    group_id: str
    pair_id: str | None
    pair_status: str
    split: str | None = None
    path: str = ""


class Links:
    """The leakage groups of a set of records, joined with the groups that a dataset already holds.

    A group is named after its smallest member that is a real or a parent (else its smallest
    member), without compression. So the name does not depend on the order of the files and, as a
    rule, not on which of them are present.

    Args:
        records: what an importer read
        known: videos that are in the dataset already
        contents: video id -> digest, for videos whose file has the same bytes as another video's
    """

    def __init__(
        self,
        records: Iterable[VideoRecord],
        known: Iterable[KnownVideo] = (),
        contents: Mapping[str, str] | None = None,
    ) -> None:
        records, known = list(records), list(known)
        self._sets = DisjointSets()
        self._anchors: set[str] = set()
        for video in known:
            key = leak_key(video.video_id, video.compression)
            if video.group_id:
                self._join(key, video.group_id)
            if video.pair_id:
                self._join(key, leak_key(video.pair_id, video.compression))
        for record in records:
            key = leak_key(record.video_id, record.compression)
            self._sets.find(key)
            if record.label == 0:
                self._anchors.add(key)
            for parent in (*record.parents, record.pair_id):
                if parent:
                    self._join(key, leak_key(parent, record.compression))
        first: dict[str, str] = {}
        keys = [leak_key(v.video_id, v.compression) for v in (*known, *records)]
        for video, key in zip((*known, *records), keys, strict=True):
            digest = (contents or {}).get(video.video_id)
            if digest:
                self._sets.union(first.setdefault(digest, key), key)
        self._names: dict[str, tuple[bool, str]] = {}
        for item in self._sets.items():
            root = self._sets.find(item)
            candidate = (item not in self._anchors, item)
            if root not in self._names or candidate < self._names[root]:
                self._names[root] = candidate

    def _join(self, key: str, anchor: str) -> None:
        self._anchors.add(anchor)
        self._sets.union(key, anchor)

    def group_of(self, video_id: str, compression: str) -> str:
        """Return the name of a video's group."""
        return self._names[self._sets.find(leak_key(video_id, compression))][1]


def link_records(
    records: Sequence[VideoRecord],
    known: Sequence[KnownVideo] = (),
    contents: Mapping[str, str] | None = None,
) -> list[VideoRecord]:
    """Return the records with ``group_id`` and ``pair_status`` filled in, in the same order.

    Args:
        records: what the importer read; ``pair_status`` ``ambiguous`` is kept
        known: videos that are in the dataset already
    """
    links = Links(records, known, contents)
    linked = [
        replace(record, group_id=links.group_of(record.video_id, record.compression))
        for record in records
    ]
    return with_pair_status(linked, {video.video_id for video in known})


def with_pair_status(
    records: Sequence[VideoRecord],
    also_there: set[str] = frozenset(),  # type: ignore[assignment]
) -> list[VideoRecord]:
    """Return the records with ``pair_status`` set: a pair is present in these or ``also_there``."""
    ids = also_there | {record.video_id for record in records}
    result = []
    for record in records:
        if record.pair_status != "ambiguous":
            status = "none"
            if record.pair_id:
                status = "present" if record.pair_id in ids else "missing"
            if status != record.pair_status:
                record = replace(record, pair_status=status)
        result.append(record)
    return result


def changes_of_known(
    records: Sequence[VideoRecord],
    known: Sequence[KnownVideo],
    contents: Mapping[str, str] | None = None,
) -> dict[str, dict[str, str]]:
    """Return the changes that an import of ``records`` makes to videos already in the dataset.

    Returns:
        field (``group_id``, ``pair_status``) -> video id -> new value
    """
    links = Links(records, known, contents)
    ids = {record.video_id for record in records} | {video.video_id for video in known}
    changes: dict[str, dict[str, str]] = {"group_id": {}, "pair_status": {}}
    for video in known:
        group = links.group_of(video.video_id, video.compression)
        if group != video.group_id:
            changes["group_id"][video.video_id] = group
        if video.pair_status == "missing" and video.pair_id in ids:
            changes["pair_status"][video.video_id] = "present"
    return changes


@dataclass(frozen=True, slots=True)
class Side:
    """A video that is in the dataset already: its current group, and its split."""

    group: str
    split: str
    video_id: str


def sides_of_known(
    records: Sequence[VideoRecord],
    known: Sequence[KnownVideo],
    contents: Mapping[str, str] | None = None,
) -> list[Side]:
    """Return the group and split of each known video that has both.

    Args:
        records: what the importer read, as for :func:`link_records`
        known: videos that are in the dataset already
    """
    links = Links(records, known, contents) if known else None
    return [
        Side(links.group_of(video.video_id, video.compression), video.split, video.video_id)
        for video in known
        if links and video.split and video.group_id
    ]


@dataclass(frozen=True, slots=True)
class Crossing:
    """A group or identity that is on more than one side of the split.

    Attributes:
        kind: ``group`` | ``identity``
        name: group id, or dataset/identity
        counts: split -> number of videos
        examples: up to three video ids
    """

    kind: str
    name: str
    counts: dict[str, int]
    examples: tuple[str, ...]

    def to_json(self) -> dict[str, Any]:
        """Return the crossing as a plain dict."""
        return {
            "kind": self.kind,
            "name": self.name,
            "counts": dict(sorted(self.counts.items())),
            "examples": list(self.examples),
        }


def identities_of(record: VideoRecord) -> tuple[str, ...]:
    """Return the people that the source names for this video, each as dataset/identity."""
    return tuple(
        f"{record.source_dataset}/{record.attributes[name]}"
        for name in IDENTITY_ATTRIBUTES
        if record.attributes.get(name) not in (None, "")
    )


def crossings(records: Iterable[VideoRecord], there: Iterable[Side] = ()) -> list[Crossing]:
    """Return the groups, then the identities, that appear in more than one split, sorted by name.

    Videos without a split are ignored.

    Args:
        records: linked records
        there: videos of the dataset; they count in the groups of the records. If a record is one of
            these videos, its stored split counts
    """
    seen: dict[tuple[str, str], dict[str, list[str]]] = defaultdict(lambda: defaultdict(list))
    stored = {side.video_id: side for side in there}
    groups = set()
    for record in records:
        side = stored.pop(record.video_id, None)
        split = side.split if side else record.split
        groups.add(record.group_id)
        if split is None:
            continue
        if record.group_id:
            seen["group", record.group_id][split].append(record.video_id)
        for identity in identities_of(record):
            seen["identity", identity][split].append(record.video_id)
    for side in stored.values():
        if side.group in groups:
            seen["group", side.group][side.split].append(side.video_id)
    found = [
        Crossing(
            kind,
            name,
            {split: len(videos) for split, videos in by_split.items()},
            tuple(videos[0] for _, videos in sorted(by_split.items()))[:3],
        )
        for (kind, name), by_split in seen.items()
        if len(by_split) > 1
    ]
    return sorted(found, key=lambda c: (c.kind, c.name))
