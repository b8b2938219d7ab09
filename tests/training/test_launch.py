"""Runs in processes of their own: killed, stopped, resumed, on two ranks, and when they fail."""

from __future__ import annotations

import os
import random
import signal
import sys
import time

import pytest
import torch
from media_forensics.detector.errors import ForensicsError
from media_forensics.training import launch, runs
from media_forensics.training.loop import fit

#: ``make robustness`` kills more often; a seed decides the steps, two in each run.
SEEDS = range(max(1, int(os.environ.get("MEDIA_FORENSICS_SEEDS", "3")) // 5))


@pytest.fixture(autouse=True)
def one_thread(monkeypatch):
    monkeypatch.setenv("OMP_NUM_THREADS", "1")


@pytest.fixture
def prepared(tiny_config, make_manifest, tmp_path):
    """Function: settings -> (config, manifest, prepared run folder)."""
    manifest = make_manifest(landmarks=True)

    def make(name: str = "run", **settings):
        config = tiny_config(self_blend_probability=0.5, slerp=True, **settings)
        return config, manifest, launch.prepare(tmp_path / name, config, manifest)

    return make


def state(run: runs.RunFolder) -> dict[str, torch.Tensor]:
    return torch.load(run.path / "state.pt", weights_only=True)["parameters"]


def test_start_follow_result(prepared):
    _, manifest, run = prepared()
    handle = launch.start(run.path, device="cpu")
    seen = list(launch.follow(handle, 0.05))
    outcome = handle.result(timeout=300)
    assert outcome["status"] == "completed"
    assert outcome["manifest_sha256"] == manifest.sha256
    assert [r["kind"] for r in seen][-2:] == ["epoch", "end"]
    assert (seen[-1]["step"], seen[-1]["steps"]) == (6, 6)
    assert all(record["text"] for record in seen)
    assert not run.is_running()


def test_two_processes_that_start_at_once_are_one_run(prepared):
    """Who comes second neither fails nor says of the other's run that it failed."""
    _, _, run = prepared()
    handles = [launch.start(run.path, device="cpu") for _ in range(2)]  # nobody holds it yet
    followed = [list(launch.follow(handle, 0.05))[-1]["kind"] for handle in handles]
    first, second = (handle.result(timeout=120) for handle in handles)
    assert first == second and first["status"] == "completed"
    assert followed == ["end", "end"] and run.status["status"] == "completed"
    assert launch.BUSY_EXIT in {handle.wait(60) for handle in handles}


@pytest.mark.parametrize("seed", SEEDS)
def test_kill_9_and_resume_is_bit_equal(seed, prepared, tmp_path):
    config, manifest, run = prepared(epochs=8, save_every_seconds=0.0)
    threads = {"device": "cpu", "threads": 1}
    # In a process like the others: libraries of other tests change how this one rounds.
    other = launch.prepare(tmp_path / "whole" / run.path.name, config, manifest).path
    whole = launch.start(other, **threads).result(timeout=300)
    kills, draw = 0, random.Random(seed)
    for after in sorted(draw.sample(range(1, whole["steps"] - 2), 2)):
        handle = launch.start(run.path, **threads)
        for record in launch.follow(handle, 0.01):
            if record["kind"] == "step" and record["step"] >= after:
                os.kill(handle.pid, signal.SIGKILL)
                handle.wait()
                kills += 1
                break
        with pytest.raises(ForensicsError, match="exit status -9"):
            handle.result(timeout=300)
        assert not run.is_running()
    assert kills == 2
    outcome = launch.start(run.path, **threads)
    result = outcome.result(timeout=300)
    assert (result["status"], result["steps"]) == ("completed", whole["steps"])
    assert result["best"] == whole["best"]
    expected = torch.load(other / "state.pt", weights_only=True)["parameters"]
    found = state(run)
    assert found.keys() == expected.keys()
    assert all(torch.equal(found[k], expected[k]) for k in expected)
    for name in ("best", "last"):
        file = f"checkpoints/{name}/detector.safetensors"
        assert (run.path / file).read_bytes() == (other / file).read_bytes()


@pytest.mark.parametrize("how", ["stop", "SIGTERM"])
def test_stop_finishes_the_step_and_saves(how, prepared):
    _, _, run = prepared(epochs=400)
    handle = launch.start(run.path, device="cpu")
    for record in launch.follow(handle, 0.05):
        if record["kind"] == "step":
            if how == "stop":
                handle.stop()
            else:
                os.kill(handle.pid, signal.SIGTERM)
            break
    outcome = handle.result(timeout=300)
    assert outcome["status"] == "stopped"
    assert run.status["status"] == "stopped"
    assert (run.path / "state.pt").is_file()
    assert not run.stop_file.exists()


def test_torchrun_ends_where_one_process_ends(prepared, tmp_path):
    config, manifest, run = prepared(sampling="paired")
    handle = launch.start(run.path, device="cpu", processes=2, threads=1)
    result = handle.result(timeout=300)
    assert result["status"] == "completed"
    assert run.read("environment")["ranks"] == 2
    alone = fit(config, manifest, tmp_path / "alone", device="cpu")
    assert (alone.steps, alone.crops) == (result["steps"], result["crops"])
    expected = torch.load(tmp_path / "alone" / "state.pt", weights_only=True)["parameters"]
    for name, tensor in state(run).items():
        torch.testing.assert_close(tensor, expected[name], rtol=1e-3, atol=1e-4)
    assert result["best"]["auroc"] == alone.best["auroc"]
    assert result["best"]["loss"] == pytest.approx(alone.best["loss"], rel=1e-3)


def test_failures_come_back_with_their_words(prepared):
    _, _, run = prepared(backbone="local-dir:/nowhere")
    handle = launch.start(run.path, device="cpu")
    with pytest.raises(ForensicsError, match="/nowhere"):
        handle.result(timeout=300)
    assert handle.wait() == 2
    assert run.status["status"] == "failed"


def test_a_crop_that_vanished_is_named(prepared):
    from pathlib import Path

    _, manifest, run = prepared()
    Path(manifest.rows[0].crop).unlink()
    with pytest.raises(ForensicsError, match="1 of 36 crops are not on disk"):
        launch.start(run.path, device="cpu").result(timeout=300)


def test_a_run_in_progress_is_not_started_twice(prepared):
    _, _, run = prepared(epochs=400)
    handle = launch.start(run.path, device="cpu")
    try:
        while not run.is_running():
            assert handle.running, (run.path / "log.txt").read_text()
            time.sleep(0.05)
        with pytest.raises(ForensicsError, match="in progress already"):
            launch.start(run.path)
        config, manifest = run.config, run.manifest
        with pytest.raises(ForensicsError, match="Another process"):
            launch.prepare(run.path, config, manifest)
        while run.status["status"] != runs.RUNNING:
            assert handle.running, (run.path / "log.txt").read_text()
            time.sleep(0.05)
        again = launch.attach(run.path, config, manifest)  # as after its starter died
        assert again is not None and again.running and again.pid == handle.pid
        with pytest.raises(ForensicsError, match="other settings: seed"):
            launch.attach(run.path, config.changed(seed=7), manifest)
        again.stop()
        assert again.result(timeout=300)["status"] == "stopped"
        assert launch.attach(run.path, config, manifest) is None
    finally:
        if handle.running:
            os.kill(handle.pid, signal.SIGKILL)
        handle.wait()


def test_no_run_no_start(tmp_path):
    with pytest.raises(ForensicsError, match="not a training run"):
        launch.start(tmp_path)


def test_launching_needs_no_torch():
    import subprocess
    from pathlib import Path

    code = (
        "import sys; import media_forensics.training.launch as launch; launch.Handle;"
        "heavy = {'torch', 'open_clip', 'cv2', 'sklearn'} & set(sys.modules);"
        "assert not heavy, heavy"
    )
    mount = Path(__file__).resolve().parents[2] / "_mount"
    subprocess.run([sys.executable, "-c", code], env={"PYTHONPATH": str(mount)}, check=True)
