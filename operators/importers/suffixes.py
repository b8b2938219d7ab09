"""Tells videos, images and side files by their suffix, and takes relative POSIX paths apart."""

# ruff: noqa: PTH122
# Paths are plain strings here: a Path per file is slow at 100,000 files.
from __future__ import annotations

import os

from ...detector.files.video_suffixes import VIDEO_SUFFIXES

# fmt: off
IMAGE_SUFFIXES = frozenset({
    ".png", ".apng", ".jpg", ".jpeg", ".jfif", ".jpe", ".bmp", ".webp", ".tif", ".tiff", ".heic",
    ".heif", ".avif",
})
# Files that datasets ship beside their media; no importer has to explain them.
SIDE_SUFFIXES = frozenset({
    ".json", ".csv", ".tsv", ".txt", ".md", ".pdf", ".wav", ".mp3", ".flac", ".m4a", ".aac", ".npy",
    ".npz", ".pkl", ".zip", ".gz", ".tar", ".7z", ".html", ".py", ".sh", ".parquet", ".xlsx",
    ".docx", ".log", ".yml", ".yaml", ".lmdb", ".mdb", ".srt", ".vtt",
})
# fmt: on


def suffix_of(name: str) -> str:
    """Return the lower-case suffix of a file name (``A.MP4`` gives ``.mp4``), ``""`` for none."""
    return os.path.splitext(name)[1].lower()


def stem_of(path: str) -> str:
    """Return the file name of a POSIX path without folder and last suffix."""
    return os.path.splitext(path.rpartition("/")[2])[0]


def join(*parts: str) -> str:
    """Join parts to a relative POSIX path; empty parts are left out."""
    return "/".join(part for part in parts if part)


def is_video(name: str) -> bool:
    """Return whether the suffix is that of a video file, in either case."""
    return suffix_of(name) in VIDEO_SUFFIXES


def is_image(name: str) -> bool:
    """Return whether the suffix is that of an image file, in either case."""
    return suffix_of(name) in IMAGE_SUFFIXES
