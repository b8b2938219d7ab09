"""Joins the record of a dataset's training runs with the runs' folders.

The record (a custom run ``training_<key>`` of the dataset) says what was asked. The folder says how
far the run is and how it ended, whatever happened to the process that started it. If the two
differ, the folder is right and the record is updated.
"""

from __future__ import annotations

import json
import os
import shutil
import time
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import fiftyone as fo

from ...detector.errors import ForensicsError
from ...detector.files.paths import given
from ...training import runs
from ...training.runs import RunFolder
from ..dataset import marked_views, partners, run_names, stored_runs, views
from ..jobs import heartbeat

METHOD = run_names.method_of(run_names.TRAINING)
STARTING, INTERRUPTED, GONE = "starting", "interrupted", "gone"
OUTSIDE = "outside"
GRACE_SECONDS = 60.0
"""A process that has just started may not have taken its folder yet."""

WORDS = {
    STARTING: "its process is starting",
    runs.RUNNING: "in progress",
    runs.STOPPED: "stopped on request; resume continues where it stopped",
    INTERRUPTED: "its process ended (killed, out of memory); resume continues from its last save",
    runs.FAILED: "failed",
    runs.COMPLETED: "finished",
    GONE: "its folder is not on this machine",
    OUTSIDE: "its folder is outside the folders that this server allows",
}
CHANGES = ("renamed", "deleted", "stopped", "resumed")  # done to a folder, besides reading


@dataclass(frozen=True)
class TrainingRun:
    """The present state of one run.

    Attributes:
        key: its name, which is also that of its detector
        status: ``starting``, ``running``, ``stopped``, ``interrupted``, ``failed``, ``completed``,
            ``gone`` or ``outside``
        folder: folder of the run
        config: ``TrainConfig`` as a dict
        config_hash, manifest_sha256: the settings and data that its numbers belong to
        epoch, step: done so far
        steps: number of steps in total
        best: validation record of the best checkpoint, empty before the first validation
        started: Unix time, seconds
        seconds_left: as the run itself estimates, None if it is not running
        error: why it failed, or ""
        checkpoint: folder of the best detector, None before the first validation
        host: machine that it runs on, if that is another one
        original: name of the dataset that it belongs to, if this dataset is a copy of that one
    """

    key: str
    status: str
    folder: Path
    config: dict[str, Any]
    config_hash: str
    manifest_sha256: str
    epoch: int
    step: int
    steps: int
    best: dict[str, Any]
    started: float
    seconds_left: float | None
    error: str
    checkpoint: Path | None
    host: str = ""
    original: str = ""

    @property
    def live(self) -> bool:
        """Whether a process works on it, as far as can be known."""
        return self.status in (STARTING, runs.RUNNING)

    def to_json(self) -> dict[str, Any]:
        """Return the run as a plain dict."""
        names = ("key", "status", "config_hash", "manifest_sha256", "epoch", "step", "steps")
        return {
            **{name: getattr(self, name) for name in names},
            "run_dir": str(self.folder),
            "recipe": self.config.get("name", ""),
            "best": self.best,
            "started": self.started,
            "seconds_left": self.seconds_left,
            "error": self.error,
            "checkpoint": str(self.checkpoint) if self.checkpoint else None,
        }


def record_name(key: str) -> str:
    """Return the name of the custom run of ``key``."""
    return run_names.TRAINING + key


def keys(dataset: fo.Dataset) -> list[str]:
    """Return the keys of all training runs of ``dataset``, oldest first."""
    return stored_runs.listed(dataset, run_names.TRAINING)


def has(dataset: fo.Dataset, key: str) -> bool:
    """Return whether ``dataset`` has a training run ``key``."""
    return record_of(dataset, key) is not None


def record_of(dataset: fo.Dataset, key: str) -> Any | None:
    """Return what was asked of the training run ``key``, or None if there is none."""
    return stored_runs.config_of(dataset, run_names.TRAINING, key)


