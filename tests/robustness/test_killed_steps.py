"""kill -9 at the n-th write of every operator that writes, then the same call: as if unharmed.

CI kills each step at a few writes that the seed draws; ``make robustness`` at all of them, or at
``MEDIA_FORENSICS_KILLS`` a step.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import killed_steps
import pytest

pytestmark = pytest.mark.fiftyone
ROOT = Path(__file__).resolve().parents[2]
KILLS = int(os.environ.get("MEDIA_FORENSICS_KILLS", "0" if killed_steps.FULL else "2"))
SEED = int(os.environ.get("MEDIA_FORENSICS_SEED", "1"))


def run_steps(folder: Path, names: list[str], kills: int = KILLS) -> list[dict]:
    """What :func:`killed_steps.main` prints, from a process with a database of its own."""
    environment = {
        **os.environ,
        "PYTHONPATH": str(ROOT / "_mount"),
        "FIFTYONE_DATABASE_NAME": f"killed_{os.getpid()}_{folder.name}".replace(" ", "_")[:60],
        "FIFTYONE_DEFAULT_DATASET_DIR": str(folder / "datasets"),
        "OMP_NUM_THREADS": "1",
    }
    script = ROOT / "tests" / "robustness" / "killed_steps.py"
    command = [sys.executable, str(script), str(folder), str(SEED), str(kills), *names]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr[-3000:]
    return [json.loads(line) for line in done.stdout.splitlines() if line.startswith('{"step"')]


@pytest.mark.parametrize("stage", sorted({step.stage for step in killed_steps.STEPS.values()}))
def test_a_step_killed_at_any_write_ends_alike(stage, tmp_path, fiftyone_db):
    names = [name for name, step in killed_steps.STEPS.items() if step.stage == stage]
    found = run_steps(tmp_path, names)
    assert [row["step"] for row in found] == names
    for row in found:
        print(f"{row['step']}: {row['killed']} kills, {row['writes']} writes")
    wrong = {row["step"]: row["wrong"] for row in found if row["wrong"]}
    assert not wrong, json.dumps(wrong, indent=1)[:6000]
    assert all(row["killed"] for row in found)
