"""Builds a detector from a tower, a head and a checkpoint."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from .detector import Detector

__all__ = ["Detector"]


def __getattr__(name: str) -> Any:
    """Return a public name; it is loaded on first use because its imports are heavy."""
    if name == "Detector":
        from .detector import Detector

        return Detector
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
