"""Finds files with identical bytes, reading as little as possible.

Only files of equal size are compared: first a few kilobytes, then, if those agree, the sha256 of
the whole file.
"""

from __future__ import annotations

import hashlib
import os
from collections import defaultdict
from collections.abc import Callable, Hashable, Iterable, Mapping
from pathlib import Path

from .hashes import file_sha256

SAMPLE = 4096  # bytes from the middle and from the end that are compared first


def same_files(sizes: Mapping[str, int], least: int = 1) -> dict[str, str]:
    """Return the sha256 of each file that has the same bytes as another one, by path.

    Files that cannot be read are left out; the code that needs them reports the error.

    Args:
        sizes: size in bytes by path
        least: bytes; smaller files are ignored
    """
    large = [path for path, size in sizes.items() if size >= least]
    alike = _alike([large], lambda path: sizes[path])
    alike = _alike(alike, _sample)
    found: dict[str, str] = {}
    for paths in _alike(alike, file_sha256):
        digest = file_sha256(paths[0])
        found |= dict.fromkeys(paths, digest)
    return found


def sizes_of(paths: Iterable[str]) -> dict[str, int]:
    """Return the size in bytes of each existing file, by path."""
    found = {}
    for path in paths:
        try:
            found[path] = Path(path).stat().st_size
        except OSError:
            continue  # missing: equal to no other file
    return found


def _alike(groups: Iterable[list[str]], what: Callable[[str], Hashable]) -> list[list[str]]:
    """Split each group by the value of ``what`` and return the parts of two or more paths."""
    out = []
    for paths in groups:
        parts: dict[Hashable, list[str]] = defaultdict(list)
        for path in paths:
            try:
                parts[what(path)].append(path)
            except OSError:
                continue  # unreadable: equal to no other file
        out += [part for part in parts.values() if len(part) > 1]
    return out


def _sample(path: str) -> bytes:
    with Path(path).open("rb") as file:
        size = os.fstat(file.fileno()).st_size
        found = hashlib.blake2b(digest_size=16)
        for start in (size // 2, max(0, size - SAMPLE)):
            file.seek(start)
            found.update(file.read(SAMPLE))
    return found.digest()
