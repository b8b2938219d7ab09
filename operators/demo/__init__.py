"""The labelled demo corpus of ``create_demo``: real footage and manipulations made on the spot."""

from __future__ import annotations

from .corpus import build_demo_corpus

__all__ = ["build_demo_corpus"]
