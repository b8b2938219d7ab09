"""Changes a dataset's schema, views, runs and description, one process at a time.

FiftyOne keeps a copy of the dataset's document in every process and writes whole lists of it back.
So a field or view that another process has just added is lost. All our changes therefore happen
inside :func:`changing`: under a lease of the dataset, on the current document, and after a repair
of what an earlier crash left behind.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import datetime, timedelta, timezone
from typing import Any

import fiftyone as fo
from bson import ObjectId

from ...detector.errors import ForensicsError
from . import lease

logger = logging.getLogger(__name__)

#: Seconds that a second process waits before an error says who holds the dataset.
WAIT_SECONDS = 120.0
#: Age from which unnamed records are removed; a younger one may be half written.
ORPHAN_AGE = timedelta(hours=1)
#: Entries of the dataset's document that name runs.
RUN_LISTS = ("runs", "evaluations", "brain_methods")
#: Indexes that FiftyOne gives every new dataset, by name; the one of frames forbids a frame number
#: twice. A process killed between them leaves a dataset that FiftyOne never completes.
OF_SAMPLES = {"filepath_1": ["filepath"]}
OF_FRAMES = {"_sample_id_1_frame_number_1": ["_sample_id", "frame_number"]}
OF_BOTH = {f"{name}_1": [name] for name in ("created_at", "last_modified_at")}
_held = threading.local()


def documents(name: str) -> Any:
    """Return the collection ``name`` of FiftyOne's database: ``datasets``, ``runs``, ``views``."""
    import fiftyone.core.odm as foo

    return foo.get_db_conn()[name]


def require_there(dataset: fo.Dataset) -> None:
    """Raise :class:`ForensicsError` if ``dataset`` was deleted while a run worked on it."""
    found = None
    if not dataset.deleted:
        found = documents("datasets").find_one({"_id": dataset._doc.id}, {"_id": 1})
    if found is None:
        name = getattr(dataset, "_MF_name", None) or dataset._doc.name
        raise ForensicsError(
            f"The dataset {name!r} was deleted while this run was writing to it.",
            "What was computed for it is lost; import the dataset again.",
        )


@contextmanager
def alone(dataset: fo.Dataset, work: str) -> Iterator[None]:
    """Be the only process that does ``work`` on ``dataset``, even if it is renamed meanwhile.

    A second process waits up to :data:`WAIT_SECONDS`, then gets an error that says who does it.

    Raises:
        ForensicsError: another process has been doing it for too long
    """
    with lease.held(dataset, work, WAIT_SECONDS):
        yield


@contextmanager
def changing(dataset: fo.Dataset) -> Iterator[fo.Dataset]:
    """Be the only process that changes ``dataset``'s schema, views, runs and description.

    A second process waits up to :data:`WAIT_SECONDS`. First ``dataset`` is read again under its
    current name. A nested block in the same thread does not wait.

    Raises:
        ForensicsError: the dataset was deleted, or another process has held it for too long
    """
    require_there(dataset)
    mine: set[ObjectId] = _held.__dict__.setdefault("ids", set())
    identity = dataset._doc.id
    if identity in mine:
        yield dataset
        return
    with alone(dataset, "change its fields, views and runs"):
        refresh(dataset)
        mine.add(identity)
        try:
            if repair(dataset):
                refresh(dataset)
            yield dataset
        finally:
            mine.discard(identity)


def refresh(dataset: fo.Dataset) -> None:
    """Read ``dataset``'s document again, even if another process has renamed it.

    Raises:
        ForensicsError: it was deleted
    """
    require_there(dataset)
    dataset._doc.reload("name")
    dataset.reload()


def declare(dataset: fo.Dataset, wanted: Mapping[str, type], frames: bool = False) -> None:
    """Create the missing ones of the ``wanted`` fields: ``{name: type of field or label}``.

    A field may be missing although samples have values in it, because an older version lost it. The
    values then become visible again.
    """
    with changing(dataset):
        there = dataset.get_frame_field_schema() if frames else dataset.get_field_schema()
        add = dataset.add_frame_field if frames else dataset.add_sample_field
        for name, kind in wanted.items():
            if "." in name:
                if dataset.get_field(name) is None:
                    add(name, kind)
            elif name not in there:
                if issubclass(kind, fo.Field):
                    add(name, kind)
                else:
                    add(name, fo.EmbeddedDocumentField, embedded_doc_type=kind)


def repair(dataset: fo.Dataset) -> int:
    """Repair what a crash left behind.

    That is names of views and runs without a record, records that nothing names, and missing
    default indexes. An evaluation or brain run without results was interrupted; the operator that
    makes it will replace it, so it stays until then.

    Returns:
        number of repairs
    """
    identity = dataset._doc.id
    raw = documents("datasets").find_one({"_id": identity}, ["saved_views", *RUN_LISTS])
    if raw is None:
        return 0
    mended = _repair_indexes(dataset) + _repair_views(identity, raw.get("saved_views") or [])
    named: set[Any] = set()
    there = {row["_id"] for row in documents("runs").find({"_dataset_id": identity}, {"_id": 1})}
    for kind in RUN_LISTS:
        for key, run_id in (raw.get(kind) or {}).items():
            if run_id in there:
                named.add(run_id)
            else:
                logger.warning("the %s %r of %s has no record", kind, key, dataset.name)
                documents("datasets").update_one(
                    {"_id": identity, f"{kind}.{key}": run_id}, {"$unset": {f"{kind}.{key}": ""}}
                )
                mended += 1
    annotations = documents("datasets").find_one({"_id": identity}, ["annotation_runs"]) or {}
    named |= set((annotations.get("annotation_runs") or {}).values())
    for run_id in there - named:
        if _is_old(run_id):
            delete_run_record(run_id)
            mended += 1
    return mended


def _repair_indexes(dataset: fo.Dataset) -> int:
    mended = 0
    samples, frames = dataset._sample_collection_name, dataset._frame_collection_name
    for collection, own in ((samples, OF_SAMPLES), (frames, OF_FRAMES)):
        if collection is None:
            continue
        there = {index["name"] for index in documents(collection).list_indexes()}
        for name, keys in {**own, **OF_BOTH}.items():
            if name not in there:
                found = [(key, 1) for key in keys]
                with changing(dataset):
                    documents(collection).create_index(found, unique=len(keys) > 1)
                mended += 1
    return mended


def _repair_views(identity: ObjectId, named: list[Any]) -> int:
    there = {row["_id"] for row in documents("views").find({"_dataset_id": identity}, {"_id": 1})}
    gone = [view_id for view_id in named if view_id not in there]
    if gone:
        logger.warning("%d saved views no longer have a record", len(gone))
        documents("datasets").update_one({"_id": identity}, {"$pullAll": {"saved_views": gone}})
    lost = [view_id for view_id in there - set(named) if _is_old(view_id)]
    if lost:
        documents("views").delete_many({"_id": {"$in": lost}})
    return len(gone) + len(lost)


def _is_old(record_id: ObjectId) -> bool:
    return datetime.now(timezone.utc) - record_id.generation_time > ORPHAN_AGE


def delete_run_record(run_id: ObjectId) -> None:
    """Delete the record and results of a run that the dataset no longer names."""
    import fiftyone.core.odm as foo
    from gridfs.synchronous.grid_file import GridFS

    record = documents("runs").find_one({"_id": run_id}, {"results": 1})
    if record is None:
        return
    if record.get("results") is not None:
        GridFS(foo.get_db_conn()).delete(record["results"])
    documents("runs").delete_one({"_id": run_id})
