"""FiftyOne imports every operator when it starts: that must not load a network library."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
HEAVY = ("torch", "torchvision", "open_clip", "facexlib", "sklearn", "timm", "transformers")

IMPORT_ALL = """
import json, sys
import fiftyone.operators
before = set(sys.modules)
from media_forensics.operators import register_all
class Plugin:
    def register(self, cls): pass
register_all(Plugin())
print(json.dumps(sorted({m.split('.')[0] for m in set(sys.modules) - before})))
"""


@pytest.mark.fiftyone
def test_importing_the_operators_loads_no_network_library():
    path = os.pathsep.join([str(ROOT / "_mount"), *filter(None, [os.environ.get("PYTHONPATH")])])
    done = subprocess.run(
        [sys.executable, "-c", IMPORT_ALL],
        capture_output=True,
        text=True,
        env={**os.environ, "PYTHONPATH": path},
    )
    assert done.returncode == 0, done.stderr
    new = set(json.loads(done.stdout.splitlines()[-1]))
    assert "media_forensics" in new
    assert not new & set(HEAVY)
