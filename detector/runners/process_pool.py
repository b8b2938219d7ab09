"""Runs units of work in a pool of processes; a unit that kills its process gets its own result.

The units that were running when a process died run again at the end, one at a time. This tells a
unit that kills its process from one that lost its process to a neighbour's use of memory. The
processes run :mod:`pool_worker`, never the caller's main module.
"""

from __future__ import annotations

import contextlib
import logging
import os
import pickle
import queue
import subprocess
import sys
import threading
import time
import traceback
from collections import deque
from collections.abc import Callable, Generator, Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass
from typing import Any, Generic, NoReturn, TypeVar

from ..errors import ForensicsError
from .attached import Attached, CutShortError, widen
from .child_process import command, environment
from .pool_worker import ASKED, LIMIT_STATUS, RAISED, REPLY, UNIT

log = logging.getLogger(__name__)
Task = TypeVar("Task")
Result = TypeVar("Result")
_DIED, _HUNG = "died", "hung"
_LOOK_SECONDS = 0.2  # between two checks whether to stop
_END_SECONDS = 60.0  # time for a running unit to notice the stop before its process is killed


@dataclass(frozen=True)
class PoolWork(Generic[Task, Result]):
    """The work of a pool; ``start`` and ``do`` are functions of an importable module.

    Attributes:
        start: called once in each process with (``setup``, number of processes, event[, ask]); the
            event is set when the work is to stop
        do: processes one unit in a worker; returns None if stopped
        died: returns the result of a unit whose process died; the second argument is True if the
            process hung and was ended by the limit
        setup: first argument of ``start``
        limit: seconds after which the process of a unit is ended, even if a library hangs in
            native code; None: never
        has_room: returns whether a unit may start now. Units start in order, so the first
            unfinished one must always be allowed. It is called again when a result is taken
        answer: answers a worker's question, given (question, the bytes that follow it); called in
            one thread per process. If set, ``start`` gets the function ``ask(question, arrays)`` as
            fourth argument. An exception in it ends the work
    """

    start: Callable[..., None]
    do: Callable[[Task], Result | None]
    died: Callable[[Task, bool], Result]
    setup: Any
    limit: Callable[[Task], float | None] = lambda _: None
    has_room: Callable[[Task], bool] = lambda _: True
    answer: Callable[[Any, Attached], Any] | None = None


def run_in_pool(
    work: PoolWork[Task, Result],
    tasks: Sequence[Task],
    workers: int,
    should_stop: Callable[[], bool],
) -> Iterator[Result]:
    """Yield results as they finish; end early when ``should_stop`` returns True.

    Raises:
        ForensicsError: the processes cannot start
        Exception: raised by ``start`` or ``do`` in a process, or by ``answer`` here
    """
    suspects: list[Task] = []
    for task, how, result in crew_results(work, tasks, workers, should_stop):
        if how == _DIED:
            suspects.append(task)
        elif how == _HUNG:
            yield work.died(task, True)
        elif result is not None:
            yield result
    if suspects:
        log.warning("a worker process died; %d units of work run again alone", len(suspects))
    for task, how, result in crew_results(work, suspects, 1, should_stop):
        if how in (_DIED, _HUNG):
            yield work.died(task, how == _HUNG)
        elif result is not None:
            yield result


