"""Keeps ``python -m media_forensics.detector.offline_assets`` working.

The code is in ``detector/weights/offline_assets.py``.
"""

from __future__ import annotations

from runpy import run_module

if __name__ == "__main__":
    run_module(
        "media_forensics.detector.weights.offline_assets", run_name="__main__", alter_sys=True
    )
