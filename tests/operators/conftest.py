"""Synthetic columns of any size, and a client that drives a panel as the App does.

Faces made of random numbers serve layout, callbacks and arithmetic only; what a detector is worth
is tested elsewhere, on real footage.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest

sys.path.append(str(Path(__file__).parent))  # modules beside the tests

from panel_client import Client


@pytest.fixture(scope="session")
def tiny_checkpoint(tmp_path_factory) -> str:
    """A detector on a small random tower, in our format."""
    import open_clip
    import torch
    from media_forensics.detector.model.backbone import load_backbone
    from media_forensics.detector.model.checkpoints import save_detector
    from media_forensics.detector.model.detector import Detector
    from safetensors.torch import save_file

    folder = tmp_path_factory.mktemp("tower")
    vision = {"image_size": 32, "layers": 2, "width": 64, "patch_size": 8, "head_width": 16}
    text = {"context_length": 4, "vocab_size": 64, "width": 16, "heads": 1, "layers": 1}
    model = {"embed_dim": 24, "quick_gelu": True, "vision_cfg": vision, "text_cfg": text}
    torch.manual_seed(7)
    state = open_clip.model.CLIP(**model).state_dict()
    save_file({n: t.contiguous() for n, t in state.items()}, folder / "open_clip_model.safetensors")
    colours = {"mean": [0.48, 0.45, 0.4], "std": [0.26, 0.26, 0.27]}
    config = {"model_cfg": model, "preprocess_cfg": colours}
    (folder / "open_clip_config.json").write_text(json.dumps(config))
    detector = Detector(load_backbone(f"local-dir:{folder}", "cpu"), key_name="tiny")
    torch.nn.init.normal_(detector.head.weight, 0, 2.0)
    return str(save_detector(detector, tmp_path_factory.mktemp("detector")))


@pytest.fixture
def client():
    """:class:`Client`."""
    return Client


@pytest.fixture(scope="module")
def faces_of(fiftyone_db, table_of):
    """``faces_of(count, embeddings=D)``: a faces dataset of synthetic rows, written in bulk.

    Detector ``det`` with scores, optionally embeddings (N, D) and a head that fits them.
    """
    from bson import Binary, ObjectId
    from fiftyone.core.utils import serialize_numpy_array
    from media_forensics.operators.dataset import fields

    fo = fiftyone_db
    made = []

    def make(count: int, embeddings: int = 0, seed: int = 0, head: bool = True):
        table = table_of(count, seed)
        dataset = fo.Dataset()
        made.append(dataset)
        fields.declare_common_fields(dataset, faces=True)
        names = fields.ScoreFields("det")
        dataset.add_sample_field(names.p_fake, fo.FloatField)
        dataset.add_sample_field(names.reason, fo.StringField)
        dataset.add_sample_field(names.embedding, fo.VectorField)
        dataset.add_sample_field("glasses", fo.BooleanField)
        label = (table["label"] == "fake").astype(int)
        vectors, weight = None, None
        if embeddings:
            vectors, weight = unit_vectors(table["p_fake"], label, embeddings, seed)
        template = fo.Sample("/nowhere/template.png", ground_truth=fo.Classification(label="real"))
        dataset.add_sample(template)
        raw = dataset._sample_collection.find_one({"_id": template._id})
        dataset._sample_collection.delete_one({"_id": template._id})
        documents = []
        plain = [n for n in table if n not in ("label", "p_fake", "reason")]
        for i in range(count):
            document = dict(raw, _id=ObjectId(), filepath=f"/nowhere/{i:07d}.png")
            document["ground_truth"] = dict(
                raw["ground_truth"], _id=ObjectId(), label=table["label"][i]
            )
            for name in plain:
                value = table[name][i]
                document[name] = value.item() if isinstance(value, np.generic) else value
            scored = not np.isnan(table["p_fake"][i])
            document[names.p_fake] = float(table["p_fake"][i]) if scored else None
            document[names.reason] = None if scored else "too_small"
            if vectors is not None and scored:
                document[names.embedding] = Binary(serialize_numpy_array(vectors[i]))
            documents.append(document)
        dataset._sample_collection.insert_many(documents, ordered=True)
        fields.set_description(dataset, kind="faces", recipe_hash="r")
        config = dataset.init_run(
            method="media_forensics/scores",
            key="det",
            rule="mean",
            normalize=True,
            **(
                {"head_weight": weight.tolist(), "head_bias": [0.0, 0.1]}
                if head and embeddings
                else {}
            ),
        )
        dataset.register_run(names.run, config)
        return SimpleNamespace(dataset=dataset, table=table, vectors=vectors, weight=weight)

    yield make
    for dataset in made:
        fo.delete_dataset(dataset.name)


def unit_vectors(p_fake: np.ndarray, label: np.ndarray, size: int, seed: int):
    """Vectors (N, size) whose angle to an axis follows the score, and a head (2, size)."""
    rng = np.random.default_rng(seed)
    axis = np.zeros(size)
    axis[0] = 1
    score = np.nan_to_num(p_fake, nan=0.5)
    cosine = np.clip((score - 0.5) * 1.4, -0.95, 0.95)
    rest = rng.normal(size=(len(label), size)) * np.linspace(2, 0.2, size)
    rest[:, 0] = 0
    rest /= np.linalg.norm(rest, axis=1, keepdims=True)
    vectors = cosine[:, None] * axis + np.sqrt(1 - cosine**2)[:, None] * rest
    weight = np.stack([-2 * axis, 2 * axis])
    return vectors.astype(np.float32), weight


@pytest.fixture
def clean(fiftyone_db):
    """Removes the datasets that a test makes."""
    before = set(fiftyone_db.list_datasets())
    yield fiftyone_db
    for name in set(fiftyone_db.list_datasets()) - before:
        fiftyone_db.delete_dataset(name)
