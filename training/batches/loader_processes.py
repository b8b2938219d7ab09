"""Chooses how the processes that prepare batches start, so that no script needs a main guard.

On Linux they are forked and share the crops that were decoded already. Elsewhere a fork is not
safe: they are spawned, decode for themselves, and never import the caller's main module.
"""

from __future__ import annotations

import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from multiprocessing import get_context
from multiprocessing.context import BaseContext, SpawnContext, SpawnProcess
from types import ModuleType
from typing import Any

FORK, SPAWN = "fork", "spawn"
_swap = threading.Lock()


def start_method() -> str:
    """``fork`` on Linux, ``spawn`` elsewhere."""
    return FORK if sys.platform == "linux" else SPAWN


def loader_context(method: str | None = None) -> BaseContext:
    """What ``DataLoader(multiprocessing_context=...)`` takes; None: by :func:`start_method`."""
    return get_context(FORK) if (method or start_method()) == FORK else _GuardlessContext()


class _GuardlessProcess(SpawnProcess):
    """A spawned process that finds no main module to import."""

    @staticmethod
    def _Popen(process_obj: Any) -> Any:
        with _without_main():
            return SpawnProcess._Popen(process_obj)  # type: ignore[attr-defined]


class _GuardlessContext(SpawnContext):
    Process = _GuardlessProcess  # type: ignore[assignment]


@contextmanager
def _without_main() -> Iterator[None]:
    """An empty main module while a process is started: its name and path are not handed on."""
    with _swap:
        main = sys.modules["__main__"]
        sys.modules["__main__"] = ModuleType("__main__")
        try:
            yield
        finally:
            sys.modules["__main__"] = main
