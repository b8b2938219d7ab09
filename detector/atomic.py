"""Write a file completely or not at all: to a temporary name beside it, then rename."""

from __future__ import annotations

import json
import os
import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from .paths import still_allowed


@contextmanager
def replacing(path: Path) -> Iterator[Path]:
    """Path of a temporary sibling that becomes ``path`` when the block ends without an error.

    A process that is killed inside the block leaves ``path`` as it was, and at most one hidden
    ``.*.tmp`` file, which nothing reads. The parent folder is made if it is not there.

    A link at ``path`` is replaced, never followed. Where the server has a list of folders, the
    place is asked for again before the first byte and before the rename.

    Raises:
        OSError: the folder cannot be written (read-only, full disk)
        ForensicsError: the place lies outside the allowed folders by now
    """
    still_allowed(path.parent)
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.parent / f".{path.name}.{os.getpid()}.{secrets.token_hex(4)}.tmp"
    try:
        yield temporary
        still_allowed(path.parent)
        temporary.replace(path)
    finally:
        temporary.unlink(missing_ok=True)


def write_bytes(path: Path, data: bytes) -> None:
    """Write ``data`` to ``path`` atomically."""
    with replacing(path) as temporary:
        temporary.write_bytes(data)


def write_json(path: Path, value: Any) -> None:
    """Write ``value`` as JSON (sorted keys, one line, no NaN) to ``path`` atomically."""
    text = json.dumps(value, sort_keys=True, separators=(",", ":"), allow_nan=False)
    write_bytes(path, text.encode())
