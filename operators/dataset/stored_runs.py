"""Writes custom runs of a dataset so that a reader finds the complete old or new run.

FiftyOne deletes the old run, then registers the new one, then adds its results. A process killed in
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
from . import marked_views, run_names
from .dataset_changes import changing, delete_run_record, documents

_MARK = "run "  # mark of the samples of a run whose view is large
CUSTOM, BRAIN = "runs", "brain_methods"  # entries of a dataset's document that name runs


def put(
    samples: Any, name: str, /, *, method: str, results: dict[str, Any] | None = None, **config: Any
) -> None:
    """Store a custom run of ``samples``, in place of an earlier run of that name.

    Args:
        samples: dataset, or the view that the run was made on
        name: name of the run
        method: ``media_forensics/...``
        results: large values, stored outside the dataset's document
        config: values stored with the run

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


def info_of(dataset: fo.Dataset, prefix: str, key: str) -> Any | None:
    """Return our custom run of the kind ``prefix`` and the key, or None if there is none.

    Args:
        dataset: dataset that may have the run
        prefix: a prefix of :mod:`.run_names`
        key: the rest of the name, after the prefix

    Returns:
        FiftyOne's ``RunInfo`` with ``config`` and ``timestamp``
    """
    name = prefix + key
    if not dataset.has_run(name):
        return None
    info = dataset.get_run_info(name)
    return info if _method(info) == run_names.method_of(prefix) else None


def config_of(dataset: fo.Dataset, prefix: str, key: str) -> Any | None:
    """Return the config of :func:`info_of`, or None if there is no such run."""
    return getattr(info_of(dataset, prefix, key), "config", None)


def any_info(dataset: fo.Dataset, name: str) -> Any | None:
    """Return our run ``name`` of any kind, or None if there is none or it is not ours."""
    info = dataset.get_run_info(name) if dataset.has_run(name) else None
    return info if info and str(_method(info) or "").startswith(run_names.OURS) else None


def results_of(dataset: fo.Dataset, name: str) -> dict[str, Any]:
    """Return the large values of our run ``name``; {} if it has none.

    Raises:
        ForensicsError: there is no such run
    """
    run_id = _id_of(dataset, name)
    record = documents("runs").find_one({"_id": run_id}) if run_id is not None else None
    if record is None:
        raise ForensicsError(f"{dataset.name!r} has no record {name!r}.", "It was deleted.")
    if record.get("results") is None:
        return {}
    found = dataset.load_run_results(name, cache=False)
    return {key: value for key, value in found.serialize().items() if key != "cls"}


def is_free(dataset: fo.Dataset, name: str) -> bool:
    """Return whether no run has the name, ours or not."""
    return not dataset.has_run(name)


def listed(dataset: fo.Dataset, prefix: str) -> list[str]:
    """Return the keys of our custom runs of the kind ``prefix``, oldest first."""
    keys = [name.removeprefix(prefix) for name in dataset.list_runs() if name.startswith(prefix)]
    found = [(info.timestamp, key) for key in keys if (info := info_of(dataset, prefix, key))]
    return [key for _, key in sorted(found)]


def all_ours(dataset: fo.Dataset) -> dict[str, Any]:
    """Return all our custom runs: name -> ``RunInfo``."""
    found = {name: any_info(dataset, name) for name in dataset.list_runs()}
    return {name: info for name, info in found.items() if info is not None}


def require_own(dataset: fo.Dataset, name: str, method: str, field: str | None = None) -> None:
    """Raise :class:`ForensicsError` if a run of another method has the name."""
    if not dataset.has_run(name):
        return
    other = _method(dataset.get_run_info(name))
    if other != method:
        raise ForensicsError(
            f"{dataset.name!r} has a record {name!r} already, of {other!r}.",
            "Choose another name, or delete that record.",
            field,
        )


def _method(info: Any) -> Any:
    return getattr(info.config, "method", None)


def change(dataset: fo.Dataset, name: str, /, **values: Any) -> bool:
    """Set single values of a run's config; return whether there is such a run."""
    with changing(dataset):
        run_id = _id_of(dataset, name)
        if run_id is None:
            return False
        changes = {f"config.{key}": value for key, value in values.items()}
        done = documents("runs").update_one({"_id": run_id}, {"$set": changes})
        dataset._doc.runs[name].reload()
        return bool(done.matched_count)


def drop(dataset: fo.Dataset, name: str, kind: str = CUSTOM) -> None:
    """Delete a run, if it exists; its name is removed from the dataset first."""
    with changing(dataset):
        if _id_of(dataset, name, kind) is not None:
            _name(dataset, name, None, kind)


def rename(dataset: fo.Dataset, name: str, new: str, /, **values: Any) -> None:
    """Rename a custom run and set ``values`` of its config.

    Raises:
        ForensicsError: there is no such run, or the new name is taken
    """
    with changing(dataset):
        run_id = _id_of(dataset, name)
        if run_id is None or dataset.has_run(new):
            raise ForensicsError(
                f"The run {name!r} cannot be called {new!r}.",
                "It no longer exists." if run_id is None else "Choose a name that is free.",
            )
        changes = {"key": new, **{f"config.{key}": value for key, value in values.items()}}
        documents("runs").update_one({"_id": run_id}, {"$set": changes})
        _name(dataset, new, run_id, CUSTOM, name)


def replace(dataset: fo.Dataset, name: str, by: str, kind: str) -> None:
    """Turn the complete run ``by`` into the run ``name``, in place of an earlier one.

    Raises:
        ForensicsError: there is no run ``by``
    """
    with changing(dataset):
        run_id = _id_of(dataset, by, kind)
        if run_id is None:
            raise ForensicsError(f"The run {by!r} no longer exists.", "Run it again.")
        documents("runs").update_one({"_id": run_id}, {"$set": {"key": name}})
        _name(dataset, name, run_id, kind, by)


def _id_of(dataset: fo.Dataset, name: str, kind: str = CUSTOM) -> Any:
    raw = documents("datasets").find_one({"_id": dataset._doc.id}, {f"{kind}.{name}": 1}) or {}
    return (raw.get(kind) or {}).get(name)


def _name(
    dataset: fo.Dataset, name: str, run_id: Any, kind: str = CUSTOM, before: str | None = None
) -> None:
    """Make the dataset name ``run_id`` as its run ``name`` (and not as ``before``) in one update.

    Then delete the run that it named until now.
    """
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