def require_own(dataset: fo.Dataset, key: str, field: str = "key") -> None:
    """Raise :class:`ForensicsError` if a record that is not a training run has the name."""
    stored_runs.require_own(dataset, record_name(key), METHOD, field)


def training_runs(dataset: fo.Dataset) -> list[TrainingRun]:
    """Return all training runs of ``dataset``, oldest first, and update their records."""
    return [training_run(dataset, key) for key in keys(dataset)]


def training_run(dataset: fo.Dataset, key: str) -> TrainingRun:
    """Return the present state of the run ``key``, and update its record.

    Raises:
        ForensicsError: if there is no such run
    """
    record = record_of(dataset, key)
    if record is None:
        known = ", ".join(keys(dataset)) or "none"
        raise ForensicsError(
            f"{dataset.name!r} has no training run {key!r}.", f"There are: {known}.", "key"
        )
    original = partners.original_of(dataset, getattr(record, "of", None)) or ""
    run = replace(_joined(key, record), original=original)
    beat = heartbeat.last_beat(key, dataset) if run.status == GONE else None
    if beat is not None and not heartbeat.why_dead(beat):
        # on another machine, whose disk is not here; that machine updates the record
        host = beat.process.host
        return replace(run, status=runs.RUNNING, step=beat.done, steps=beat.total, host=host)
    if run.status == OUTSIDE:
        return run
    settled = {"status": run.status}
    if run.status == runs.COMPLETED:
        settled |= {"checkpoint": str(run.checkpoint or ""), "best": run.best}
    if run.status != GONE and any(getattr(record, k, None) != v for k, v in settled.items()):
        update(dataset, key, **settled)
        if not run.live:
            heartbeat.forget(key, dataset)  # the process that followed it may have been killed
    return run


def own_folder(run: TrainingRun, what: str) -> RunFolder:
    """Return the folder of ``run``, checked right before it is ``what`` (read, deleted, ...).

    The record may come with a dataset from elsewhere, so its folder must be allowed on this server
    and hold the run that the record describes.

    Raises:
        ForensicsError: if the folder is outside the allowed folders, or holds another run
    """
    if run.status == OUTSIDE:
        raise ForensicsError(
            run.error, f"The run {run.key!r} cannot be {what}; its record can be deleted.", "key"
        )
    if what in CHANGES:
        refuse_copy(run, what)
    folder = RunFolder(given(run.folder, "key"))
    if run.status != GONE and folder.read("run").get("manifest_sha256") != run.manifest_sha256:
        raise ForensicsError(
            f"{folder.path} is not the folder of the run {run.key!r} and cannot be {what}.",
            "The record was changed, or another run was made there.",
            "key",
        )
    return folder


def _joined(key: str, record: Any) -> TrainingRun:
    status, step, steps, epoch, left = "", 0, 0, 0, None
    best, error, checkpoint = dict(getattr(record, "best", None) or {}), "", None
    try:
        folder = RunFolder(given(getattr(record, "run_dir", None)))
    except ForensicsError as refused:
        # a folder that cannot exist, so that code without the check cannot read or write it
        folder, status, error = RunFolder(Path(os.devnull, "outside")), OUTSIDE, refused.message
    if status == OUTSIDE:
        checkpoint = None
    elif not (folder.path / "run.json").is_file():
        status = GONE
    else:
        status, state = _status(folder, float(record.started))
        error = (state.get("error") or {}).get("message", "")
        for line in folder.last_metrics():
            step, epoch = line.get("step", step), line.get("epoch", epoch)
            steps = line.get("steps", steps)
            left = line.get("seconds_left", left)
        best = state.get("best") or best_so_far(folder) or best
        if folder.checkpoint("best").is_dir():
            checkpoint = folder.checkpoint("best")
    return TrainingRun(
        key=key,
        status=status,
        folder=folder.path,
        config=dict(record.config),
        config_hash=record.config_hash,
        manifest_sha256=record.manifest_sha256,
        epoch=epoch,
        step=step,
        steps=steps,
        best=best,
        started=float(record.started),
        seconds_left=left if status == runs.RUNNING else None,
        error=error,
        checkpoint=checkpoint,
    )