def cores() -> int:
    """Return the number of cores that this process may use."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def cores_each(workers: int) -> int:
    """Return the threads for each of ``workers`` processes on this machine, at least 1."""
    return max(1, cores() // workers)


class _Worker:
    """One worker process, its current unit, and the thread that receives its messages.

    Attributes:
        ready: True once its ``start`` has returned
        ended: True once it has sent its last message
        task: (unit, its limit, start time) or None
    """

    def __init__(
        self,
        first: Sequence[bytes],
        hear: Callable[[_Worker, Any], None],
        answer: Callable[[Any, Attached], Any] | None,
    ) -> None:
        self.ready = self.ended = False
        self.task: tuple[Any, float | None, float] | None = None
        self.process = subprocess.Popen(
            command("detector.runners.pool_worker"),
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            env=environment(),
        )
        if answer is not None:
            widen(self.process.stdout)
        self.thread = threading.Thread(target=self._listen, args=(hear, answer), daemon=True)
        self.thread.start()
        self.send(*first)

    def send(self, *messages: bytes) -> None:
        assert self.process.stdin is not None
        # The process may have died, which the reading thread reports, or may be stopping.
        with contextlib.suppress(OSError, ValueError):
            for message in messages:
                self.process.stdin.write(message)
            self.process.stdin.flush()

    def _listen(self, hear: Callable[[_Worker, Any], None], answer: Any) -> None:
        said = self.process.stdout
        assert said is not None
        try:
            while True:
                message = pickle.load(said)
                if message[0] == ASKED:
                    message = self._reply(message[1], Attached(said, message[2]), answer)
                if message is not None:
                    hear(self, message)
        except (EOFError, OSError, pickle.UnpicklingError):  # it ended, perhaps in mid-message
            self.process.wait()
            hear(self, None)
        except Exception as error:  # an answer that cannot be unpickled here
            self.process.kill()
            self.process.wait()
            hear(self, (RAISED, error, ""))

    def _reply(self, question: Any, attached: Attached, answer: Any) -> tuple[str, Any, str] | None:
        """Answer the process; return a message for the pool if that fails, else None."""
        try:
            reply = pickle.dumps((REPLY, answer(question, attached)))
        except CutShortError:
            raise
        except Exception as error:  # raised again where the work was asked for
            attached.skip()
            return RAISED, error, "".join(traceback.format_exception(error))
        attached.skip()
        self.send(reply)
        return None

    def end_soon(self) -> None:
        """Tell the process to stop; kill it if it has not finished starting."""
        assert self.process.stdin is not None
        with contextlib.suppress(OSError):
            self.process.stdin.close()
        if not self.ready:
            self.process.kill()

    def wait(self, deadline: float) -> None:
        try:
            self.process.wait(max(0.0, deadline - time.monotonic()))
        except subprocess.TimeoutExpired:
            log.warning("worker process %d does not stop and is killed", self.process.pid)
            self.process.kill()
            self.process.wait()
        self.thread.join()
        assert self.process.stdout is not None
        self.process.stdout.close()


class _Crew(Generic[Task, Result]):
    """Processes that share the queue ``waiting``; :meth:`next` returns their results.

    A process gets its next unit from the thread that received its last answer, so that it does not
    wait while the caller handles results. If the caller stops taking results, it does wait.
    """

    def __init__(self, work: PoolWork[Task, Result], tasks: Sequence[Task], workers: int) -> None:
        self._work, self._size = work, min(workers, len(tasks))
        self._waiting = deque(tasks)
        self._lock = threading.Lock()
        self._closed = False
        self._heard: queue.Queue[tuple[_Worker, Any, Any]] = queue.Queue()
        start = (work.start, work.do, work.setup, self._size, work.answer is not None)
        self._first = (pickle.dumps(list(sys.path)), pickle.dumps(start))
        self._members: list[_Worker] = []
        for _ in range(self._size):
            self._add()

    def _add(self) -> None:
        try:
            self._members.append(_Worker(self._first, self._hear, self._work.answer))
        except OSError as error:
            self.close()
            raise ForensicsError(
                f"A worker process cannot be started: {error}.", "Use fewer processes.", "workers"
            ) from error

    def _hear(self, worker: _Worker, message: Any) -> None:
        """Handle a message in the thread of ``worker``; None means that its process ended."""
        with self._lock:
            had, worker.task = worker.task, None
            worker.ended = message is None or message[0] == RAISED
            if not worker.ended:
                worker.ready = True
                self._feed(worker)
            elif message is None and had is not None and had[1] is not None:
                ended_by_limit = time.monotonic() - had[2] >= had[1]
                if ended_by_limit and worker.process.returncode == LIMIT_STATUS:
                    message = (_HUNG, None, "")
            self._heard.put((worker, had and had[0], message))

    def _feed(self, worker: _Worker) -> None:
        room = self._heard.qsize() < 2 * self._size
        free = not (self._closed or worker.ended or worker.task)
        if self._waiting and room and free and self._work.has_room(self._waiting[0]):
            task = self._waiting.popleft()
            limit = self._work.limit(task)
            worker.task = (task, limit, time.monotonic())
            worker.send(pickle.dumps((UNIT, (task, limit))))

    def _feed_all(self) -> None:
        with self._lock:
            for worker in self._members:
                if worker.ready:
                    self._feed(worker)

    def finished(self) -> bool:
        """Return whether no unit is waiting or running and no message is unread."""
        with self._lock:
            busy = self._waiting or any(worker.task for worker in self._members)
            return not busy and self._heard.empty()

    def next(self) -> tuple[Task, str, Result | None] | None:
        """Return the outcome of one unit; None if there was none within a moment."""
        self._feed_all()  # the caller may have made room since the last call
        try:
            worker, task, message = self._heard.get(timeout=_LOOK_SECONDS)
        except queue.Empty:
            return None
        self._feed_all()
        kind: str
        value: Any
        kind, value, text = (_DIED, None, "") if message is None else message
        if kind == RAISED:
            _raise(value, text, worker.ready)
        if kind in (_DIED, _HUNG):
            self._replace(worker)
        return None if task is None else (task, kind, value)

    def _replace(self, dead: _Worker) -> None:
        """Replace a dead process that had started; raise if no process is left."""
        dead.end_soon()
        dead.wait(time.monotonic())
        self._members.remove(dead)
        if dead.ready and self._waiting:
            self._add()
        elif not self._members and self._waiting:
            raise ForensicsError(
                f"None of the {self._size} worker processes started (the last ended with status "
                f"{dead.process.returncode}).",
                "Its output is above; if it was killed, memory ran out: use fewer processes.",
                "workers",
            )

    def close(self) -> None:
        """End the processes, giving running units time to notice the stop."""
        with self._lock:
            self._closed = True
        for worker in self._members:
            worker.end_soon()
        deadline = time.monotonic() + _END_SECONDS
        for worker in self._members:
            worker.wait(deadline)


def _raise(error: BaseException, text: str, came_up: bool) -> NoReturn:
    """Raise an error of a worker process here; ``text`` is its traceback there."""
    there = RuntimeError(text) if text else None
    if not came_up and not isinstance(error, ForensicsError):
        raise ForensicsError(
            f"A worker process could not start: {type(error).__name__}: {error}.",
            "If memory ran out, use fewer processes.",
            "workers",
        ) from there
    raise error if isinstance(error, Exception) else RuntimeError(repr(error)) from there


def crew_results(
    work: PoolWork[Task, Result],
    tasks: Sequence[Task],
    workers: int,
    should_stop: Callable[[], bool],
) -> Generator[tuple[Task, str, Result | None], None, None]:
    """Yield (unit, outcome, result) of each unit as it ends, until ``should_stop`` returns True.

    The result of a unit whose process died is None. :func:`run_in_pool` runs such units again.
    """
    if not tasks or should_stop():
        return
    with closing(_Crew(work, tasks, workers)) as crew:
        while not should_stop() and not crew.finished():
            told = crew.next()
            if told is not None:
                yield told
