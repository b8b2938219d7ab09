import json

import numpy as np
import pytest
import torch
from media_forensics.detector.errors import ForensicsError
from media_forensics.detector.model import checkpoints
from media_forensics.detector.model.backbone import Backbone, load_backbone
from media_forensics.detector.model.checkpoints import (
    load_detector,
    read_record,
    save_detector,
    update_record,
)
from media_forensics.detector.records import CropRecipe
from safetensors import safe_open
from safetensors.torch import load_file, save_file


@pytest.fixture
def tuned(tiny_detector):
    """A detector whose LayerNorms differ from the tower's."""
    with torch.no_grad():
        for index, parameter in enumerate(tiny_detector.backbone.layer_norm_parameters().values()):
            parameter.add_(0.01 * (index + 1))
    return tiny_detector


def test_round_trip_gives_the_same_scores_and_identity(tuned, tmp_path, pictures):
    recipe = CropRecipe().to_json()
    save_detector(tuned, tmp_path / "d", {"crop_recipe": recipe, "training": {"epochs": 1}})
    again = load_detector(tmp_path / "d", "cpu")
    for a, b in zip(tuned.score(pictures), again.score(pictures), strict=True):
        assert np.array_equal(a, b)
    assert again.sha256 == tuned.sha256 and again.key_name == "tiny" and not again.training
    assert again.info["crop_recipe"] == recipe and again.info["training"] == {"epochs": 1}
    assert again.info["calibration"] is None
    from_file = load_detector(tmp_path / "d" / "detector.safetensors", "cpu")
    assert from_file.sha256 == tuned.sha256


def test_only_layer_norms_and_head_are_stored(tuned, tmp_path):
    save_detector(tuned, tmp_path)
    tensors = load_file(tmp_path / "detector.safetensors")
    assert set(tensors) == {
        "head.weight",
        "head.bias",
        *(f"backbone.{name}" for name in tuned.backbone.layer_norm_parameters()),
    }
    assert json.loads((tmp_path / "detector.json").read_text()) == read_record(tmp_path)
    assert (tmp_path / "detector.safetensors").stat().st_mode & 0o044


def test_same_detector_gives_the_same_bytes(tuned, tmp_path):
    files = []
    for name in "ab":
        save_detector(tuned, tmp_path / name, {"training": {"seed": 1}})
        files.append((tmp_path / name / "detector.safetensors").read_bytes())
    assert files[0] == files[1]


def test_an_earlier_detector_is_replaced_or_kept_whole(tuned, tmp_path, monkeypatch):
    save_detector(tuned, tmp_path, {"training": {"step": 1}})
    old = tuned.sha256
    with torch.no_grad():
        tuned.head.bias.add_(1)

    def killed(*_args):
        raise KeyboardInterrupt

    monkeypatch.setattr(checkpoints, "write_bytes", killed)  # after the tensors, before the JSON
    with pytest.raises(KeyboardInterrupt):
        save_detector(tuned, tmp_path, {"training": {"step": 2}})
    again = load_detector(tmp_path, "cpu")
    assert again.sha256 == tuned.sha256 != old and again.info["training"] == {"step": 2}
    assert not list(tmp_path.glob(".*"))


def test_an_info_that_is_not_json_is_refused_before_writing(tuned, tmp_path):
    for bad in ({"training": {1, 2}}, {"training": float("nan")}):
        with pytest.raises(ForensicsError, match="JSON"):
            save_detector(tuned, tmp_path, bad)
    assert not list(tmp_path.iterdir())


def test_update_record_changes_the_record_only(tuned, tmp_path):
    save_detector(tuned, tmp_path, {"training": {"epochs": 3}})
    before = load_file(tmp_path / "detector.safetensors")
    update_record(tmp_path, calibration={"threshold": 0.4})
    again = load_detector(tmp_path, "cpu")
    assert again.info["calibration"] == {"threshold": 0.4}
    assert again.info["training"] == {"epochs": 3} and again.sha256 == tuned.sha256
    after = load_file(tmp_path / "detector.safetensors")
    assert all(torch.equal(before[name], after[name]) for name in before)
    with pytest.raises(ForensicsError, match="sha256"):
        update_record(tmp_path, sha256="0")


