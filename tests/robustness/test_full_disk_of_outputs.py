"""A full disk while a named file or folder is written: one sentence, and what was there stays."""

from __future__ import annotations

import subprocess
from pathlib import Path

import numpy as np
import pytest
from media_forensics.detector.errors import DiskError
from media_forensics.detector.files import atomic, outputs
from media_forensics.detector.runners.score_units import FaceFile, ScoreUnit, write_score_list
from media_forensics.detector.runners.video_list import write_video_list
from media_forensics.detector.scoring.score_tables import write_scores

MANY = 20_000


@pytest.fixture
def full(tmp_path):
    """A disk of 64 kB with a file on it that is to be replaced."""
    place = tmp_path / "disk"
    place.mkdir()
    command = ["mount", "-t", "tmpfs", "-o", "size=64k", "tmpfs", str(place)]
    try:
        subprocess.run(command, check=True, capture_output=True, text=True)
    except (OSError, subprocess.CalledProcessError) as error:
        pytest.skip(f"no tmpfs can be mounted here: {getattr(error, 'stderr', '') or error}")
    yield place
    subprocess.run(["umount", "-l", str(place)], check=True)


def said(place: Path, write, name: str) -> None:
    """``write`` to ``name`` fails with a sentence, keeps the old bytes and leaves nothing else."""
    old = place / name
    old.write_bytes(b"old")
    with pytest.raises(DiskError, match=r"cannot be written: .*(space|full)") as error:
        write(old)
    assert error.value.hint and "Errno" not in str(error.value)
    assert old.read_bytes() == b"old" and [p.name for p in place.iterdir()] == [name]


def test_tables_of_scores(full):
    columns = {"video_id": [f"v{n}" for n in range(MANY)], "p_fake": np.linspace(0, 1, MANY)}
    said(full, lambda path: write_scores(path, columns), "a.csv")


def test_parquet(full):
    pytest.importorskip("pyarrow", reason="Parquet")
    columns = {
        "video_id": [f"v{n}" for n in range(MANY)],
        "p_fake": np.random.default_rng(0).random(MANY),
    }
    said(full, lambda path: write_scores(path, columns), "a.parquet")


def test_lists_of_work(full):
    units = [ScoreUnit(f"v{n}", "s", (FaceFile(0, 0, "x.png"),)) for n in range(MANY)]
    said(full, lambda path: write_score_list(path, units, "r"), "faces.jsonl")


def test_lists_of_videos(full):
    from media_forensics.detector.records import VideoRecord

    records = [VideoRecord(f"v{n}", "a.mp4", 0, "s") for n in range(MANY)]
    said(full, lambda path: write_video_list(path, records), "videos.jsonl")


def test_manifests_of_training(full):
    from media_forensics.training.manifest import Manifest, ManifestRow

    rows = [
        ManifestRow(
            crop=f"/c/{n}.png", label=n % 2, video_id=f"v{n}", split="train", frame_number=1
        )
        for n in range(2000)
    ]
    said(full, lambda path: Manifest(rows).save(path), "m.jsonl")


def test_pictures_and_texts_that_somebody_names(full):
    kinds = (outputs.json_with("a"),)
    path = full / "a.json"
    path.write_text('{"a": 1}')
    with pytest.raises(DiskError) as error:
        outputs.write_output(path, kinds, "out", b"x" * 200_000)
    assert error.value.field == "out" and path.read_text() == '{"a": 1}'


def test_weights_and_states(full):
    import torch
    from safetensors.torch import save_file

    tensor = torch.zeros(100_000)

    def state(path: Path) -> None:
        with atomic.replacing(path) as temporary:
            torch.save({"a": tensor}, temporary)

    def weights(path: Path) -> None:
        with atomic.replacing(path) as temporary:
            save_file({"a": tensor}, temporary)

    said(full, state, "state.pt")
    (full / "state.pt").unlink()
    said(full, weights, "model.safetensors")
