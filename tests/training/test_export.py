"""What is exported scores the same, from real files, at any batch size; failures leave nothing."""

from __future__ import annotations

import json
import sys

import numpy as np
import open_clip
import pytest
import torch
from media_forensics.detector.errors import ForensicsError
from media_forensics.detector.files.hashes import file_sha256
from media_forensics.detector.files.packages import ONNX, PARTS
from media_forensics.detector.model.backbone import Backbone
from media_forensics.detector.model.checkpoints import export_gend, load_detector, save_detector
from media_forensics.detector.model.detector import Detector
from media_forensics.detector.model.preprocess import Preprocess
from media_forensics.training import export
from media_forensics.training.export import export_detector
from media_forensics.training.trained import new_detector


@pytest.fixture
def checkpoint(tiny_config, tmp_path):
    detector = new_detector(tiny_config(), torch.device("cpu"), "tiny")
    with torch.no_grad():
        for parameter in detector.backbone.layer_norm_parameters().values():
            parameter.mul_(1.1)
    return save_detector(detector, tmp_path / "checkpoint", {"crop_recipe": {"name": "r"}})


@pytest.fixture
def crops(make_manifest):
    return [(row.crop, "") for row in make_manifest(train=2, val=1, frames=1).rows[:5]]


@pytest.mark.parametrize("format", ["detector", "torchscript"])
def test_it_scores_the_same(format, checkpoint, crops, tmp_path):
    record = export_detector(checkpoint, tmp_path / "out", format, crops)
    assert record["parity"]["pictures"] == 5 and record["parity"]["kind"] == "validation crops"
    assert record["parity"]["largest_difference"] < 1e-4
    assert record["crop_recipe"] == {"name": "r"} and record["format"] == format
    for name, sha in record["files"].items():
        assert file_sha256(tmp_path / "out" / name) == sha
    stored = json.loads((tmp_path / "out" / "export.json").read_text())
    assert stored == {k: v for k, v in record.items() if k != "folder"}
    assert not list(tmp_path.glob(".out*"))


def test_gend_of_a_clip_tower(crops, tmp_path):
    config = {"image_size": 28, "layers": 2, "width": 64, "patch_size": 14, "head_width": 64}
    text = {"context_length": 4, "vocab_size": 8, "width": 8, "heads": 1, "layers": 1}
    visual = open_clip.CLIP(32, config, text, quick_gelu=True).visual
    detector = Detector(Backbone(visual, "small", Preprocess({"size": 28})))
    export_gend(detector, tmp_path / "gend")
    record = export_detector(tmp_path / "gend", tmp_path / "out", "gend", crops)
    assert record["parity"]["largest_difference"] < 1e-5
    assert {"config.json", "model.safetensors"} <= set(record["files"])


def test_a_tower_that_gends_layout_cannot_hold_is_found_by_the_check(checkpoint, tmp_path):
    # the layout does not say how wide an attention head is; the tiny tower's are 16, CLIP's 64
    with pytest.raises(ForensicsError, match="scores differently"):
        export_detector(checkpoint, tmp_path / "out", "gend")
    assert not (tmp_path / "out").exists()


def test_torchscript_needs_nothing_but_torch(checkpoint, crops, tmp_path):
    export_detector(checkpoint, tmp_path / "out", "torchscript", crops)
    alone = torch.jit.load(tmp_path / "out" / "detector.torchscript")
    detector = load_detector(checkpoint, device="cpu")
    for count in (1, 3, 7):
        pixels = torch.randint(0, 256, (count, 3, 28, 28), dtype=torch.uint8)
        assert np.allclose(alone(pixels).numpy(), detector.score_pixels(pixels).logits, atol=1e-5)


def test_without_crops_the_check_says_noise(checkpoint, tmp_path):
    record = export_detector(
        checkpoint, tmp_path / "out", "detector", [(tmp_path / "gone.png", "")]
    )
    assert record["parity"]["kind"] == "noise"


def test_a_difference_leaves_nothing(checkpoint, crops, tmp_path, monkeypatch):
    monkeypatch.setattr(
        export, "_torchscript", lambda *_: lambda pixels: np.zeros((len(pixels), 2))
    )
    with pytest.raises(ForensicsError, match="scores differently"):
        export_detector(checkpoint, tmp_path / "out", "torchscript", crops)
    assert not (tmp_path / "out").exists() and not list(tmp_path.glob(".out*"))


def test_a_folder_in_use_and_unknown_formats_are_refused(checkpoint, tmp_path):
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "mine.txt").write_text("kept")
    with pytest.raises(ForensicsError, match="not an empty folder"):
        export_detector(checkpoint, tmp_path / "out", "detector")
    with pytest.raises(ForensicsError, match="no export format 'zip'"):
        export_detector(checkpoint, tmp_path / "other", "zip")
    assert (tmp_path / "out" / "mine.txt").read_text() == "kept"


@pytest.mark.parametrize("package", PARTS[ONNX].modules)
def test_a_missing_package_is_named_before_any_work(package, checkpoint, tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, package, None)  # what Python does for one that is absent
    with pytest.raises(ForensicsError, match=f"ONNX needs the package {package}, which") as error:
        export_detector(checkpoint, tmp_path / "out", "onnx")
    assert error.value.field == "format" and not (tmp_path / "out").exists()


def test_onnx_scores_the_same_at_any_batch_size(checkpoint, crops, tmp_path):
    import onnxruntime

    record = export_detector(checkpoint, tmp_path / "out", "onnx", crops)
    assert record["parity"]["largest_difference"] < 1e-4
    session = onnxruntime.InferenceSession(str(tmp_path / "out" / "detector.onnx"))
    detector = load_detector(checkpoint, device="cpu")
    for count in (1, 3, 7):
        pixels = torch.randint(0, 256, (count, 3, 28, 28), dtype=torch.uint8)
        (logits,) = session.run(None, {"pixels": pixels.numpy()})
        assert np.allclose(logits, detector.score_pixels(pixels).logits, atol=1e-5)
