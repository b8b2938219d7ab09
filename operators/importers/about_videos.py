"""Takes over what an ``about_videos.csv`` in the root says about videos, in any layout.

Real datasets do not always tell who is seen in a video, although people are the unit of leakage and
of every interval. The optional table has the columns ``video`` (path below the root; the folder of
a sequence of frames) and any of:

* ``identity``: the person. Videos of one person are one leakage group.
* ``mask``: path of the video of manipulation masks
* ``source_dataset``, ``license_note``: replace what the layout says
* every other column becomes an attribute, as do those of the layouts themselves.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace

from ...detector.records import VideoRecord
from .contract import Missing, Reading, make_id
from .lists import bad_entry, inside, read_csv
from .tree import Tree

TABLE = "about_videos.csv"
_OWN = ("source_dataset", "license_note")


def with_table(tree: Tree, records: Iterable[VideoRecord], reading: Reading) -> list[VideoRecord]:
    """Return the records with what the table of ``tree`` says, if there is one.

    Rows of absent videos are added to ``reading.missing``.

    Raises:
        ForensicsError: a malformed table, a video that is named twice, or a path that leaves the
            root
    """
    records = list(records)
    if not tree.is_file(TABLE):
        return records
    tree.claim(TABLE)
    rows: dict[str, dict[str, str]] = {}
    for number, row in read_csv(tree, TABLE, ("video",)):
        where = f"{TABLE}, line {number}"
        video = inside(row.pop("video"), where)
        if video in rows:
            raise bad_entry(where, f"{video} is listed twice.")
        if row.get("mask"):
            row["mask"] = inside(row["mask"], where)
        rows[video] = {name: value for name, value in row.items() if value}
    found = []
    for record in records:
        row = rows.pop(tree.relative(record.path), None)
        found.append(record if row is None else _told(tree, record, row))
    reading.missing.extend(Missing(video, TABLE) for video in rows)
    return found


def _told(tree: Tree, record: VideoRecord, row: dict[str, str]) -> VideoRecord:
    """Return the record with the cells of its row."""
    changes = {name: row[name] for name in _OWN if name in row}
    mask = tree.find(row["mask"]) if "mask" in row else None
    if mask is not None:
        tree.claim(mask)
        changes["mask_path"] = tree.absolute(mask)
    more = {name: value for name, value in row.items() if name not in (*_OWN, "mask")}
    parents = record.parents
    if "identity" in row:
        name = changes.get("source_dataset", record.source_dataset)
        parents = (*parents, make_id(name, "person", "", row["identity"]))
    return replace(record, **changes, parents=parents, attributes={**record.attributes, **more})
