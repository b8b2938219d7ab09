"""Chooses how the processes that prepare batches start, so that no script needs a main guard.

On Linux they are forked and share the decoded crops. On other systems a fork is not safe, so they
are spawned, decode for themselves, and never import the caller's main module.
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
    """Return ``fork`` on Linux, ``spawn`` on other systems."""
    return FORK if sys.platform == "linux" else SPAWN


def loader_context(method: str | None = None) -> BaseContext:
    """Return the ``multiprocessing_context`` for ``DataLoader``; None: :func:`start_method`'s."""
    return get_context(FORK) if (method or start_method()) == FORK else _GuardlessContext()


class _GuardlessProcess(SpawnProcess):
    """A spawned process that does not import the caller's main module."""

    @staticmethod
    def _Popen(process_obj: Any) -> Any:
        with _without_main():
            return SpawnProcess._Popen(process_obj)  # type: ignore[attr-defined]


class _GuardlessContext(SpawnContext):
    Process = _GuardlessProcess  # type: ignore[assignment]


@contextmanager
def _without_main() -> Iterator[None]:
    """Put an empty main module in place while a process starts, so that it gets no name or path."""
    with _swap:
        main = sys.modules["__main__"]
        sys.modules["__main__"] = ModuleType("__main__")
        try:
            yield
        finally:
            sys.modules["__main__"] = main
