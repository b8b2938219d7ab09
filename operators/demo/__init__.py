"""Builds the labelled demo corpus of ``create_demo``: real footage, and fakes made from it."""

from __future__ import annotations

from .corpus import build_demo_corpus

__all__ = ["build_demo_corpus"]
