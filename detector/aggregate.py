"""Keeps ``detector.aggregate`` importable; the code is in ``detector/scoring/aggregate.py``."""

from __future__ import annotations

from .scoring.aggregate import video_score

__all__ = ["video_score"]
