"""Decodes videos and image folders, chooses frames and encodes them again."""

from __future__ import annotations

from .sampling import choose_frames
from .sources import open_source, probe_video, read_frames

__all__ = ["choose_frames", "open_source", "probe_video", "read_frames"]
