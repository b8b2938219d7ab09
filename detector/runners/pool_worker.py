"""Processes the units of a pool in a worker process that :mod:`process_pool` starts and feeds.

It reads pickles from its original standard input: the search path, the work, then units until the
end of the stream, which also means "stop". It answers with pickles on its original standard output;
output of libraries goes to standard error. During a unit it may ask the parent process. A question
may be followed by the bytes of arrays; the answer comes through the same stream as the units.
"""

from __future__ import annotations

import faulthandler
import functools
import os
import pickle
import queue
import signal
import sys
import threading
import traceback
from collections.abc import Callable, Sequence
from typing import Any, BinaryIO

from ..errors import Cancelled

READY, DONE, RAISED, ASKED = "ready", "done", "raised", "asked"  # to the parent process
UNIT, REPLY = "unit", "reply"  # from the parent process
LIMIT_STATUS = 1  # exit status of a process that faulthandler ends
MEMORY_STATUS = 3  # and of one that has too little memory
_END = object()


def main() -> None:
    """Serve the parent process until it closes the stream or dies."""
    units, answers = _own_pipes()
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C also reaches the parent, which decides
    sys.path[:] = pickle.load(units)
    stop = threading.Event()
    inbox: queue.SimpleQueue[Any] = queue.SimpleQueue()
    replies: queue.SimpleQueue[Any] = queue.SimpleQueue()
    try:
        start, do, setup, workers, asks = pickle.load(units)
        receive = threading.Thread(target=_receive, args=(units, inbox, replies, stop), daemon=True)
        receive.start()
        ask = [functools.partial(_ask, answers, replies)] if asks else []
        start(setup, workers, stop, *ask)
    except BaseException as error:  # reported to the parent process
        _answer(answers, RAISED, error)
        return
    _answer(answers, READY, None)
    while (given := inbox.get()) is not _END and not stop.is_set():
        unit, limit = given
        try:
            result = _limited(do, unit, limit)
        except MemoryError:  # as if the system had ended it: the unit runs once more, alone
            os._exit(MEMORY_STATUS)
        except BaseException as error:
            _answer(answers, RAISED, error)
        else:
            _answer(answers, DONE, result)


def _own_pipes() -> tuple[BinaryIO, BinaryIO]:
    """Move the two pipes to other descriptors, so that no library reads from or writes to them."""
    units, answers = os.dup(0), os.dup(1)
    nothing = os.open(os.devnull, os.O_RDWR)
    os.dup2(nothing, 0)
    try:
        os.dup2(2, 1)
    except OSError:  # started from a program without standard error
        os.dup2(nothing, 1)
        os.dup2(nothing, 2)
    os.close(nothing)
    return os.fdopen(units, "rb"), os.fdopen(answers, "wb")


def _receive(
    units: BinaryIO,
    inbox: queue.SimpleQueue[Any],
    replies: queue.SimpleQueue[Any],
    stop: threading.Event,
) -> None:
    try:
        while True:
            kind, value = pickle.load(units)
            (inbox if kind == UNIT else replies).put(value)
    except (EOFError, OSError):
        stop.set()
        inbox.put(_END)
        replies.put(_END)


def _ask(
    answers: BinaryIO, replies: queue.SimpleQueue[Any], question: Any, arrays: Sequence[Any] = ()
) -> Any:
    """Send ``question`` to the parent process and return its answer.

    Args:
        question: a small object that can be pickled
        arrays: contiguous, uint8; their bytes are sent unchanged

    Raises:
        Cancelled: the work is to stop
    """
    views = [memoryview(array).cast("B") for array in arrays]
    try:
        answers.write(pickle.dumps((ASKED, question, sum(map(len, views)))))
        for view in views:
            answers.write(view)
        answers.flush()
    except OSError:  # the parent process is dead
        os._exit(0)
    reply = replies.get()
    if reply is _END:
        raise Cancelled("Stopped.", "Run it again to continue.")
    return reply


def _limited(do: Callable[[Any], Any], unit: Any, limit: float | None) -> Any:
    """Return ``do(unit)``; a native thread ends this process after ``limit`` seconds."""
    if limit is None:
        return do(unit)
    faulthandler.dump_traceback_later(limit, exit=True, file=2)
    try:
        return do(unit)
    finally:
        faulthandler.cancel_dump_traceback_later()


def _answer(answers: BinaryIO, kind: str, value: Any) -> None:
    text = "".join(traceback.format_exception(value)) if kind == RAISED else ""
    try:
        message = pickle.dumps((kind, value, text))
        if kind == RAISED:
            pickle.loads(message)  # an error may pickle but not unpickle
    except Exception as error:  # a result or an error that cannot be pickled: its text can
        message = pickle.dumps((RAISED, RuntimeError(f"{error}\n{text}".strip()), text))
    try:
        answers.write(message)
        answers.flush()
    except OSError:  # the parent process is dead
        os._exit(0)


if __name__ == "__main__":
    main()
