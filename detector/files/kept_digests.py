"""Keeps digests of large files from one process to the next, as long as the files are the same.

A file is the same if path, device, inode, size and both times of change, in nanoseconds, are. A
digest is kept only if those were the same before and after it was computed, and if the last change
was a few seconds old by then: a later change within a file system's coarse clock would not show.
The digests lie in ``digests.json`` in the cache folder, which only its owner may write. Without it,
or if anything is in doubt, the digest is computed again.
"""

from __future__ import annotations

import json
import logging
import os
import re
import stat
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from ..errors import ForensicsError
from ..records import content_hash
from .atomic import replacing
from .cache import cache_dir
from .file_lock import try_lock
from .hashes import file_sha256

log = logging.getLogger(__name__)

LEAST_BYTES = 32 << 20  # less is hashed in the time that looking it up takes
SETTLED_NS = 5_000_000_000  # git calls a file racy within the clock's step; FAT's is 2 s
MOST = 500
_DIGESTS = re.compile(r"[0-9a-f]{40,64}( [0-9a-f]{40,64})?")


@dataclass(frozen=True, slots=True)
class Stamp:
    """What the file system says of a file.

    Attributes:
        path: without links
        device, inode: of the file
        size: bytes
        modified, changed: nanoseconds since 1970; ``changed`` cannot be set by a program on Linux
            and macOS, and is the time of creation on Windows
    """

    path: str
    device: int
    inode: int
    size: int
    modified: int
    changed: int


def stamp(path: str | os.PathLike[str]) -> Stamp:
    """Return the stamp of a file.

    Raises:
        OSError: the file system does not answer
    """
    real = os.path.realpath(path)
    found = Path(real).stat()
    times = found.st_mtime_ns, found.st_ctime_ns
    return Stamp(real, found.st_dev, found.st_ino, found.st_size, *times)


def kept_sha256(path: str | os.PathLike[str]) -> str:
    """Return the sha256 of a file, computed or kept; for large files that are hashed often.

    Raises:
        OSError: the file cannot be read
    """
    return kept("sha256", [stamp(path)], lambda: file_sha256(path))


def kept(what: str, seen: Sequence[Stamp], compute: Callable[[], str]) -> str:
    """Return a digest that depends only on ``what`` and on the bytes of some files.

    Args:
        what: name of the computation, with all it depends on besides the files
        seen: stamps of the files from before they were read; none: nothing is kept
        compute: returns the digest (hex digits; two are separated by a space)
    """
    if sum(one.size for one in seen) < LEAST_BYTES or not _unchanged(seen):
        return compute()
    key = content_hash([what, [asdict(one) for one in seen]])
    known = _read().get(key)
    if known is not None:
        return known
    began = time.time_ns()
    found = compute()
    settled = all(max(one.modified, one.changed) + SETTLED_NS < began for one in seen)
    if settled and _unchanged(seen):
        _add(key, found)
    return found


_reading: ContextVar[list[Stamp] | None] = ContextVar("files that are being read", default=None)


@contextmanager
def files_read() -> Iterator[list[Stamp]]:
    """Collect in a list the stamps of all files that :func:`note_read` names inside the block."""
    found: list[Stamp] = []
    token = _reading.set(found)
    try:
        yield found
    finally:
        _reading.reset(token)


def note_read(path: str | os.PathLike[str]) -> None:
    """Note for :func:`files_read` that a file is about to be read.

    Raises:
        OSError: the file system does not answer
    """
    found = _reading.get()
    if found is not None:
        found.append(stamp(path))


def _unchanged(seen: Sequence[Stamp]) -> bool:
    try:
        return all(stamp(one.path) == one for one in seen)
    except OSError:
        return False


def _path() -> Path:
    return cache_dir() / "digests.json"


def _read() -> dict[str, str]:
    """Return the kept digests; {} if they are not there, damaged, or of another owner."""
    try:
        with _path().open("rb") as stream:
            about = os.fstat(stream.fileno())
            if hasattr(os, "getuid") and (
                about.st_uid != os.getuid() or about.st_mode & (stat.S_IWGRP | stat.S_IWOTH)
            ):
                return {}
            found: Any = json.load(stream)
    except (OSError, ValueError, RecursionError):
        return {}
    rows = found.items() if isinstance(found, dict) else ()
    return {k: v for k, v in rows if isinstance(v, str) and _DIGESTS.fullmatch(v)}


def _add(key: str, digest: str) -> None:
    """Keep a digest and the newest others; a cache that cannot be written is left as it is."""
    try:
        cache_dir().mkdir(parents=True, exist_ok=True)
        lock = try_lock(_path().with_suffix(".lock"), 2.0)
        if lock is None:
            return
        with lock:
            rows = {**_read(), key: digest}
            newest = dict(list(rows.items())[-MOST:])
            with replacing(_path()) as temporary:
                temporary.write_text(json.dumps(newest, indent=0))
                temporary.chmod(0o600)
    except (OSError, ForensicsError) as error:
        log.info("digests are not kept: %s", error)
