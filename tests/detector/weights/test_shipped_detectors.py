"""The detector that comes along is the recorded one, loads, and is never changed."""

from __future__ import annotations

import json
from dataclasses import replace

import numpy as np
import pytest
from media_forensics.detector.errors import ForensicsError
from media_forensics.detector.files.hashes import file_sha256
from media_forensics.detector.model.checkpoints import load_detector, read_record, update_record
from media_forensics.detector.weights import shipped_detectors
from media_forensics.detector.weights.known_detectors import (
    PUBLISHED,
    find_detector,
    named_detectors,
    register_detector,
)
from media_forensics.detector.weights.shipped_detectors import SHIPPED, caution_about

NAME = "demo_vits14"


@pytest.mark.parametrize("name", list(SHIPPED))
def test_the_file_is_the_recorded_one_and_small(name):
    folder = find_detector(name)
    file = folder / "detector.safetensors"
    assert file_sha256(file) == SHIPPED[name].file_sha256
    assert sum(path.stat().st_size for path in folder.iterdir()) < 300_000
    record = read_record(folder)
    assert record == json.loads((folder / "detector.json").read_text(encoding="utf-8"))
    assert record["sha256"] == SHIPPED[name].detector_sha256
    assert record["backbone"] == SHIPPED[name].tower
    assert record["about"] == SHIPPED[name].caution == caution_about(record["sha256"])
    assert record["calibration"]["checkpoint_sha256"] == record["sha256"]


def test_its_record_says_how_it_was_made_and_measured():
    record = read_record(find_detector(NAME))
    made, held_out = record["made"], record["held_out"]
    assert made["first_steps"] and made["environment"]["packages"]["torch"]
    assert len(made["material_sha256"]) == 64
    assert held_out["visible"]["auroc"]["low"] < held_out["visible"]["auroc"]["high"]
    assert held_out["all"]["groups"] == 8
    assert not set(record["calibration"]["splits"]) - {"val"}


@pytest.mark.weights
def test_it_loads_and_sees_a_coarse_face(face_detector):
    from media_forensics.detector.crops.align import align_face
    from media_forensics.operators.demo.effects import VISIBLE, bottleneck
    from skimage.data import astronaut

    detector = load_detector(NAME, "cpu")
    assert detector.sha256 == SHIPPED[NAME].detector_sha256
    assert detector.key_name == NAME
    image = astronaut()[:, :, :3]
    (face,) = face_detector.detect([image])[0]
    points = np.array(face.landmarks)
    fake, _ = bottleneck(image, points, VISIBLE)
    crops = [align_face(picture, points)[0] for picture in (image, fake)]
    real, coarse = detector.score(crops).p_fake
    assert coarse > real


def test_a_changed_file_is_refused(monkeypatch):
    monkeypatch.setitem(SHIPPED, NAME, replace(SHIPPED[NAME], file_sha256="0" * 64))
    with pytest.raises(ForensicsError, match="not the file that came with the plugin"):
        load_detector(NAME)


def test_a_missing_file_is_said(monkeypatch, tmp_path):
    monkeypatch.setattr(shipped_detectors, "FOLDER", tmp_path)
    with pytest.raises(ForensicsError, match="no file instead of"):
        find_detector(NAME)


def test_nothing_changes_it(tmp_path):
    with pytest.raises(ForensicsError, match="comes with the plugin and is never changed"):
        update_record(find_detector(NAME), calibration=None)
    with pytest.raises(ForensicsError, match="cannot be registered"):
        register_detector(NAME, tmp_path)


def test_it_is_the_default_where_nothing_was_trained_or_registered(monkeypatch, tmp_path):
    monkeypatch.setenv("MEDIA_FORENSICS_CACHE", str(tmp_path))
    names = [name for name, _ in named_detectors()]
    assert names == [*PUBLISHED, NAME]
    assert "no evidence" in dict(named_detectors())[NAME]
    register_detector("mine", tmp_path)
    assert named_detectors()[-1] == ("mine", "mine (registered)")


def test_it_is_found_on_a_server_that_allows_few_folders(monkeypatch, tmp_path):
    monkeypatch.setenv("MEDIA_FORENSICS_ROOTS", str(tmp_path))
    assert find_detector(NAME) == SHIPPED[NAME].path
