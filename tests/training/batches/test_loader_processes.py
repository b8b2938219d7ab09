"""Training with processes that prepare batches, called from a script without a main guard."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
from media_forensics.training.batches import loader_processes
from media_forensics.training.loop import fit
from media_forensics.training.runs import RunFolder

ROOT = Path(__file__).resolve().parents[3]
SCRIPT = """
import json, os, sys
with open("side_effect", "a") as ran:
    ran.write("once\\n")
from media_forensics.training.batches import loader_processes
from media_forensics.training.config import TrainConfig
from media_forensics.training.loop import fit
from media_forensics.training.manifest import Manifest
loader_processes.start_method = lambda: os.environ["METHOD"]
config = TrainConfig.from_json(json.loads(open("config.json").read()))
print(fit(config, Manifest.load("manifest.jsonl"), os.environ["METHOD"], device="cpu").status)
"""


def test_linux_forks_and_the_others_spawn(monkeypatch):
    assert loader_processes.start_method() == ("fork" if sys.platform == "linux" else "spawn")
    for platform in ("darwin", "win32"):
        monkeypatch.setattr(sys, "platform", platform)
        assert loader_processes.start_method() == "spawn"


@pytest.mark.parametrize(
    ("form", "method"),
    [
        pytest.param(
            *("script", "fork"),
            marks=pytest.mark.skipif(sys.platform != "linux", reason="only Linux forks safely"),
        ),
        pytest.param("script", "spawn", marks=pytest.mark.long("half a minute, as from stdin")),
        ("stdin", "spawn"),  # a fork needs no main module, in whatever form it came
    ],
)
def test_fit_with_workers_from_a_plain_script(form, method, make_manifest, tiny_config, tmp_path):
    manifest, config = make_manifest(), tiny_config(workers=2, epochs=1)
    manifest.save(tmp_path / "manifest.jsonl")
    (tmp_path / "config.json").write_text(json.dumps(config.to_json()))
    script = tmp_path / "script.py"
    script.write_text(SCRIPT)
    done = subprocess.run(
        [sys.executable, str(script) if form == "script" else "-"],
        input=SCRIPT if form == "stdin" else None,
        capture_output=True,
        text=True,
        cwd=tmp_path,
        env={**os.environ, "PYTHONPATH": str(ROOT / "_mount"), "METHOD": method},
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout.splitlines()[-1] == "completed"
    assert (tmp_path / "side_effect").read_text() == "once\n"
    fit(config.changed(workers=0), manifest, tmp_path / "alone", device="cpu")
    there, here = (losses(RunFolder(tmp_path / name)) for name in (method, "alone"))
    assert there and there == pytest.approx(here)


def losses(run: RunFolder) -> list[float]:
    return [record["total"] for record in run.metrics() if record["kind"] == "step"]
