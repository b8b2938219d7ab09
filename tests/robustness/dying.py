"""Runs work in a forked process that ends itself with SIGKILL at its n-th write.

A write is a command that changes the database, or a file that is opened for writing, renamed or
removed below one of the watched folders. The process dies before the write is sent; of a bulk
write, and of an update or insert of many documents, half has been done. A count that is reached
tells how many moments there are.
"""

from __future__ import annotations

import mmap
import os
import signal
import struct
import sys
import threading
import time
import traceback
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

WRITING = ("insert", "update", "delete", "findAndModify", "createIndexes", "drop", "create")
FILE_EVENTS = ("os.rename", "os.remove", "os.link", "os.symlink", "os.rmdir", "os.mkdir")
MOST_SECONDS = 300
_FORKING = threading.Lock()


@dataclass(frozen=True)
class End:
    """How the process ended.

    Attributes:
        writes: that it began
        killed: whether it killed itself
        error: what it raised, "" for nothing
        last: the write at which it died
    """

    writes: int
    killed: bool
    error: str
    last: str


def run(work: Callable[[], Any], folders: Sequence[Path], die_at: int | None = None) -> End:
    """Do ``work`` in a process of its own.

    Args:
        work: called in a fork of this process
        folders: where files count as written
        die_at: the write (from 1) before which it dies; None: it lives
    """
    shared = mmap.mmap(-1, 8192)
    with _FORKING:  # filelock refuses a fork while another thread forks
        child = os.fork()
    if child == 0:
        _live(work, folders, die_at, shared)
    deadline = time.monotonic() + MOST_SECONDS
    while True:
        done, status = os.waitpid(child, os.WNOHANG)
        if done:
            break
        if time.monotonic() > deadline:
            os.kill(child, signal.SIGKILL)
            os.waitpid(child, 0)
            raise TimeoutError(f"the work hung after {_read(shared)[0]} writes")
        time.sleep(0.01)
    writes, error, last = _read(shared)
    killed = os.WIFSIGNALED(status) and os.WTERMSIG(status) == signal.SIGKILL
    if not killed and not error and os.waitstatus_to_exitcode(status):
        error = f"ended with status {status}"
    return End(writes, killed, error, last)


def _read(shared: mmap.mmap) -> tuple[int, str, str]:
    (count,) = struct.unpack("q", shared[:8])
    text = shared[8:6000].split(b"\0")[0].decode(errors="replace")
    return count, text, shared[6000:8000].split(b"\0")[0].decode(errors="replace")


def _live(
    work: Callable[[], Any], folders: Sequence[Path], die_at: int | None, shared: mmap.mmap
) -> None:
    """The life of the forked process; never returns."""
    code = 0
    try:
        _watch(folders, die_at, shared)
        null = os.open(os.devnull, os.O_WRONLY)
        os.dup2(null, 1)
        os.dup2(null, 2)
        work()
    except BaseException:
        text = traceback.format_exc().encode()[-5900:]
        shared[8 : 8 + len(text)] = text
        code = 1
    finally:
        os._exit(code)


def _watch(folders: Sequence[Path], die_at: int | None, shared: mmap.mmap) -> None:
    from pymongo.synchronous.collection import Collection
    from pymongo.synchronous.pool import Connection

    roots = tuple(str(Path(folder).resolve()) + os.sep for folder in folders)
    state = {"count": 0, "off": False}

    def at(what: str, half: Callable[[], Any] | None = None) -> None:
        if state["off"]:
            return
        state["count"] += 1
        shared[:8] = struct.pack("q", state["count"])
        if state["count"] == die_at:
            state["off"] = True
            text = what.encode()[:1900]
            shared[6000 : 6000 + len(text)] = text
            if half is not None:
                half()
            os.kill(os.getpid(), signal.SIGKILL)

    command, write_command = Connection.command, Connection.write_command

    def watched_command(self: Any, dbname: str, spec: Any, *args: Any, **kwargs: Any) -> Any:
        name = next(iter(spec))
        stages = spec.get("pipeline") or [{}] if name == "aggregate" else [{}]
        if name in WRITING or {"$out", "$merge"} & set(stages[-1]):
            at(f"{name} {spec[name]}")
        return command(self, dbname, spec, *args, **kwargs)

    def watched_write(self: Any, *args: Any, **kwargs: Any) -> Any:
        at("bulk command")
        return write_command(self, *args, **kwargs)

    Connection.command, Connection.write_command = watched_command, watched_write
    bulk, many, update = Collection.bulk_write, Collection.insert_many, Collection.update_many

    def half_bulk(self: Any, requests: Any, *args: Any, **kwargs: Any) -> Any:
        found = list(requests)
        if len(found) > 1:
            part = found[: len(found) // 2]
            at(f"half of {len(found)} {self.name}", lambda: bulk(self, part, *args, **kwargs))
        return bulk(self, found, *args, **kwargs)

    def half_insert(self: Any, documents: Any, *args: Any, **kwargs: Any) -> Any:
        found = list(documents)
        if len(found) > 1:
            part = found[: len(found) // 2]
            at(f"half of {len(found)} {self.name}", lambda: many(self, part, *args, **kwargs))
        return many(self, found, *args, **kwargs)

    def half_update(self: Any, query: Any, change: Any, *args: Any, **kwargs: Any) -> Any:
        def part() -> None:
            ids = [row["_id"] for row in self.find(query, {"_id": 1})]
            update(self, {"_id": {"$in": ids[: len(ids) // 2]}}, change, *args, **kwargs)

        at(f"half of an update of {self.name}", part)
        return update(self, query, change, *args, **kwargs)

    Collection.bulk_write, Collection.insert_many = half_bulk, half_insert
    Collection.update_many = half_update

    def hook(event: str, arguments: tuple[Any, ...]) -> None:
        if event == "open":
            path, mode, flags = arguments
            writes = isinstance(mode, str) and set(mode) & set("wax+")
            writes = writes or (mode is None and flags & (os.O_WRONLY | os.O_RDWR | os.O_CREAT))
            if not writes:
                return
        elif event in FILE_EVENTS:
            path = arguments[0]
        else:
            return
        if isinstance(path, bytes):
            path = os.fsdecode(path)
        if isinstance(path, (str, os.PathLike)) and str(Path(path).absolute()).startswith(roots):
            at(f"{event} {Path(path).name}")

    sys.addaudithook(hook)
