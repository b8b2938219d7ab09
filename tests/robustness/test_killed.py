"""kill -9 at random moments of an import, of scoring and of a merge: the same call ends the same.

Extraction and training have theirs beside their other tests. ``MEDIA_FORENSICS_SEEDS=50`` (``make
robustness``) kills more often; a seed decides the moment.
"""

from __future__ import annotations

import os
import random
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

pytestmark = pytest.mark.fiftyone
ROOT = Path(__file__).resolve().parents[2]
SEEDS = range(int(os.environ.get("MEDIA_FORENSICS_SEEDS", "1")))
VIDEOS = 4100  # three chunks of writing

# Prints a line when the writing begins, so that the kill falls into it and not into the imports.
SCRIPT = """
import sys
import fiftyone as fo
from media_forensics.detector.runners.store_merge import merge_stores
from media_forensics.operators.importing import import_dataset
from media_forensics.operators.scoring import score_faces, score_writer

def told(done, total, text):
    print(done, total, flush=True)

what, *rest = sys.argv[1:]
if what == "import":
    root, name = rest
    import_dataset.run(root, name=name, metadata=False, progress=told)
elif what == "merge":
    target, *sources = rest
    told(0, 1, "merge")
    merge_stores(target, sources)
else:
    name, detector = rest
    score_writer.CHUNK = 16  # so that there is something to lose in the middle
    score_faces.run(fo.load_dataset(name), detector=detector, key="k", batch_size=1,
                    device="cpu", progress=told)
"""


def kill_at_random(seed: int, *arguments: str, rate: float = 8.0) -> bool:
    """Run the script and kill it at a moment drawn by ``seed``; whether it was still running.

    Args:
        rate: kills a second
    """
    environment = {**os.environ, "PYTHONPATH": str(ROOT / "_mount"), "OMP_NUM_THREADS": "1"}
    process = subprocess.Popen(
        [sys.executable, "-c", SCRIPT, *arguments],
        stdout=subprocess.PIPE,
        text=True,
        env=environment,
    )
    assert process.stdout.readline(), "it began"
    time.sleep(random.Random(seed).expovariate(rate))
    running = process.poll() is None
    os.kill(process.pid, signal.SIGKILL) if running else None
    process.wait()
    process.stdout.close()
    return running


@pytest.fixture
def datasets(fiftyone_db):
    """Removes what a test has made."""
    before = set(fiftyone_db.list_datasets())
    yield
    for name in set(fiftyone_db.list_datasets()) - before:
        fiftyone_db.delete_dataset(name)


@pytest.fixture(scope="module")
def tree(tmp_path_factory) -> Path:
    """``manifest.csv`` of many videos whose files hold one byte."""
    root = tmp_path_factory.mktemp("tree")
    lines = ["path,label,method,pair_id"]
    for number in range(VIDEOS):
        (root / f"{number:05d}.mp4").write_bytes(b"x")
        fake = number % 2
        pair = f"{number - 1:05d}.mp4" if fake else ""
        lines.append(f"{number:05d}.mp4,{'fake' if fake else 'real'},{'FS' * fake},{pair}")
    (root / "manifest.csv").write_text("\n".join(lines) + "\n")
    return root


def values(dataset, names: list[str]) -> list[tuple]:
    """Rows of ``dataset`` in the order of their ids; an id twice is seen."""
    return sorted(zip(*dataset.values(names), strict=True), key=str)


def test_a_killed_import_is_finished_by_the_same_call(tree, datasets, fiftyone_db):
    from media_forensics.operators.importing import import_dataset

    names = ["video_id", "filepath", "ground_truth.label", "method", "pair_id", "group_id", "split"]
    import_dataset.run(str(tree), name="whole", metadata=False)
    whole = fiftyone_db.load_dataset("whole")
    expected = values(whole, names)
    assert len(expected) == VIDEOS
    cut = 0
    for seed in SEEDS:
        name = f"killed {seed}"
        kill_at_random(seed, "import", str(tree), name)
        there = len(fiftyone_db.load_dataset(name, reload=True))
        cut += there < VIDEOS
        done = import_dataset.run(str(tree), name=name, metadata=False)
        dataset = fiftyone_db.load_dataset(name, reload=True)
        assert values(dataset, names) == expected
        assert done["added"] + done["already_there"] == VIDEOS
        assert dataset.list_saved_views() == whole.list_saved_views()
    print(f"{cut} of {len(SEEDS)} imports were cut in the middle")


@pytest.fixture(scope="module")
def tiny_detector(tmp_path_factory) -> Path:
    """A detector in our format on a tiny random tower."""
    import hostile_checkpoints

    return hostile_checkpoints.tiny_detector(tmp_path_factory.mktemp("tiny"))


def test_killed_scoring_is_finished_by_the_same_call(
    tiny_detector, tmp_path, datasets, fiftyone_db
):
    import faces_to_score
    from media_forensics.operators.scoring import score_faces

    paths = faces_to_score.pictures(tmp_path, 200)
    names = ["filepath", "k_p_fake", "k_margin", "k_angle", "k_reason", "k_video_p_fake"]
    given = {"detector": str(tiny_detector), "key": "k", "batch_size": 1, "device": "cpu"}
    score_faces.run(faces_to_score.dataset_of(paths, "whole faces"), **given)
    expected = values(fiftyone_db.load_dataset("whole faces"), names)
    assert sum(row[1] is None for row in expected) == 10
    for seed in SEEDS[: max(1, len(SEEDS) // 2)]:  # a start with torch is twice as dear
        dataset = faces_to_score.dataset_of(paths, f"killed faces {seed}")
        kill_at_random(seed, "score", dataset.name, str(tiny_detector))
        dataset.reload()
        score_faces.run(dataset, **given)
        assert values(dataset, names) == expected


@pytest.fixture(scope="module")
def stores(tmp_path_factory, weights_dir, footage) -> list[Path]:
    """Two shards' crop stores of many videos: a few real ones, under many names."""
    from media_forensics.detector.records import CropRecipe, VideoRecord
    from media_forensics.detector.runners.extract import extract_videos

    root = tmp_path_factory.mktemp("stores")
    pictures = [footage[key] for key in ("astronaut", "hopper", "obama")]
    recipe = CropRecipe(count=1, max_side=320, min_eye_distance=8)
    records = [
        VideoRecord(f"set/{number:03d}", str(pictures[number % 3]), 0, "set")
        for number in range(120)
    ]
    made = [root / "0", root / "1"]
    for number, folder in enumerate(made):
        found = list(extract_videos(records, recipe, folder, shard=(number, 2), device="cpu"))
        assert found and all(video.reason is None for video in found)
    return made


def contents(folder: Path) -> dict[str, bytes]:
    """The files of a store but for temporary ones, which nothing reads."""
    files = [path for path in folder.rglob("*") if path.is_file() and path.suffix != ".tmp"]
    return {str(path.relative_to(folder)): path.read_bytes() for path in files}


@pytest.mark.weights
def test_a_killed_merge_is_finished_by_the_same_call(stores, tmp_path):
    from media_forensics.detector.runners.store_merge import merge_stores

    merge_stores(tmp_path / "whole", stores)
    whole, cut = contents(tmp_path / "whole"), 0
    assert len(whole) > 240
    for seed in SEEDS:
        target = tmp_path / f"killed {seed}"
        kill_at_random(seed, "merge", str(target), *map(str, stores), rate=20.0)
        cut += len(contents(target)) < len(whole) if target.exists() else 1
        merge_stores(target, stores)
        assert contents(target) == whole
    print(f"{cut} of {len(SEEDS)} merges were cut in the middle")
