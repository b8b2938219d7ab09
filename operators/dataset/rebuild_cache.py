"""Caches values that can be built again.

FiftyOne may drop or reload the plugin's modules at any time, and every panel event may arrive in
another thread. So a value is always requested together with the function that builds it.
"""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Callable, Hashable
from typing import TypeVar

Value = TypeVar("Value")


class RebuildCache:
    """The ``size`` most recently used values, by key.

    If two threads miss the same key at the same time, the second waits while the first builds it.

    Args:
        size: values kept
    """

    def __init__(self, size: int) -> None:
        self._size = size
        self._values: OrderedDict[Hashable, object] = OrderedDict()
        self._building: dict[Hashable, threading.Lock] = {}
        self._lock = threading.Lock()

    def get(self, key: Hashable, build: Callable[[], Value]) -> Value:
        """Return the value of ``key``, built now if missing; an error of ``build`` is not kept."""
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
        """Return whether the value of ``key`` is in memory."""
        with self._lock:
            return key in self._values

    def clear(self) -> None:
        """Remove all values."""
        with self._lock:
            self._values.clear()
