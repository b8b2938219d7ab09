"""Writes custom runs of a dataset so that a reader finds the old one or the new one, whole.

FiftyOne deletes the old run, then registers the new one, then adds its results: a process killed in
between leaves no run, or one without results. Here the new record is complete before one atomic
update makes the dataset name it; the old one is deleted last.
"""

from __future__ import annotations

from copy import deepcopy
from datetime import datetime
from typing import Any

import fiftyone as fo
from bson import json_util

from ..detector.errors import ForensicsError
from .dataset_changes import changing, delete_run_record, documents


def put(
    samples: Any, name: str, /, *, method: str, results: dict[str, Any] | None = None, **config: Any
) -> None:
    """Store a custom run of ``samples``, in place of an earlier one of that name.

    Args:
        samples: dataset, or the view that the run was made on
        name: of the run
        method: ``media_forensics/...``
        results: kept outside the dataset's document, for what is large
        config: kept with the run
    """
    import fiftyone.constants as foc
    import fiftyone.core.odm as foo
    import fiftyone.core.runs as fors

    dataset = samples._root_dataset
    with changing(dataset):
        made = fors.RunConfig(method=method, **config)
        stages = None
        if isinstance(samples, fo.DatasetView):
            stages = [json_util.dumps(s) for s in samples._serialize(include_uuids=False)]
        record = foo.RunDocument(
            dataset_id=dataset._doc.id,
            key=name,
            version=foc.VERSION,
            timestamp=datetime.utcnow(),
            config=deepcopy(made.serialize()),
            view_stages=stages,
            results=None,
        )
        if results is not None:
            found = fors.RunResults(dataset, made, name, **results)
            text = json_util.dumps(found.serialize()).encode()
            record.results.put(text, content_type="application/json")
        record.save(upsert=True)
        _name(dataset, name, record.id)


def change(dataset: fo.Dataset, name: str, /, **values: Any) -> bool:
    """Set values of a run's config, each by itself; whether there is such a run."""
    with changing(dataset):
        run_id = _id_of(dataset, name)
        if run_id is None:
            return False
        changes = {f"config.{key}": value for key, value in values.items()}
        done = documents("runs").update_one({"_id": run_id}, {"$set": changes})
        dataset._doc.runs[name].reload()
        return bool(done.matched_count)


def drop(dataset: fo.Dataset, name: str) -> None:
    """Delete a run, if there is one: the dataset forgets it first."""
    with changing(dataset):
        if dataset.has_run(name):
            _name(dataset, name, None)


def rename(dataset: fo.Dataset, name: str, new: str, /, **values: Any) -> None:
    """Give a run another name and set ``values`` of its config, by one update of the dataset.

    Raises:
        ForensicsError: there is no such run, or one of the new name
    """
    with changing(dataset):
        run_id = _id_of(dataset, name)
        if run_id is None or dataset.has_run(new):
            raise ForensicsError(
                f"The run {name!r} cannot be called {new!r}.",
                "It is gone." if run_id is None else "Choose a name that is free.",
            )
        changes = {"key": new, **{f"config.{key}": value for key, value in values.items()}}
        documents("runs").update_one({"_id": run_id}, {"$set": changes})
        documents("datasets").update_one(
            {"_id": dataset._doc.id}, {"$rename": {f"runs.{name}": f"runs.{new}"}}
        )
        _reread(dataset, name, new)


def _id_of(dataset: fo.Dataset, name: str) -> Any:
    raw = documents("datasets").find_one({"_id": dataset._doc.id}, {f"runs.{name}": 1}) or {}
    return (raw.get("runs") or {}).get(name)


def _name(dataset: fo.Dataset, name: str, run_id: Any) -> None:
    """Let the dataset name ``run_id`` as its run ``name``, then delete what it named before."""
    old = _id_of(dataset, name)
    path = f"runs.{name}"
    now: dict[str, Any] = {"last_modified_at": datetime.utcnow()}
    change = {"$set": now | ({} if run_id is None else {path: run_id})}
    if run_id is None:
        change["$unset"] = {path: ""}
    documents("datasets").update_one({"_id": dataset._doc.id}, change)
    if old is not None:
        delete_run_record(old)
    _reread(dataset, name)


def _reread(dataset: fo.Dataset, *names: str) -> None:
    dataset._doc.reload("runs", "last_modified_at")
    for name in names:
        dataset._run_cache.pop(name, None)
