"""Tells whether a process is still the one that was noted: by its machine, its id and its birth.

A process id alone says little: systems use it again. This is the only place that asks.
"""

from __future__ import annotations

import os
import socket
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import psutil

BIRTH_TOLERANCE_SECONDS = 2.0
"""Births of one process, read at two moments, differ by less; clocks are corrected."""


@dataclass(frozen=True, slots=True)
class ProcessIdentity:
    """One process on one machine.

    Attributes:
        host: name of its machine
        pid: its id there
        born: Unix time at which it was created; None where that was not noted or cannot be known
    """

    host: str
    pid: int
    born: float | None = None

    @classmethod
    def of(cls, pid: int | None = None) -> ProcessIdentity:
        """The process ``pid`` of this machine; None: this process."""
        pid = os.getpid() if pid is None else pid
        try:
            born = psutil.Process(pid).create_time()
        except psutil.Error:  # it has ended, or is somebody else's where that is hidden
            born = None
        return cls(this_host(), pid, born)

    @classmethod
    def from_record(cls, record: Mapping[str, Any]) -> ProcessIdentity:
        """The process of a note that was kept: :meth:`record`, or one of an older version.

        Older versions noted ``created`` for ``born``, neither of them, or no ``host``: then it is
        this machine's.
        """
        born = record.get("born", record.get("created"))
        host = record.get("host") or this_host()
        return cls(str(host), int(record["pid"]), None if born is None else float(born))

    def record(self) -> dict[str, Any]:
        """What a note holds: ``host``, ``pid`` and ``born``."""
        return {"host": self.host, "pid": self.pid, "born": self.born}

    @property
    def is_of_this_machine(self) -> bool:
        """Whether it can be looked at from here."""
        return self.host == this_host()

    @property
    def is_known_dead(self) -> bool:
        """Whether it has certainly ended; false for a process of another machine."""
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
        except psutil.AccessDenied:  # somebody else's process: it is there
            return True
        return self.born is None or abs(born - self.born) < BIRTH_TOLERANCE_SECONDS

    def __str__(self) -> str:
        return f"process {self.pid} on {self.host}"


def this_host() -> str:
    """The name under which notes know this machine."""
    return socket.gethostname()
