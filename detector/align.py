"""Keeps ``detector.align`` importable; the code is in ``detector/crops/align.py``."""

from __future__ import annotations

from .crops.align import align_face

__all__ = ["align_face"]
