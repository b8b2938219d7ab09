"""Crops are the same on every device: numbers that one device gave, compared with this one's.

    python tests/detector/crops/test_every_device.py cpu     # writes the fixture anew

A picture whose pixels are decoded otherwise here than where the numbers were recorded is skipped.
"""

from __future__ import annotations

import base64
import hashlib
import json
import sys
from pathlib import Path

import numpy as np
import pytest
import torch
from media_forensics.detector.crops.align import align_face
from media_forensics.detector.faces.detectors import detector_of
from media_forensics.detector.frames.images import read_image
from media_forensics.detector.frames.sources import read_frames
from media_forensics.detector.records import CropRecipe

FIXTURE = Path(__file__).resolve().parents[2] / "fixtures" / "faces_on_a_device.json"
RECIPE = CropRecipe()
STEP = 16  # of the grid on which a crop's pixels are kept
PIXELS, LEVELS = 0.01, 1
gpu = pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a GPU")
NAMES = ("whole", "mirrored", "half", "crowd", "photograph", "large photograph", "clip")


def picture(name: str, footage: dict[str, Path]) -> np.ndarray:
    """One of :data:`NAMES`; those of the first four need no lossy decoder."""
    if name == "photograph":
        return read_image(footage["hopper"])
    if name == "large photograph":
        return read_image(footage["sample1.jpg"])
    if name == "clip":
        ((_, image),) = read_frames(footage["carphone_pristine.mp4"], [30])
        return image
    image = read_image(footage["astronaut"])
    if name == "mirrored":
        return np.ascontiguousarray(image[:, ::-1])
    if name == "half":
        return np.ascontiguousarray(image[::2, ::2])
    if name == "crowd":
        return np.tile(image[::2, ::2], (2, 3, 1))
    return image


def found(images: list[np.ndarray], device: str) -> list[list[dict]]:
    """What a device finds in the pictures, all at once: points, score and crop of each face."""
    detector = detector_of(RECIPE, device)
    options = {"score_threshold": RECIPE.score_threshold, "max_side": RECIPE.max_side}
    faces = detector.detect(images, **options)
    rows = []
    for image, few in zip(images, faces, strict=True):
        rows.append([])
        for face in few:
            crop, _ = align_face(image, face.landmarks, RECIPE.template, RECIPE.size, RECIPE.scale)
            row = {"score": face.score, "box": face.box, "landmarks": face.landmarks}
            rows[-1].append(row | {"crop": np.ascontiguousarray(crop[::STEP, ::STEP])})
    return rows


def digest(image: np.ndarray) -> str:
    return hashlib.sha256(image.tobytes()).hexdigest()


def compare(device: str, footage: dict[str, Path]) -> None:
    """Assert that ``device`` finds what was recorded."""
    recorded = json.loads(FIXTURE.read_text(encoding="utf-8"))
    images = [picture(name, footage) for name in NAMES]
    same = [
        digest(image) == row["sha256"]
        for image, row in zip(images, recorded["pictures"], strict=True)
    ]
    assert all(same[:4])  # no lossy decoder
    for row, faces, known in zip(recorded["pictures"], found(images, device), same, strict=True):
        assert len(row["faces"]) >= 1
        if not known:
            continue
        assert len(faces) == len(row["faces"]), row["name"]
        for face, wanted in zip(faces, row["faces"], strict=True):
            for part in ("landmarks", "box"):
                assert np.abs(np.subtract(face[part], wanted[part])).max() < PIXELS, row["name"]
            assert abs(face["score"] - wanted["score"]) < 1e-4
            kept = np.frombuffer(base64.b64decode(wanted["crop"]), np.uint8)
            gap = np.abs(face["crop"].astype(int) - kept.reshape(face["crop"].shape))
            assert gap.max() <= LEVELS, row["name"]


@pytest.mark.weights
def test_crops_are_those_that_were_recorded(footage, weights_dir):
    compare("cpu", footage)


@gpu
@pytest.mark.weights
def test_crops_of_a_gpu_are_those_that_were_recorded(footage, weights_dir):
    compare("cuda", footage)


@gpu
@pytest.mark.weights
def test_a_gpu_makes_the_crops_of_the_cpu(footage, weights_dir):
    images = [picture(name, footage) for name in NAMES]
    for ours, theirs in zip(found(images, "cuda"), found(images, "cpu"), strict=True):
        for face, wanted in zip(ours, theirs, strict=True):
            assert np.abs(np.subtract(face["landmarks"], wanted["landmarks"])).max() < PIXELS
            assert np.abs(face["crop"].astype(int) - wanted["crop"]).max() <= LEVELS


def record(device: str) -> None:
    """Write the fixture with what ``device`` finds."""
    from media_forensics.detector.weights.offline_assets import fetch_footage, fetch_weights

    fetch_weights()
    footage = fetch_footage()
    images = [picture(name, footage) for name in NAMES]
    pictures = []
    for name, image, faces in zip(NAMES, images, found(images, device), strict=True):
        for face in faces:
            face["crop"] = base64.b64encode(face["crop"].tobytes()).decode()
            face["score"] = round(face["score"], 6)
            face["box"] = np.round(face["box"], 4).tolist()
            face["landmarks"] = np.round(face["landmarks"], 4).tolist()
        pictures.append({"name": name, "sha256": digest(image), "faces": faces})
    if device == "cpu":
        what = f"CPU, {torch.backends.cpu.get_cpu_capability()}"
    else:
        what = torch.cuda.get_device_name()
    source = {"device": what, "torch": torch.__version__, "recipe": RECIPE.to_json(), "step": STEP}
    text = json.dumps({"source": source, "pictures": pictures}, indent=1)
    FIXTURE.write_text(text + "\n", encoding="utf-8")


if __name__ == "__main__":
    record(sys.argv[1])
