"""Shows operations in FiftyOne's queue: their state, what is wrong, and how to repair it.

The open-source App can schedule operations but has no page for them. It runs the newest first, and
does not notice that a worker died, so that its operation stays "running" for ever. Our delegated
operators therefore record their process (:mod:`.heartbeat`), so that a dead operation can be told
from a slow one.
"""

from __future__ import annotations

import logging
from datetime import datetime, timezone
from importlib import import_module
from typing import TYPE_CHECKING, Any

import fiftyone as fo

from ...detector.errors import ForensicsError
from ...detector.runners.child_process import command, start_detached
from ..dataset import partners
from ..operator_list import module_of, uri_of
from . import heartbeat, job as jobs

if TYPE_CHECKING:
    from .work_row import WorkRow

logger = logging.getLogger(__name__)

_STATES = {"queued": "queued", "scheduled": "queued", "completed": "done", "failed": "failed"}


def rows(dataset_ids: set[str]) -> list[WorkRow]:
    """Return our operations in FiftyOne's queue on these datasets."""
    from .work_row import AGAIN, CANCEL, DEAD, DONE, FAILED, FORGET, NEXT, QUEUED, WorkRow

    found = []
    operations = [op for op in _operations() if _dataset_of(op) in dataset_ids]
    waiting = sum(op.run_state == "queued" for op in operations)
    for op in operations:
        state = _STATES.get(str(op.run_state), "running")
        status = op.status
        text = str(getattr(status, "label", None) or "")
        share = getattr(status, "progress", None)
        actions: tuple[str, ...] = (CANCEL,)
        if state == "running":
            reason = _why_dead(op)
            if reason:
                state, text, actions = DEAD, reason, (AGAIN, FORGET)
        elif state == QUEUED:
            actions = (CANCEL, NEXT) if waiting > 1 else (CANCEL,)
        elif state == DONE:
            share, actions = 1.0, (FORGET,)
        elif state == FAILED:
            text, actions = _last_line(getattr(op.result, "error", None)), (AGAIN, FORGET)
        found.append(
            WorkRow(
                name=str(op.id),
                scheduled=True,
                operator=op.operator.removeprefix(uri_of("")),
                label=op.label or op.operator.removeprefix(uri_of("")),
                state=state,
                share=share,
                text=text,
                since=_seconds(op.queued_at) or 0.0,
                actions=actions,
            )
        )
    return found


def act(name: str, label: str, state: str, action: str) -> str:
    """Do ``action`` of :mod:`.job_list` to the operation ``name``; return what was done."""
    from bson import ObjectId
    from fiftyone.operators.executor import ExecutionResult

    from .work_row import AGAIN, CANCEL, DEAD, NEXT

    service, op_id = _service(), ObjectId(name)
    if action == CANCEL:
        # A running operator of ours checks this record every two seconds. FiftyOne also ends its
        # process soon, so any work that it started elsewhere is stopped here.
        service.set_failed(op_id, result=ExecutionResult(error="Cancelled in Training runs."))
        _tell_operator(service.get(op_id))
        return f"{label} is cancelled; finished work is kept."
    if action == NEXT:
        service.set_queued(op_id, required_state="queued")  # the newest in the queue runs first
        return f"{label} runs next."
    if state == DEAD:
        service.set_failed(op_id, result=ExecutionResult(error="Its worker died."))
    if action == AGAIN:
        service.rerun_operation(op_id)
        return f"{label} is queued again; finished work is not repeated."
    service.delete_operation(op_id)
    return f"{label} is no longer listed; its results are kept."


def _tell_operator(op: Any) -> None:
    """Let the operator of a cancelled operation stop the work that it started elsewhere.

    An operator's module may define ``cancelled(dataset, params)`` for this.
    """
    module = import_module(f"{jobs.OPERATORS}.{module_of(op.operator.removeprefix(uri_of('')))}")
    stop, name = getattr(module, "cancelled", None), partners.name_of(_dataset_of(op))
    if stop is not None and name:
        stop(fo.load_dataset(name), dict(op.context.request_params.get("params") or {}))


