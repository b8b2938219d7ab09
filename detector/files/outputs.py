"""Checks the files and folders that a user names as output of the plugin.

A page in a browser can make a local App run an operator. A path argument must therefore never
overwrite a foreign file or create one that a shell or program executes. So only a few endings are
allowed, hidden files and links are refused, and an existing file is replaced only if its content
shows that this plugin wrote it.
"""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ..errors import ForensicsError
from .atomic import holds_nothing, replacing, saying_disk
from .paths import given

JPEG_MARK = b"written by media_forensics"
_HEAD = 1 << 20  # bytes of the first line that are read
_MOST = 1 << 26  # bytes of the largest JSON file that is parsed to recognise it


@dataclass(frozen=True, slots=True)
class OutputKind:
    """A kind of file that the plugin writes.

    Attributes:
        suffix: its ending, lower case
        is_ours: returns whether the content of an existing file shows that the plugin wrote it
    """

    suffix: str
    is_ours: Callable[[Path], bool]


def claim_output(
    path: Any, kinds: Sequence[OutputKind], field: str, overwrite: bool = True
) -> Path:
    """Return the absolute path of a file that may be written; writes nothing.

    Args:
        path: as the user named it
        kinds: the allowed kinds, distinguished by ending
        field: the form field that holds the path
        overwrite: whether a file that the plugin wrote may be replaced

    Raises:
        ForensicsError: see :func:`paths.given`; also another ending, a hidden path, a link, a
            folder, or an existing file that the plugin did not write or may not overwrite
    """
    target = given(path, field)
    _refuse_hidden(target, field)
    kind = next((k for k in kinds if target.name.lower().endswith(k.suffix)), None)
    if kind is None:
        endings = " or ".join(k.suffix for k in kinds)
        raise ForensicsError(
            f"{target.name!r} does not end in {endings}.", f"Use {endings}.", field
        )
    if not os.path.lexists(target):
        return target
    if target.is_symlink() or not target.is_file():
        what = "a link" if target.is_symlink() else "no file"
        raise ForensicsError(f"{target} exists and is {what}.", "Choose another name.", field)
    if not overwrite:
        raise ForensicsError(
            f"{target} exists.", "Choose another name, or allow overwriting.", field
        )
    if not _holds(kind.is_ours, target):
        raise ForensicsError(
            f"{target} exists and was not written by this plugin.", "Choose another name.", field
        )
    return target


@contextmanager
def writing_output(
    path: Any, kinds: Sequence[OutputKind], field: str, overwrite: bool = True
) -> Iterator[Path]:
    """Yield a temporary path that becomes ``path``.

    ``path`` is claimed before the first byte and again before the rename.

    Raises:
        ForensicsError: see :func:`claim_output`
        DiskError: ``path`` cannot be written; an existing file stays unchanged
    """
    target = claim_output(path, kinds, field, overwrite)
    with saying_disk(target, field), replacing(target) as temporary:
        yield temporary
        claim_output(target, kinds, field, overwrite)


def write_output(path: Any, kinds: Sequence[OutputKind], field: str, data: bytes) -> Path:
    """Write ``data`` to ``path``, see :func:`writing_output`, and return its absolute path."""
    with writing_output(path, kinds, field) as temporary:
        temporary.write_bytes(data)
    return given(path, field)


def claim_folder(path: Any, field: str, is_ours: Callable[[Path], bool] | None = None) -> Path:
    """Return the absolute path of a folder that may be filled: new, empty, or the plugin's own.

    Args:
        path: as the user named it
        field: the form field that holds it
        is_ours: returns whether the content of a folder shows that the plugin wrote it; None
            accepts only a new or empty folder

    Raises:
        ForensicsError: see :func:`paths.given`; also a hidden path, a file, a link, or a folder
            with other content
    """
    target = given(path, field)
    _refuse_hidden(target, field)
    if target.is_symlink() or (target.exists() and not target.is_dir()):
        what = "a link" if target.is_symlink() else "a file"
        raise ForensicsError(f"{target} is {what}.", "Choose a new folder.", field)
    with saying_disk(target, field):
        used = not holds_nothing(target)
    if used and not (is_ours is not None and _holds(is_ours, target)):
        raise ForensicsError(
            f"{target} exists and is not empty.", "Choose a new or empty folder.", field
        )
    return target


def _refuse_hidden(target: Path, field: str) -> None:
    """Refuse hidden paths: files there configure shells, editors and tools."""
    if any(part.startswith(".") for part in target.parts[-2:]):
        raise ForensicsError(
            f"{target} is hidden or in a hidden folder.",
            "Choose a name and folder without a leading dot.",
            field,
        )


def _holds(is_ours: Callable[[Path], bool], target: Path) -> bool:
    try:
        return is_ours(target)
    except (OSError, ValueError, TypeError, KeyError, RecursionError):
        return False  # does not parse as a file of ours


# ------------------------------------------------------------------ how the plugin's files look
def json_with(*keys: str) -> OutputKind:
    """Return the kind of a JSON file that holds an object with these keys."""

    def is_ours(path: Path) -> bool:
        if path.stat().st_size > _MOST:
            return False
        found = json.loads(path.read_text(encoding="utf-8"))
        return isinstance(found, dict) and set(keys) <= set(found)

    return OutputKind(".json", is_ours)


def json_lines_with(*keys: str) -> OutputKind:
    """Return the kind of a JSON lines file whose first line is an object with these keys."""

    def is_ours(path: Path) -> bool:
        found = json.loads(first_line(path))
        return isinstance(found, dict) and set(keys) <= set(found)

    return OutputKind(".jsonl", is_ours)


def text_beginning(suffix: str, *first_lines: str) -> OutputKind:
    """Return the kind of a text file whose first line is one of ``first_lines``."""
    return OutputKind(suffix, lambda path: first_line(path).strip() in first_lines)


def jpeg() -> OutputKind:
    """Return the kind of a JPEG with :data:`JPEG_MARK` as comment, see :func:`marked_jpeg`."""

    def is_ours(path: Path) -> bool:
        with path.open("rb") as stream:
            return stream.read(6 + len(JPEG_MARK)).endswith(JPEG_MARK)

    return OutputKind(".jpg", is_ours)


def marked_jpeg(data: bytes) -> bytes:
    """Return ``data`` (a JPEG) with :data:`JPEG_MARK` as its first segment."""
    comment = b"\xff\xfe" + (len(JPEG_MARK) + 2).to_bytes(2, "big") + JPEG_MARK
    return data[:2] + comment + data[2:]


def first_line(path: Path) -> str:
    """Return the first line of a text file, at most 2^20 bytes of it.

    Raises:
        ValueError: the file is not text
        OSError: the file cannot be read
    """
    with path.open("rb") as stream:
        return stream.readline(_HEAD).decode("utf-8")
