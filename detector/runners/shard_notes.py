"""Who works in a folder that several machines share: a note each, renewed while its writer lives.

Times are those of the file system, so that clocks of machines that differ do not matter.
"""

from __future__ import annotations

import json
import logging
import os
import secrets
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass, replace
from pathlib import Path

from ..files.atomic import write_json
from ..files.paths import inside
from .process_identity import ProcessIdentity

log = logging.getLogger(__name__)
FOLDER = "running"
RENEW_SECONDS = 15.0
SILENCE_SECONDS = 120.0


@dataclass(frozen=True, slots=True)
class ShardNote:
    """One run in a folder.

    Attributes:
        work: what it does, for people: ``extract, shard 0/4``
        host, pid, born: its process, see :class:`process_identity.ProcessIdentity`
        token: tells two runs of one process apart
        done, total: units of work
        ended: whether it ended by itself; a run that was killed did not
        silent_seconds: since its last sign of life
    """

    work: str
    host: str
    pid: int
    token: str
    done: int = 0
    total: int = 0
    ended: bool = False
    silent_seconds: float = 0.0
    born: float | None = None

    @property
    def alive(self) -> bool:
        """Whether the run may still write: heard of lately, and not known to be gone."""
        if self.ended or self.silent_seconds > SILENCE_SECONDS:
            return False
        return not ProcessIdentity(self.host, self.pid, self.born).is_known_dead

    @property
    def died(self) -> bool:
        """Whether it is gone and has not said that it ended."""
        return not self.ended and not self.alive

    def __str__(self) -> str:
        return f"{self.work} (process {self.pid} on {self.host})"


@contextmanager
def noted(folder: str | Path, work: str, total: int = 0) -> Iterator[Callable[[int], None]]:
    """Keep a note in ``folder`` while the block runs; notes of the same work that ended go.

    Gives a function that takes the number of units done so far.

    Raises:
        OSError: the folder cannot be written
    """
    for old in shard_notes(folder):
        if old.work == work and not old.alive:
            inside(folder, f"{FOLDER}/{old.token}.json", "note").unlink(missing_ok=True)
    me = ProcessIdentity.of()
    note = ShardNote(work, me.host, me.pid, secrets.token_hex(8), total=total, born=me.born)
    Path(folder).mkdir(parents=True, exist_ok=True)
    path = inside(folder, f"{FOLDER}/{note.token}.json", "note")
    done = [0]
    ended = threading.Event()

    def write(is_ended: bool = False) -> None:
        values = asdict(replace(note, done=done[0], ended=is_ended))
        del values["silent_seconds"]
        write_json(path, values)

    def renew() -> None:
        while not ended.wait(RENEW_SECONDS):
            try:
                write()
            except OSError as error:  # a full disk: the work will notice by itself
                log.warning("the note %s could not be renewed: %s", path, error)

    def step(count: int) -> None:
        done[0] = count

    write()
    thread = threading.Thread(target=renew, daemon=True, name="shard note")
    thread.start()
    try:
        yield step
    finally:
        ended.set()
        thread.join()
        write(is_ended=True)


def shard_notes(folder: str | Path) -> list[ShardNote]:
    """The notes in ``folder``: of runs that live, that died and that ended."""
    found = []
    for path in sorted((Path(folder) / FOLDER).glob("*.json")):
        inside(folder, f"{FOLDER}/{path.name}", "note")
        try:
            values = json.loads(path.read_text())
            silent = _file_system_now(path.parent) - path.stat().st_mtime
            note = ShardNote(**values, silent_seconds=max(0.0, silent))
            known = isinstance(note.pid, int) and isinstance(note.born, float | None)
            if note.token != path.stem or not known:
                raise ValueError("it is not the note of its name")
        except FileNotFoundError:  # it has just been replaced
            continue
        except (ValueError, TypeError, RecursionError) as error:
            log.warning("The note %s is damaged: %s", path, error)
            continue
        found.append(note)
    return found


def _file_system_now(folder: Path) -> float:
    """The time that a file written now would get."""
    path = folder / f".now.{os.getpid()}.{secrets.token_hex(4)}.tmp"
    try:
        path.touch()
        return path.stat().st_mtime
    except PermissionError:  # read-only here: the clock of this machine has to do
        return time.time()
    finally:
        path.unlink(missing_ok=True)
