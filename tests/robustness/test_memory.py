"""Too little memory for one video: it has a reason, the others are done."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
SIDE = 8000  # a picture of 64 million pixels is 192 MB of RGB

MEMORY = Path("/sys/fs/cgroup/memory")  # control groups, version 1
UNIFIED = Path("/sys/fs/cgroup")  # version 2

# The limit is set in each worker after it has loaded what it needs: on its address space, so that
# an allocation fails, or on a control group of its own, so that the kernel kills it.
LIMITED = """
import os, resource
from pathlib import Path
from media_forensics.detector.runners import extract
start_worker = extract._start_worker

def start(*arguments):
    start_worker(*arguments)
    group, file = os.environ.get("CONTROL_GROUP"), os.environ.get("LIMIT_FILE")
    if group:
        Path(group, file).write_text(str(150 << 20))  # of what it takes from now on
        Path(group, "cgroup.procs").write_text(str(os.getpid()))
        return
    pages = int(Path("/proc/self/statm").read_text().split()[0])
    most = pages * resource.getpagesize() + (460 << 20)
    resource.setrlimit(resource.RLIMIT_AS, (most, most))
"""
SCRIPT = """
import json, sys
import limited
from media_forensics.detector.runners import extract
from media_forensics.detector.records import CropRecipe, VideoRecord
extract._start_worker = limited.start  # workers import limited, never this script
root, *paths = sys.argv[1:]
records = [VideoRecord(video_id=f"v/{n}", path=p, label=0, source_dataset="v")
           for n, p in enumerate(paths)]
found = extract.extract_videos(records, CropRecipe(count=1, max_side=320), root,
                               workers=1, device="cpu")
print(json.dumps({r.video_id: [r.reason, len(r.crops), r.detail] for r in found}))
"""


@pytest.fixture(scope="module")
def huge(tmp_path_factory) -> Path:
    """A video of one picture that is 192 MB; with enough memory there is nothing wrong with it."""
    import av
    import numpy as np
    from media_forensics.detector.frames.sources import read_frames

    huge = tmp_path_factory.mktemp("huge") / "huge.mp4"
    with av.open(str(huge), "w") as file:
        stream = file.add_stream("libx264", rate=25, options={"preset": "ultrafast"})
        stream.width = stream.height = SIDE
        stream.pix_fmt = "yuv420p"
        grey = np.full((SIDE * 3 // 2, SIDE), 128, np.uint8)
        picture = av.VideoFrame.from_ndarray(grey, "yuv420p")
        for packet in (*stream.encode(picture), *stream.encode(None)):
            file.mux(packet)
    (read,) = read_frames(huge, [0])
    assert read[1].shape == (SIDE, SIDE, 3)
    return huge


@pytest.fixture
def control_group():
    """Environment that names an empty control group for memory."""
    parent, file = (MEMORY, "memory.limit_in_bytes") if MEMORY.is_dir() else (UNIFIED, "memory.max")
    group = parent / f"media-forensics-{os.getpid()}"
    try:
        group.mkdir()
    except OSError as error:
        pytest.skip(f"no control group can be made here: {error}")
    try:
        if not (group / file).exists():
            pytest.skip("control groups do not limit memory here")
        yield {"CONTROL_GROUP": str(group), "LIMIT_FILE": file}
    finally:
        group.rmdir()


@pytest.mark.weights
@pytest.mark.skipif(sys.platform != "linux", reason="RLIMIT_AS holds on Linux")
def test_a_video_that_needs_more_memory_than_there_is(huge, footage, weights_dir, tmp_path):
    assert_only_huge_is_lost(huge, footage, tmp_path, {})


@pytest.mark.weights
def test_a_worker_that_the_kernel_kills_for_memory(
    huge, footage, weights_dir, tmp_path, control_group
):
    assert_only_huge_is_lost(huge, footage, tmp_path, control_group)


def assert_only_huge_is_lost(huge, footage, tmp_path, variables) -> None:
    script = tmp_path / "job.py"
    script.write_text(SCRIPT)
    (tmp_path / "limited.py").write_text(LIMITED)
    environment = {
        **os.environ,
        **variables,
        "PYTHONPATH": str(ROOT / "_mount"),
        "OMP_NUM_THREADS": "1",
    }
    paths = [huge, footage["single_face.mp4"]]
    done = subprocess.run(
        [sys.executable, str(script), str(tmp_path / "crops"), *map(str, paths)],
        stdout=subprocess.PIPE,
        text=True,
        check=True,
        env=environment,
    )
    found = json.loads(done.stdout.splitlines()[-1])
    reason, crops, detail = found["v/0"]
    assert reason == "worker_died" and crops == 0, detail
    assert found["v/1"][:2] == [None, 1], found["v/1"]
