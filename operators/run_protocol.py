"""Keeps ``python -m media_forensics.operators.run_protocol`` working.

The code is in ``operators/evaluation/protocol_command.py``.
"""

from __future__ import annotations

from runpy import run_module

if __name__ == "__main__":
    run_module(
        "media_forensics.operators.evaluation.protocol_command", run_name="__main__", alter_sys=True
    )
