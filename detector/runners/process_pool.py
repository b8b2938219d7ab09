"""Units of work in a pool of processes; one that kills its process gets a result of its own.

What was in hand when a process died runs again alone at the end, so that a unit that is too much
for its process is told from one that fell to its neighbours' hunger for memory. The processes run
:mod:`pool_worker`, never the caller's main module.
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
_LOOK_SECONDS = 0.2  # between two looks at whether the work shall stop
_END_SECONDS = 60.0  # for the unit in hand to notice that it shall stop, before it is killed


@dataclass(frozen=True)
class PoolWork(Generic[Task, Result]):
    """What a pool does; ``start`` and ``do`` are functions of an importable module.

    Attributes:
        start: called once in each process with (``setup``, number of processes, event[, ask]); the
            event is set when the work shall stop
        do: one unit of work in a process; None if it was stopped
        died: the result of a unit whose process died; the second argument says whether it was ended
            here because it did not come back
        setup: first argument of ``start``
        limit: seconds after which the process of a unit is ended, even where a library hangs in
            native code and no Python runs; None: never
        has_room: whether a unit may be begun now; units are begun in their order, so the first one
            that is not finished must always be allowed. Asked again when a result is taken
        answer: what a process gets that asks (question, the bytes that follow it); called in one
            thread a process. Where there is one, ``start`` is called with the function that asks
            as a fourth argument: ``ask(question, arrays)``. What it raises ends the work
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
    """Results as they are finished; ends early when ``should_stop`` says so.

    Raises:
        ForensicsError: the processes cannot start
        Exception: what ``start`` or ``do`` raised in a process, or ``answer`` here
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
    """Cores of this machine that this process may use."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def cores_each(workers: int) -> int:
    """Threads for each of ``workers`` processes on this machine, at least 1."""
    return max(1, cores() // workers)


class _Worker:
    """One process, what it has in hand, and the thread that hears it.

    Attributes:
        ready: whether its ``start`` has returned
        ended: whether it has said its last word
        task: (unit, its limit, when it was given) or None
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
        # it has died, which the end of its answers says, or was told to stop
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
        except (EOFError, OSError, pickle.UnpicklingError):  # it has ended, or died in mid-word
            self.process.wait()
            hear(self, None)
        except Exception as error:  # an answer that cannot be read here
            self.process.kill()
            self.process.wait()
            hear(self, (RAISED, error, ""))

    def _reply(self, question: Any, attached: Attached, answer: Any) -> tuple[str, Any, str] | None:
        """Answer the process; returns what is to be told here if that cannot be done."""
        try:
            reply = pickle.dumps((REPLY, answer(question, attached)))
        except CutShortError:
            raise
        except Exception as error:
            attached.skip()
            return RAISED, error, "".join(traceback.format_exception(error))
        attached.skip()
        self.send(reply)
        return None

    def end_soon(self) -> None:
        """Tell it to stop; one that has not begun is ended."""
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
    """Processes that share ``waiting``; what they have to say comes through :meth:`next`.

    A process gets its next unit from the thread that heard its last answer, so that it does not
    wait for a caller who is busy with results; a caller who does not come at all holds it up.
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
        """Called in the thread of ``worker``; None is the end of its process."""
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
        """Whether nothing is waiting, in hand or to be told."""
        with self._lock:
            busy = self._waiting or any(worker.task for worker in self._members)
            return not busy and self._heard.empty()

    def next(self) -> tuple[Task, str, Result | None] | None:
        """What became of one unit; None where nothing did for a moment."""
        self._feed_all()  # the caller may have made room
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
        """Another process for a dead one that had come up; without any there is no work."""
        dead.end_soon()
        dead.wait(time.monotonic())
        self._members.remove(dead)
        if dead.ready and self._waiting:
            self._add()
        elif not self._members and self._waiting:
            raise ForensicsError(
                f"None of the {self._size} worker processes came up (the last ended with status "
                f"{dead.process.returncode}).",
                "What it said is above; one that was killed found too little memory: use fewer "
                "processes.",
                "workers",
            )

    def close(self) -> None:
        """End the processes, after the moment in which a unit in hand notices."""
        with self._lock:
            self._closed = True
        for worker in self._members:
            worker.end_soon()
        deadline = time.monotonic() + _END_SECONDS
        for worker in self._members:
            worker.wait(deadline)


def _raise(error: BaseException, text: str, came_up: bool) -> NoReturn:
    """Raise here what was raised in a process; ``text`` is its traceback there."""
    there = RuntimeError(text) if text else None
    if not came_up and not isinstance(error, ForensicsError):
        raise ForensicsError(
            f"A worker process could not begin: {type(error).__name__}: {error}.",
            "Where memory is what is missing, use fewer processes.",
            "workers",
        ) from there
    raise error if isinstance(error, Exception) else RuntimeError(repr(error)) from there


def crew_results(
    work: PoolWork[Task, Result],
    tasks: Sequence[Task],
    workers: int,
    should_stop: Callable[[], bool],
) -> Generator[tuple[Task, str, Result | None], None, None]:
    """Yield (unit, how it ended, result) of each as it ends, until ``should_stop`` says so.

    The result is None for a unit whose process died. :func:`run_in_pool` tries those again.
    """
    if not tasks or should_stop():
        return
    with closing(_Crew(work, tasks, workers)) as crew:
        while not should_stop() and not crew.finished():
            told = crew.next()
            if told is not None:
                yield told
