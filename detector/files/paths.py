"""The one door for paths: a named path becomes absolute and allowed, and stays in its place.

:func:`given` takes every path of a form, a call or a command line, and every path that a dataset,
a run or a job carries. :func:`inside` takes every name that an index, a manifest, a part or a
listing gives for a file of its own folder. Both are asked where a path is used, not only where it
comes in: what a check saw may be a link by then.
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
    "still_allowed",
    "text_or_none",
]


def given(path: Any, field: str | None = None) -> Path:
    """Return a named path with ``~`` expanded, absolute by the working folder of now, allowed.

    ``..`` is resolved by its text, so that what is checked is what is opened. Links stay in the
    path and are followed for the check. Giving the result again changes nothing.

    Args:
        path: text or path, of a file or folder that need not exist
        field: the form field that holds it

    Raises:
        ForensicsError: no text, an empty one, a zero byte, an unknown home folder, or a place
            outside the allowed folders
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
    """Return :func:`given`, or None where nothing (None, an empty text) was named."""
    return None if path is None or path == "" else given(path, field)


def text_or_none(path: Any, field: str | None = None) -> str | None:
    """Return :func:`given_or_none` as text."""
    found = given_or_none(path, field)
    return None if found is None else str(found)


def given_all(paths: Iterable[Any] | None, field: str | None = None) -> list[str]:
    """Return :func:`given` of each as text; a single text is no list of paths.

    Raises:
        ForensicsError: a text where a list is wanted, or a path that is refused
    """
    if isinstance(paths, (str, os.PathLike)):
        raise ForensicsError(f"{paths!r} is one path, not a list.", "Give a list.", field)
    return [str(given(path, field)) for path in paths or ()]


def inside(folder: str | os.PathLike[str], name: Any, what: str = "file") -> Path:
    """Return the path of ``name`` below ``folder``, which neither ``..`` nor a link may leave.

    Args:
        folder: what holds the index; itself a link where the user has made it one
        name: as the index gives it, with ``/`` between its parts; need not exist
        what: for the message

    Raises:
        ForensicsError: absolute, with ``..``, empty, no text, or led out of the folder by a link
    """
    if not below(folder, name):
        raise ForensicsError(
            f"The {what} {name!r} is named by {os.fspath(folder)!r} and lies outside of it.",
            "The folder is damaged, or was made to be misused. Do not use it.",
        )
    return Path(folder) / name


def below(folder: str | os.PathLike[str], name: Any) -> bool:
    """Whether ``name`` stays below ``folder`` by its text and through every link."""
    if not isinstance(name, str) or not name or "\0" in name or "\\" in name:
        return False
    parts = name.split("/")
    if any(part in ("", ".", "..") for part in parts) or Path(name).is_absolute():
        return False
    real = os.path.realpath(folder)
    place = os.path.realpath(Path(real, *parts))
    return place.startswith(real.rstrip(os.sep) + os.sep)


def one_part(name: str) -> str:
    """Return ``name`` (of a dataset, a view) as one part of a path; ordinary names stay the same.

    Raises:
        ForensicsError: an empty name
    """
    if not name:
        raise ForensicsError("An empty name cannot name a folder.", "Give it a name.")
    if name.startswith(".") or any(sign in name for sign in "/\\\0"):
        return quote(name, safe=" ").replace(".", "%2E")
    return name


def still_allowed(path: str | os.PathLike[str]) -> None:
    """Ask again, right before ``path`` is read or written, whether this server allows it.

    Free of cost where no list is set.

    Raises:
        ForensicsError: it leads outside by now
    """
    if allowed_roots() is not None and not is_allowed(path):
        require_allowed(path)
