"""The scores of a key have one precision; another is refused or starts them anew."""

from __future__ import annotations

import numpy as np
import pytest
from media_forensics.detector import device
from media_forensics.detector.errors import ForensicsError
from media_forensics.detector.model import scoring_precision
from media_forensics.operators.dataset import fields
from media_forensics.operators.scoring import score_faces
from media_forensics.operators.scoring.score_precision import beside
from PIL import Image


@pytest.fixture
def faces(fiftyone_db, tmp_path):
    """Four faces of two videos."""
    rng = np.random.default_rng(0)
    samples = []
    for number in range(4):
        path = tmp_path / f"{number}.png"
        Image.fromarray(rng.integers(0, 256, (32, 32, 3), np.uint8)).save(path)
        sample = fiftyone_db.Sample(filepath=str(path), video_id=f"v{number // 2}")
        sample.update_fields({"frame_number": number % 2 + 1, "face_index": 0})
        samples.append(sample)
    dataset = fiftyone_db.Dataset()
    fields.declare_common_fields(dataset, faces=True)
    dataset.add_samples(samples)
    fields.set_description(dataset, kind="faces", recipe_hash="r")
    yield dataset
    dataset.delete()


def precision_of(dataset, key: str = "tiny") -> str | None:
    return getattr(fields.scores_config(dataset, key), "precision", None)


def test_a_key_goes_on_in_its_precision(faces, tiny_checkpoint, monkeypatch):
    from media_forensics.detector.model.checkpoints import load_detector

    asked = {"detector": tiny_checkpoint, "key": "tiny", "device": "cpu"}
    assert score_faces.run(faces.limit(2), **asked, precision="bf16")["scored"] == 2
    assert precision_of(faces) == "bf16"
    rough = faces.limit(1).values("tiny_margin")
    with pytest.raises(ForensicsError, match="holds scores in bf16, not fp32") as told:
        score_faces.run(faces, **asked, precision="fp32")
    assert told.value.field == "precision"
    assert score_faces.run(faces, **asked)["scored"] == 2  # the rest, in bf16
    model = load_detector(tiny_checkpoint, "cpu")
    pictures = [np.asarray(Image.open(path)) for path in faces.values("filepath")]
    wanted = model.score(pictures, precision="bf16").margin
    np.testing.assert_allclose(faces.values("tiny_margin"), wanted, atol=1e-5)
    assert beside(faces, "tiny", model) == "bf16"
    found = score_faces.run(faces, **asked, precision="fp32", overwrite=True)
    assert (found["scored"], precision_of(faces)) == (4, "fp32")
    assert faces.limit(1).values("tiny_margin") != rough
    # a key from before the record goes on in what was used then, whatever the processor
    faces.clear_sample_field("tiny_p_fake")
    config = faces.get_run_info("scores_tiny").config
    config.precision = None
    faces.update_run_config("scores_tiny", config)
    monkeypatch.delenv("MEDIA_FORENSICS_BF16", raising=False)
    monkeypatch.setattr(device, "_processor_flags", lambda: frozenset({"avx512_bf16"}))
    score_faces.run(faces, **asked)
    exact = model.score(pictures).margin
    np.testing.assert_allclose(faces.values("tiny_margin"), exact, atol=1e-5)
    # a new key takes what the processor and the error give
    monkeypatch.setattr(scoring_precision, "bf16_gap", lambda _: 0.001)
    score_faces.run(faces, **{**asked, "key": "other"})
    assert precision_of(faces, "other") == "bf16"
