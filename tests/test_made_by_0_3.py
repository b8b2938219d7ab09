"""Crops, scores, embeddings, training runs and jobs that version 0.3 wrote open in this one."""

from __future__ import annotations

import json
import os
import shutil
import time
from pathlib import Path

import numpy as np
import pytest
from media_forensics.detector import score_command
from media_forensics.detector.crops.store import CropStore
from media_forensics.detector.embeddings.shards import opened
from media_forensics.detector.errors import ForensicsError
from media_forensics.detector.model.checkpoints import load_detector, read_record
from media_forensics.detector.runners.extract import extract_videos
from media_forensics.detector.runners.score_merge import examine
from media_forensics.detector.runners.score_parts import read_part, score_folders
from media_forensics.detector.runners.score_units import read_score_list
from media_forensics.detector.runners.store_merge import stored_recipes
from media_forensics.detector.runners.video_list import read_video_list
from media_forensics.training.loop import fit
from media_forensics.training.runs import RunFolder

MADE = Path(__file__).parent / "fixtures" / "made_by_0_3"
VIDEO = "Made/real/astronaut"
INDEX = "crops/3c13170beb743818/index/Made/real/astronaut+.json"


@pytest.fixture
def made(tmp_path, monkeypatch) -> Path:
    """A copy of the folders; paths in them are relative to it."""
    folder = tmp_path / "made"
    shutil.copytree(MADE, folder)
    index = json.loads((folder / INDEX).read_text())
    stamp = index["stamp"]["mtime_ns"]  # a checkout has times of its own
    os.utime(folder / "astronaut.jpg", ns=(stamp, stamp))
    monkeypatch.chdir(folder)
    return folder


def contents(folder: Path) -> dict[str, bytes]:
    """Files by name, without the notes of who worked there."""
    found = [p for p in sorted(folder.rglob("*")) if p.is_file() and p.parent.name != "running"]
    return {str(p.relative_to(folder)): p.read_bytes() for p in found if p.suffix != ".lock"}


@pytest.mark.weights
def test_a_crop_store_is_continued_and_not_made_again(made, weights_dir):
    (recipe,) = stored_recipes(made / "crops")
    faces = CropStore(made / "crops", recipe).load(VIDEO)
    assert faces is not None and faces.frames[0].faces[0].crop_size == 32
    before = contents(made / "crops")
    records = read_video_list(made / "videos.jsonl")
    (again,) = extract_videos(records, recipe, made / "crops", device="cpu")
    assert again == faces
    assert contents(made / "crops") == before


def test_scores_are_complete_and_not_made_again(made):
    units, _ = read_score_list(made / "faces.jsonl")
    folders = score_folders(made / "scores")
    examine(folders, units).require()
    (part,) = folders[0].glob("part-*.parquet")
    (video,) = read_part(part)
    assert np.isfinite(video.p_fake).all() and video.embeddings.shape == (1, 8)
    before = contents(made / "scores")
    arguments = ["run", "faces.jsonl", "scores", "--detector", "run/checkpoints/best"]
    assert score_command.main([*arguments, "--device", "cpu"]) == 0
    assert contents(made / "scores") == before


def test_embeddings_are_read(made):
    shards = opened(made / "embeddings")
    rows = shards.rows_of([f"{n:024x}" for n in (2, 0)])
    vectors = np.zeros((2, 8), np.float32)
    shards.take(rows, vectors)
    assert vectors.tolist() == np.eye(3, 8)[[2, 0]].tolist()


def test_a_run_is_known_as_finished_and_its_detector_scores(made):
    run = RunFolder(made / "run")
    assert run.status["status"] == "completed"
    assert read_record(run.path / "checkpoints/best")["key_name"] == "run"
    done = fit(run.config, run.manifest, run.path, device="cpu")
    assert done.status == "completed"
    detector = load_detector(run.path / "checkpoints/best", device="cpu")
    pictures = [np.full((16, 16, 3), value, np.uint8) for value in (0, 200)]
    assert np.isfinite(detector.score(pictures).p_fake).all()


@pytest.mark.fiftyone
def test_jobs_are_read_listed_and_started_again(made, fiftyone_db):
    from media_forensics.operators.jobs import job as jobs, job_list

    dataset = fiftyone_db.Dataset("made")
    for folder in (made / "jobs").iterdir():
        shutil.copytree(folder, jobs.jobs_dir() / f"{folder.name}-made-by-0-3")
    done = jobs.Job(jobs.jobs_dir() / "video_metadata-made-by-0-3")
    failed = jobs.Job(jobs.jobs_dir() / "analyze_file-made-by-0-3")
    assert done.ended and done.result() == {"read": 1, "broken": 0, "reasons": {}}
    assert failed.ended
    rows = {row.name: row for row in job_list.rows({"made"})}
    assert rows[done.folder.name].state == job_list.DONE
    assert rows[failed.folder.name].state == job_list.FAILED
    again = jobs.start_again(failed)
    deadline = time.monotonic() + 120
    while not again.ended and time.monotonic() < deadline:
        time.sleep(0.1)
    with pytest.raises(ForensicsError, match="nowhere") as error:
        again.result()
    assert error.value.field == "path"
    for folder in (done.folder, failed.folder, again.folder):
        shutil.rmtree(folder)
    dataset.delete()
