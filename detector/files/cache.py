"""Finds the folder of everything that is fetched."""

from __future__ import annotations

import os
from pathlib import Path


def cache_dir() -> Path:
    """Folder of everything fetched: $MEDIA_FORENSICS_CACHE, else the user's cache folder."""
    own = os.environ.get("MEDIA_FORENSICS_CACHE")
    if own:
        return Path(own).expanduser()
    base = os.environ.get("XDG_CACHE_HOME")
    return (Path(base).expanduser() if base else Path.home() / ".cache") / "media_forensics"
