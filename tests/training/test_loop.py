from __future__ import annotations

import errno
import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from media_forensics.detector.errors import ForensicsError
from media_forensics.detector.model.checkpoints import load_detector, read_record
from media_forensics.training import loop, runs
from media_forensics.training.loop import fit
from media_forensics.training.manifest import Manifest
from PIL import Image


def parameters(run: Path, name: str = "last") -> dict[str, torch.Tensor]:
    return (
        torch.load(run / "state.pt", weights_only=True)["parameters"]
        if name == "state"
        else {
            k: p.detach()
            for k, p in load_detector(run / "checkpoints" / name, "cpu").named_parameters()
        }
    )


def equal(a: dict[str, torch.Tensor], b: dict[str, torch.Tensor]) -> bool:
    return a.keys() == b.keys() and all(torch.equal(a[k], b[k]) for k in a)


def steps_of(run: Path) -> list[dict]:
    kept = [r for r in runs.RunFolder(run).metrics() if r["kind"] in ("step", "epoch")]
    for record in kept:
        for name in ("seconds", "crops_per_second", "seconds_left"):
            record.pop(name, None)
    return kept


def stop_after(count: int):
    """A should_stop that says yes at the count-th question."""
    asked = [0]

    def ask() -> bool:
        asked[0] += 1
        return asked[0] >= count

    return ask


def test_a_run_leaves_everything_it_promises(tiny_config, make_manifest, tmp_path):
    manifest, config = make_manifest(landmarks=True), tiny_config(self_blend_probability=0.5)
    seen = []
    recipe = {"name": "gend-1.3-256"}
    result = fit(
        config, manifest, tmp_path / "r", seen.append, crop_recipe=recipe, crop_recipe_hash="abc"
    )
    assert result.status == "completed"
    assert (result.epochs, result.steps) == (2, 6)
    folder = runs.RunFolder(tmp_path / "r")
    assert folder.config == config
    assert folder.manifest.sha256 == manifest.sha256 == result.manifest_sha256
    assert folder.metrics() == seen
    assert [r["kind"] for r in seen] == [
        "start",
        *["step"] * 3,
        "epoch",
        *["step"] * 3,
        "epoch",
        "end",
    ]
    assert folder.status["status"] == "completed"
    assert folder.read("environment")["packages"]["torch"]
    record = read_record(result.checkpoint)
    assert record["crop_recipe"] == recipe
    training = record["training"]
    assert training["manifest_sha256"] == manifest.sha256
    assert training["config_hash"] == config.hash
    assert training["crop_recipe_hash"] == "abc"
    assert training["validation"]["auroc"] == result.best["auroc"]
    assert len(training["code_sha256"]) == 64
    assert json.loads((tmp_path / "r" / "result.json").read_text())["steps"] == 6
    names = {p.name for p in (tmp_path / "r").iterdir()}
    assert names == {
        "checkpoints",
        "config.json",
        "environment.json",
        "lock",
        "manifest.jsonl",
        "metrics.jsonl",
        "result.json",
        "run.json",
        "state.pt",
        "status.json",
        "validation.json",
    }


@pytest.mark.parametrize(
    "tune,precision",
    [("ln", "auto"), ("ln", "bf16"), ("bitfit", "bf16"), ("lora", "auto"), ("full", "auto")],
)
def test_the_checkpoint_scores_as_the_validation_said(
    tune, precision, tiny_config, make_manifest, tmp_path
):
    from media_forensics.detector.metrics.rates import roc_auc

    manifest = make_manifest(val=4)
    result = fit(tiny_config(tune=tune, precision=precision), manifest, tmp_path / "r")
    detector = load_detector(result.checkpoint)  # where it was trained: a GPU, if there is one
    images = [np.asarray(Image.open(row.crop)) for row in manifest.val]
    p_fake = detector.score(images).p_fake
    truth = [row.label for row in manifest.val]
    assert roc_auc(truth, p_fake) == pytest.approx(result.best["auroc_frames"])
    videos = sorted({row.video_id for row in manifest.val})
    means = [
        np.mean([p for p, r in zip(p_fake, manifest.val, strict=True) if r.video_id == v])
        for v in videos
    ]
    assert roc_auc([int("fake" in v) for v in videos], means) == pytest.approx(result.best["auroc"])
    loss = -np.mean([np.log(p if y else 1 - p) for p, y in zip(p_fake, truth, strict=True)])
    assert loss == pytest.approx(result.best["loss"], rel=1e-5)


