"""From an import plan to FiftyOne: bulk inserts, idempotent by video (and frame), or not at all.

``Dataset.add_samples`` spends most of its time on a ``Sample`` object per row and on validating
what we have built ourselves. So one sample of each kind goes through it, and the others are
written as that document with other values: the same fields, and whatever FiftyOne adds to them.
"""

from __future__ import annotations

import random
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timezone
from pathlib import Path
from typing import Any

import fiftyone as fo
from bson import ObjectId

from ..detector.errors import Cancelled, ForensicsError
from ..detector.records import VideoRecord
from . import fields
from .importers.groups import KnownVideo, changes_of_known
from .importers.plan import ImportPlan
from .progress import Progress, ShouldStop, never, silent

CHUNK = 2000
_TAKEN = {
    *("id", "filepath", "tags", "metadata", "created_at", "last_modified_at", "media_type"),
    *(fields.GROUND_TRUTH, fields.REASON, fields.COVERAGE, *fields.FACE_LISTS, "frames"),
}
_TYPES = {bool: fo.BooleanField, int: fo.IntField, float: fo.FloatField, str: fo.StringField}


@dataclass(slots=True)
class Stored:
    """What a dataset holds already.

    Attributes:
        videos: the videos, for linking
        paths: video id -> path of the video, or of one of its frames
        rows: (video id, 1-based frame number or None) of every sample
    """

    videos: list[KnownVideo] = field(default_factory=list)
    paths: dict[str, str] = field(default_factory=dict)
    rows: set[tuple[str, int | None]] = field(default_factory=set)


def stored(dataset: fo.Dataset | None) -> Stored:
    """Read what ``dataset`` holds, by columns."""
    found = Stored()
    if dataset is None or not len(dataset):
        return found
    names = ["video_id", "compression", "group_id", "pair_id", "pair_status", "filepath"]
    is_video = dataset.media_type == fo.core.media.VIDEO
    columns = dataset.values(names if is_video else [*names, "frame_number"])
    numbers = [None] * len(columns[0]) if is_video else columns[6]
    for video_id, compression, group, pair, status, path, number in zip(
        *columns[:6], numbers, strict=True
    ):
        found.rows.add((video_id, number))
        if video_id not in found.paths:
            found.paths[video_id] = path
            found.videos.append(
                KnownVideo(video_id, compression or "", group or "", pair, status or "none")
            )
    return found


def open_target(name: str, media: str, aligned: bool) -> tuple[fo.Dataset, bool]:
    """The dataset ``name``, created if need be, and whether it is new.

    Raises:
        ForensicsError: it exists and is not ours, or holds the other kind of media
    """
    kind = "videos" if media == "video" else "faces"
    if fo.dataset_exists(name):
        dataset = fo.load_dataset(name)
        about = fields.describe(dataset)
        if len(dataset) and about.get("kind") != kind:
            raise ForensicsError(
                f"The dataset {name!r} exists and holds {about.get('kind') or 'something else'}, "
                f"not {kind}.",
                "Choose another name.",
                "name",
            )
        if len(dataset) and kind == "faces" and bool(about.get("aligned", True)) != aligned:
            raise ForensicsError(
                f"{name!r} holds {'crops' if not aligned else 'full frames'}, this source has "
                f"{'crops' if aligned else 'full frames'}: their scores must not be mixed.",
                "Choose another name.",
                "name",
            )
        return dataset, False
    try:
        dataset = fo.Dataset(name, persistent=True)
    except ValueError as error:
        raise ForensicsError(
            f"{name!r} cannot name a dataset: {error}.", "Choose another name.", "name"
        ) from error
    return dataset, True


def foresee(plan: ImportPlan, there: Stored) -> dict[str, int]:
    """What :func:`write_plan` would do, in samples: ``{"to add", "already there"}``."""
    rows = [(record.video_id, number) for record in plan.records for number, _ in _files(record)]
    known = sum(row in there.rows for row in rows)
    return {"to add": len(rows) - known, "already there": known}


