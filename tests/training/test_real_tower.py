"""The real ViT-S/14 and a real face: that it runs, moves what it may, and is resumable."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from media_forensics.detector.model.checkpoints import load_detector
from media_forensics.training.batches.self_blend import self_blend
from media_forensics.training.loop import fit
from media_forensics.training.manifest import Manifest, ManifestRow
from PIL import Image

pytestmark = pytest.mark.weights


@pytest.fixture
def faces(face_detector, tmp_path):
    """Crops of two real photographs and self-blends of them, each a group of its own."""
    skimage_data = pytest.importorskip("skimage.data")
    matplotlib = pytest.importorskip("matplotlib.cbook")
    from media_forensics.detector.crops.align import align_face

    hopper = np.asarray(Image.open(matplotlib.get_sample_data("grace_hopper.jpg")).convert("RGB"))
    rows = []
    photos = {"train": skimage_data.astronaut(), "val": hopper}
    for split, photo in photos.items():
        face = face_detector.detect([photo])[0][0]
        crop, matrix = align_face(photo, np.array(face.landmarks))
        points = np.array(face.landmarks) @ matrix[:, :2].T + matrix[:, 2]
        for number in range(2):
            for label in (0, 1):
                picture = crop
                if label:
                    picture, _ = self_blend(crop, points, np.random.default_rng(number))
                path = tmp_path / f"{split}-{label}-{number}.png"
                Image.fromarray(picture).save(path)
                rows.append(
                    ManifestRow(
                        str(path),
                        label,
                        f"{split}/{label}",
                        number,
                        pair_id=f"{split}/0" if label else None,
                        group_id=split,
                        split=split,
                        crop_landmarks=tuple(map(tuple, points.tolist())),
                    )
                )
    return Manifest(rows)


def test_ln_tuning_of_the_real_tower(faces, weights_dir, tmp_path):
    from media_forensics.training.config import named_recipe

    config = named_recipe(
        "ln_l2_unal_slerp",
        backbone="vit-s14-dinov2-saliency",
        batch_size=4,
        epochs=2,
        sampling="paired",
        self_blend_probability=1.0,
    )
    seen = []
    result = fit(config, faces, tmp_path / "run", seen.append, device="cpu")
    assert (result.status, result.steps) == ("completed", 2)
    assert [r["crops"] for r in seen if r["kind"] == "step"] == [6, 6]  # two fresh self-blends
    tuned = load_detector(result.checkpoint, "cpu")
    norms = tuned.backbone.layer_norm_parameters()
    assert sum(p.numel() for p in norms.values()) == 19_200
    untouched = load_detector(result.checkpoint, "cpu").backbone
    assert untouched.sha256 == tuned.backbone.sha256
    from media_forensics.detector.model.backbone import load_backbone

    original = load_backbone("vit-s14-dinov2-saliency", "cpu").layer_norm_parameters()
    assert all(not torch.equal(p, original[name]) for name, p in norms.items())
    images = [np.asarray(Image.open(row.crop)) for row in faces.val]
    scores = tuned.score(images)
    assert np.isfinite(scores.p_fake).all()
    np.testing.assert_allclose(np.linalg.norm(scores.embeddings, axis=1), 1, atol=1e-5)
