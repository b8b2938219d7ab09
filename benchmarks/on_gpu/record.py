"""Writes the numbers of this device that the project's tests compare other devices with."""

from __future__ import annotations

import os
import subprocess
import sys

from .machine import ROOT

#: Tests that hold a fixture and, run as scripts with a device, write it anew.
TESTS = (
    "tests/detector/crops/test_every_device.py",
    "tests/detector/model/test_scores_on_every_device.py",
)


def record(device: str) -> int:
    """Run each of :data:`TESTS` as a script; return 0, or 1 if one failed."""
    failed = []
    where = {**os.environ, "PYTHONPATH": str(ROOT / "_mount")}
    for name in TESTS:
        done = subprocess.run([sys.executable, str(ROOT / name), device], cwd=ROOT, env=where)
        print(f"{name}: {'failed' if done.returncode else 'its fixture is written'}", flush=True)
        failed += [name] if done.returncode else []
    print("Run these tests now, and commit tests/fixtures.")
    return 1 if failed else 0
