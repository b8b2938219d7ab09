"""Lists long work on a dataset as rows of one type: jobs of the App, scheduled operations, shards.

Each row holds the possible actions, so that the panel and the operator offer the same.
"""

from __future__ import annotations

import shutil
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from ...detector.errors import ForensicsError
from ...detector.runners.pace import duration
from ...detector.runners.process_identity import ProcessIdentity
from ...detector.runners.shard_notes import shard_notes
from ..app.progress_bar import how_far
from ..dataset import partners
from . import job as jobs, scheduled_jobs
from .job import Job
from .work_row import (
    AGAIN,
    CANCEL,
    DEAD,
    DONE,
    FAILED,
    FORGET,
    LIVE,
    QUEUED,
    RUNNING,
    STARTING,
    STOPPED,
    STOPPING,
    WorkRow,
)

MOST_JOBS = 30
GRACE_SECONDS = 60.0


def rows(dataset_names: set[str]) -> list[WorkRow]:
    """Return the jobs and scheduled operations on these datasets, the newest first.

    Work from before a rename of a dataset is included; work on an earlier dataset of that name is
    not.
    """
    datasets = partners.ids_of(dataset_names)
    found = [*_app_rows(datasets), *scheduled_jobs.rows(set(datasets))]
    return sorted(found, key=lambda row: -row.since)[:MOST_JOBS]


def last_run(operator: str) -> str:
    """Return how long the newest finished job of ``operator`` took, as a sentence, "" for none."""
    folder = jobs.jobs_dir()
    done = sorted(folder.glob(f"{operator}-*/result.json"), key=lambda path: path.stat().st_mtime)
    for result in reversed(done):
        state, asked = Job(result.parent).read("progress"), result.with_name("job.json")
        if state is not None and asked.exists():
            took = duration(result.stat().st_mtime - asked.stat().st_mtime)
            return f"The last one took {took} for {state['done']:,} {state['text']}."
    return ""


def _is_on(record: dict[str, Any], datasets: Mapping[str, str]) -> bool:
    """Return whether a job or plan is on one of ``datasets``; version 0.3 stored names only."""
    if record.get("dataset_id") is not None:
        return record["dataset_id"] in datasets
    return record["dataset"] in datasets.values()


def _app_rows(datasets: Mapping[str, str]) -> list[WorkRow]:
    folder = jobs.jobs_dir()
    if not folder.is_dir():
        return []
    newest = sorted(folder.iterdir(), key=lambda path: -path.stat().st_mtime)[: 4 * MOST_JOBS]
    found = []
    for path in newest:
        job = Job(path)
        asked = job.read("job")
        if asked is not None and (asked["dataset"] is None or _is_on(asked, datasets)):
            found.append(_app_row(job, asked))
        plan = job.read("plan")
        if plan is not None and _is_on(plan, datasets):
            found.append(_shards_row(job, plan))
    return found


def _shards_row(job: Job, plan: dict[str, Any]) -> WorkRow:
    """Return the row of shards that run from the command line, by the notes that they leave."""
    words = {"extract_faces": "extract", "score_faces": "score"}
    root, shards = Path(plan["root"]), plan["shards"]
    works = {f"{words[plan['operator']]}, shard {n}/{shards}" for n in range(shards)}
    folders = [root, *(root.iterdir() if root.is_dir() else ())]
    since = (job.folder / "plan.json").stat().st_mtime
    notes = [note for folder in folders for note in shard_notes(folder) if note.work in works]
    ended = {note.work for note in notes if note.ended and note.done >= note.total}
    running = [note for note in notes if note.alive]
    died = {note.work for note in notes if note.died} - {note.work for note in running} - ended
    done, total = sum(note.done for note in notes), sum(note.total for note in notes)
    parts = [f"{len(ended)} of {shards} shards finished", f"{len(running)} running"]
    parts += [f"{len(died)} died: run them again"] if died else []
    parts += [f"{done} of their {total} videos done"] if notes else []
    state = DONE if len(ended) == shards else RUNNING if running else DEAD if died else QUEUED
    return WorkRow(
        name=job.folder.name,
        scheduled=False,
        operator=plan["operator"],
        label=f"{plan['operator'].replace('_', ' ').capitalize()}: {shards} shards",
        state=state,
        share=len(ended) / shards,
        text=", ".join(parts),
        since=since,
        actions=() if running else (FORGET,),
    )


def _app_row(job: Job, asked: dict[str, Any]) -> WorkRow:
    since = (job.folder / "job.json").stat().st_mtime
    state, share, text = _app_state(job, since)
    live = state in LIVE
    again = state in (STOPPED, FAILED, DEAD)
    key = asked["params"].get("key") or asked["params"].get("detector") or ""
    return WorkRow(
        name=job.folder.name,
        scheduled=False,
        operator=asked["operator"],
        label=f"{asked['operator'].replace('_', ' ').capitalize()} {key}".strip(),
        state=state,
        share=share,
        text=text,
        since=since,
        actions=(CANCEL,) if live else ((AGAIN, FORGET) if again else (FORGET,)),
    )


def _app_state(job: Job, since: float) -> tuple[str, float | None, str]:
    if job.read("result") is not None:
        return DONE, 1.0, ""
    progress = job.read("progress")
    share = progress["done"] / max(progress["total"], 1) if progress else None
    error = job.read("error")
    if error is not None:
        text = f"{error['message']} {error['hint']}".strip()
        return (STOPPED if error.get("stopped") else FAILED), share, text
    process = job.read("process")
    if process is None and time.time() - since < GRACE_SECONDS:
        return STARTING, None, ""
    if process is None or ProcessIdentity.from_record(process).is_known_dead:
        return (
            DEAD,
            share,
            "The process ended without reporting a result (killed or out of memory).",
        )
    text = ""
    if progress:
        text = how_far(**progress)
    return (STOPPING if (job.folder / "stop").exists() else RUNNING), share, text


def act(dataset_names: set[str], name: str, action: str) -> str:
    """Do ``action`` to the row ``name``; return a sentence that says what was done.

    Raises:
        ForensicsError: there is no such row, or its state does not allow the action
    """
    row = next((row for row in rows(dataset_names) if row.name == name), None)
    if row is None:
        raise ForensicsError(
            f"There is no job {name!r}.", "Refresh the panel: it may have been removed.", "job"
        )
    if action not in row.actions:
        raise ForensicsError(
            f"{row.label!r} is {row.state}: {action} is not possible.",
            f"Possible: {', '.join(row.actions) or 'nothing'}.",
            "job",
        )
    if row.scheduled:
        return scheduled_jobs.act(row.name, row.label, row.state, action)
    job = Job(jobs.jobs_dir() / row.name)
    if action == CANCEL:
        job.stop()
        return f"{row.label} stops after the current step; finished work is kept."
    if action == AGAIN:
        jobs.start_again(job)
        return f"{row.label} is started again; finished work is not repeated."
    shutil.rmtree(job.folder)
    return f"{row.label} is no longer listed; its results are kept."
