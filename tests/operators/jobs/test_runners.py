"""Where scoring and extraction run: every runner writes the same rows, shards by their commands."""

from __future__ import annotations

import os
import shlex
import subprocess
import sys
from pathlib import Path

import cv2
import numpy as np
import pytest
from media_forensics.detector.errors import ForensicsError
from media_forensics.detector.files.allowed_roots import VARIABLE
from media_forensics.detector.runners.shard_notes import noted
from media_forensics.operators.dataset import fields
from media_forensics.operators.faces import extract_faces, extract_form
from media_forensics.operators.jobs import job_list, runners, work_row
from media_forensics.operators.scoring import score_faces as scoring, score_form

pytestmark = pytest.mark.fiftyone


@pytest.fixture
def faces(fiftyone_db, tmp_path):
    """Four videos of two faces; one crop cannot be read."""
    fo = fiftyone_db
    rng = np.random.default_rng(0)
    dataset = fo.Dataset()
    fields.declare_common_fields(dataset, faces=True)
    samples = []
    for video in range(4):
        for frame in range(2):
            path = tmp_path / f"{video}_{frame}.png"
            cv2.imwrite(str(path), rng.integers(0, 256, (40, 40, 3), np.uint8))
            samples.append(
                fo.Sample(
                    filepath=str(path),
                    video_id=f"s/{video}",
                    frame_number=frame + 1,
                    face_index=0,
                    subject=True,
                    track=0,
                    source_sha256=f"sha{video}",
                    ground_truth=fo.Classification(label="real"),
                )
            )
    (tmp_path / "2_1.png").write_bytes(b"poison")
    dataset.add_samples(samples)
    fields.set_description(dataset, kind="faces", recipe_hash="r")
    yield dataset
    dataset.delete()


def columns(dataset, key: str):
    names = fields.ScoreFields(key)
    return dataset.values([names.p_fake, names.margin, names.reason]), dataset.values(
        names.embedding
    )


def assert_same(dataset, key: str, other: str):
    (p_fake, margin, reason), vectors = columns(dataset, key)
    (p_other, m_other, r_other), v_other = columns(dataset, other)
    assert reason == r_other and reason.count("unreadable_image") == 1
    assert [p is None for p in p_fake] == [r is not None for r in reason]
    for ours, theirs in ((p_fake, p_other), (margin, m_other)):
        np.testing.assert_allclose(
            np.array(ours, float), np.array(theirs, float), atol=1e-5, equal_nan=True
        )
    for ours, theirs in zip(vectors, v_other, strict=True):
        assert (ours is None) == (theirs is None)
        assert ours is None or np.allclose(ours, theirs, atol=1e-5)


@pytest.mark.long("half a minute")
def test_a_pool_and_shards_write_what_one_process_writes(faces, tiny_checkpoint, tmp_path):
    options = {"detector": tiny_checkpoint, "device": "cpu"}
    alone = scoring.run(faces, key="alone", **options)
    assert (alone["scored"], alone["not_scored"]) == (7, {"unreadable_image": 1})
    pool = {"runner": "pool", "workers": 1, "parts_dir": str(tmp_path / "pool")}
    found = scoring.run(faces, key="pooled", **options, **pool)
    assert (found["scored"], found["not_scored"]) == (7, {"unreadable_image": 1})
    assert_same(faces, "pooled", "alone")
    # the parts of a run that died are written without scoring again
    parts = {p: p.stat().st_mtime_ns for p in (tmp_path / "pool").rglob("part-*")}
    assert scoring.run(faces, key="again", **options, **pool)["scored"] == 7
    assert parts == {p: p.stat().st_mtime_ns for p in (tmp_path / "pool").rglob("part-*")}
    assert_same(faces, "again", "alone")

    scores = tmp_path / "scores"
    plan = scoring.run(faces, **options, runner="shards", shards=2, parts_dir=str(scores))
    assert len(plan["commands"]) == 2 and not faces.has_run("scores_detector")
    row = panel_row(faces, plan)
    assert (row.state, row.text) == ("queued", "0 of 2 shards finished, 0 running")
    merge = {"merge_from": [str(scores)]}
    command(plan["commands"][0])
    assert panel_row(faces, plan).text.startswith("1 of 2 shards finished, 0 running, ")
    with pytest.raises(ForensicsError, match=r"of 4 videos not finished: s/") as caught:
        scoring.run(faces, key="merged", **options, **merge)
    assert caught.value.field == "allow_gaps"
    command(plan["commands"][1])
    assert panel_row(faces, plan).state == "done"
    (folder,) = (path.parent for path in scores.glob("*/about.json"))
    with noted(folder, "score, shard 0/2", 2):
        assert panel_row(faces, plan).state == "running"
        with pytest.raises(ForensicsError, match="1 run may still write"):
            scoring.run(faces, key="merged", **options, **merge)
    done = scoring.run(faces, key="merged", **options, **merge)
    assert (done["scored"], done["report"]["complete"], done["report"]["gaps"]) == (7, 4, ())
    assert "| complete | 4 |" in done["table"]
    assert_same(faces, "merged", "alone")
    with pytest.raises(ForensicsError, match="There are no scores of this detector"):
        fields.set_description(faces, recipe_hash="another")
        scoring.run(faces, key="wrong", **options, **merge)


