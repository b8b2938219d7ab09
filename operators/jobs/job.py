"""Runs long work that the App started, in a separate process.

The App's process must survive a crash or out-of-memory of the work, and an operator's answer is cut
off after ten minutes. So the operator starts ``python -m media_forensics.operators.jobs.job
FOLDER`` and shows its progress while the form is open. The folder holds ``job.json`` (the task),
``progress.json`` (how far it is), ``result.json`` or ``error.json`` (how it ended), ``log.txt``
(its output), and ``stop`` (an empty file that asks it to stop).
"""

from __future__ import annotations

import json
import logging
import os
import sys
import time
import traceback
import uuid
from collections.abc import Iterator
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path
from typing import Any

import fiftyone as fo

from ...detector.errors import Cancelled, ForensicsError
from ...detector.files.atomic import saying_disk
from ...detector.runners.child_process import command, start_detached
from ...detector.runners.pace import pace
from ...detector.runners.process_identity import ProcessIdentity
from ...detector.text.terminal import log_to_terminal
from ..app.markup import disarmed
from ..app.progress_bar import at_most_every, how_far
from ..dataset import default_folders, partners
from ..operator_list import module_of
from .path_arguments import absolute

logger = logging.getLogger(__name__)
OPERATORS = module_of.__module__.rpartition(".")[0]  # the operators' package


def jobs_dir() -> Path:
    """Return the folder that holds the folders of jobs."""
    return default_folders.of_kind(default_folders.JOBS)


def new_folder(name: str) -> Path:
    """Return a path for the folder of a new job; the folder is not created."""
    return jobs_dir() / f"{name}-{default_folders.stamp()}-{uuid.uuid4().hex[:6]}"


def write_json(path: Path, value: Any) -> None:
    """Write ``value`` atomically: a reader sees the old text or the new text, never a part."""
    with saying_disk(path):
        path.parent.mkdir(parents=True, exist_ok=True)
        temporary = path.with_name(f".{path.name}.{os.getpid()}")
        temporary.write_text(json.dumps(value, indent=1))
        temporary.replace(path)


@dataclass(frozen=True, slots=True)
class Job:
    """A started job, identified by its folder."""

    folder: Path

    def read(self, name: str) -> dict[str, Any] | None:
        """Return the content of ``<name>.json``, or None while it does not exist."""
        path = self.folder / f"{name}.json"
        return json.loads(path.read_text()) if path.exists() else None

    @property
    def ended(self) -> bool:
        """Whether the job has written a result or an error, or its process is gone."""
        if (self.folder / "result.json").exists() or (self.folder / "error.json").exists():
            return True
        state = self.read("process")
        return state is not None and ProcessIdentity.from_record(state).is_known_dead

    def stop(self) -> None:
        """Ask the job to stop after the current unit of work."""
        (self.folder / "stop").touch()

    def result(self) -> dict[str, Any]:
        """Return the result of the job.

        Raises:
            ForensicsError: the job failed, or its process ended without a result
        """
        done = self.read("result")
        if done is not None:
            return done
        error = self.read("error")
        if error is not None:
            raise ForensicsError(error["message"], error["hint"], error.get("field"))
        raise ForensicsError(
            "The job's process ended without a result (killed, or out of memory).",
            f"Its output is in {self.folder / 'log.txt'}; run the operator again to continue.",
        )


def start(operator: str, samples: Any, params: dict[str, Any]) -> Job:
    """Start ``operators/<operator>.py``'s ``run(samples, **params)`` in a separate process.

    ``samples`` is None for work that needs no dataset. Paths in ``params`` become absolute here, so
    that the job finds them if it is started again from another folder.

    Raises:
        ForensicsError: a path outside the allowed folders
    """
    params = absolute(import_module(f".{module_of(operator)}", OPERATORS).run, params)
    view = None if samples is None else samples.view()
    description = {
        "operator": operator,
        "dataset": None if view is None else view._root_dataset.name,  # only for the user
        "dataset_id": None if view is None else str(view._root_dataset._doc.id),
        "stages": None if view is None else view._serialize(),
        "params": params,
    }
    return _launch(description)


def start_again(job: Job) -> Job:
    """Start an ended ``job`` once more; finished work is not repeated.

    Raises:
        ForensicsError: the job is in progress, or its folder is gone
    """
    description = job.read("job")
    if description is None:
        raise ForensicsError(
            f"The job {job.folder.name} no longer exists.", "Start the operator again."
        )
    if not job.ended:
        raise ForensicsError(f"The job {job.folder.name} is in progress.", "Stop it first.")
    return _launch(description)


