"""Nothing in the loops of scoring and detection makes the host wait for the device unnoticed."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from media_forensics.detector.scoring.crop_scores import score_crops
from media_forensics.detector.scoring.perturbations import score_perturbed
from PIL import Image
from waits import Waits

#: Of a batch, once its scores are on the host.
CALLS = ("cpu", "numpy", "__bool__", "_local_scalar_dense")
RESULT = {f"detector.result: {call}" for call in CALLS}


@pytest.fixture
def files(tmp_path):
    generator = np.random.default_rng(0)
    for number in range(8):
        pixels = generator.integers(0, 256, (32, 32, 3), np.uint8)
        Image.fromarray(pixels).save(tmp_path / f"{number}.png")
    return sorted(str(path) for path in tmp_path.glob("*.png"))


def test_the_counter_sees_each_kind():
    some = torch.arange(4.0)
    with Waits() as found:
        some.sum().item(), some.tolist(), some.cpu(), bool(some.sum() > 1)
        some[some > 1], torch.unique(some), torch.nonzero(some)
    calls = {name.rpartition(" ")[2] for name in found}
    assert calls >= {"item", "tolist", "cpu", "_local_scalar_dense", "index", "nonzero"}
    assert calls & {"_unique2", "unique_dim"}


@pytest.mark.parametrize("precision", ["fp32", "bf16"])
def test_scores_are_waited_for_once_a_batch(tiny_detector, files, precision):
    pixels = torch.zeros(2, 3, 32, 32, dtype=torch.uint8)
    tiny_detector.score_pixels(pixels, precision)  # what is computed once: the half tower
    list(score_crops(tiny_detector, files[:1], precision=precision))
    with Waits() as found:
        tiny_detector.enqueue(pixels, precision)
    assert not found
    with Waits() as few:
        list(score_crops(tiny_detector, files[:4], 2, precision=precision))
    with Waits() as many:
        list(score_crops(tiny_detector, files, 2, precision=precision))
    own = [{k: v for k, v in some.items() if "to_pixels" not in k} for some in (few, many)]
    assert own[0].keys() <= RESULT and own[0]["detector.result: cpu"] == 2
    assert own[1] == {name: 2 * count for name, count in own[0].items()}


def test_perturbed_scores_are_waited_for_once_a_batch_and_kind(tiny_detector, files):
    names = ("jpeg_40", "blur_10")
    list(score_perturbed(tiny_detector, files[:1], names))
    with Waits() as found:
        list(score_perturbed(tiny_detector, files, names, 4))
    own = {name for name in found if "to_pixels" not in name}
    assert own <= RESULT and found["detector.result: cpu"] == 2 * len(names)


@pytest.mark.weights
def test_faces_are_waited_for_twice_a_batch(face_detector, footage):
    """For the number of candidates, and for the candidates."""
    with Image.open(footage["astronaut"]) as image:
        picture = np.asarray(image.convert("RGB"))
    face_detector.detect([picture])  # the anchors
    with Waits() as found:
        assert all(face_detector.detect([picture, picture, picture], max_side=320))
    own = {k: v for k, v in found.items() if k != "retinaface.candidates: numpy"}  # the input
    assert own == {
        "retinaface._above: nonzero": 1,
        "retinaface._above: cpu": 1,
        "retinaface._above: numpy": 1,
    }
