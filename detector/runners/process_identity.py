"""Tells whether a recorded process still runs, by its machine, id and creation time.

A process id alone is not enough, because systems reuse ids. Only this module makes this check.
"""

from __future__ import annotations

import os
import socket
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import psutil

BIRTH_TOLERANCE_SECONDS = 2.0
"""Two readings of one process's creation time differ by less; clocks are corrected."""


@dataclass(frozen=True, slots=True)
class ProcessIdentity:
    """One process on one machine.

    Attributes:
        host: name of its machine
        pid: its process id there
        born: Unix time of its creation; None if it was not recorded or is unknown
    """

    host: str
    pid: int
    born: float | None = None

    @classmethod
    def of(cls, pid: int | None = None) -> ProcessIdentity:
        """Return the identity of process ``pid`` on this machine; None means this process."""
        pid = os.getpid() if pid is None else pid
        try:
            born = psutil.Process(pid).create_time()
        except psutil.Error:  # it has ended, or belongs to another user and is hidden
            born = None
        return cls(this_host(), pid, born)

    @classmethod
    def from_record(cls, record: Mapping[str, Any]) -> ProcessIdentity:
        """Return the process of a record from :meth:`record` or from an older version.

        Older versions wrote ``created`` instead of ``born``, or neither. A record without ``host``
        belongs to this machine.
        """
        born = record.get("born", record.get("created"))
        host = record.get("host") or this_host()
        return cls(str(host), int(record["pid"]), None if born is None else float(born))

    def record(self) -> dict[str, Any]:
        """Return the record of the process: ``host``, ``pid`` and ``born``."""
        return {"host": self.host, "pid": self.pid, "born": self.born}

    @property
    def is_of_this_machine(self) -> bool:
        """True if the process belongs to this machine and can be checked."""
        return self.host == this_host()

    @property
    def is_known_dead(self) -> bool:
        """True if the process has certainly ended; False for a process of another machine."""
        return self.is_of_this_machine and not self._exists()

    def _exists(self) -> bool:
        if self.pid <= 0:
            return False
        try:
            process = psutil.Process(self.pid)
            if process.status() == psutil.STATUS_ZOMBIE:
                return False
            born = process.create_time()
        except (psutil.NoSuchProcess, OverflowError):
            return False
        except psutil.AccessDenied:  # another user's process: it exists
            return True
        return self.born is None or abs(born - self.born) < BIRTH_TOLERANCE_SECONDS

    def __str__(self) -> str:
        return f"process {self.pid} on {self.host}"


def this_host() -> str:
    """Return the name of this machine in records."""
    return socket.gethostname()
