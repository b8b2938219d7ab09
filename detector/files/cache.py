"""Finds the folder for downloaded files."""

from __future__ import annotations

import os
from pathlib import Path


def cache_dir() -> Path:
    """Return the folder for downloads: $MEDIA_FORENSICS_CACHE, else in the user's cache folder."""
    own = os.environ.get("MEDIA_FORENSICS_CACHE")
    if own:
        return Path(own).expanduser()
    base = os.environ.get("XDG_CACHE_HOME")
    return (Path(base).expanduser() if base else Path.home() / ".cache") / "media_forensics"
