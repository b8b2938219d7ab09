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

from ...detector.errors import ForensicsError
from . import marked_views
from .dataset_changes import changing, delete_run_record, documents

_MARK = "run "  # of the samples of a run whose view is large
CUSTOM, BRAIN = "runs", "brain_methods"  # where a dataset's document names them


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

    Raises:
        ForensicsError: a run of another method has that name
    """
    import fiftyone.constants as foc
    import fiftyone.core.odm as foo
    import fiftyone.core.runs as fors

    dataset = samples._root_dataset
    mark = _MARK + name
    samples = marked_views.compact(samples, mark)
    with changing(dataset):
        require_own(dataset, name, method)
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
        view = samples if isinstance(samples, fo.DatasetView) else None
        marked_views.forget_others(dataset, mark, view)


def of_method(dataset: fo.Dataset, name: str, method: str) -> bool:
    """Whether there is a custom run ``name`` of ``method``; names of several kinds begin alike."""
    return dataset.has_run(name) and _method(dataset, name) == method


def listed(dataset: fo.Dataset, prefix: str, method: str) -> list[str]:
    """Names of the custom runs of ``method`` that begin with ``prefix``, oldest first."""
    names = [name for name in dataset.list_runs() if name.startswith(prefix)]
    own = [name for name in names if of_method(dataset, name, method)]
    return sorted(own, key=lambda name: dataset.get_run_info(name).timestamp)


def require_own(dataset: fo.Dataset, name: str, method: str, field: str | None = None) -> None:
    """Raise :class:`ForensicsError` where a run of another method has the name."""
    if dataset.has_run(name) and not of_method(dataset, name, method):
        raise ForensicsError(
            f"{dataset.name!r} has a record {name!r} already, of {_method(dataset, name)!r}.",
            "Choose another name, or delete that record.",
            field,
        )


def _method(dataset: fo.Dataset, name: str) -> Any:
    return getattr(dataset.get_run_info(name).config, "method", None)


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


def drop(dataset: fo.Dataset, name: str, kind: str = CUSTOM) -> None:
    """Delete a run, if there is one: the dataset forgets it first."""
    with changing(dataset):
        if _id_of(dataset, name, kind) is not None:
            _name(dataset, name, None, kind)


def rename(dataset: fo.Dataset, name: str, new: str, /, **values: Any) -> None:
    """Give a custom run another name and set ``values`` of its config.

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
        _name(dataset, new, run_id, CUSTOM, name)


def replace(dataset: fo.Dataset, name: str, by: str, kind: str) -> None:
    """Let the complete run ``by`` be the run ``name`` from now on, in place of an earlier one.

    Raises:
        ForensicsError: there is no run ``by``
    """
    with changing(dataset):
        run_id = _id_of(dataset, by, kind)
        if run_id is None:
            raise ForensicsError(f"The run {by!r} is gone.", "Run it again.")
        documents("runs").update_one({"_id": run_id}, {"$set": {"key": name}})
        _name(dataset, name, run_id, kind, by)


def _id_of(dataset: fo.Dataset, name: str, kind: str = CUSTOM) -> Any:
    raw = documents("datasets").find_one({"_id": dataset._doc.id}, {f"{kind}.{name}": 1}) or {}
    return (raw.get(kind) or {}).get(name)


def _name(
    dataset: fo.Dataset, name: str, run_id: Any, kind: str = CUSTOM, before: str | None = None
) -> None:
    """Let the dataset name ``run_id`` as its run ``name`` (and no more as ``before``), by one
    update; then delete what it named so far."""
    old = _id_of(dataset, name, kind)
    now: dict[str, Any] = {"last_modified_at": datetime.utcnow()}
    change = {"$set": now | ({} if run_id is None else {f"{kind}.{name}": run_id})}
    gone = [before] if before is not None else [name] if run_id is None else []
    if gone:
        change["$unset"] = {f"{kind}.{other}": "" for other in gone}
    documents("datasets").update_one({"_id": dataset._doc.id}, change)
    if old is not None and old != run_id:
        delete_run_record(old)
    dataset._doc.reload(kind, "last_modified_at")
    cache = dataset._run_cache if kind == CUSTOM else dataset._brain_cache
    for other in (name, *gone):
        cache.pop(other, None)
