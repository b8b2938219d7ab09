"""Keeps ``detector.checkpoints`` importable; the code is in ``detector/model/checkpoints.py``."""

from __future__ import annotations

from .model.checkpoints import load_detector, save_detector

__all__ = ["load_detector", "save_detector"]
