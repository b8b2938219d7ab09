"""Knows the files that systems and programs leave beside media; they are never media themselves.

macOS writes ``._NAME`` beside NAME wherever a disk cannot hold its attributes (exFAT, network
shares, archives): the same ending, and other content. Taken for media they become videos, frames
and masks, and shift the numbers of those that are.
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
# Downloads and copies that have not ended.
_UNFINISHED = (".part", ".partial", ".crdownload", ".download", ".!qb", ".aria2")


def is_companion(name: str) -> bool:
    """Whether a file or folder called ``name`` accompanies others and holds no media itself."""
    low = name.lower()
    return name.startswith(("._", "~$")) or low in _NAMES or low.endswith(_UNFINISHED)
