"""Training runs of a dataset: the durable record on the dataset joined with the run's folder.

The record (a custom run ``training_<key>``) says what was asked; the folder says how far it is and
how it ended, whatever became of the process that started it. Where the two differ, the folder is
right and the record is brought up to date.
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

METHOD = "media_forensics/training"  # of the custom runs
STARTING, INTERRUPTED, GONE = "starting", "interrupted", "gone"
OUTSIDE = "outside"
GRACE_SECONDS = 60.0
"""A process that was just started has not taken its folder yet."""

WORDS = {
    STARTING: "its process is starting",
    runs.RUNNING: "in progress",
    runs.STOPPED: "stopped on request; resume goes on where it was",
    INTERRUPTED: "its process is gone (killed, out of memory); resume goes on from its last save",
    runs.FAILED: "failed",
    runs.COMPLETED: "finished",
    GONE: "its folder is not on this machine",
    OUTSIDE: "its folder lies outside the folders that this server allows",
}
CHANGES = ("renamed", "deleted", "stopped", "resumed")  # what is done to a folder, beside reading


@dataclass(frozen=True)
class TrainingRun:
    """One run as it stands.

    Attributes:
        key: its name, and that of its detector
        status: ``starting``, ``running``, ``stopped``, ``interrupted``, ``failed``, ``completed``,
            ``gone`` or ``outside``
        folder: of the run
        config: ``TrainConfig`` as a dict
        config_hash, manifest_sha256: what its numbers belong to
        epoch, step: done so far
        steps: in all
        best: validation record of the best checkpoint, empty before the first validation
        started: Unix time, seconds
        seconds_left: as the run itself expects, None where it does not run
        error: why it failed, or ""
        checkpoint: folder of the best detector, None before the first validation
        host: machine that it runs on, where that is another one
        original: name of the dataset that it belongs to, where this one is a copy of that
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
        """Whether a process works on it, as far as one can tell."""
        return self.status in (STARTING, runs.RUNNING)

    def to_json(self) -> dict[str, Any]:
        """Plain dict."""
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
    """Name of the custom run of ``key``."""
    return run_names.TRAINING + key


def keys(dataset: fo.Dataset) -> list[str]:
    """Keys of all training runs of ``dataset``, oldest first."""
    # by their method: the names of exported training sets begin alike
    names = stored_runs.listed(dataset, run_names.TRAINING, METHOD)
    return [name.removeprefix(run_names.TRAINING) for name in names]


def has(dataset: fo.Dataset, key: str) -> bool:
    """Whether ``dataset`` has a training run ``key``."""
    return stored_runs.of_method(dataset, record_name(key), METHOD)


def require_own(dataset: fo.Dataset, key: str, field: str = "key") -> None:
    """Raise :class:`ForensicsError` where a record that is no training run has the name."""
    stored_runs.require_own(dataset, record_name(key), METHOD, field)


def training_runs(dataset: fo.Dataset) -> list[TrainingRun]:
    """All training runs of ``dataset``, oldest first, each brought up to date."""
    return [training_run(dataset, key) for key in keys(dataset)]


def training_run(dataset: fo.Dataset, key: str) -> TrainingRun:
    """The run ``key`` as it stands; its record is brought up to date on the way.

    Raises:
        ForensicsError: no such run
    """
    name = record_name(key)
    if not has(dataset, key):
        known = ", ".join(keys(dataset)) or "none"
        raise ForensicsError(
            f"{dataset.name!r} has no training run {key!r}.", f"There are: {known}.", "key"
        )
    record = dataset.get_run_info(name).config
    original = partners.original_of(dataset, getattr(record, "of", None)) or ""
    run = replace(_joined(key, record), original=original)
    beat = heartbeat.last_beat(key, dataset) if run.status == GONE else None
    if beat is not None and not heartbeat.why_dead(beat):
        # on another machine, whose disk is not here; its record is that machine's to settle
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
            heartbeat.forget(key, dataset)  # whoever followed it may have been killed
    return run


def own_folder(run: TrainingRun, what: str) -> RunFolder:
    """The folder of ``run``, asked for again right before it is ``what`` (read, deleted, ...).

    The record may come with a dataset from elsewhere, so its folder must be allowed on this server
    and hold the run that the record tells of.

    Raises:
        ForensicsError: it lies outside the allowed folders, or holds another run
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
        # a folder that cannot exist, so that nobody who forgets to ask reads or writes it
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
    """The validation record that the best checkpoint was saved with; empty before the first."""
    path = folder.checkpoint("best") / "detector.json"  # the record for people: no torch needed
    if not path.is_file():
        return {}
    training = json.loads(path.read_text(encoding="utf-8")).get("training") or {}
    return training.get("validation") or {}


def register(
    view: Any, key: str, config: Any, manifest_sha256: str, run_dir: Path, counts: dict[str, Any]
) -> None:
    """Write the record of a run that is about to start; an earlier one of that key is replaced."""
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
    """Change values of the record of ``key``; a record that was deleted meanwhile stays so."""
    stored_runs.change(dataset, record_name(key), **values)


def delete(dataset: fo.Dataset, key: str, files: bool) -> TrainingRun:
    """Forget a run; with ``files`` its folder goes too. Scores written with it stay.

    Raises:
        ForensicsError: no such run, it is in progress, or the folder cannot be deleted, is not
            allowed or holds something else
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
                f"What is left lies in {doomed}.",
            ) from error
    stored_runs.drop(dataset, record_name(key))
    return run


def refuse_copy(run: TrainingRun, what: str) -> None:
    """Raise :class:`ForensicsError` where ``run`` is the run of the dataset's original."""
    if run.original:
        raise ForensicsError(
            f"The run {run.key!r} belongs to {run.original!r}, of which this dataset is a copy, "
            f"and cannot be {what} here.",
            f"Do it in {run.original!r}; the copy's record can be deleted without its folder.",
            "key",
        )


def refuse_live(run: TrainingRun, what: str) -> None:
    """Raise :class:`ForensicsError` where a process works on ``run``."""
    if run.live:
        raise ForensicsError(
            f"The training run {run.key!r} is {run.status} and cannot be {what} now.",
            "Stop it first.",
            "key",
        )


def validation_view(dataset: fo.Dataset, key: str) -> Any:
    """The faces of the videos that the run ``key`` is validated on (of a retrained head, whose
    scores are out of fold: all that it has learnt from).

    Raises:
        ForensicsError: no such run, or its folder is gone
    """
    run = training_run(dataset, key)
    manifest = own_folder(run, "read").manifest
    videos = {row.video_id for row in manifest.val or manifest.train}
    return marked_views.shown(dataset, sorted(videos), "video_id")
