"""Starts a training run in a separate process, follows it and stops it. It does not load torch.

The process outlives its starter: closing or crashing the App does not end a run, and an
    out-of-memory
of the run does not end the App. The two communicate only through the run's folder.
"""

from __future__ import annotations

import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ..detector.errors import ForensicsError
from ..detector.files.paths import given
from ..detector.runners.child_process import start_detached
from . import runs
from .budget import duration
from .config import TrainConfig
from .manifest import Manifest
from .runs import RunFolder, prepare

__all__ = ["Handle", "attach", "follow", "prepare", "start", "stop"]

ENTRY = "media_forensics.training.entry"
BUSY_EXIT = 4  # exit status of training.entry


@dataclass(frozen=True, slots=True)
class Handle:
    """A started run.

    Attributes:
        run: its folder
        process: the child process (under torchrun the launcher of the ranks), or None if another
            process has started the run, see :func:`attach`
    """

    run: RunFolder
    process: subprocess.Popen[bytes] | None

    @property
    def pid(self) -> int:
        """Process id of the process that works on the run."""
        return self.process.pid if self.process is not None else int(self.run.status["pid"])

    @property
    def running(self) -> bool:
        """Whether the run's process still works."""
        if self.process is None or self.busy:
            return self.run.is_running()
        return self.process.poll() is None

    @property
    def busy(self) -> bool:
        """Whether this process ended because another one already works on the run."""
        return self.process is not None and self.process.poll() == BUSY_EXIT

    def stop(self) -> None:
        """Ask the run to stop after the current step; return at once."""
        stop(self.run.path)

    def result(self, timeout: float | None = None) -> dict[str, Any]:
        """Wait for the end and return :class:`training.position.RunResult` as a dict.

        Its ``status`` is ``completed`` or ``stopped``.

        Raises:
            ForensicsError: the run was refused or failed (with its message), or its process was
                killed (with the end of its log)
            subprocess.TimeoutExpired: still running after ``timeout`` seconds
        """
        code = self.wait(timeout)
        if code == BUSY_EXIT:  # two were started at once, and the other one works
            return Handle(self.run, None).result(timeout)
        status = self.run.status
        if code in (0, 3) or (code is None and status["status"] in (runs.COMPLETED, runs.STOPPED)):
            return self.run.read("result")
        if status["status"] == runs.FAILED and "error" in status:
            error = status["error"]
            raise ForensicsError(error["message"], error["hint"])
        raise ForensicsError(
            f"The training process ended with exit status {'unknown' if code is None else code} "
            "(killed, or out of memory).",
            f"Start the same run again to resume it. The end of its log: {_tail(self.run.path)}",
        )

    def wait(self, timeout: float | None = None) -> int | None:
        """Wait for the end and return the exit status; None if the process is not our child.

        Raises:
            subprocess.TimeoutExpired: still running after ``timeout`` seconds
        """
        if self.process is not None:
            return self.process.wait(timeout)
        deadline = None if timeout is None else time.monotonic() + timeout
        while self.run.is_running():
            if deadline is not None and time.monotonic() > deadline:
                raise subprocess.TimeoutExpired(str(self.run.path), timeout or 0.0)
            time.sleep(0.2)
        return None


def start(
    run_dir: str | Path,
    *,
    device: str | None = None,
    processes: int = 1,
    threads: int | None = None,
) -> Handle:
    """Start or resume the run that :func:`prepare` wrote to ``run_dir``.

    Args:
        device: torch device; None: a GPU if there is one
        processes: ranks on this machine; more than one starts torchrun
        threads: CPU threads of each rank; None: torch decides

    Raises:
        ForensicsError: there is no prepared run, or a process works on it already
    """
    run = RunFolder(given(run_dir, "run_dir"))
    run.read("run")
    if run.is_running():
        raise ForensicsError(
            f"The run {run.path} is in progress already.", "Follow it, or stop it.", "run_dir"
        )
    run.stop_file.unlink(missing_ok=True)
    if run.status["status"] == runs.FAILED:
        run.set_status("prepared")
    words = [sys.executable, "-m"]
    if processes > 1:
        words += ["torch.distributed.run", "--standalone", f"--nproc-per-node={processes}", "-m"]
    words += [ENTRY, str(run.path)]
    words += ["--device", device] if device else []
    words += ["--threads", str(threads)] if threads else []
    with (run.path / "log.txt").open("ab") as log:
        process = start_detached(words, log)
    return Handle(run, process)


def attach(run_dir: str | Path, config: TrainConfig, manifest: Manifest) -> Handle | None:
    """Return the run in ``run_dir`` if a process works on it now, else None.

    A run outlives the process that started it (a worker that died, an App that was closed). A
    second request for the same run then follows it instead of failing.

    Raises:
        ForensicsError: it is a run of another config or manifest (the message says what differs)
    """
    run = RunFolder(given(run_dir, "run_dir"))
    if not run.is_running() or run.status["status"] != runs.RUNNING:
        return None
    runs.refuse_another(run, config, manifest)
    return Handle(run, None)


def follow(handle: Handle, interval_seconds: float = 0.5) -> Iterator[dict[str, Any]]:
    """Yield the run's records as they appear, until its process has ended.

    Each is a record of ``metrics.jsonl`` with ``step`` (done), ``steps`` (total) and ``text`` (one
    line for the user).
    """
    seen, steps = 0, 1
    while True:
        running = handle.running
        records = handle.run.metrics()
        seen = min(seen, len(records))  # a resumed run dropped the lines of steps that it repeats
        for record in records[seen:]:
            steps = record.get("steps", steps)
            yield {**record, "steps": steps, "text": describe(record)}
        seen = len(records)
        if not running:
            return
        time.sleep(interval_seconds)


def stop(run_dir: str | Path) -> None:
    """Ask the process that works on the run to stop after the current step."""
    RunFolder(given(run_dir, "run_dir")).stop_file.touch()


def describe(record: dict[str, Any]) -> str:
    """Return one line of text on a record of ``metrics.jsonl``."""
    kind = record["kind"]
    if kind == "step":
        return (
            f"epoch {record['epoch'] + 1}, loss {record['total']:.3f}, "
            f"{record['crops_per_second']:.1f} crops/s, {duration(record['seconds_left'])} left"
        )
    if kind == "epoch":
        value, low, high = record["auroc"], record["auroc_low"], record["auroc_high"]
        shown = "undefined" if value is None else f"{value:.3f}"
        shown += "" if low is None else f" [{low:.3f}, {high:.3f}]"
        return f"epoch {record['epoch'] + 1}: validation AUROC {shown}"
    if kind == "unreadable":
        return f"left out {record['crop']}: {record['reason']}"
    if kind == "start":
        return f"started on {record['device']} ({record['precision']})"
    return str(record.get("status", kind))


def _tail(run_dir: Path, lines: int = 5) -> str:
    """Return the last lines of the log."""
    path = run_dir / "log.txt"
    if not path.is_file():
        return "(no log)"
    return " | ".join(path.read_text(errors="replace").splitlines()[-lines:])
