"""Writes an import plan by bulk inserts, idempotent by video (and frame), or not at all.

``Dataset.add_samples`` spends most of its time on a ``Sample`` object per row, and on validating
what we have built ourselves. So only one sample goes through it. The others are written as copies
of that document with other values. They have the same fields, and whatever FiftyOne adds.
"""

from __future__ import annotations

import random
from collections.abc import Iterator, Sequence
from datetime import datetime, timezone
from typing import Any

import fiftyone as fo
from bson import ObjectId

from ...detector.errors import Cancelled, ForensicsError
from ...detector.progress import Progress, ShouldStop, never, silent
from ...detector.records import FAKE, REAL, VideoRecord
from ..dataset import fields, views
from ..dataset.dataset_changes import changing, declare
from ..importers.plan import ImportPlan
from .import_target import Stored, files_of, new_dataset, update_known

CHUNK = 2000
_TAKEN = {
    *("id", "filepath", "tags", "metadata", "created_at", "last_modified_at", "media_type"),
    *(
        fields.GROUND_TRUTH,
        fields.REASON,
        fields.COVERAGE,
        *fields.FACE_LISTS,
        fields.SHOWN_FOR,
        "frames",
    ),
}
_TYPES = {bool: fo.BooleanField, int: fo.IntField, float: fo.FloatField, str: fo.StringField}


def open_target(name: str, media: str, aligned: bool) -> tuple[fo.Dataset, bool]:
    """Return the dataset ``name``, created if needed, and whether it is new.

    Raises:
        ForensicsError: it exists and is not ours, or holds the other kind of media
    """
    kind = "videos" if media == "video" else "faces"
    if fo.dataset_exists(name):
        dataset = fo.load_dataset(name)
        about = fields.describe(dataset)
        filled = not views.is_empty(dataset)
        if filled and about.get("kind") != kind:
            raise ForensicsError(
                f"The dataset {name!r} exists and holds {about.get('kind') or 'something else'}, "
                f"not {kind}.",
                "Choose another name.",
                "name",
            )
        if filled and kind == "faces" and bool(about.get("aligned", True)) != aligned:
            raise ForensicsError(
                f"{name!r} holds {'crops' if not aligned else 'full frames'}, this source has "
                f"{'crops' if aligned else 'full frames'}: their scores must not be mixed.",
                "Choose another name.",
                "name",
            )
        return dataset, False
    dataset = new_dataset(name)
    # Set at once, so that an import that was killed recognises its own dataset.
    more = {} if kind == "videos" else {"aligned": aligned}
    fields.set_description(dataset, kind=kind, **more)
    return dataset, True


def foresee(plan: ImportPlan, there: Stored) -> dict[str, int]:
    """Return what :func:`write_plan` would do, in samples: ``{"to add", "already there"}``."""
    rows = [(record.video_id, number) for record in plan.records for number, _ in files_of(record)]
    known = sum(row in there.rows for row in rows)
    return {"to add": len(rows) - known, "already there": known}


def write_plan(
    dataset: fo.Dataset,
    plan: ImportPlan,
    there: Stored,
    progress: Progress = silent,
    should_stop: ShouldStop = never,
) -> dict[str, int]:
    """Add the samples that the dataset lacks, and update existing ones that the new videos affect.

    A failure or a stop removes the samples that this call has added.

    Returns:
        ``{"added", "already there", "updated"}`` in samples

    Raises:
        Cancelled: stopped by the user
    """
    is_video = plan.media == "video"
    with changing(dataset):
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
                added.extend(doc["_id"] for doc in docs)  # first: an insert may fail half way
                dataset._sample_collection.insert_many(docs, ordered=False)
            done += seen
            progress(done, total, "samples")
    except BaseException:
        for start in range(0, len(added), 10_000):
            dataset._sample_collection.delete_many({"_id": {"$in": added[start : start + 10_000]}})
        raise
    updated = update_known(dataset, plan.records, there, plan.same)
    dataset.reload()
    return {"added": len(added), "already there": total - len(added), "updated": updated}


def check_attributes(dataset: fo.Dataset | None, records: Sequence[VideoRecord]) -> dict[str, type]:
    """Return the type of each shipped attribute (bool, int, float or str).

    Raises:
        ForensicsError: a name that is in use or that no field can have, or another type than that
            of an existing field
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
                f"The source ships an attribute {name!r}, which is the name of a field of this "
                "plugin.",
                "Rename the column.",
                "root",
            )
        if name.startswith(("_", "$")) or any(c in name for c in ".\0") or not name.strip():
            raise ForensicsError(
                f"The source ships an attribute {name!r}, which cannot be the name of a field.",
                "Rename the column: no dot in it, and no _ or $ before it.",
                "root",
            )
        kind = next(iter(types)) if len(types) == 1 else float if types == {int, float} else str
        kind = kind if kind in _TYPES else str
        there = schema.get(name)
        if there is not None and not isinstance(there, (_TYPES[kind], fo.StringField)):
            raise ForensicsError(
                f"The attribute {name!r} is {kind.__name__} here, but the dataset's field of that "
                f"name is a {type(there).__name__}.",
                "Import into a separate dataset.",
                "name",
            )
        found[name] = kind
    return found


def _declare_attributes(dataset: fo.Dataset, records: Sequence[VideoRecord]) -> None:
    """Create a field for each shipped attribute."""
    kinds = check_attributes(dataset, records)
    declare(dataset, {name: _TYPES[kind] for name, kind in kinds.items()})


def _chunks(
    dataset: fo.Dataset, plan: ImportPlan, there: Stored
) -> Iterator[tuple[list[dict[str, Any]], int]]:
    """Yield (documents to insert, number of samples checked), a chunk at a time."""
    prototype: dict[str, Any] = {}
    kinds = {name: type(f) for name, f in dataset.get_field_schema().items()}
    now = datetime.now(timezone.utc).replace(tzinfo=None)
    docs: list[dict[str, Any]] = []
    seen = 0
    for record in plan.records:
        values = _values(record, kinds)
        for number, path in files_of(record):
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


def _values(record: VideoRecord, kinds: dict[str, type]) -> dict[str, Any]:
    """Return the values that all samples of a record share; None is left out as in FiftyOne."""
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
        fields.GROUND_TRUTH: None,
    }
    if record.label in (REAL, FAKE):
        label = {"_id": ObjectId(), "tags": [], "label": record.label_name}
        doc[fields.GROUND_TRUTH] = {**prototype[fields.GROUND_TRUTH], **label}
    doc["tags"] = []
    if number is not None:
        doc["frame_number"] = number
        if record.aligned:
            doc.update(face_index=0, subject=True)
        doc["video_path"] = record.path
    return doc


def _prototype(dataset: fo.Dataset, plan: ImportPlan) -> dict[str, Any]:
    """Return what FiftyOne itself would store for a sample of this dataset, without our values."""
    record = plan.records[0]
    _, path = next(files_of(record))
    sample = fo.Sample(filepath=path, ground_truth=fo.Classification(label=record.label_name))
    # FiftyOne knows no media type for some endings of videos (.MTS, .vob)
    return {**dataset._make_dict(sample), "_media_type": dataset.media_type}
