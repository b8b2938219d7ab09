"""Scores are the same on every device: numbers that one device gave, compared with this one's.

    python tests/detector/model/test_scores_on_every_device.py cuda   # writes the fixture anew

``python benchmarks/gpu.py --record`` does it on a machine with a GPU, with the other fixtures.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path

import numpy as np
import pytest
import torch
from media_forensics.detector.frames.images import read_image
from media_forensics.detector.model.backbone import load_backbone
from media_forensics.detector.model.detector import Detector, Scores

FIXTURE = Path(__file__).resolve().parents[2] / "fixtures" / "scores_on_a_device.json"
BOUNDS = {"fp32": 1e-5, "fp16": 1e-3, "bf16": 5e-3}  # of p_fake, from float32's
NUMBERS = 32  # of each embedding that are kept
gpu = pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a GPU")


def pictures(astronaut: Path) -> list[np.ndarray]:
    """Windows of a photograph that needs no lossy decoder, of several sizes."""
    image = read_image(astronaut)
    places = [(0, 150, 224), (30, 170, 96), (200, 60, 300), (256, 256, 256), (10, 10, 40)]
    return [np.ascontiguousarray(image[y : y + s, x : x + s]) for y, x, s in places]


def detector(device: str) -> Detector:
    """The offline tower with a seeded head."""
    made = Detector(load_backbone("vit-s14-dinov2-saliency", "cpu"), key_name="offline")
    generator = torch.Generator().manual_seed(1)
    with torch.no_grad():
        made.head.weight.copy_(0.3 * torch.randn(made.head.weight.shape, generator=generator))
        made.head.bias.zero_()
    return made.to(device).eval()


def compare(found: Scores, precision: str) -> None:
    """Assert that ``found`` in fp32 is what was recorded in ``precision``, within its bound."""
    recorded = json.loads(FIXTURE.read_text(encoding="utf-8"))["scores"].get(precision)
    if recorded is None:
        return  # the device that gave the numbers only emulates it
    assert np.abs(found.p_fake - recorded["p_fake"]).max() < BOUNDS[precision], precision
    gap = np.abs(found.embeddings[:, :NUMBERS] - recorded["embeddings"]).max()
    assert gap < 10 * BOUNDS[precision], precision


@pytest.mark.weights
def test_scores_are_those_that_were_recorded(footage, weights_dir):
    exact = detector("cpu").score(pictures(footage["astronaut"]), precision="fp32")
    for precision in BOUNDS:
        compare(exact, precision)


@gpu
@pytest.mark.weights
def test_a_gpu_gives_the_recorded_scores(footage, weights_dir):
    made, few = detector("cuda"), pictures(footage["astronaut"])
    exact = made.score(few, precision="fp32")
    for precision, bound in BOUNDS.items():
        compare(exact, precision)
        rough = made.score(few, precision=precision)
        assert np.abs(rough.p_fake - exact.p_fake).max() < bound


@pytest.mark.parametrize("name", ["scores_on_a_device", "faces_on_a_device"])
def test_the_recorded_numbers_come_from_a_gpu(name):
    path = FIXTURE.with_name(f"{name}.json")
    source = json.loads(path.read_text(encoding="utf-8"))["source"]
    if source["device"].startswith("CPU"):
        pytest.skip("no GPU has recorded them yet: python benchmarks/gpu.py --record")


def record(device: str) -> None:
    """Write the fixture with what ``device`` gives."""
    from media_forensics.detector.weights.offline_assets import fetch_footage, fetch_weights

    fetch_weights()
    few = pictures(fetch_footage()["astronaut"])
    made = detector(device)
    precisions = [p for p in BOUNDS if p == "fp32" or device != "cpu"]
    scores = {}
    for precision in precisions:
        found = made.score(few, precision=precision)
        vectors = np.round(found.embeddings[:, :NUMBERS].astype(float), 6)
        scores[precision] = {
            "p_fake": np.round(found.p_fake.astype(float), 7).tolist(),
            "embeddings": vectors.tolist(),
        }
    what = torch.cuda.get_device_name(device) if device != "cpu" else ""
    what = what or f"CPU, {torch.backends.cpu.get_cpu_capability()}"
    source = {"device": what, "torch": torch.__version__, "tower": made.backbone.sha256}
    text = json.dumps({"source": source, "scores": scores}, indent=1)
    FIXTURE.write_text(text + "\n", encoding="utf-8")


if __name__ == "__main__":
    record(sys.argv[1])