def test_more_than_layer_norms_needs_a_tower_of_its_own(tiny_config, make_manifest, tmp_path):
    from media_forensics.detector.model.checkpoints import save_detector

    config = tiny_config(tune="bitfit", epochs=1)
    result = fit(config, make_manifest(), tmp_path / "r")
    detector = load_detector(result.checkpoint, "cpu")
    assert detector.backbone.also_tuned
    with pytest.raises(ForensicsError, match="tower of its own"):
        load_detector(result.checkpoint, "cpu", backbone=detector.backbone)
    detector.backbone.also_tuned = ()
    detector.info["also_tuned"] = ["__class__"]
    with pytest.raises(ForensicsError, match="tower of its own"):
        load_detector(result.checkpoint, "cpu", backbone=detector.backbone)
    folder = save_detector(detector, tmp_path / "changed")
    file = folder / "detector.safetensors"
    data = file.read_bytes()
    shown = b'\\"also_tuned\\": []'
    assert shown in data
    file.write_bytes(data.replace(shown, b'\\"also_tuned\\": 17'))
    with pytest.raises(ForensicsError, match="names tensors that the tower"):
        load_detector(folder, "cpu")


def test_it_learns_what_can_be_learnt(tiny_config, make_manifest, tmp_path):
    """The fakes have a bright square: held-out videos are told apart after a few epochs."""
    manifest = make_manifest(train=10, val=5, frames=2)
    config = tiny_config(
        epochs=25, cycle_epochs=25.0, learning_rate=2e-2, augmentation="none", uniformity_weight=0.1
    )
    seen = []
    result = fit(config, manifest, tmp_path / "r", seen.append)
    losses = [r["train_loss"] for r in seen if r["kind"] == "epoch"]
    assert losses[-1] < losses[0] - 0.2
    assert result.best["auroc"] > 0.9


@pytest.mark.parametrize(
    "settings",
    [
        {"self_blend_probability": 0.5, "slerp": True, "sampling": "paired"},
        {"tune": "head", "augmentation": "none"},
        {"micro_batch": 3},
        {"tune": "lora", "weight_decay": 0.1},
        {"precision": "bf16", "micro_batch": 5},
    ],
    ids=["everything", "cached-probe", "micro", "lora", "bf16"],
)
@pytest.mark.parametrize("stop_at", [1, 3, 4])
def test_stop_and_resume_is_bit_equal(settings, stop_at, tiny_config, make_manifest, tmp_path):
    manifest, config = make_manifest(landmarks=True), tiny_config(**settings)
    whole = fit(config, manifest, tmp_path / "whole")
    first = fit(config, manifest, tmp_path / "cut", should_stop=stop_after(stop_at))
    assert (first.status, first.steps) == ("stopped", stop_at)
    assert runs.RunFolder(tmp_path / "cut").status["status"] == "stopped"
    load_detector(tmp_path / "cut" / "checkpoints" / "last", "cpu")
    second = fit(config, manifest, tmp_path / "cut")
    assert second.status == "completed"
    assert replace(second, run_dir="", seconds=0, checkpoint="") == replace(
        whole, run_dir="", seconds=0, checkpoint=""
    )
    for name in ("best", "last", "state"):
        assert equal(parameters(tmp_path / "whole", name), parameters(tmp_path / "cut", name))
    assert steps_of(tmp_path / "cut") == steps_of(tmp_path / "whole")


