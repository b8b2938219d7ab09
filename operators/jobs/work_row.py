"""Describes one row of the list of jobs: its states and what can be done about it."""

from __future__ import annotations

from dataclasses import dataclass

RUNNING, STARTING, STOPPING = "running", "starting", "stopping"
QUEUED, DONE, STOPPED, FAILED, DEAD = "queued", "done", "stopped", "failed", "dead"
LIVE = (RUNNING, STARTING, STOPPING, QUEUED)
CANCEL, AGAIN, NEXT, FORGET = "cancel", "again", "next", "forget"


@dataclass(frozen=True)
class WorkRow:
    """One job.

    Attributes:
        name: folder of a job, or id of a scheduled operation
        scheduled: whether it went through FiftyOne's queue
        operator: name of the operator
        label: for people
        state: ``queued``, ``starting``, ``running``, ``stopping``, ``done``, ``stopped``,
            ``failed`` or ``dead`` (its process is gone and nobody has said so)
        share: done, 0 to 1, None where unknown
        text: how far it is, or how it ended
        since: Unix time at which it was asked for
        actions: what can be done: ``cancel``, ``again``, ``next`` (run it before the others of
            the queue), ``forget``
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
