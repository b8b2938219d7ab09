"""Keeps ``python -m media_forensics.operators.video_list`` working.

The code is in ``operators/importing/video_list.py``.
"""

from __future__ import annotations

from runpy import run_module

if __name__ == "__main__":
    run_module(
        "media_forensics.operators.importing.video_list", run_name="__main__", alter_sys=True
    )
