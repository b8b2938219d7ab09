"""Starts a separate mongod for the demo and the tests.

A separate folder (FIFTYONE_DATABASE_DIR) is not enough. A FiftyOne process attaches to any FiftyOne
database service on the machine, whatever its folder. A demo or a test would then write to the
database of an open FiftyOne session. FiftyOne always respects a database address. So this module
starts a mongod and puts its address into FIFTYONE_DATABASE_URI, which every child process inherits.
"""

from __future__ import annotations

import atexit
import ctypes
import importlib.util
import os
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path

VARIABLE = "FIFTYONE_DATABASE_URI"
START_SECONDS = 60


class DatabaseError(RuntimeError):
    """The error if the database cannot be started; the message says why and what to do."""


def use_own_database(folder: Path) -> str:
    """Start a mongod on ``folder`` and make FiftyOne use it, unless the user set an address.

    Call it before ``fiftyone`` is imported. The mongod ends with this process.

    Returns:
        the database's address

    Raises:
        DatabaseError: no mongod is installed, or it does not start
    """
    if os.environ.get(VARIABLE):
        return os.environ[VARIABLE]
    folder.mkdir(parents=True, exist_ok=True)
    port = _free_port()
    log = folder / "mongod.log"
    command = [_mongod(), "--dbpath", folder, "--port", port, "--bind_ip", "127.0.0.1"]
    command += ["--nounixsocket", "--logpath", log]
    process = subprocess.Popen(
        [str(part) for part in command],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        preexec_fn=_end_with_parent if sys.platform == "linux" else None,
    )
    atexit.register(_stop, process)
    _wait(process, port, log)
    os.environ[VARIABLE] = f"mongodb://127.0.0.1:{port}"
    return os.environ[VARIABLE]


def _mongod() -> Path:
    spec = importlib.util.find_spec("fiftyone")  # not imported, because that would connect
    homes = list(spec.submodule_search_locations or []) if spec else []
    for home in homes:
        found = Path(home) / "db" / "bin" / "mongod"
        if found.exists():
            return found
    raise DatabaseError(
        f"FiftyOne has no mongod here. Run `make install`, or set {VARIABLE} to the address of "
        "a MongoDB of your own."
    )


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def _end_with_parent() -> None:
    """Ask Linux to send SIGTERM when the parent process dies for any reason."""
    set_parent_death_signal = 1  # PR_SET_PDEATHSIG
    ctypes.CDLL(None).prctl(set_parent_death_signal, signal.SIGTERM)


def _wait(process: subprocess.Popen, port: int, log: Path) -> None:
    deadline = time.monotonic() + START_SECONDS
    while time.monotonic() < deadline:
        if process.poll() is not None:
            raise DatabaseError(
                f"mongod ended at once (exit status {process.returncode}): another process may be "
                f"using {log.parent}. Its log is {log}."
            )
        with socket.socket() as probe:
            probe.settimeout(1)
            if probe.connect_ex(("127.0.0.1", port)) == 0:
                return
        time.sleep(0.1)
    raise DatabaseError(f"mongod did not answer within {START_SECONDS} s. Its log is {log}.")


def _stop(process: subprocess.Popen) -> None:
    process.terminate()
    try:
        process.wait(30)
    except subprocess.TimeoutExpired:
        process.kill()
