"""Finds files with the same bytes among many, reading as little as it can.

Files of different sizes differ. Of those of one size a few kilobytes are compared first, and only
what still looks alike is hashed whole.
"""

from __future__ import annotations

import hashlib
import os
from collections import defaultdict
from collections.abc import Callable, Hashable, Iterable, Mapping
from pathlib import Path

from .hashes import file_sha256

SAMPLE = 4096  # bytes of the middle and of the end that are compared first


def same_files(sizes: Mapping[str, int], least: int = 1) -> dict[str, str]:
    """sha256 by path of each file that has the bytes of another one.

    Files that cannot be read are left out: whoever needs them will say so.

    Args:
        sizes: size in bytes by path
        least: bytes; smaller files are not looked at
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
    """Size in bytes by path, of the files that are there."""
    found = {}
    for path in paths:
        try:
            found[path] = Path(path).stat().st_size
        except OSError:
            continue  # not there: not the same as anything
    return found


def _alike(groups: Iterable[list[str]], what: Callable[[str], Hashable]) -> list[list[str]]:
    """Parts of two or more paths of each group for which ``what`` is the same."""
    out = []
    for paths in groups:
        parts: dict[Hashable, list[str]] = defaultdict(list)
        for path in paths:
            try:
                parts[what(path)].append(path)
            except OSError:
                continue  # not readable: not the same as anything
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
