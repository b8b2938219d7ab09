"""Recognises what lies beside media and is none: companions of systems, hidden and deleted files.

macOS writes ``._NAME`` beside NAME on disks that cannot store its attributes (exFAT, network
shares, archives). Its ending is that of a media file, its content is not. Counted as media, such
files would be imported as videos, frames and masks, and would shift the numbers of the real ones.
"""

from __future__ import annotations

_NAMES = frozenset(
    name.lower()
    for name in (
        ".DS_Store",
        "Thumbs.db",
        "ehthumbs.db",
        "desktop.ini",
        "Icon\r",
        "__MACOSX",
        ".AppleDouble",
        ".Spotlight-V100",
        ".TemporaryItems",
        ".Trashes",
        ".fseventsd",
        "@eaDir",
        "#recycle",
        "$RECYCLE.BIN",
        "System Volume Information",
        "lost+found",
        ".ipynb_checkpoints",
    )
)
# Unfinished downloads and copies.
_UNFINISHED = (".part", ".partial", ".crdownload", ".download", ".!qb", ".aria2")


def is_companion(name: str) -> bool:
    """Return whether a file or folder of this name accompanies media and holds none itself."""
    low = name.lower()
    return name.startswith(("._", "~$", ".~")) or low in _NAMES or low.endswith(_UNFINISHED)


def is_hidden(name: str) -> bool:
    """Return whether this file or folder is not shown to people: hidden, deleted or an old version.

    Android writes ``.trashed-DATE-NAME.mp4``, Linux ``.Trash-1000``, Syncthing ``.stversions``. It
    may hold media, which are never taken without a word: who leaves it out says so.
    """
    return name.startswith(".") and not is_companion(name)


def is_unseen(name: str) -> bool:
    """Return whether media must not be taken from this file or folder."""
    return is_companion(name) or is_hidden(name)
