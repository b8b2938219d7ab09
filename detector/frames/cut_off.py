"""Reads how long a cut-off AVI or ASF (WMV) was, which FFmpeg estimates anew from what is left.

Both state their own size, so a whole file is never taken for a cut-off one: an AVI whose recorder
dropped frames declares more of them than it holds.
"""

from __future__ import annotations

import struct
from pathlib import Path

_FILE_PROPERTIES = bytes.fromhex("a1dcab8c47a9cf118ee400c00c205365")  # ASF, 3.2
_ASF_HEAD = 1 << 16  # bytes; the object stands at the beginning


def frames_before(path: Path, container: str, declared: int, rate: float) -> int:
    """Return the number of frames that a cut-off file held; 0 if it is whole or does not say.

    Args:
        path: the file
        container: FFmpeg's name of the container
        declared: the number of frames in its header, 0 if unknown
        rate: frames per second
    """
    if container == "avi":
        return declared if _is_short_avi(path) else 0
    return round(_seconds_of_short_asf(path) * rate) if container == "asf" else 0


def _is_short_avi(path: Path) -> bool:
    """Return whether a RIFF chunk (OpenDML has several) ends behind the file."""
    size, at = path.stat().st_size, 0
    with path.open("rb") as stream:
        while at + 8 <= size:
            stream.seek(at)
            name, length = struct.unpack("<4sI", stream.read(8))
            if name != b"RIFF":
                return False
            at += 8 + length + length % 2
    return at > size + 1  # the last byte may lack its padding


def _seconds_of_short_asf(path: Path) -> float:
    with path.open("rb") as stream:
        head = stream.read(_ASF_HEAD)
    at = head.find(_FILE_PROPERTIES)
    if at < 0 or len(head) < at + 88:
        return 0.0
    whole, *_, play, _, preroll = struct.unpack("<6Q", head[at + 40 : at + 88])
    seconds = play / 1e7 - preroll / 1e3
    return max(0.0, seconds) if whole > path.stat().st_size else 0.0