def test_a_lost_tail_is_done_again(tiny_config, make_manifest, tmp_path):
    """A kill after the last save: the state is older than the metrics."""
    manifest, config = make_manifest(), tiny_config(save_every_seconds=0.0)
    whole = fit(config, manifest, tmp_path / "whole")
    state = {}

    def keep(record):
        if record["step"] == 2 and "old" not in state:
            state["old"] = (tmp_path / "cut" / "state.pt").read_bytes()

    fit(config, manifest, tmp_path / "cut", keep, should_stop=stop_after(5))
    (tmp_path / "cut" / "state.pt").write_bytes(state["old"])  # that of step 1
    with (tmp_path / "cut" / "metrics.jsonl").open("a") as stream:
        stream.write('{"kind":"step","epo')
    result = fit(config, manifest, tmp_path / "cut")
    assert result.steps == whole.steps
    assert equal(parameters(tmp_path / "whole"), parameters(tmp_path / "cut"))
    assert steps_of(tmp_path / "cut") == steps_of(tmp_path / "whole")


def test_a_completed_run_is_not_trained_again(tiny_config, make_manifest, tmp_path):
    manifest, config = make_manifest(), tiny_config()
    first = fit(config, manifest, tmp_path / "r")
    again = fit(config.changed(workers=-1), manifest, tmp_path / "r", lambda _: pytest.fail("ran"))
    assert again == first


def test_the_stop_file_stops_it(tiny_config, make_manifest, tmp_path):
    run = tmp_path / "r"

    def ask(record):
        if record["kind"] == "step":
            (run / "stop").touch()

    result = fit(tiny_config(), make_manifest(), run, ask)
    assert (result.status, result.steps) == ("stopped", 1)
    assert not (run / "stop").exists()


def test_max_steps_ends_with_a_validation(tiny_config, make_manifest, tmp_path):
    manifest, config = make_manifest(), tiny_config(max_steps=4)
    result = fit(config, manifest, tmp_path / "r")
    assert (result.status, result.steps) == ("completed", 4)
    assert result.best
    # stopped exactly at the last step: its validation is made up for
    cut = fit(config, manifest, tmp_path / "cut", should_stop=stop_after(4))
    assert cut.status == "stopped"
    assert fit(config, manifest, tmp_path / "cut").best == result.best


def test_patience_and_selection(tiny_config, make_manifest, tmp_path, monkeypatch):
    """Scripted validations: 0.6, 0.8, 0.7, 0.8 (lower loss: better), then two worse ones."""
    script = [(0.6, 1.0), (0.8, 1.0), (0.7, 0.9), (0.8, 0.9), (0.79, 0.1), (0.8, 0.95), (1, 0)]
    real = loop.judge
    calls = []

    def judged(*args):
        auroc, loss = script[len(calls)]
        calls.append(auroc)
        return replace(real(*args), auroc=auroc, loss=loss)

    monkeypatch.setattr(loop, "judge", judged)
    config = tiny_config(epochs=7, patience=2, selection="auroc")
    result = fit(config, make_manifest(), tmp_path / "r")
    assert len(calls) == 6
    assert result.best["epoch"] == 3
    assert result.epochs == 6
    assert read_record(tmp_path / "r" / "checkpoints" / "best")["training"]["epoch"] == 3
    assert read_record(tmp_path / "r" / "checkpoints" / "last")["training"]["epoch"] == 5


