"""Decodes videos and image folders, chooses frames, and encodes them again."""

from __future__ import annotations

from .sampling import choose_frames
from .sources import read_frames

__all__ = ["choose_frames", "read_frames"]
