"""Writes files atomically: to a temporary name in the same folder, then renamed."""

from __future__ import annotations

import errno
import json
import os
import re
import secrets
from collections.abc import Collection, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from ..errors import DiskError
from .paths import still_allowed

# Errors caused by the disk or its permissions. Any other is our mistake and keeps its traceback.
_NAMES = (
    *("ENOSPC", "EDQUOT", "EFBIG", "EROFS", "EACCES", "EPERM", "EIO", "ESTALE"),
    *("ENOTDIR", "EISDIR", "EEXIST", "ENOTEMPTY", "ENAMETOOLONG", "ELOOP", "EBUSY"),
)
_DISK = {number for name in _NAMES if (number := getattr(errno, name, None)) is not None}
# Messages of torch and safetensors for disk errors that are not raised as OSError.
_SPEECH = (
    *("No space left", "File too large", "Disk quota"),
    *("PytorchStreamWriter failed", "inline_container.cc", "iostream error"),
)


# The name of a temporary file of :func:`replacing`.
_LEFT = re.compile(r"\..+\.\d+\.[0-9a-f]{8}\.tmp")


@contextmanager
def saying_disk(path: Path, field: str | None = None) -> Iterator[None]:
    """Turn a disk error that occurs while ``path`` is written into one clear sentence.

    Args:
        path: file or folder, for the message
        field: the form field that names it

    Raises:
        DiskError: the disk is full, read-only, or ``path`` may not be written
    """
    try:
        yield
    except DiskError as error:
        error.field = error.field or field
        raise
    except Exception as error:  # libraries wrap a full disk in errors of their own; see below
        number = _disk_error(error, path)
        if number is None:
            raise
        raise DiskError(
            f"{path} cannot be written: {os.strerror(number)}.",
            "Free space, or choose another place, and run it again; what was finished is kept.",
            field,
            number,
        ) from error


def _disk_error(error: Exception, path: Path) -> int | None:
    """Return the errno of an error that concerns ``path`` or its folders, or None."""
    if isinstance(error, OSError) and error.errno in _DISK:
        name = error.filename
        if not isinstance(name, str):
            return error.errno
        near = Path(name).is_relative_to(path.parent) or path.is_relative_to(Path(name).parent)
        return error.errno if near else None  # None: it concerns a file read meanwhile
    return errno.ENOSPC if any(words in str(error) for words in _SPEECH) else None


@contextmanager
def replacing(path: Path) -> Iterator[Path]:
    """Yield a temporary sibling path, which becomes ``path`` if the block ends without an error.

    If the process is killed inside the block, ``path`` stays unchanged, and at most one hidden
    ``.*.tmp`` file remains, which nothing reads. A missing parent folder is created. A link at
    ``path`` is replaced, never followed. If the server limits the allowed folders, the location is
    checked before the first byte and again before the rename.

    Raises:
        DiskError: the folder cannot be written (read-only, full disk); it is an OSError
        ForensicsError: the location is no longer in an allowed folder
    """
    with saying_disk(path):
        still_allowed(path.parent)
        path.parent.mkdir(parents=True, exist_ok=True)
        temporary = path.parent / f".{path.name}.{os.getpid()}.{secrets.token_hex(4)}.tmp"
        try:
            yield temporary
            still_allowed(path.parent)
            temporary.replace(path)
        finally:
            temporary.unlink(missing_ok=True)


def holds_nothing(folder: Path, besides: Collection[str] = ()) -> bool:
    """Return whether ``folder`` is missing or empty, apart from ``besides`` and left temporaries.

    Raises:
        OSError: it is not a folder, or cannot be read
    """
    if not folder.exists():
        return True
    names = (path.name for path in folder.iterdir())
    return all(name in besides or _LEFT.fullmatch(name) for name in names)


def write_bytes(path: Path, data: bytes) -> None:
    """Write ``data`` to ``path`` atomically."""
    with replacing(path) as temporary:
        temporary.write_bytes(data)


def write_json(path: Path, value: Any) -> None:
    """Write ``value`` as JSON (sorted keys, one line, no NaN) to ``path`` atomically."""
    text = json.dumps(value, sort_keys=True, separators=(",", ":"), allow_nan=False)
    write_bytes(path, text.encode())
