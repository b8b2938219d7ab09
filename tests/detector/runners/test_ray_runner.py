"""Ray Data on two cores: the same rows as in one process, whatever dies on the way."""

from __future__ import annotations

import faulthandler
import hashlib
import os
import signal
import sys
import threading
from dataclasses import replace
from pathlib import Path

import numpy as np
import psutil
import pytest
from media_forensics.detector.errors import ForensicsError
from media_forensics.detector.model.checkpoints import save_detector
from media_forensics.detector.records import CropRecipe, VideoRecord
from media_forensics.detector.runners import ray_cluster
from media_forensics.detector.runners.extract import extract_videos, prepare
from media_forensics.detector.runners.extraction import Extraction
from media_forensics.detector.runners.leading import Task
from media_forensics.detector.runners.ray_cluster import on_ray, require_ray
from media_forensics.detector.runners.ray_runner import (
    _Attempts,
    _Decode,
    _Extract,
    extract_and_score_on_ray,
    extract_on_ray,
    score_on_ray,
)
from media_forensics.detector.runners.ray_stages import Stage, stages
from media_forensics.detector.runners.score_merge import examine, merged
from media_forensics.detector.runners.score_parts import ScoreParts
from media_forensics.detector.runners.score_units import FaceFile, ScoreUnit, unit_of
from media_forensics.detector.runners.score_videos import (
    ScoreSetup,
    provenance,
    score_units,
    write_parts,
)

pytest.importorskip("ray")
RECIPE = CropRecipe(count=2, max_side=320)
COLUMNS = ("frame", "face", "p_fake", "logits", "margin", "angle", "embeddings")


def never() -> bool:
    return False


@pytest.fixture(scope="module")
def ray():
    """A Ray of two processors and a small object store, for the tests of this file.

    Should it hang, the test process ends after some minutes, and pytest reports that.
    """
    faulthandler.dump_traceback_later(400, exit=True)
    try:
        with on_ray(cpus=2, memory=100 << 20) as connected:
            yield connected
    finally:
        faulthandler.cancel_dump_traceback_later()
    assert not connected.is_initialized()


@pytest.fixture
def setup(tiny_detector, tmp_path) -> ScoreSetup:
    folder = save_detector(tiny_detector, tmp_path / "tiny")
    return ScoreSetup(str(folder), tiny_detector.sha256, "cpu", 3, "fp32")


@pytest.fixture
def units(tmp_path, pictures) -> list[ScoreUnit]:
    """Ten videos of two crops; of one, a crop cannot be read."""
    from PIL import Image

    made = []
    for number in range(10):
        faces = []
        for frame in range(2):
            path = tmp_path / f"{number}_{frame}.png"
            Image.fromarray(pictures[(2 * number + frame) % 12]).save(path)
            faces.append(FaceFile(frame, 0, str(path)))
        made.append(ScoreUnit(f"s/{number}", f"sha{number}", tuple(faces)))
    Path(made[3].faces[1].path).write_bytes(b"poison")
    return made


def assert_same(found, wanted):
    found, wanted = ({v.video_id: v for v in videos} for videos in (found, wanted))
    assert found.keys() == wanted.keys()
    for name, video in found.items():
        assert video.reasons == wanted[name].reasons
        assert video.source_sha256 == wanted[name].source_sha256
        for column in COLUMNS:
            ours, theirs = getattr(video, column), getattr(wanted[name], column)
            np.testing.assert_allclose(ours, theirs, atol=2e-6, rtol=1e-5, err_msg=column)


@pytest.mark.weights
def test_videos_through_ray_are_the_rows_of_one_process(
    ray, setup, tiny_detector, footage, weights_dir, tmp_path
):
    keys = ("carphone_pristine.mp4", "hopper", "astronaut")
    records = [VideoRecord(f"s/{key}", str(footage[key]), 0, "s") for key in keys]
    (tmp_path / "poison.mp4").write_bytes(b"\0" * 999)
    records.append(VideoRecord("s/poison", str(tmp_path / "poison.mp4"), 1, "s"))
    alone = list(extract_videos(records, RECIPE, tmp_path / "alone", device="cpu"))
    extraction, _ = prepare(RECIPE, tmp_path / "ray", "cpu")
    folder = tmp_path / "alone" / extraction.recipe.hash
    scored_alone = list(score_units(tiny_detector, [unit_of(r, folder) for r in alone]))

    preprocess = tiny_detector.backbone.preprocess.config
    rows = list(
        extract_and_score_on_ray(
            ray, records, extraction, setup, preprocess, *stages(ray, device="cpu"), never
        )
    )
    videos = {video.video_id: video for video, _ in rows}
    assert len(rows) == len(records) and videos == {r.video_id: r for r in alone}
    assert_same([scored for _, scored in rows], scored_alone)
    assert videos["s/poison"].reason == "decode_error"
    assert [len(s.frame) for v, s in rows if v.video_id == "s/poison"] == [0]
    assert files(tmp_path / "ray") == files(tmp_path / "alone")


def files(folder: Path) -> dict[str, bytes]:
    return {
        str(p.relative_to(folder)): p.read_bytes() for p in sorted(folder.rglob("*")) if p.is_file()
    }


