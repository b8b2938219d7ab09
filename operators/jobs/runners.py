"""Offers the runners of extraction and scoring: one process, a pool, Ray, or shards elsewhere.

Each video is processed by the same function, so the results are the same (docs/runners.md).
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from ...detector.errors import ForensicsError
from ...detector.files.allowed_roots import allowed_roots
from ..app.form import Form

HERE, POOL, RAY, SHARDS = "here", "pool", "ray", "shards"
CHOICES = (
    (HERE, "one process on this machine"),
    (POOL, "several processes on this machine"),
    (RAY, "Ray: this machine, or a cluster"),
    (SHARDS, "elsewhere: prepare shards for the command line (SLURM, several machines)"),
)
ARGUMENTS = ("runner", "workers", "ray_address", "shards")
MOST_SHARDS = 10_000


@dataclass(frozen=True, slots=True)
class Runner:
    """A checked choice of the runner.

    Attributes:
        kind: one of ``here``, ``pool``, ``ray``, ``shards``
        workers: processes of a pool, or Ray actors that decode (0: one per core)
        ray_address: address of a cluster; None: a Ray on this machine
        shards: number of parts that the work is cut into
    """

    kind: str = HERE
    workers: int = 0
    ray_address: str | None = None
    shards: int = 4


def chosen(
    runner: str | None = None,
    workers: int = 0,
    ray_address: str | None = None,
    shards: int | None = None,
) -> Runner:
    """Return the runner that an operator's arguments name; by default ``workers`` decides.

    Raises:
        ForensicsError: no such runner, an invalid count, or Ray is not installed
    """
    kind = runner or (RAY if ray_address else POOL if workers else HERE)
    if kind not in dict(CHOICES):
        raise ForensicsError(
            f"There is no runner {kind!r}.", f"Known: {', '.join(dict(CHOICES))}.", "runner"
        )
    if not isinstance(workers, int) or workers < 0:
        raise ForensicsError(f"{workers!r} processes.", "Give a number from 0.", "workers")
    count = 4 if shards is None else shards
    if not isinstance(count, int) or not 1 <= count <= MOST_SHARDS:
        raise ForensicsError(f"{count!r} shards.", f"Give 1 to {MOST_SHARDS}.", "shards")
    if kind == RAY:
        from ...detector.runners.ray_cluster import require_ray

        # Objects that come from a cluster are unpickled, so a cluster can run code here.
        confined = allowed_roots() is not None
        if ray_address and confined and ray_address != os.environ.get("RAY_ADDRESS"):
            raise ForensicsError(
                f"This server does not connect to the Ray cluster {ray_address!r}.",
                "Its administrator can allow one with the variable RAY_ADDRESS.",
                "ray_address",
            )
        require_ray()
    if kind == POOL and not workers:
        workers = os.cpu_count() or 1
    return Runner(kind, workers, ray_address or None, count)


def fill(form: Form) -> None:
    """Add the choice of the runner and the fields of the chosen runner."""
    text = "Every runner gives the same results and continues where another stopped"
    form.choice("runner", CHOICES, "Runs", text, default=HERE)
    kind = form.params.get("runner") or HERE
    if kind in (POOL, RAY):
        label = "Processes" if kind == POOL else "Processes that decode"
        form.whole("workers", label, "0: as many as there are cores", least=0)
    if kind == RAY:
        text = "host:port or auto; empty starts Ray on this machine. Crops and weights "
        text += "must be under the same path on every node"
        form.text("ray_address", "Cluster", text)
    if kind == SHARDS:
        text = "Nothing is computed here: a list and the commands are written. One "
        text += "process merges what they made"
        form.whole("shards", "Shards", text, least=1, most=MOST_SHARDS, default=4)


def arguments(form: Mapping[str, Any]) -> dict[str, Any]:
    """Return the arguments of ``run`` that choose the runner.

    Raises:
        ForensicsError: see :func:`chosen`
    """
    given = {name: form[name] for name in ARGUMENTS if form.get(name) not in (None, "")}
    kind = given.get("runner")
    wanted = {POOL: ("workers",), RAY: ("workers", "ray_address"), SHARDS: ("shards",)}
    if kind is not None:  # a form keeps the fields of an earlier choice
        given = {n: v for n, v in given.items() if n == "runner" or n in wanted.get(kind, ())}
    chosen(**given)
    return given
