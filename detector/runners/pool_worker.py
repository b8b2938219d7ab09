"""Does the units of a pool in a process of its own; :mod:`process_pool` starts and feeds it.

It reads pickles from what was its standard input: the search path, the work, then units until the
end of the stream, which also means "stop". It answers with pickles on what was its standard
output; whatever a library prints goes to standard error. In the middle of a unit it may ask the
process that started it: the question may have arrays, whose bytes follow it, and the answer comes
where the units come.
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

READY, DONE, RAISED, ASKED = "ready", "done", "raised", "asked"  # to whoever started it
UNIT, REPLY = "unit", "reply"  # from there
LIMIT_STATUS = 1  # with which faulthandler ends a process
_END = object()


def main() -> None:
    """Serve the process that started this one, until it closes the stream or is gone."""
    units, answers = _own_pipes()
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C reaches whoever started this one
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
    except BaseException as error:  # whatever it is, it is told where the work was asked for
        _answer(answers, RAISED, error)
        return
    _answer(answers, READY, None)
    while (given := inbox.get()) is not _END and not stop.is_set():
        unit, limit = given
        try:
            result = _limited(do, unit, limit)
        except BaseException as error:
            _answer(answers, RAISED, error)
        else:
            _answer(answers, DONE, result)


def _own_pipes() -> tuple[BinaryIO, BinaryIO]:
    """The two pipes under numbers of their own, so that no library reads or writes them."""
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
    """Return what the process that started this one answers to ``question``.

    Args:
        question: a small object that can be pickled
        arrays: contiguous, of uint8; their bytes are sent as they are

    Raises:
        Cancelled: the work shall stop
    """
    views = [memoryview(array).cast("B") for array in arrays]
    try:
        answers.write(pickle.dumps((ASKED, question, sum(map(len, views)))))
        for view in views:
            answers.write(view)
        answers.flush()
    except OSError:  # nobody listens any more: it was killed
        os._exit(0)
    reply = replies.get()
    if reply is _END:
        raise Cancelled("Stopped.", "Run it again to continue.")
    return reply


def _limited(do: Callable[[Any], Any], unit: Any, limit: float | None) -> Any:
    """``do(unit)``; a thread of C that needs no interpreter ends this process after ``limit``."""
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
            pickle.loads(message)  # an error may pickle and yet not come back
    except Exception as error:
        message = pickle.dumps((RAISED, RuntimeError(f"{error}\n{text}".strip()), text))
    try:
        answers.write(message)
        answers.flush()
    except OSError:  # nobody listens any more: it was killed
        os._exit(0)


if __name__ == "__main__":
    main()
