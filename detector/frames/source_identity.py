"""Computes a hash and a cheap stamp that tell whether a stored source has changed."""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import Any

from ..files.hashes import file_sha256
from ..records import Reason, VideoRecord
from .frame import FrameError
from .images import image_files


def _listing(record: VideoRecord) -> list[tuple[int, str, int]] | None:
    """Return (number, name, bytes) of each image of a frame source; None for a single file."""
    files = [(n, Path(p)) for n, p in record.frames]
    folder = Path(record.path)
    if not files and folder.is_dir():
        files = list(enumerate(image_files(folder)))
    if not files:
        return None
    return [(n, p.name, p.stat().st_size if p.is_file() else -1) for n, p in sorted(files)]


def source_stamp(record: VideoRecord) -> dict[str, Any]:
    """Return a stamp that changes with the source: size and time, or the hash of a listing.

    Raises:
        FrameError: the file does not exist
    """
    listing = _listing(record)
    if listing is not None:
        return {"listing": hashlib.sha256(repr(listing).encode()).hexdigest()}
    path = Path(record.path)
    if not path.is_file():
        raise FrameError(Reason.MISSING_FILE, f"{path} is not there.", "Check the path.")
    status = path.stat()
    return {"size": status.st_size, "mtime_ns": status.st_mtime_ns}


def source_sha256(record: VideoRecord) -> str:
    """Return the sha256 of the file; for frame sources, of (number, name, size) of every image.

    Raises:
        FrameError: the file does not exist
        OSError: the file cannot be read
    """
    stamp = source_stamp(record)
    return stamp["listing"] if "listing" in stamp else file_sha256(record.path)
