"""Converts between frame indices and shown frame numbers; no other module does.

Internally frames are counted from 0, as in decoders. All that a person reads (the dataset, panels,
reports, contact sheets, tables) counts from 1, as FiftyOne does.
"""

from __future__ import annotations


def shown_number(index: int) -> int:
    """Return the frame number (from 1) of a frame index (from 0)."""
    return index + 1


def index_of(number: int) -> int:
    """Return the frame index (from 0) of a frame number (from 1)."""
    return number - 1
