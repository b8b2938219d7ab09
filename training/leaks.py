"""Which rows of a manifest depend on one another: what must never lie on both sides of a split.

A group, a video, a pair and a file make one unit, whatever they are called: the same file under
two ids is one file.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Protocol


class Row(Protocol):
    """What is looked at of a row, see :class:`.manifest.ManifestRow`."""

    @property
    def crop(self) -> str: ...
    @property
    def video_id(self) -> str: ...
    @property
    def pair_id(self) -> str | None: ...
    @property
    def group_id(self) -> str: ...
    @property
    def source_sha256(self) -> str: ...
    @property
    def split(self) -> str: ...


def leak_units(rows: Sequence[Row], contents: Mapping[str, str] | None = None) -> list[str]:
    """The unit of each row; rows of one unit are not independent.

    Groups are joined over ``pair_id`` and over equal source files: a fake whose real lies in
    another group, or a second copy of a video, would leak through it.

    Args:
        rows: of a manifest
        contents: digest by crop path of crops that have the bytes of another one
    """
    parent: dict[str, str] = {}
    contents = contents or {}

    def root(key: str) -> str:
        parent.setdefault(key, key)
        while parent[key] != key:
            parent[key] = parent[parent[key]]
            key = parent[key]
        return key

    for row in rows:
        keys = ["video " + row.video_id, "crop " + row.crop]
        keys += ["group " + row.group_id] if row.group_id else []
        keys += ["video " + row.pair_id] if row.pair_id else []
        keys += ["file " + row.source_sha256] if row.source_sha256 else []
        keys += ["bytes " + contents[row.crop]] if row.crop in contents else []
        for key in keys[1:]:
            parent[root(key)] = root(keys[0])
    return [root("video " + row.video_id) for row in rows]


def unit_names(rows: Sequence[Row]) -> list[str]:
    """The unit of each row under the name of its first group."""
    units = leak_units(rows)
    names: dict[str, str] = {}
    for row, unit in zip(rows, units, strict=True):
        own = row.group_id or row.video_id
        names[unit] = min(names.get(unit, own), own)
    return [names[unit] for unit in units]


def leaks(rows: Sequence[Row], contents: Mapping[str, str] | None = None) -> list[str]:
    """The groups of each unit that lies in more than one split, as one text a unit, sorted.

    A unit that only its files hold together names two of the videos that share one.
    """
    sides: dict[str, set[str]] = {}
    names: dict[str, set[str]] = {}
    for row, unit in zip(rows, leak_units(rows, contents), strict=True):
        sides.setdefault(unit, set()).add(row.split)
        names.setdefault(unit, set()).add(row.group_id or row.video_id)
    twins = _twins(rows, contents or {})
    return sorted(
        ", ".join(sorted(names[unit])) + (f" ({twins[unit]})" if unit in twins else "")
        for unit, found in sides.items()
        if len(found) > 1
    )


def _twins(rows: Sequence[Row], contents: Mapping[str, str]) -> dict[str, str]:
    """Unit -> two videos of different splits with the same file, in words."""
    first: dict[str, Row] = {}
    found = {}
    for row, unit in zip(rows, leak_units(rows, contents), strict=True):
        for what, digest in (("file", row.source_sha256), ("crop", contents.get(row.crop))):
            if not digest:
                continue
            other = first.setdefault(f"{what} {digest}", row)
            if other.split != row.split and other.video_id != row.video_id:
                found.setdefault(unit, f"{other.video_id} and {row.video_id} have the same {what}")
    return found