def write_plan(
    dataset: fo.Dataset,
    plan: ImportPlan,
    there: Stored,
    progress: Progress = silent,
    should_stop: ShouldStop = never,
) -> dict[str, int]:
    """Add what the dataset lacks, and update what the new videos change on the old ones.

    A failure or a stop removes what this call has added.

    Returns:
        ``{"added", "already there", "updated"}`` in samples

    Raises:
        Cancelled: stopped by the user
    """
    is_video = plan.media == "video"
    dataset.media_type = fo.core.media.VIDEO if is_video else fo.core.media.IMAGE
    fields.declare_common_fields(dataset, faces=not is_video)
    _declare_attributes(dataset, plan.records)
    total = len(plan.records) if is_video else sum(len(r.frames) for r in plan.records)
    added: list[Any] = []
    done = 0
    progress(0, total, "samples")
    try:
        for docs, seen in _chunks(dataset, plan, there):
            if should_stop():
                raise Cancelled("The import was stopped; nothing was added.")
            if docs:
                dataset._sample_collection.insert_many(docs, ordered=False)
                added.extend(doc["_id"] for doc in docs)
            done += seen
            progress(done, total, "samples")
    except BaseException:
        for start in range(0, len(added), 10_000):
            dataset._sample_collection.delete_many({"_id": {"$in": added[start : start + 10_000]}})
        raise
    updated = update_known(dataset, plan.records, there)
    dataset.reload()
    return {"added": len(added), "already there": total - len(added), "updated": updated}


def update_known(dataset: fo.Dataset, records: Sequence[VideoRecord], there: Stored) -> int:
    """Write the new groups and pairs of videos that were there; returns how many samples."""
    if not there.videos:
        return 0
    changed: set[str] = set()
    for name, values in changes_of_known(records, there.videos).items():
        changed |= values.keys()
        _set_by_video(dataset, name, values)
    # A list that was missing at the first import may be there now; nothing set is overwritten.
    of_now = {record.video_id: record for record in records}
    for name in ("split", "mask_path"):
        view = dataset.match({name: None})
        lacking = set(view.values("video_id")) if len(view) else set()
        values = {
            video_id: getattr(of_now[video_id], name)
            for video_id in lacking & of_now.keys()
            if getattr(of_now[video_id], name) is not None
        }
        changed |= values.keys()
        _set_by_video(dataset, name, values)
        if name == "split":
            sources = {video_id: of_now[video_id].split_source for video_id in values}
            _set_by_video(dataset, "split_source", sources)
    return len(changed)


def _set_by_video(dataset: fo.Dataset, name: str, values: dict[str, Any]) -> None:
    """Write ``{video id: value}`` onto every sample of those videos."""
    ids = list(values)
    for start in range(0, len(ids), 5000):
        view = dataset.match({"video_id": {"$in": ids[start : start + 5000]}})
        sample_ids, video_ids = view.values(["id", "video_id"])
        rows = {s: values[v] for s, v in zip(sample_ids, video_ids, strict=True)}
        dataset.set_values(name, rows, key_field="id")


def check_attributes(dataset: fo.Dataset | None, records: Sequence[VideoRecord]) -> dict[str, type]:
    """The type of each shipped attribute (bool, int, float or str), if all can become fields.

    Raises:
        ForensicsError: a name that FiftyOne or we use, or a type other than that of the field
    """
    kinds: dict[str, set[type]] = {}
    for record in records:
        for name, value in record.attributes.items():
            if value is not None:
                kinds.setdefault(name, set()).add(type(value))
    schema = dataset.get_field_schema() if dataset is not None else {}
    found: dict[str, type] = {}
    for name, types in sorted(kinds.items()):
        if name in _TAKEN or name in fields.COMMON_FIELDS or name in fields.FACE_FIELDS:
            raise ForensicsError(
                f"The source ships an attribute {name!r}, which is the name of a field of ours.",
                "Rename the column.",
                "root",
            )
        if name.startswith(("_", "$")) or "." in name or not name.strip():
            raise ForensicsError(
                f"The source ships an attribute {name!r}, which cannot name a field.",
                "Rename the column: no dots, no _ or $ at its start.",
                "root",
            )
        kind = next(iter(types)) if len(types) == 1 else float if types == {int, float} else str
        kind = kind if kind in _TYPES else str
        there = schema.get(name)
        if there is not None and not isinstance(there, (_TYPES[kind], fo.StringField)):
            raise ForensicsError(
                f"The attribute {name!r} is {kind.__name__} here, but the dataset's field of that "
                f"name is a {type(there).__name__}.",
                "Import into a dataset of its own.",
                "name",
            )
        found[name] = kind
    return found


def _declare_attributes(dataset: fo.Dataset, records: Sequence[VideoRecord]) -> None:
    """Create a field for each shipped attribute."""
    schema = dataset.get_field_schema()
    for name, kind in check_attributes(dataset, records).items():
        if name not in schema:
            dataset.add_sample_field(name, _TYPES[kind])