def _launch(description: dict[str, Any]) -> Job:
    job = Job(new_folder(description["operator"]))
    write_json(job.folder / "job.json", description)
    with (job.folder / "log.txt").open("wb") as log:
        process = start_detached(command("operators.jobs.job", job.folder), log)
    write_json(job.folder / "process.json", ProcessIdentity.of(process.pid).record())
    return job


def follow(ctx: Any, job: Job, label: str) -> Iterator[Any]:
    """Yield the App's progress messages until ``job`` has ended, and the reason if it failed.

    The App does not show an error that is raised after the first message; its bar would just stop.
    """
    yield ctx.ops.set_progress(label=f"{label}: starting", progress=0.0)
    shown = None
    while not job.ended:
        state = job.read("progress")
        if state is not None and state != shown:
            shown = state
            text = f"{label}: {how_far(**state)}"
            share = state["done"] / max(state["total"], 1)
            yield ctx.ops.set_progress(label=disarmed(text), progress=share)
        time.sleep(0.5)
    try:
        job.result()
    except ForensicsError as error:
        text = f"{label}: {error.message} {error.hint}".strip()
        yield ctx.ops.set_progress(label=disarmed(text), progress=0.0)
        yield ctx.ops.notify(error.message, variant="error")
    else:  # a short job may end before it has said anything
        yield ctx.ops.set_progress(label=f"{label}: finished", progress=1.0)


def hold_database() -> None:
    """Keep the App's database running until this process ends.

    A child process inherits the port of FiftyOne's database service but is not counted as a client,
    so the service would end with the App. This registers the process in the way that FiftyOne
    itself does for a second session on a running service.
    """
    import psutil
    from fiftyone.service import util

    port = int(os.environ.get("FIFTYONE_PRIVATE_DATABASE_PORT") or 0)
    for service in util.find_processes_by_args(["--51-service", "db", "--multi"]) if port else ():
        try:
            ports = {p for c in service.children(True) for p in util.get_listening_tcp_ports(c)}
            if port in ports and not util.send_ipc_message(service, ("register", os.getpid())):
                logger.warning("the database service refused to wait for this job")
        except (OSError, psutil.Error) as error:
            logger.warning("the database may end with the App: %s", error)


def _dataset(job: dict[str, Any]) -> fo.Dataset:
    """Return the dataset of a job, by its id, or by name for jobs of version 0.3.

    Raises:
        ForensicsError: the dataset is gone (another dataset of its name does not count)
    """
    known = job.get("dataset_id")
    name = job["dataset"] if known is None else partners.name_of(known)
    if name is None or not fo.dataset_exists(name):
        raise ForensicsError(
            f"The dataset {job['dataset']!r} that this job works on no longer exists.",
            "Start the operator again on the dataset that exists now.",
        )
    return fo.load_dataset(name)


def main(folder: Path) -> int:
    """Run the job of ``folder``; return the exit status, 0 if it succeeded."""
    log_to_terminal("%(asctime)s %(name)s %(message)s")
    hold_database()
    job = json.loads((folder / "job.json").read_text())
    began = time.monotonic()

    def progress(done: int, total: int, text: str) -> None:
        state = {"done": done, "total": total, "text": text}
        state["pace"] = pace(done, total, time.monotonic() - began)
        write_json(folder / "progress.json", state)

    try:
        samples = None
        if job["dataset"] is not None:
            dataset = _dataset(job)
            stages = job["stages"]
            samples = fo.DatasetView._build(dataset, stages) if stages else dataset.view()
        result = import_module(f".{module_of(job['operator'])}", OPERATORS).run(
            samples,
            progress=at_most_every(0.5, progress),
            should_stop=(folder / "stop").exists,
            **job["params"],
        )
    except Cancelled as error:
        words = {"message": error.message, "hint": error.hint, "stopped": True}
        write_json(folder / "error.json", words)
        return 3
    except ForensicsError as error:
        words = {"message": error.message, "hint": error.hint, "field": error.field}
        write_json(folder / "error.json", words)
        return 2
    except Exception as error:  # the App must show the reason, whatever it is
        logger.exception("job failed")
        text = "".join(traceback.format_exception_only(error)).strip()
        hint = f"The full traceback is in {folder / 'log.txt'}."
        write_json(folder / "error.json", {"message": text, "hint": hint})
        return 1
    write_json(folder / "result.json", result)
    return 0


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1])))
