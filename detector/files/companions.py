"""Recognises files that systems and programs place beside media and that hold no media.

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
    return name.startswith(("._", "~$")) or low in _NAMES or low.endswith(_UNFINISHED)