def _chunks(
    dataset: fo.Dataset, plan: ImportPlan, there: Stored
) -> Iterator[tuple[list[dict[str, Any]], int]]:
    """(documents to insert, samples looked at), a chunk at a time."""
    prototype: dict[str, Any] = {}
    kinds = {name: type(f) for name, f in dataset.get_field_schema().items()}
    now = datetime.now(timezone.utc).replace(tzinfo=None)
    docs: list[dict[str, Any]] = []
    seen = 0
    for record in plan.records:
        values = _values(record, kinds)
        for number, path in _files(record):
            seen += 1
            if (record.video_id, number) not in there.rows:
                prototype = prototype or _prototype(dataset, plan)
                doc = _document(prototype, values, path, number, record, now)
                if path in plan.reasons:
                    doc[fields.REASON] = plan.reasons[path].value
                docs.append(doc)
        if seen >= CHUNK:
            yield docs, seen
            docs, seen = [], 0
    yield docs, seen


def _files(record: VideoRecord) -> Iterator[tuple[int | None, str]]:
    """(1-based frame number or None, path) of each sample of a record."""
    if not record.frames:
        yield None, record.path
    for index, path in record.frames:
        yield fields.frame_number(index), path


def _values(record: VideoRecord, kinds: dict[str, type]) -> dict[str, Any]:
    """The values that all samples of a record share, None left out as FiftyOne does."""
    values = fields.record_fields(record)
    del values[fields.GROUND_TRUTH]
    for name in record.attributes:
        value = values[name]
        if kinds.get(name) is fo.StringField and not isinstance(value, str | None):
            values[name] = str(value)
        elif kinds.get(name) is fo.FloatField and value is not None:
            values[name] = float(value)
    return {name: value for name, value in values.items() if value is not None}


def _document(
    prototype: dict[str, Any],
    values: dict[str, Any],
    path: str,
    number: int | None,
    record: VideoRecord,
    now: datetime,
) -> dict[str, Any]:
    doc = {
        **prototype,
        **values,
        "_id": ObjectId(),
        "_rand": random.random(),
        "filepath": path,
        "created_at": now,
        "last_modified_at": now,
        fields.GROUND_TRUTH: {
            **prototype[fields.GROUND_TRUTH],
            "_id": ObjectId(),
            "tags": [],
            "label": record.label_name,
        },
    }
    doc["tags"] = []
    if number is not None:
        doc["frame_number"] = number
        if record.aligned:
            doc.update(face_index=0, subject=True)
        doc["video_path"] = record.path
    return doc


def _prototype(dataset: fo.Dataset, plan: ImportPlan) -> dict[str, Any]:
    """What FiftyOne itself would store with a sample of this dataset, without our values."""
    record = plan.records[0]
    _, path = next(_files(record))
    sample = fo.Sample(filepath=path, ground_truth=fo.Classification(label=record.label_name))
    return dataset._make_dict(sample)


def moved_videos(records: Sequence[VideoRecord], there: Stored) -> list[VideoRecord]:
    """Videos that are in the dataset under a path where they are no longer."""
    moved = []
    for record in records:
        old = there.paths.get(record.video_id)
        if old is None or old in {path for _, path in _files(record)}:
            continue
        if not Path(old).exists():
            moved.append(record)
    return moved


def relocate(dataset: fo.Dataset, moved: Sequence[VideoRecord]) -> int:
    """Point the samples of moved videos at where they are now; nothing else changes.

    Returns:
        number of samples
    """
    by_id = {record.video_id: record for record in moved}
    ids = list(by_id)
    is_video = dataset.media_type == fo.core.media.VIDEO
    count = 0
    for start in range(0, len(ids), 5000):
        view = dataset.match({"video_id": {"$in": ids[start : start + 5000]}})
        names = ["id", "video_id"] if is_video else ["id", "video_id", "frame_number"]
        paths, masks, folders = {}, {}, {}
        for row in zip(*view.values(names), strict=True):
            record = by_id[row[1]]
            files = dict(_files(record))
            path = files.get(None if is_video else row[2])
            if path is not None:
                paths[row[0]] = path
                folders[row[0]] = record.path
            masks[row[0]] = record.mask_path
        dataset.set_values("filepath", paths, key_field="id")
        dataset.set_values("mask_path", masks, key_field="id")
        if not is_video:
            dataset.set_values("video_path", folders, key_field="id")
        count += len(paths)
    return count