def findings(found: list[WorkRow]) -> list[dict[str, str]]:
    """Return the problems of the queue: ``text``, and ``repair`` (argument of :func:`repair`)."""
    out = []
    queued = [row for row in found if row.scheduled and row.state == "queued"]
    if not fo.config.allow_legacy_orchestrators:
        out.append(
            {
                "text": "'Schedule' is greyed out in the forms: this App does not allow local "
                "workers. Set FIFTYONE_ALLOW_LEGACY_ORCHESTRATORS=true before it starts, or allow "
                "them now until it ends.",
                "repair": "allow",
            }
        )
    if queued and not workers():
        some = f"{len(queued)} operations are" if len(queued) > 1 else "One operation is"
        out.append(
            {
                "text": f"{some} queued and no worker runs on this machine. Run 'fiftyone "
                "delegated launch -m', or start a worker here that ends when the queue is empty.",
                "repair": "work",
            }
        )
    elif len(queued) > 1:
        out.append(
            {
                "text": f"{len(queued)} operations wait. FiftyOne's worker takes the newest "
                f"first: {queued[0].label!r} runs next, {queued[-1].label!r} last. 'Run next' "
                "moves one to the front.",
                "repair": "",
            }
        )
    for row in found:
        if row.state == "dead":
            out.append(
                {
                    "text": f"{row.label!r} is dead: {row.text} 'Run again' continues where it "
                    "stopped.",
                    "repair": "",
                }
            )
    return out


def repair(what: str) -> str:
    """Repair a finding of :func:`findings`; return what was done."""
    if what == "allow":
        fo.config.allow_legacy_orchestrators = True
        return "Forms now offer 'Schedule', until this App ends."
    if what == "work":
        start_worker()
        return "A worker is starting; it runs the queue, the oldest first, and ends."
    raise ForensicsError(f"There is no repair {what!r}.")


def workers() -> list[int]:
    """Return the process ids of the workers on this machine, FiftyOne's and ours."""
    import psutil

    found = []
    for process in psutil.process_iter(["cmdline"]):
        words = process.info["cmdline"] or []
        theirs = "delegated" in words and "launch" in words
        if theirs or f"{__package__}.queue_worker" in words:
            found.append(process.pid)
    return found


def start_worker() -> int:
    """Start a process that runs our queued operations, the oldest first, and then ends.

    Returns:
        its process id
    """
    log = jobs.jobs_dir().parent / "queue_worker.log"
    log.parent.mkdir(parents=True, exist_ok=True)
    with log.open("ab") as stream:
        process = start_detached(command("operators.jobs.queue_worker"), stream)
    return process.pid


def queued_operations() -> list[Any]:
    """Return our queued operations, the oldest first."""
    waiting = [op for op in _operations() if op.run_state == "queued"]
    return sorted(waiting, key=lambda op: _seconds(op.queued_at) or 0.0)


def _operations() -> list[Any]:
    return [op for op in _service().list_operations() if op.operator.startswith(uri_of(""))]


def _why_dead(op: Any) -> str:
    """Return why a running operation counts as dead, or "" if a process may work on it."""
    signs = [op.started_at, op.updated_at, getattr(op.status, "updated_at", None)]
    heard = max((_seconds(sign) or 0.0) for sign in signs)
    return heartbeat.why_dead(heartbeat.last_beat(str(op.id)), heard)


def _dataset_of(op: Any) -> str | None:
    """Return the id of the dataset, whose name may have changed since the request."""
    return None if op.dataset_id is None else str(op.dataset_id)


def _seconds(moment: datetime | None) -> float | None:
    """Return the Unix time of one of FiftyOne's naive UTC times."""
    return None if moment is None else moment.replace(tzinfo=timezone.utc).timestamp()


def _last_line(text: str | None) -> str:
    lines = (text or "").strip().splitlines()
    return lines[-1] if lines else ""


def _service() -> Any:
    from fiftyone.operators.delegated import DelegatedOperationService

    return DelegatedOperationService()
