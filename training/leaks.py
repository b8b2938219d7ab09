"""Finds rows of a manifest that depend on each other and must not be in different splits.

A group, a video, a pair and a file make one unit. The same file under two ids is one file.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Protocol


class Row(Protocol):
    """The fields of a row that are used here, see :class:`.manifest.ManifestRow`."""

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
    """Return the unit of each row; rows of one unit are not independent.

    Groups are joined by ``pair_id`` and by equal source files. Otherwise a fake whose real is in
    another group, or a second copy of a video, would leak.

    Args:
        rows: of a manifest
        contents: crop path -> digest, for crops that have the same bytes as another one
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
    """Return the unit of each row, named by its first group."""
    units = leak_units(rows)
    names: dict[str, str] = {}
    for row, unit in zip(rows, units, strict=True):
        own = row.group_id or row.video_id
        names[unit] = min(names.get(unit, own), own)
    return [names[unit] for unit in units]


def leaks(rows: Sequence[Row], contents: Mapping[str, str] | None = None) -> list[str]:
    """Return the groups of each unit that is in more than one split, one text per unit, sorted.

    If only shared files hold a unit together, its text names two videos that share one.
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
    """Return, per unit, the sentence on two videos of different splits with the same file."""
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
