"""Units of work in a pool of processes; one that kills its process gets a result of its own.

Whatever ran when a process died runs again alone, so that the culprit is told from its neighbours
and everything else is still done.
"""

from __future__ import annotations

import faulthandler
import logging
import multiprocessing
import os
from collections.abc import Callable, Generator, Iterator, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ProcessPoolExecutor, wait
from concurrent.futures.process import BrokenProcessPool
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

from .errors import ForensicsError

log = logging.getLogger(__name__)
Task = TypeVar("Task")
Result = TypeVar("Result")
_LIMIT_STATUS = 1  # with which faulthandler ends a process
_Starter = tuple[Callable[[Any, int, Any], None], Any]  # function and its first argument


@dataclass(frozen=True)
class PoolWork(Generic[Task, Result]):
    """What a pool does; ``start`` and ``do`` are functions of a module, so that they pickle.

    Attributes:
        start: called once in each process with (``setup``, number of processes, event); the event
            is set when the work shall stop
        do: one unit of work in a process; None if it was stopped
        died: the result of a unit whose process died; the second argument says whether it was ended
            here because it did not come back
        setup: first argument of ``start``
        limit: seconds after which the process of a unit is ended, even where a library hangs in
            native code and no Python runs; None: never
    """

    start: Callable[[Any, int, Any], None]
    do: Callable[[Task], Result | None]
    died: Callable[[Task, bool], Result]
    setup: Any
    limit: Callable[[Task], float | None] = lambda _: None


def run_in_pool(
    work: PoolWork[Task, Result],
    tasks: Sequence[Task],
    workers: int,
    should_stop: Callable[[], bool],
) -> Iterator[Result]:
    """Results as they are finished; ends early when ``should_stop`` says so.

    Raises:
        ForensicsError: the processes cannot start
    """
    waiting = list(reversed(tasks))
    suspects: list[Task] = []
    while waiting and not should_stop():
        yield from _one_pool(work, waiting, suspects, workers, 2 * workers, should_stop)
        while suspects and not should_stop():
            culprit: list[Task] = []
            hung = yield from _one_pool(work, suspects, culprit, 1, 1, should_stop)
            for task in culprit:
                yield work.died(task, hung and work.limit(task) is not None)


def cores_each(workers: int) -> int:
    """Threads for each of ``workers`` processes on this machine, at least 1."""
    if hasattr(os, "sched_getaffinity"):
        return max(1, len(os.sched_getaffinity(0)) // workers)
    return max(1, (os.cpu_count() or 1) // workers)


def _start(work: _Starter, workers: int, stop: Any, ready: Any) -> None:
    start, setup = work
    start(setup, workers, stop)
    ready.set()


def _limited(do: Callable[[Any], Any], task: Any, limit: float | None) -> Any:
    """``do(task)``; a thread of C that needs no interpreter ends this process after ``limit``."""
    if limit is None:
        return do(task)
    faulthandler.dump_traceback_later(limit, exit=True)
    try:
        return do(task)
    finally:
        faulthandler.cancel_dump_traceback_later()


def _one_pool(
    work: PoolWork[Task, Result],
    tasks: list[Task],
    suspects: list[Task],
    workers: int,
    in_flight: int,
    should_stop: Callable[[], bool],
) -> Generator[Result, None, bool]:
    """One life of a pool: takes from the end of ``tasks``; what ran as it broke is a suspect.

    Returns:
        whether a process was ended by its limit
    """
    # Spawned: a fork would copy the threads of torch, of the decoder and of FiftyOne.
    context = multiprocessing.get_context("spawn")
    event = context.Event()
    ready = context.Event()
    starter = (work.start, work.setup)
    pool = ProcessPoolExecutor(workers, context, _start, (starter, workers, event, ready))
    running: dict[Future[Result | None], Task] = {}
    processes: dict[int, Any] = {}
    try:
        while (tasks or running) and not should_stop():
            while tasks and len(running) < in_flight:
                task = tasks[-1]
                running[pool.submit(_limited, work.do, task, work.limit(task))] = task
                tasks.pop()
            processes = processes or dict(pool._processes or {})
            done, _ = wait(running, timeout=0.2, return_when=FIRST_COMPLETED)
            for future in done:
                result = future.result()
                del running[future]
                if result is not None:
                    yield result
    except BrokenProcessPool as error:
        if not ready.is_set():
            raise ForensicsError(
                f"None of the {workers} worker processes came up.",
                "Their output is above; often the memory is too small: use fewer processes.",
                "workers",
            ) from error
        log.warning("a worker process died; %d units of work run again alone", len(running))
        suspects.extend(reversed(running.values()))
    finally:
        event.set()
        pool.shutdown(wait=True, cancel_futures=True)
    # known for certain only now that the pool has waited for its processes
    return any(process.exitcode == _LIMIT_STATUS for process in processes.values())
