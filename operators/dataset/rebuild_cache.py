"""A small cache of what can be built again.

FiftyOne may drop or reload the plugin's modules at any time, and every panel event may arrive in
another thread. So nothing is ever *stored* here: a value is asked for together with the function
that makes it.
"""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Callable, Hashable
from typing import TypeVar

Value = TypeVar("Value")


class RebuildCache:
    """The ``size`` most recently used values, by key.

    Two threads that miss on one key at the same time build it once: the second waits.

    Args:
        size: values kept
    """

    def __init__(self, size: int) -> None:
        self._size = size
        self._values: OrderedDict[Hashable, object] = OrderedDict()
        self._building: dict[Hashable, threading.Lock] = {}
        self._lock = threading.Lock()

    def get(self, key: Hashable, build: Callable[[], Value]) -> Value:
        """The value of ``key``, built now if it is not there; an error of ``build`` is not kept."""
        with self._lock:
            if key in self._values:
                self._values.move_to_end(key)
                return self._values[key]  # type: ignore[return-value]
            turn = self._building.setdefault(key, threading.Lock())
        with turn:
            with self._lock:
                if key in self._values:
                    return self._values[key]  # type: ignore[return-value]
            try:
                value = build()
            finally:
                with self._lock:
                    self._building.pop(key, None)
            with self._lock:
                self._values[key] = value
                while len(self._values) > self._size:
                    self._values.popitem(last=False)
            return value

    def has(self, key: Hashable) -> bool:
        """Whether the value of ``key`` is at hand now."""
        with self._lock:
            return key in self._values

    def clear(self) -> None:
        """Forget everything."""
        with self._lock:
            self._values.clear()
