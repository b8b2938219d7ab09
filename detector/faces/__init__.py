"""Finds faces and their landmarks, tracks and quality, and selects the faces of a video."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from .detectors import load_face_detector

__all__ = ["load_face_detector"]


def __getattr__(name: str) -> Any:
    """Return a public name; it is loaded on first use because its imports are heavy."""
    if name == "load_face_detector":
        from .detectors import load_face_detector

        return load_face_detector
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
