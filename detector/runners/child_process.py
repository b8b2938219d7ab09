"""Starts modules of this package as separate processes, from any kind of main program.

The new process runs its own entry module and does not import the caller's main module again.
Scripts without a main guard, notebooks and ``python -c`` can therefore start one.
"""

from __future__ import annotations

import os
import subprocess
import sys
import sysconfig
from collections.abc import Sequence
from pathlib import Path
from typing import Any

PACKAGE = __name__.split(".")[0]
_ROOT = Path(__file__).resolve().parents[2]


def search_path() -> str:
    """Return a ``PYTHONPATH`` with which a new process finds this package, plus the current one."""
    mount = _ROOT / "_mount"
    own = [str(mount)] if mount.is_dir() else _installed_elsewhere()
    before = os.environ.get("PYTHONPATH", "").split(os.pathsep)
    return os.pathsep.join(dict.fromkeys([*own, *filter(None, before)]))


def command(module: str, *arguments: object) -> list[str]:
    """Return the command line that runs ``module`` (named without the package) in this Python."""
    return [sys.executable, "-m", f"{PACKAGE}.{module}", *map(str, arguments)]


def environment() -> dict[str, str]:
    """Return the environment for a new process that finds this package."""
    return {**os.environ, "PYTHONPATH": search_path()}


def start_detached(words: Sequence[str], output: Any) -> subprocess.Popen[bytes]:
    """Start a command that survives this process and its terminal.

    Args:
        words: the command line
        output: open file that receives its standard output and error
    """
    return subprocess.Popen(
        words,
        stdin=subprocess.DEVNULL,
        stdout=output,
        stderr=subprocess.STDOUT,
        env=environment(),
        start_new_session=True,
    )


def _installed_elsewhere() -> list[str]:
    """Return the folder of an installed package if no interpreter searches it by default."""
    found_anyway = {Path(sysconfig.get_path(name)).resolve() for name in ("purelib", "platlib")}
    return [] if _ROOT.parent in found_anyway or _ROOT.name != PACKAGE else [str(_ROOT.parent)]