def test_another_tower_is_refused(tuned, tmp_path, tiny_folder):
    save_detector(tuned, tmp_path)
    other = load_backbone(f"local-dir:{tiny_folder}", "cpu")
    with torch.no_grad():
        other.visual.conv1.weight.add_(0.1)
    other = Backbone(other.visual, "other", other.preprocess)
    with pytest.raises(ForensicsError, match="was trained on the tower"):
        load_detector(tmp_path, "cpu", backbone=other)


def test_a_tower_in_another_place_is_accepted(tuned, tmp_path, tiny_folder):
    save_detector(tuned, tmp_path / "d")
    record = read_record(tmp_path / "d")
    tensors = load_file(tmp_path / "d" / "detector.safetensors")
    record["backbone"] = f"local-dir:{tmp_path / 'moved'}"
    header = {"media_forensics": json.dumps(record)}
    save_file(tensors, tmp_path / "d" / "detector.safetensors", metadata=header)
    with pytest.raises(ForensicsError, match="moved"):
        load_detector(tmp_path / "d", "cpu")
    again = load_detector(tmp_path / "d", "cpu", backbone=f"local-dir:{tiny_folder}")
    assert again.sha256 == tuned.sha256
    loaded = load_backbone(f"local-dir:{tiny_folder}", "cpu")
    assert load_detector(tmp_path / "d", "cpu", backbone=loaded).backbone is loaded


def rewrite(folder, change):
    """Write the detector again after ``change(tensors, record)``."""
    path = folder / "detector.safetensors"
    with safe_open(path, "pt") as stream:
        record = json.loads(stream.metadata()["media_forensics"])
    tensors = load_file(path)
    change(tensors, record)
    save_file(tensors, path, metadata={"media_forensics": json.dumps(record)})


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (lambda t, r: t.pop("head.bias"), r"missing: head\.bias"),
        (lambda t, r: t.update(extra=torch.ones(1)), "unexpected: extra"),
        (
            lambda t, r: t.update({"head.weight": torch.ones(2, 5)}),
            r"\(2, 5\) instead of \(2, 64\)",
        ),
        (lambda t, r: t.update({"head.bias": torch.tensor([0, float("inf")])}), "infinite"),
        (lambda t, r: t.update({"head.bias": torch.tensor([0.0, 5.0])}), "do not match the sha256"),
        (lambda t, r: r.update(format=99), "format 99"),
    ],
)
def test_damaged_detectors_are_named(tuned, tmp_path, change, words):
    save_detector(tuned, tmp_path)
    rewrite(tmp_path, change)
    with pytest.raises(ForensicsError, match=words):
        load_detector(tmp_path, "cpu")


def test_truncated_and_foreign_files(tuned, tmp_path):
    save_detector(tuned, tmp_path / "d")
    path = tmp_path / "d" / "detector.safetensors"
    data = path.read_bytes()
    for size in (0, 4, 100, len(data) - 1):
        path.write_bytes(data[:size])
        with pytest.raises(ForensicsError):
            load_detector(tmp_path / "d", "cpu")
    save_file({"a": torch.ones(1)}, path)
    with pytest.raises(ForensicsError, match="not a detector in our format"):
        load_detector(tmp_path / "d", "cpu")
    save_file({"a": torch.ones(1)}, tmp_path / "foreign.safetensors")
    with pytest.raises(ForensicsError, match="not a detector that this plugin knows"):
        load_detector(tmp_path / "foreign.safetensors", "cpu")
    with pytest.raises(ForensicsError, match="There is no detector"):
        load_detector(tmp_path / "nowhere", "cpu")
    (tmp_path / "empty").mkdir()
    with pytest.raises(ForensicsError, match="holds neither"):
        load_detector(tmp_path / "empty", "cpu")
