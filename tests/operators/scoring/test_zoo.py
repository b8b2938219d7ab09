"""The repository as a FiftyOne model source: our detectors in FiftyOne's own loops."""

from __future__ import annotations

import json
import os
from pathlib import Path

import numpy as np
import pytest
from media_forensics.detector.errors import ForensicsError
from media_forensics.detector.weights.known_detectors import PUBLISHED
from media_forensics.operators.scoring import zoo

ROOT = Path(__file__).resolve().parents[3]
pytestmark = pytest.mark.fiftyone


@pytest.fixture(scope="module")
def source(fiftyone_db):
    """The checkout linked into the model zoo, as ``register_zoo_model_source`` would copy it."""
    folder = Path(os.environ["FIFTYONE_MODEL_ZOO_DIR"]) / "mediaforensics"
    folder.mkdir(parents=True)
    for name in ("manifest.json", "__init__.py", "_mount"):
        (folder / name).symlink_to(ROOT / name)
    return folder


@pytest.fixture(scope="module")
def checkpoint(tmp_path_factory):
    import torch
    from media_forensics.detector.model.backbone import Backbone
    from media_forensics.detector.model.detector import Detector
    from media_forensics.detector.model.gend import export_gend
    from media_forensics.detector.model.preprocess import Preprocess
    from open_clip.model import _build_vision_tower

    torch.manual_seed(1)
    vision = {"image_size": 32, "layers": 2, "width": 64, "patch_size": 8, "head_width": 64}
    visual = _build_vision_tower(48, vision, True)
    detector = Detector(Backbone(visual, "tiny", Preprocess({"size": 32})))
    torch.nn.init.normal_(detector.head.weight, 0, 3)
    return str(export_gend(detector, tmp_path_factory.mktemp("gend")))


@pytest.fixture
def images(fiftyone_db, tmp_path):
    from PIL import Image

    rng = np.random.default_rng(0)
    dataset = fiftyone_db.Dataset()
    for number in range(5):
        path = tmp_path / f"{number}.png"
        Image.fromarray(rng.integers(0, 256, (40, 40, 3), dtype=np.uint8)).save(path)
        dataset.add_sample(fiftyone_db.Sample(filepath=str(path)))
    yield dataset
    dataset.delete()


def test_the_manifest_lists_every_published_detector(source):
    import fiftyone.zoo as foz

    names = {
        model["base_name"] for model in json.loads((ROOT / "manifest.json").read_text())["models"]
    }
    assert names <= set(foz.list_zoo_models())
    assert {zoo.published(name).name for name in names - {zoo.ANY}} == set(PUBLISHED)


def test_apply_model_and_compute_embeddings_give_our_scores(source, checkpoint, images):
    import fiftyone.zoo as foz
    from media_forensics.detector.model.checkpoints import load_detector
    from PIL import Image

    model = foz.load_zoo_model("mediaforensics/detector", checkpoint=checkpoint, device="cpu")
    expected = load_detector(checkpoint, device="cpu").score(
        [Image.open(path) for path in images.values("filepath")]
    )
    for batch_size in (1, 2):
        images.apply_model(model, "seen", batch_size=batch_size, num_workers=0, store_logits=True)
        found = images.values("seen")
        for label, p_fake, logits in zip(found, expected.p_fake, expected.logits, strict=True):
            assert label.label == ("fake" if p_fake >= 0.5 else "real")
            assert label.confidence == pytest.approx(max(p_fake, 1 - p_fake), abs=1e-5)
            assert np.allclose(label.logits, logits, atol=1e-4)
    images.compute_embeddings(model, embeddings_field="unit", batch_size=2, num_workers=0)
    assert np.allclose(np.stack(images.values("unit")), expected.embeddings, atol=1e-5)
    again = images.compute_embeddings(model)
    assert np.allclose(again, expected.embeddings, atol=1e-5)


def test_a_single_picture(checkpoint):
    model = zoo.load_model(zoo.ANY, "", checkpoint=checkpoint, device="cpu")
    with pytest.raises(ForensicsError, match="No picture"):
        model.get_embeddings()
    picture = np.zeros((50, 40, 3), np.uint8)
    label = model.predict(picture)
    assert label.label in ("real", "fake")
    assert np.allclose(model.embed(picture), model.get_embeddings()[0])


def test_what_cannot_be_loaded_is_said(source):
    import fiftyone.zoo as foz

    with pytest.raises(ForensicsError, match="needs a checkpoint"):
        foz.load_zoo_model("mediaforensics/detector")
    with pytest.raises(ForensicsError, match="no published detector"):
        zoo.published("mediaforensics/odd")
