"""Corruptions: reproducible, the same size, stronger with the level, and scored in their order."""

from __future__ import annotations

import io

import cv2
import numpy as np
import pytest
from media_forensics.detector.errors import ForensicsError
from media_forensics.detector.records import Reason
from media_forensics.detector.scoring.perturbations import (
    PERTURBATIONS,
    USUAL,
    known,
    score_perturbed,
)
from PIL import Image


@pytest.fixture(scope="module")
def face(footage):
    return np.asarray(Image.open(footage["obama"]).convert("RGB").resize((255, 256)))


@pytest.mark.weights
@pytest.mark.parametrize("name", list(PERTURBATIONS))
def test_each_changes_the_picture_and_nothing_else(face, name):
    before = face.copy()
    found = PERTURBATIONS[name].apply(face)
    assert found.shape == face.shape and found.dtype == np.uint8
    assert np.array_equal(face, before)
    assert np.array_equal(found, PERTURBATIONS[name].apply(face.copy()))
    assert 0.1 < np.abs(found.astype(int) - face).mean() < 60


@pytest.mark.weights
@pytest.mark.parametrize("kind", sorted({p.kind for p in PERTURBATIONS.values()} - {"jitter"}))
def test_levels_go_from_mild_to_strong(face, kind):
    changes = [
        np.mean((p.apply(face).astype(float) - face) ** 2)
        for p in PERTURBATIONS.values()
        if p.kind == kind
    ]
    assert changes == sorted(changes) and len(changes) >= 2


@pytest.mark.weights
def test_against_other_implementations(face):
    stored = io.BytesIO()
    Image.fromarray(face).save(stored, "JPEG", quality=40)
    pillow = np.asarray(Image.open(stored)).astype(int)
    assert np.abs(PERTURBATIONS["jpeg_40"].apply(face) - pillow).mean() < 1
    from scipy.ndimage import gaussian_filter

    blurred = gaussian_filter(face.astype(float), (1, 1, 0), mode="mirror", truncate=3)
    assert np.abs(PERTURBATIONS["blur_10"].apply(face) - blurred).max() < 2
    spread = (PERTURBATIONS["noise_05"].apply(np.full((200, 200, 3), 128, np.uint8)) - 128.0) / 255
    assert spread.std() == pytest.approx(0.05, rel=0.02) and abs(spread.mean()) < 1e-3


def test_scores_are_those_of_the_corrupted_crop(tiny_detector, pictures, tmp_path):
    paths = []
    for number, picture in enumerate(pictures):
        paths.append(str(tmp_path / f"{number}.png"))
        cv2.imwrite(paths[-1], picture[:, :, ::-1])
    paths.insert(2, str(tmp_path / "gone.png"))
    names = ["jpeg_20", "noise_10"]
    batches = list(score_perturbed(tiny_detector, paths, names, batch_size=5))
    assert [i for b in batches for i in b.indices] == list(range(len(paths)))
    reasons = [r for b in batches for r in b.reasons]
    assert reasons[2] is Reason.MISSING_FILE and sum(r is not None for r in reasons) == 1
    for name in names:
        found = np.concatenate([b.p_fake[name] for b in batches])
        assert np.isnan(found[2])
        corrupted = [PERTURBATIONS[name].apply(p) for p in pictures]
        expected = tiny_detector.score(corrupted).p_fake
        assert np.allclose(np.delete(found, 2), expected, atol=1e-5)


def test_unknown_names_are_refused():
    assert [p.name for p in known(USUAL)] == list(USUAL)
    with pytest.raises(ForensicsError, match="no corruption 'fog'"):
        known(["fog"])
    with pytest.raises(ForensicsError, match="No corruption"):
        known([])
