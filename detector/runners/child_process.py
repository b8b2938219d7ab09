"""Starts modules of this package as processes of their own, whatever started this one.

A process of its own runs its own entry module: nothing of the caller's main module is imported
again, so that scripts without a main guard, notebooks and ``python -c`` can start one.
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
    """``PYTHONPATH`` under which a new process finds this package, and what it held before."""
    mount = _ROOT / "_mount"
    own = [str(mount)] if mount.is_dir() else _installed_elsewhere()
    before = os.environ.get("PYTHONPATH", "").split(os.pathsep)
    return os.pathsep.join(dict.fromkeys([*own, *filter(None, before)]))


def command(module: str, *arguments: object) -> list[str]:
    """The command line of ``module`` (without the package's name) under this interpreter."""
    return [sys.executable, "-m", f"{PACKAGE}.{module}", *map(str, arguments)]


def environment() -> dict[str, str]:
    """The environment of a new process that finds this package."""
    return {**os.environ, "PYTHONPATH": search_path()}


def start_detached(words: Sequence[str], output: Any) -> subprocess.Popen[bytes]:
    """Start a command that survives this process and its terminal.

    Args:
        words: the command line
        output: open file that takes all that it prints
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
    """The folder that an installed package lies in, where no interpreter looks by itself."""
    found_anyway = {Path(sysconfig.get_path(name)).resolve() for name in ("purelib", "platlib")}
    return [] if _ROOT.parent in found_anyway or _ROOT.name != PACKAGE else [str(_ROOT.parent)]
