"""Checks whether a path lies in the folders that the server allows the plugin to use.

If ``MEDIA_FORENSICS_ROOTS`` is set, every path from a form, a script or a metadata file must lie
below one of its folders after links are resolved. If it is not set, the plugin may do whatever its
user may do. docs/security.md says which attacks this prevents and which it does not.
"""

from __future__ import annotations

import os
from collections.abc import Iterable
from pathlib import Path

from ..errors import ForensicsError

VARIABLE = "MEDIA_FORENSICS_ROOTS"


def allowed_roots() -> tuple[str, ...] | None:
    """Return the real paths of the allowed folders; None if no list is set.

    The plugin's own cache (weights, registry) is always allowed. A list that is set but empty
    allows nothing else.

    Raises:
        ForensicsError: an entry is not an absolute path
    """
    text = os.environ.get(VARIABLE)
    if text is None:
        return None
    from .cache import cache_dir

    entries = [entry for entry in text.split(os.pathsep) if entry.strip()]
    for entry in entries:
        if not Path(entry).expanduser().is_absolute():
            raise ForensicsError(
                f"{VARIABLE} holds {entry!r}, which is not an absolute path.",
                f"Separate absolute folders by {os.pathsep!r}.",
            )
    folders = [*(Path(entry).expanduser() for entry in entries), cache_dir()]
    return tuple(os.path.realpath(folder) for folder in folders)


def is_allowed(path: str | os.PathLike[str]) -> bool:
    """Return whether ``path`` (existing or not) lies below an allowed folder, links resolved."""
    roots = allowed_roots()
    return roots is None or _below(os.path.realpath(Path(path).expanduser()), roots)


def require_allowed(path: str | os.PathLike[str], field: str | None = None) -> None:
    """Refuse a path outside the allowed folders, before it is opened.

    Args:
        path: file or folder, existing or not
        field: the form field that holds the path

    Raises:
        ForensicsError: outside the allowed folders, or a zero byte in the path
    """
    if "\0" in os.fspath(path):
        raise ForensicsError("A path holds a zero byte.", "Give the path of a file.", field)
    if not is_allowed(path):
        raise ForensicsError(
            f"{os.fspath(path)!r} is outside the folders that this server allows.",
            f"Choose a folder below one of {VARIABLE}, or ask the server's administrator to add "
            "it.",
            field,
        )


def require_files(paths: Iterable[str | None], what: str) -> None:
    """Refuse a dataset in which a file lies outside the allowed folders.

    Each folder is resolved once, however many files it holds. A file that is a link is resolved
    separately.

    Args:
        paths: absolute paths as FiftyOne stores them; None is skipped
        what: plural noun for the message, for example ``faces``

    Raises:
        ForensicsError: names the first such file and their number
    """
    roots = allowed_roots()
    if roots is None:
        return
    folders: dict[str, bool] = {}
    outside: list[str] = []
    for path in paths:
        if path is None:
            continue
        folder = os.path.dirname(path)  # noqa: PTH120 - a Path each is slow at a million files
        if folder not in folders:
            folders[folder] = _below(os.path.realpath(folder), roots)
        fine = folders[folder]
        if os.path.islink(path):  # noqa: PTH114
            fine = _below(os.path.realpath(path), roots)
        if not fine:
            outside.append(path)
    if outside:
        raise ForensicsError(
            f"{len(outside)} files of these {what} are outside the folders that this server "
            f"allows (for example {outside[0]!r}).",
            "Filter them out, or ask the server's administrator to add their folder to "
            f"{VARIABLE}.",
        )


def _below(real: str, roots: tuple[str, ...]) -> bool:
    return any(real == root or real.startswith(root.rstrip(os.sep) + os.sep) for root in roots)
