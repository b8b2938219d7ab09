"""Makes named paths absolute and checks that they are allowed and stay in their folder.

:func:`given` checks every path from a form, a call or a command line, and every path stored in a
dataset, a run or a job. :func:`inside` checks every file name that an index, a manifest, a part or
a listing gives for its own folder. Both are called wherever a path is used, not only where it
enters, because a checked path may have become a link since.
"""

from __future__ import annotations

import os
from collections.abc import Iterable
from pathlib import Path
from typing import Any
from urllib.parse import quote

from ..errors import ForensicsError
from .allowed_roots import allowed_roots, is_allowed, require_allowed

__all__ = [
    "below",
    "given",
    "given_all",
    "given_or_none",
    "inside",
    "one_part",
    "readable",
    "still_allowed",
    "text_or_none",
]


def given(path: Any, field: str | None = None) -> Path:
    """Return a named path as absolute and allowed, with ``~`` expanded.

    A relative path starts at the current working folder. ``..`` is resolved textually, so that the
    checked path is the opened one. Links stay in the path; the check follows them. A second call
    with the result changes nothing.

    Args:
        path: text or path, of a file or folder that need not exist
        field: the form field that holds the path

    Raises:
        ForensicsError: not text, empty, a zero byte, an unknown home folder, or a location outside
            the allowed folders
    """
    if not isinstance(path, (str, os.PathLike)) or isinstance(os.fspath(path), bytes):
        raise ForensicsError(f"{path!r} is not a path.", "Give it as text.", field)
    text = os.fspath(path)
    if not text.strip():
        raise ForensicsError("The path is empty.", "Name a file or folder.", field)
    if "\0" in text:
        raise ForensicsError("A path holds a zero byte.", "Give the path of a file.", field)
    whole = os.path.expanduser(text)  # noqa: PTH111 - a Path forgets the "./" of "./~"
    if whole.startswith("~"):  # ~somebody who has no home here
        raise ForensicsError(
            f"{text!r} begins with a home folder that is not known here.",
            "Write the folder in full, or begin with './' where it is called so.",
            field,
        )
    found = Path(os.path.abspath(whole))  # noqa: PTH100 - resolve() would follow links
    require_allowed(found, field)
    return found


def given_or_none(path: Any, field: str | None = None) -> Path | None:
    """Return :func:`given`, or None if ``path`` is None or an empty text."""
    return None if path is None or path == "" else given(path, field)


def text_or_none(path: Any, field: str | None = None) -> str | None:
    """Return :func:`given_or_none` as text."""
    found = given_or_none(path, field)
    return None if found is None else str(found)


def given_all(paths: Iterable[Any] | None, field: str | None = None) -> list[str]:
    """Return :func:`given` of each path as text; a single text is refused.

    Raises:
        ForensicsError: a text instead of a list, or a refused path
    """
    if isinstance(paths, (str, os.PathLike)):
        raise ForensicsError(f"{paths!r} is one path, not a list.", "Give a list.", field)
    return [str(given(path, field)) for path in paths or ()]


def inside(folder: str | os.PathLike[str], name: Any, what: str = "file") -> Path:
    """Return the path of ``name`` below ``folder``; neither ``..`` nor a link may leave it.

    Args:
        folder: the folder that holds the index; may itself be a link made by the user
        name: as in the index, with ``/`` between its parts; need not exist
        what: noun for the message

    Raises:
        ForensicsError: absolute, with ``..``, empty, not text, or a link leads out of the folder
    """
    if not below(folder, name):
        raise ForensicsError(
            f"The {what} {name!r} is named by {os.fspath(folder)!r} and lies outside of it.",
            "The folder is damaged, or was made to be misused. Do not use it.",
        )
    return Path(folder) / name


def below(folder: str | os.PathLike[str], name: Any) -> bool:
    """Return whether ``name`` stays below ``folder``, by its text and through every link."""
    if not isinstance(name, str) or not name or "\0" in name or "\\" in name:
        return False
    parts = name.split("/")
    if any(part in ("", ".", "..") for part in parts) or Path(name).is_absolute():
        return False
    real = os.path.realpath(folder)
    place = os.path.realpath(Path(real, *parts))
    return place.startswith(real.rstrip(os.sep) + os.sep)


def one_part(name: str) -> str:
    """Return ``name`` (of a dataset, a view) as one path component; ordinary names do not change.

    Raises:
        ForensicsError: the name is empty
    """
    if not name:
        raise ForensicsError("An empty name cannot name a folder.", "Give it a name.")
    if name.startswith(".") or any(sign in name for sign in "/\\\0"):
        return quote(name, safe=" ").replace(".", "%2E")
    return name


def readable(path: str | os.PathLike[str]) -> str:
    """Return a path as text that can be shown and stored: bytes that are no UTF-8 as ``\\xff``."""
    return os.fspath(path).encode("utf-8", "surrogateescape").decode("utf-8", "backslashreplace")


def still_allowed(path: str | os.PathLike[str]) -> None:
    """Check again, right before ``path`` is read or written, that this server allows it.

    Costs nothing if no list is set.

    Raises:
        ForensicsError: the path is no longer in an allowed folder
    """
    if allowed_roots() is not None and not is_allowed(path):
        require_allowed(path)