@pytest.mark.long("a minute")
def test_a_killed_actor_and_a_second_run_leave_no_row_twice(
    ray, setup, tiny_detector, units, tmp_path
):
    parts = ScoreParts(tmp_path / "scores", provenance(tiny_detector, "tiny", "r", "fp32"))
    parts.prepare()
    preprocess = tiny_detector.backbone.preprocess.config
    seen: list[str] = []
    killed: list[int] = []

    def with_a_kill(rows):
        for row in rows:
            seen.append(row.video_id)
            yield row
            if not killed:
                killed.extend(p.pid for p in actors("_Score"))
                for pid in killed:
                    os.kill(pid, signal.SIGKILL)

    rows = score_on_ray(
        ray, units, setup, preprocess, tmp_path, *stages(ray), lambda: len(seen) >= 6
    )
    assert write_parts(parts, with_a_kill(rows), len(units), "first", part_videos=2) == 6
    assert killed and len(set(seen)) == 6
    report = examine([parts.folder], units)
    assert (report.complete, len(report.gaps), report.duplicates) == (6, 4, ())

    left = parts.missing(units)  # another runner goes on where this one was stopped
    assert sorted([u.video_id for u in left] + seen) == [u.video_id for u in units]
    write_parts(parts, score_units(tiny_detector, left), len(left), "second")
    report = examine([parts.folder], units)
    assert (report.complete, report.gaps, report.duplicates, report.conflicts) == (10, (), (), ())
    found = list(merged([parts.folder], units))
    assert_same(found, score_units(tiny_detector, units))
    assert found[[v.video_id for v in found].index("s/3")].reasons == (None, "unreadable_image")
    assert not list((tmp_path / "attempts").iterdir())


def actors(name: str) -> list[psutil.Process]:
    """The processes of one stage on the local Ray."""
    found = []
    for process in psutil.Process().children(recursive=True):
        try:
            if name in process.cmdline()[0]:
                found.append(process)
        except (psutil.NoSuchProcess, IndexError):
            continue
    return found


@pytest.mark.weights
@pytest.mark.long("a minute")
def test_a_video_that_kills_its_actor_twice_is_a_row(ray, footage, weights_dir, tmp_path):
    paths = {"s/killer": footage["single_face.mp4"], "s/good": footage["carphone_pristine.mp4"]}
    records = [VideoRecord(name, str(path), 0, "s") for name, path in paths.items()]
    extraction, _ = prepare(RECIPE, tmp_path / "ray", "cpu")
    killed: set[Path] = set()
    done = threading.Event()
    notes = f"attempts/*/{hashlib.sha256(b's/killer').hexdigest()[:32]}.*"

    def kill() -> None:  # whoever has just begun with it
        while not done.wait(0.005):
            for note in set((tmp_path / "ray").glob(notes)) - killed:
                killed.add(note)
                for process in actors("_Extract"):
                    process.kill()

    killer = threading.Thread(target=kill)
    killer.start()
    try:
        rows = list(extract_on_ray(ray, records, extraction, Stage(1), never))
    finally:
        done.set()
        killer.join()
    reasons = {row.video_id: row.reason for row in rows}
    assert len(rows) == 2 and reasons == {"s/killer": "worker_died", "s/good": None}
    assert len(killed) >= 2  # a third note is soon gone: that attempt only writes the row


# --------------------------------------------------------------- without a running Ray
def test_a_video_that_took_two_processes_with_it_is_a_row(tmp_path, face_detector):
    recipe = replace(RECIPE, detector_sha256=face_detector.sha256)
    extraction = Extraction(recipe, str(tmp_path), "cpu", None, 1, None)
    attempts = _Attempts(str(tmp_path / "attempts"))
    record = VideoRecord("s/killer", str(tmp_path / "none.mp4"), 1, "s")
    assert (attempts.begin("s/killer"), attempts.begin("s/killer")) == (0, 1)
    found = _Extract(extraction, attempts, None)({"task": Task(record)})["found"]
    assert found.video.reason == "worker_died"
    # it has its row, so another run begins anew
    found = _Extract(extraction, attempts, None)({"task": Task(record)})["found"]
    assert found.video.reason == "missing_file"


def test_crops_that_took_two_processes_with_them_have_that_reason(tiny_detector, units, tmp_path):
    attempts = _Attempts(str(tmp_path / "attempts"))
    attempts.begin("s/0"), attempts.begin("s/0")
    decode = _Decode(attempts, tiny_detector.backbone.preprocess.config)
    found = decode({"task": units[0]})["found"].pixels
    assert [reason.value for reason in found.reasons] == ["worker_died"] * 2
    assert decode({"task": units[0]})["found"].pixels.reasons == (None, None)


def test_a_machine_with_another_checkpoint_does_not_score(setup):
    with pytest.raises(ForensicsError, match="another detector here"):
        replace(setup, sha256="0" * 64).load()


def test_without_ray_the_command_that_installs_it_is_named(monkeypatch):
    monkeypatch.setitem(sys.modules, "ray", None)  # what Python does for a package that is absent
    with pytest.raises(ForensicsError, match=r"pip install .*ray") as caught:
        require_ray()
    assert caught.value.field == "runner"
    with pytest.raises(ForensicsError, match="not installed"), ray_cluster.on_ray():
        raise AssertionError
