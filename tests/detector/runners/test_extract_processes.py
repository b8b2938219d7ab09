"""Extraction in processes of their own: killed at random moments, and brought down by a video."""

from __future__ import annotations

import os
import random
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[3]
#: ``make robustness`` kills more often; a seed decides the moment.
SEEDS = range(int(os.environ.get("MEDIA_FORENSICS_SEEDS", "3")))
KILLS_OF_A_RUN = 3
CRASHING = """
import os
from media_forensics.detector.runners import extract
original, start_worker = extract.one_video, extract._start_worker
def one(task, *rest):
    if os.environ["CRASH_ON"] in task.record.path:
        os._exit(11)  # as a decoder that a hostile file brings down
    return original(task, *rest)
def start(*arguments):
    extract.one_video = one
    start_worker(*arguments)
"""
SCRIPT = """
import sys
import crashing
from media_forensics.detector.runners import extract
from media_forensics.detector.records import CropRecipe, VideoRecord
extract._start_worker = crashing.start  # workers import crashing, never this script
root, workers, *paths = sys.argv[1:]
records = [VideoRecord(video_id=f"v/{n}", path=p, label=0, source_dataset="v")
           for n, p in enumerate(paths)]
recipe = CropRecipe(count=4, max_side=320)
for result in extract.extract_videos(records, recipe, root, workers=int(workers), device="cpu"):
    print(result.video_id, result.reason, flush=True)
"""


def start(
    tmp_path: Path, root: Path, paths: list[Path], workers: int = 0, crash_on: str = "no such video"
):
    script = tmp_path / "job.py"
    script.write_text(SCRIPT)
    (tmp_path / "crashing.py").write_text(CRASHING)
    env = os.environ | {
        "PYTHONPATH": str(ROOT / "_mount"),
        "OMP_NUM_THREADS": "1",
        "CRASH_ON": crash_on,
    }
    return subprocess.Popen(
        [sys.executable, str(script), str(root), str(workers), *map(str, paths)],
        stdout=subprocess.PIPE,
        text=True,
        env=env,
        start_new_session=True,
    )


def contents(folder: Path) -> dict[str, bytes]:
    return {
        str(p.relative_to(folder)): p.read_bytes() for p in sorted(folder.rglob("*")) if p.is_file()
    }


def kill_at_random(job: subprocess.Popen, seed: int, videos: int) -> bool:
    """Kill ``job`` after a number of its videos, and a moment, that ``seed`` draws."""
    draw = random.Random(seed)
    for _ in range(draw.randrange(1, videos)):
        job.stdout.readline()
    time.sleep(draw.expovariate(20.0))
    running = job.poll() is None
    if running:
        os.kill(job.pid, signal.SIGKILL)
    job.wait()
    return running


@pytest.mark.long("half a minute")
@pytest.mark.weights
def test_kill_9_and_resume_ends_with_the_same_bytes(footage, weights_dir, tmp_path):
    paths = [footage["carphone_distorted.mp4"], footage["carphone_pristine.mp4"]] * 4
    paths += [footage["single_face.mp4"], footage["astronaut"]] * 2
    assert start(tmp_path, tmp_path / "whole", paths).wait(300) == 0
    whole, cut = contents(tmp_path / "whole"), 0
    for first in SEEDS[::KILLS_OF_A_RUN]:
        root = tmp_path / f"killed {first}"
        for seed in SEEDS[first : first + KILLS_OF_A_RUN]:
            cut += kill_at_random(start(tmp_path, root, paths), seed, len(paths))
        job = start(tmp_path, root, paths)
        assert len(job.communicate(timeout=300)[0].splitlines()) == len(paths)
        killed = contents(root)
        leftover = {name for name in killed if name.endswith(".tmp")}
        assert {k: v for k, v in killed.items() if k not in leftover} == whole
        assert len(leftover) <= KILLS_OF_A_RUN
    assert cut
    print(f"{cut} of {len(SEEDS)} extractions were cut in the middle")


@pytest.mark.weights
def test_a_video_that_kills_its_worker_does_not_stop_the_others(footage, weights_dir, tmp_path):
    keys = ["single_face.mp4", "carphone_pristine.mp4", "hopper", "astronaut", "obama"]
    paths = [footage[key] for key in keys]
    job = start(tmp_path, tmp_path / "s", paths, workers=2, crash_on="grace_hopper")
    lines = job.communicate(timeout=400)[0].splitlines()
    assert job.returncode == 0
    assert sorted(lines) == [
        "v/0 None",
        "v/1 None",
        "v/2 worker_died",
        "v/3 None",
        "v/4 None",
    ]
