"""Describes one row of the list of jobs: its state and its possible actions."""

from __future__ import annotations

from dataclasses import dataclass

RUNNING, STARTING, STOPPING = "running", "starting", "stopping"
QUEUED, DONE, STOPPED, FAILED, DEAD = "queued", "done", "stopped", "failed", "dead"
LIVE = (RUNNING, STARTING, STOPPING, QUEUED)
CANCEL, AGAIN, NEXT, FORGET = "cancel", "again", "next", "forget"


@dataclass(frozen=True)
class WorkRow:
    """One row of the list of jobs.

    Attributes:
        name: folder of a job, or id of a scheduled operation
        scheduled: whether it went through FiftyOne's queue
        operator: name of the operator
        label: text for the user
        state: ``queued``, ``starting``, ``running``, ``stopping``, ``done``, ``stopped``,
            ``failed`` or ``dead`` (its process is gone and has not reported an end)
        share: share that is done, in [0, 1], or None if unknown
        text: how far it is, or how it ended
        since: Unix time of the request
        actions: possible actions: ``cancel``, ``again``, ``next`` (run it before the others in the
            queue), ``forget``
    """

    name: str
    scheduled: bool
    operator: str
    label: str
    state: str
    share: float | None
    text: str
    since: float
    actions: tuple[str, ...]
