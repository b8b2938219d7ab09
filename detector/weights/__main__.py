"""Keeps ``python -m media_forensics.detector.weights`` working.

The code is in ``detector/weights/fetch.py``.
"""

from __future__ import annotations

from runpy import run_module

if __name__ == "__main__":
    run_module("media_forensics.detector.weights.fetch", run_name="__main__", alter_sys=True)