def test_cached_embeddings_train_the_same_head(tiny_config, make_manifest, tmp_path, monkeypatch):
    manifest = make_manifest()
    config = tiny_config(tune="head", augmentation="none", normalize=False)
    cached = fit(config, manifest, tmp_path / "cached")
    monkeypatch.setattr(type(config), "caches_embeddings", property(lambda _: False))
    slow = fit(config, manifest, tmp_path / "slow")
    assert cached.best["auroc"] == slow.best["auroc"]
    a, b = parameters(tmp_path / "cached"), parameters(tmp_path / "slow")
    for name in a:
        torch.testing.assert_close(a[name], b[name], rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize("probe", [True, False])
def test_unreadable_crops_are_reported_not_fatal(probe, tiny_config, make_manifest, tmp_path):
    manifest = make_manifest()
    bad = [manifest.train[1].crop, manifest.val[0].crop]
    for path in bad:
        Path(path).write_bytes(b"broken")
    settings = {"tune": "head", "augmentation": "none"} if probe else {}
    seen = []
    result = fit(tiny_config(**settings), manifest, tmp_path / "r", seen.append)
    assert [crop for crop, _ in result.unreadable] == [bad[0]]
    assert [r["crop"] for r in seen if r["kind"] == "unreadable"] == [bad[0]]
    assert result.best["unreadable"] == 1
    assert result.best["crops"] == len(manifest.val) - 1


def test_a_loss_that_is_not_finite_stops_with_the_batch(
    tiny_config, make_manifest, tmp_path, monkeypatch
):
    from media_forensics.training.losses import LOSSES

    manifest, config = make_manifest(), tiny_config(save_every_seconds=0.0)
    real, calls = LOSSES["uniformity"], []

    def sometimes(*args):
        calls.append(0)
        return real(*args) * (float("nan") if len(calls) == 3 else 1.0)

    monkeypatch.setitem(LOSSES, "uniformity", sometimes)
    with pytest.raises(ForensicsError, match="not finite at step 2"):
        fit(config, manifest, tmp_path / "r")
    record = json.loads((tmp_path / "r" / "nan_batch.json").read_text())
    assert record["step"] == 2
    assert {r["crop"] for r in record["rows"]} <= {r.crop for r in manifest.train}
    assert len(record["rows"]) == 8
    status = runs.RunFolder(tmp_path / "r").status
    assert status["status"] == "failed"
    assert "not finite" in status["error"]["message"]
    assert all(torch.isfinite(p).all() for p in parameters(tmp_path / "r", "state").values())
    # without the NaN it resumes from the step before
    monkeypatch.setitem(LOSSES, "uniformity", real)
    assert fit(config, manifest, tmp_path / "r").steps == 6
    fit(config, manifest, tmp_path / "whole")
    assert equal(parameters(tmp_path / "whole"), parameters(tmp_path / "r"))


def test_a_leak_stops_before_anything_is_written(tiny_config, make_manifest, tmp_path):
    manifest = make_manifest()
    rows = [replace(r, split="val") if r.video_id == "set/fake/1" else r for r in manifest.rows]
    with pytest.raises(ForensicsError, match="1 groups are in training and in validation: g1"):
        fit(tiny_config(), Manifest(rows), tmp_path / "r")
    assert not (tmp_path / "r").exists()
    with pytest.raises(ForensicsError, match="larger than"):
        fit(tiny_config(batch_size=100), manifest, tmp_path / "r")


def test_another_config_or_manifest_is_refused(tiny_config, make_manifest, tmp_path):
    manifest, config = make_manifest(), tiny_config()
    fit(config, manifest, tmp_path / "r", should_stop=stop_after(1))
    with pytest.raises(ForensicsError, match=r"seed 0 -> 3; .*|slerp False -> True; seed 0 -> 3"):
        fit(config.changed(seed=3, slerp=True), manifest, tmp_path / "r")
    rows = manifest.rows
    other = Manifest([*rows[2:], replace(rows[1], weight=2.0)])
    with pytest.raises(ForensicsError, match=r"0 crops are new, 1 are gone, 1 have other values"):
        fit(config, other, tmp_path / "r")
    # only how it is carried out may change
    assert fit(config.changed(workers=0, micro_batch=4), manifest, tmp_path / "r").steps == 6


def test_a_folder_of_something_else_is_refused(tiny_config, make_manifest, tmp_path):
    (tmp_path / "r").mkdir()
    (tmp_path / "r" / "thesis.txt").write_text("mine")
    with pytest.raises(ForensicsError, match="not empty"):
        fit(tiny_config(), make_manifest(), tmp_path / "r")
    assert [p.name for p in (tmp_path / "r").iterdir()] == ["thesis.txt"]


def test_two_processes_cannot_share_a_run(tiny_config, make_manifest, tmp_path):
    manifest, config = make_manifest(), tiny_config()
    run = runs.prepare(tmp_path / "r", config, manifest)
    with run.locked():
        assert run.is_running()
        with pytest.raises(ForensicsError, match="Another process"):
            fit(config, manifest, tmp_path / "r")
    assert not run.is_running()


@pytest.mark.parametrize("what", ["state", "checkpoint"])
def test_a_full_disk_leaves_the_last_good_checkpoint(
    what, tiny_config, make_manifest, tmp_path, monkeypatch
):
    manifest, config = make_manifest(), tiny_config(epochs=3)
    run = tmp_path / "r"
    fit(config, manifest, run, should_stop=stop_after(3))  # the first epoch's steps
    fit(config, manifest, run, should_stop=stop_after(1))  # its validation, and a step
    before = parameters(run, "best")

    def full(*_args, **_kwargs):
        raise OSError(errno.ENOSPC, "No space left on device")

    if what == "state":
        monkeypatch.setattr(torch, "save", full)
    else:
        import safetensors.torch

        monkeypatch.setattr(safetensors.torch, "save_file", full)
    with pytest.raises(ForensicsError, match="No space left"):
        fit(config, manifest, run)
    monkeypatch.undo()
    assert equal(parameters(run, "best"), before) or what == "state"
    assert not [p for p in run.rglob("*.tmp")]
    result = fit(config, manifest, run)
    fit(config, manifest, tmp_path / "whole")
    assert result.status == "completed"
    assert equal(parameters(run), parameters(tmp_path / "whole"))


def test_a_damaged_state_is_refused(tiny_config, make_manifest, tmp_path):
    manifest, config = make_manifest(), tiny_config()
    fit(config, manifest, tmp_path / "r", should_stop=stop_after(1))
    path = tmp_path / "r" / "state.pt"
    path.write_bytes(path.read_bytes()[:1000])
    with pytest.raises(ForensicsError, match="cannot be resumed"):
        fit(config, manifest, tmp_path / "r")


@pytest.mark.parametrize("tune", ["ln", "bitfit", "lora"])
def test_bf16_trains_in_float32_parameters(tune, tiny_config, make_manifest, tmp_path):
    """Matrices that stay as they are lie in bf16; the tower's identity does not know of it."""
    seen = []
    config = tiny_config(precision="bf16", tune=tune)
    result = fit(config, make_manifest(), tmp_path / "r", seen.append)
    assert result.status == "completed"
    assert (seen[0]["precision"], seen[0]["frozen_weights"]) == (
        "bf16",
        "fp32" if tune == "lora" else "bf16",
    )
    assert all(p.dtype == torch.float32 for p in parameters(tmp_path / "r").values())
    other = fit(tiny_config(precision="fp32", tune=tune), make_manifest(), tmp_path / "exact")
    halves, wholes = read_record(result.checkpoint), read_record(other.checkpoint)
    assert halves["backbone_sha256"] == wholes["backbone_sha256"]
    assert halves["sha256"] != wholes["sha256"]


def test_missing_weights_are_named(tiny_config, make_manifest, tmp_path):
    config = tiny_config(backbone="local-dir:/nowhere")
    with pytest.raises(ForensicsError, match="/nowhere"):
        fit(config, make_manifest(), tmp_path / "r")
    assert runs.RunFolder(tmp_path / "r").status["status"] == "failed"


@pytest.mark.parametrize("precision,bound", [("fp32", 1e-5), ("bf16", 1e-2)])
def test_compile_changes_nothing(
    precision, bound, tiny_config, make_manifest, tmp_path, monkeypatch
):
    """With the eager backend: the switch is wired up, whether or not a compiler is here."""
    real, compiled = torch.compile, []

    def eager(module):
        compiled.append(module)
        return real(module, backend="eager")

    monkeypatch.setattr(torch, "compile", eager)
    manifest = make_manifest()
    how = {"compile": True, "activation_checkpointing": True}
    fit(tiny_config(precision=precision, **how), manifest, tmp_path / "a")
    assert len(compiled) == 1
    fit(tiny_config(precision=precision), manifest, tmp_path / "b")
    a, b = parameters(tmp_path / "a"), parameters(tmp_path / "b")
    for name in a:
        torch.testing.assert_close(a[name], b[name], rtol=1e-4, atol=bound)