def _status(folder: RunFolder, started: float) -> tuple[str, dict[str, Any]]:
    state = folder.status
    if folder.is_running():
        return runs.RUNNING, state
    if state["status"] in (runs.COMPLETED, runs.STOPPED, runs.FAILED):
        return state["status"], state
    asked = max(started, (folder.path / "run.json").stat().st_mtime)
    if state["status"] == "prepared" and time.time() - asked < GRACE_SECONDS:
        return STARTING, state
    return INTERRUPTED, state


def best_so_far(folder: RunFolder) -> dict[str, Any]:
    """Return the validation record of the best checkpoint, empty before the first validation."""
    path = folder.checkpoint("best") / "detector.json"  # the readable record, which needs no torch
    if not path.is_file():
        return {}
    training = json.loads(path.read_text(encoding="utf-8")).get("training") or {}
    return training.get("validation") or {}


def register(
    view: Any, key: str, config: Any, manifest_sha256: str, run_dir: Path, counts: dict[str, Any]
) -> None:
    """Write the record of a run that is about to start, replacing an earlier one of that key."""
    stored_runs.put(
        view,
        record_name(key),
        method=METHOD,
        key=key,
        status=STARTING,
        started=time.time(),
        config=config.to_json(),
        config_hash=config.hash,
        manifest_sha256=manifest_sha256,
        run_dir=str(run_dir),
        of=str(views.dataset_of(view)._doc.id),  # a copy of the dataset has the record too
        checkpoint="",
        best={},
        counts=counts,
    )


def update(dataset: fo.Dataset, key: str, /, **values: Any) -> None:
    """Change values of the record of ``key``, unless the record was deleted meanwhile."""
    stored_runs.change(dataset, record_name(key), **values)


def delete(dataset: fo.Dataset, key: str, files: bool) -> TrainingRun:
    """Delete a run, and with ``files`` its folder too; scores written with it stay.

    Raises:
        ForensicsError: if there is no such run, it is in progress, or the folder cannot be deleted,
            is not allowed or holds something else
    """
    run = training_run(dataset, key)
    if files:
        refuse_copy(run, "deleted")
    if not run.original:
        refuse_live(run, "deleted")
    if files and run.status != GONE:
        doomed = run.folder.with_name(f".{run.folder.name}.deleted.{time.time_ns()}")
        with own_folder(run, "deleted").locked():
            own_folder(run, "deleted").path.rename(doomed)
        try:
            shutil.rmtree(doomed)
        except OSError as error:
            raise ForensicsError(
                f"The folder of {key!r} could not be deleted in full ({error}).",
                f"What is left is in {doomed}.",
            ) from error
    stored_runs.drop(dataset, record_name(key))
    return run


def refuse_copy(run: TrainingRun, what: str) -> None:
    """Raise :class:`ForensicsError` if ``run`` belongs to the dataset's original."""
    if run.original:
        raise ForensicsError(
            f"The run {run.key!r} belongs to {run.original!r}, of which this dataset is a copy, "
            f"and cannot be {what} here.",
            f"Do it in {run.original!r}; the copy's record can be deleted without its folder.",
            "key",
        )


def refuse_live(run: TrainingRun, what: str) -> None:
    """Raise :class:`ForensicsError` if a process works on ``run``."""
    if run.live:
        raise ForensicsError(
            f"The training run {run.key!r} is {run.status} and cannot be {what} now.",
            "Stop it first.",
            "key",
        )


def validation_view(dataset: fo.Dataset, key: str) -> Any:
    """Return the faces of the videos that the run ``key`` is validated on.

    For a retrained head, whose scores are out of fold, these are all the faces it was trained on.

    Raises:
        ForensicsError: if there is no such run, or its folder is gone
    """
    run = training_run(dataset, key)
    manifest = own_folder(run, "read").manifest
    videos = {row.video_id for row in manifest.val or manifest.train}
    return marked_views.shown(dataset, sorted(videos), "video_id")