def panel_row(dataset, plan) -> work_row.WorkRow:
    name = Path(plan["folder"]).name
    return next(row for row in job_list.rows({dataset.name}) if row.name == name)


def command(line: str) -> str:
    """Run a command of a plan as a shell on another machine would, without a database."""
    mount = str(Path(__file__).resolve().parents[3] / "_mount")
    environment = {k: v for k, v in os.environ.items() if not k.startswith("FIFTYONE_")}
    done = subprocess.run(
        shlex.split(line),
        env=environment | {"PYTHONPATH": mount},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


@pytest.mark.weights
def test_shards_of_an_extraction_by_their_commands(fiftyone_db, footage, weights_dir, tmp_path):
    fo = fiftyone_db
    from media_forensics.detector.records import VideoRecord

    dataset = fo.Dataset()
    fields.declare_common_fields(dataset)
    for key in ("hopper", "astronaut"):
        record = VideoRecord(f"x/{key}", str(footage[key]), 0, "x")
        number = {"frame_number": 1}
        dataset.add_sample(
            fo.Sample(filepath=record.path, **fields.record_fields(record), **number)
        )
    fields.set_description(dataset, kind="faces", aligned=False)
    try:
        options = {"count": 1, "crops_dir": str(tmp_path / "crops"), "device": "cpu"}
        plan = extract_faces.run(dataset, **options, runner="shards", shards=1)
        command(plan["commands"][0])
        assert "| complete | 2 |" in command(plan["check"])
        assert panel_row(dataset, plan).state == "done"
        times = {p: p.stat().st_mtime_ns for p in (tmp_path / "crops").rglob("*.png")}
        found = extract_faces.run(dataset, faces_name=f"{dataset.name}-f", **options)
        assert (found["videos"], found["faces"]) == (2, 2)  # nothing was cut again
        assert times == {p: p.stat().st_mtime_ns for p in (tmp_path / "crops").rglob("*.png")}
        script = (Path(plan["folder"]) / "array.sbatch").read_text()
        assert "#SBATCH --array=0-0\n" in script and "$SLURM_ARRAY_TASK_ID/1" in script
    finally:
        for name in (dataset.name, f"{dataset.name}-f"):
            if fo.dataset_exists(name):
                fo.delete_dataset(name)


def test_arguments_of_the_forms(tiny_checkpoint, weights_dir):
    form = {"detector": tiny_checkpoint, "runner": "pool", "workers": 3, "shards": 9, "key": "k"}
    assert score_form.arguments(form) == {
        "detector": tiny_checkpoint,
        "key": "k",
        "runner": "pool",
        "workers": 3,
    }
    given = extract_form.arguments({"runner": "shards", "shards": 7, "workers": 2})
    assert (given["runner"], given["shards"], "workers" in given) == ("shards", 7, False)
    assert score_form.arguments({"detector": "d", "shard": [0, 2]})["shard"] == [0, 2]
    for wrong, field in (
        ({"runner": "slurm"}, "runner"),
        ({"runner": "pool", "workers": -1}, "workers"),
        ({"runner": "shards", "shards": 0}, "shards"),
    ):
        with pytest.raises(ForensicsError) as caught:
            extract_form.arguments(wrong)
        assert caught.value.field == field
    assert runners.chosen().kind == "here" and runners.chosen(workers=2).kind == "pool"
    assert runners.chosen(ray_address="auto").kind == "ray"
    assert runners.chosen("pool").workers >= 1


def test_without_ray_the_form_says_what_to_install(monkeypatch):
    monkeypatch.setitem(sys.modules, "ray", None)
    with pytest.raises(ForensicsError, match="pip install") as caught:
        runners.arguments({"runner": "ray"})
    assert caught.value.field == "runner"


def test_a_server_with_allowed_folders_connects_to_no_other_cluster(monkeypatch, tmp_path):
    monkeypatch.setenv(VARIABLE, str(tmp_path))
    monkeypatch.setenv("RAY_ADDRESS", "ours:6379")
    with pytest.raises(ForensicsError, match="does not connect") as caught:
        runners.chosen("ray", ray_address="theirs:6379")
    assert caught.value.field == "ray_address"
    assert runners.chosen("ray", ray_address="ours:6379").ray_address == "ours:6379"
