"""Workers from whatever starts them: a script without a main guard, stdin, a notebook, a thread."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
TOP = """
import os, sys
with open(os.environ["SIDE_EFFECT"], "a") as ran:
    ran.write("once\\n")
sys.path.append(os.environ["JOBS"])
"""
POOL = """
import pool_jobs
print(sorted(pool_jobs.results(["fine 1", "killed", "fine 2", "main"])))
"""
EXPECTED = (
    "['fine 1 done', 'fine 2 done', 'killed died', 'media_forensics.detector.runners.pool_worker']"
)
THREAD = f"""
import threading
def work():
    exec({POOL!r}, {{}})
thread = threading.Thread(target=work)
thread.start()
thread.join()
"""
# as a notebook's kernel: cells that are compiled by themselves in a main module without a file
NOTEBOOK = f"""
import sys, types
cells = [{TOP!r}, "import threading", {POOL!r}]
main = sys.modules["__main__"]
for name in ("__file__", "__spec__"):
    vars(main).pop(name, None)
main.__spec__ = None
for number, cell in enumerate(cells):
    exec(compile(cell, f"<ipython-input-{{number}}>", "exec"), vars(main))
"""
EXTRACT = """
from pathlib import Path
from media_forensics.detector.runners.extract import extract_videos
from media_forensics.detector.records import CropRecipe, VideoRecord
paths = os.environ["VIDEOS"].split(os.pathsep)
records = [VideoRecord(video_id=f"v/{n}", path=path, label=0, source_dataset="v")
           for n, path in enumerate(paths)]
recipe = CropRecipe(count=2, max_side=320)
found = extract_videos(records, recipe, os.environ["CROPS"], workers=2, device="cpu")
print(sorted((video.video_id, video.reason) for video in found))
"""


def run(code: str, form: str, tmp_path: Path, **variables: object) -> str:
    """The last line that ``code`` prints; it has to run exactly once, however it is started."""
    side_effect = tmp_path / "side_effect"
    side_effect.unlink(missing_ok=True)
    script = tmp_path / "script.py"
    script.write_text(code)
    words, given = {
        "script": ([str(script)], None),
        "-c": (["-c", code], None),
        "stdin": (["-"], code),
        "module": (["-m", "script"], None),
    }[form]
    done = subprocess.run(
        [sys.executable, *words],
        input=given,
        capture_output=True,
        text=True,
        cwd=tmp_path,
        env={
            **os.environ,
            "PYTHONPATH": str(ROOT / "_mount"),
            "OMP_NUM_THREADS": "1",
            "JOBS": str(ROOT / "tests/detector"),
            "SIDE_EFFECT": str(side_effect),
            **{name: str(value) for name, value in variables.items()},
        },
    )
    assert done.returncode == 0, done.stderr
    assert side_effect.read_text() == "once\n"
    return done.stdout.splitlines()[-1]


@pytest.mark.parametrize("form", ["script", "-c", "stdin", "module"])
def test_a_pool_from_any_form_of_a_script(form, tmp_path):
    assert run(TOP + POOL, form, tmp_path) == EXPECTED


@pytest.mark.parametrize("code", [TOP + THREAD, NOTEBOOK], ids=["thread", "notebook"])
def test_a_pool_from_a_thread_and_from_cells(code, tmp_path):
    assert run(code, "script", tmp_path) == EXPECTED


@pytest.mark.weights
@pytest.mark.parametrize(
    "form", ["script", pytest.param("stdin", marks=pytest.mark.long("as a pool from stdin"))]
)
def test_extraction_with_workers_needs_no_main_guard(form, tmp_path, footage, weights_dir):
    videos = [footage["single_face.mp4"], footage["carphone_pristine.mp4"]]
    found = run(
        TOP + EXTRACT, form, tmp_path, VIDEOS=os.pathsep.join(map(str, videos)), CROPS=tmp_path
    )
    assert found == "[('v/0', None), ('v/1', None)]"
