"""Records the runs in a folder that several machines share, in a note that each run renews.

Times are those of the file system, so that differing clocks do not matter.
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
        work: description for people: ``extract, shard 0/4``
        host, pid, born: its process, see :class:`process_identity.ProcessIdentity`
        token: distinguishes two runs of one process
        done, total: units of work
        ended: True if the run ended by itself, False if it runs or was killed
        silent_seconds: time since the note was last renewed
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
        """True if the run may still write: recently renewed and not known to be dead."""
        if self.ended or self.silent_seconds > SILENCE_SECONDS:
            return False
        return not ProcessIdentity(self.host, self.pid, self.born).is_known_dead

    @property
    def died(self) -> bool:
        """True if the run is dead and did not record its end."""
        return not self.ended and not self.alive

    def __str__(self) -> str:
        return f"{self.work} (process {self.pid} on {self.host})"


@contextmanager
def noted(folder: str | Path, work: str, total: int = 0) -> Iterator[Callable[[int], None]]:
    """Keep a note in ``folder`` while the block runs; delete notes of earlier runs of this work.

    Yields a function that takes the number of units done so far.

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
            except OSError as error:  # for example a full disk, which the work itself reports
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
    """Return the notes in ``folder``: of running, dead and ended runs."""
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
        except FileNotFoundError:  # it was deleted or replaced meanwhile
            continue
        except (ValueError, TypeError, RecursionError) as error:
            log.warning("The note %s is damaged: %s", path, error)
            continue
        found.append(note)
    return found


def _file_system_now(folder: Path) -> float:
    """Return the file system's time, which a file written now would get."""
    path = folder / f".now.{os.getpid()}.{secrets.token_hex(4)}.tmp"
    try:
        path.touch()
        return path.stat().st_mtime
    except PermissionError:  # read-only folder: use this machine's clock
        return time.time()
    finally:
        path.unlink(missing_ok=True)
