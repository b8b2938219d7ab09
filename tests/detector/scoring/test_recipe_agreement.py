"""Crops of another recipe than the detector's are named, setting by setting, before any work."""

from __future__ import annotations

from dataclasses import replace

import pytest
from media_forensics.detector.errors import ForensicsError
from media_forensics.detector.model.checkpoints import save_detector
from media_forensics.detector.records import CropRecipe
from media_forensics.detector.scoring.recipe_agreement import made_for, mismatch

RECIPE = CropRecipe(detector_sha256="a" * 64)


@pytest.fixture
def trained(tiny_detector, tmp_path):
    """A stored detector that was trained on crops of :data:`RECIPE`."""
    return save_detector(tiny_detector, tmp_path / "ours", {"crop_recipe": RECIPE.to_json()})


def test_the_same_crops_need_no_word(trained):
    wanted = made_for(trained)
    assert mismatch(wanted, RECIPE.to_json()) is None
    assert mismatch(wanted, replace(RECIPE, name="mine", count=8).to_json()) is None


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"template": "dfb", "scale": 1.0}, "template dfb (trained on gend), scale 1.0 (trained"),
        ({"size": 224}, "size 224 (trained on 256)"),
        ({"detector_sha256": "b" * 64}, "detector_sha256 bbbbbbbbbbbb (trained on aaaaaaaaaaaa)"),
        (
            {"detector": "yunet", "detector_sha256": "b" * 64},
            "recipe than the detector's: detector yunet (trained on retinaface_mobile0.25). ",
        ),
    ],
)
def test_each_setting_that_differs_is_named(trained, change, words):
    text = mismatch(made_for(trained / "detector.safetensors"), replace(RECIPE, **change).to_json())
    assert text is not None and words in text and "another recipe" in text


def test_crops_of_unknown_make_and_detectors_that_do_not_say(trained, tiny_detector, tmp_path):
    text = mismatch(made_for(trained), None)
    assert text is not None and "not known how these crops were cut" in text
    silent = save_detector(tiny_detector, tmp_path / "silent")
    assert made_for(silent) is None and mismatch(None, RECIPE.to_json()) is None


def test_the_authors_files_need_their_framing_by_whatever_template(tmp_path):
    (tmp_path / "model.safetensors").write_bytes(b"not read")
    for source in ("gend_clip_l14", tmp_path):
        wanted = made_for(source)
        assert wanted is not None and wanted.only_framing
        for fine in (
            {"detector": "yunet", "detector_sha256": "c" * 64, "sampling": "uniform"},
            {"template": "dfb"},
            {"template": "ffhq", "scale": 1.0},  # it has its margin inside
        ):
            assert mismatch(wanted, replace(RECIPE, **fine).to_json()) is None
        for other in ({"scale": 1.0}, {"template": "ffhq"}, {"template": "dfb", "scale": 1.8}):
            text = mismatch(wanted, replace(RECIPE, **other).to_json())
            assert text is not None and "(trained on gend)" in text
    with pytest.raises(ForensicsError, match="no detector"):
        made_for("nobody_knows")
