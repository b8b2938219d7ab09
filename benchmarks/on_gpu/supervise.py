"""Runs the sections in a separate process; if one dies or hangs, the next still runs."""

from __future__ import annotations

import contextlib
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psutil

from .results import FAILED, Results, Row, events, rows_of
from .sections import limit

SCRIPT = Path(__file__).resolve().parents[1] / "gpu.py"
GRACE = 10.0  # seconds beyond its limit after which a section's process is ended


@dataclass(frozen=True, slots=True)
class Run:
    """The settings of a run of all sections.

    Attributes:
        sections: names, in order
        folder: folder for the material and the log
        device: ``cuda``, ``cuda:N`` or ``cpu``
        small: tiny shapes
        seconds: time limit for everything
        grace: seconds that a section may exceed its limit
    """

    sections: tuple[str, ...]
    folder: Path
    device: str
    small: bool
    seconds: float
    grace: float = GRACE


def supervise(run: Run, tell: Callable[[str | Row], None]) -> tuple[dict[str, str], list[Row]]:
    """Run every section for which there is time.

    Args:
        tell: called with the name of each section as it begins, and with each row as it arrives

    Returns:
        facts about the machine, and all rows
    """
    log = run.folder / "log.jsonl"
    began = time.monotonic()
    todo = list(run.sections)
    facts: dict[str, str] = {}
    rows: list[Row] = []
    start = 0

    def hear() -> list[dict[str, Any]]:
        nonlocal start
        found, start = events(log, start)
        for event in found:
            facts.update(event.get("facts", {}))
            if "begin" in event:
                tell(event["begin"])
        for row in rows_of(found):
            rows.append(row)
            tell(row)
        return found

    def lost(name: str, why: str) -> None:
        Results(log, name, 0).add(name, note=why, state=FAILED)
        hear()

    while todo:
        left = run.seconds - (time.monotonic() - began)
        if left <= 0:
            for name in todo:
                lost(name, "no time was left")
            break
        at, why = _watched(run, todo, left, hear)
        if not why:
            break
        lost(todo[at], why)
        todo = todo[at + 1 :]
    return facts, rows


def _watched(
    run: Run, todo: Sequence[str], left: float, hear: Callable[[], list[dict[str, Any]]]
) -> tuple[int, str]:
    """Run ``todo`` in one process; return the index of the unfinished section, and why or ""."""
    words = [sys.executable, "-X", "faulthandler", str(SCRIPT), "--child", str(run.folder)]
    words += ["--sections", ",".join(todo), "--device", run.device, "--seconds", f"{left:.1f}"]
    words += ["--small"] if run.small else []
    ends = time.monotonic() + left + run.grace
    section_ends = ends
    at = 0
    with (run.folder / "output.txt").open("ab") as output:
        process = subprocess.Popen(words, stdout=output, stderr=subprocess.STDOUT)
    try:
        while True:
            ended = process.poll()
            for event in hear():
                if "begin" in event:
                    at = todo.index(event["begin"])
                    allowed = limit(event["begin"], run.small) + run.grace
                    section_ends = min(ends, time.monotonic() + allowed)
                elif event.get("end") == todo[-1]:
                    at = len(todo)
            if at == len(todo):
                # A process that lingers after the last section has no more results.
                return at, ""
            if ended is not None:
                return at, f"its process ended with status {ended}"
            if time.monotonic() > section_ends:
                return at, "it was cut off at its limit"
            time.sleep(0.05)
    finally:
        end_tree(process)


def end_tree(process: subprocess.Popen[bytes]) -> None:
    """End a process and all of its descendants."""
    with contextlib.suppress(psutil.NoSuchProcess):
        for child in psutil.Process(process.pid).children(recursive=True):
            with contextlib.suppress(psutil.NoSuchProcess):
                child.kill()
    if process.poll() is None:
        process.kill()
    process.wait()
