"""The cache forgets, rebuilds, and builds once under contention."""

from __future__ import annotations

import threading
import time

import pytest
from media_forensics.operators.dataset.rebuild_cache import RebuildCache


def test_least_recently_used_goes_first():
    cache, made = RebuildCache(2), []

    def build(name):
        return lambda: made.append(name) or name

    for name in "abacab":
        assert cache.get(name, build(name)) == name
    assert made == ["a", "b", "c", "b"]
    cache.clear()
    cache.get("b", build("b"))
    assert made[-1] == "b" and len(made) == 5


def test_errors_are_not_kept():
    cache = RebuildCache(2)

    def fail():
        raise ValueError("no")

    with pytest.raises(ValueError, match="no"):
        cache.get("x", fail)
    assert cache.get("x", lambda: 1) == 1


def test_two_threads_build_once():
    cache, made = RebuildCache(2), []

    def slow():
        made.append(1)
        time.sleep(0.05)
        return 7

    got = []
    threads = [threading.Thread(target=lambda: got.append(cache.get("k", slow))) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert got == [7] * 8 and made == [1]
