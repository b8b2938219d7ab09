"""A mongod of one's own for the demo and the tests.

A folder of one's own (FIFTYONE_DATABASE_DIR) is not enough: a FiftyOne process attaches to
whatever FiftyOne database service runs on the machine, whichever folder that one has. A demo or a
test would then write into the database of a FiftyOne session that happens to be open. A database
address is always respected, so a mongod is started here and its address is put into
FIFTYONE_DATABASE_URI, which every child process inherits.
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
    """The database cannot be started; the message says why and what to do."""


def use_own_database(folder: Path) -> str:
    """Start a mongod on ``folder`` and make FiftyOne use it; a user's own address is respected.

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
    spec = importlib.util.find_spec("fiftyone")  # found, not imported: that would connect
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
    """Linux: ask for SIGTERM when the parent dies, however it dies."""
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
