"""Fits the head of the demonstration detector, on a tower that is read before its last blocks.

The LayerNorms of the last blocks are set to zero, so each of these blocks adds a constant, and the
class token of the block before them is what the head reads. On the training people that token tells
manipulated faces from real ones better than the last one, whose blocks were trained for salience.
The head is a logistic regression on unit features.
"""

from __future__ import annotations

import warnings
from pathlib import Path
from typing import Any

import numpy as np
import torch
from demo_material import Faces
from demo_steps import TOWER
from media_forensics.detector.metrics.calibration import fit_calibration
from media_forensics.detector.model.backbone import load_backbone
from media_forensics.detector.model.checkpoints import save_detector
from media_forensics.detector.model.detector import Detector
from media_forensics.training import runs
from media_forensics.training.batches.crop_cache import CropCache
from media_forensics.training.leaks import unit_names
from media_forensics.training.manifest import Manifest, ManifestRow
from media_forensics.training.retrained_head import HeadConfig, fit_head, judge, video_rows
from media_forensics.training.validate import embed_rows, judge as validate
from sklearn.exceptions import ConvergenceWarning
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import log_loss

SKIPPED = 2  # blocks at the end
FIRST_STEPS = 5  # of the fit, which the record keeps
# Both were chosen by AUROC out of fold over the training people.
CONFIG = HeadConfig(detector=TOWER, c=3000.0, folds=5, seed=42, name="demo_head")


def untrained(key: str) -> Detector:
    """Return the tower with its last blocks switched off, and a head that is to be fitted."""
    detector = Detector(load_backbone(TOWER, "cpu"), normalize=True, key_name=key)
    blocks = detector.backbone.visual.transformer.resblocks
    with torch.no_grad():
        for block in blocks[len(blocks) - SKIPPED :]:
            for norm in (block.ln_1, block.ln_2):
                norm.weight.zero_()
                norm.bias.zero_()
    return detector


def first_steps(vectors: np.ndarray, label: np.ndarray, config: HeadConfig) -> list[dict[str, Any]]:
    """Return the loss and the length of the weights after each of the fit's first steps."""
    found = []
    for step in range(1, FIRST_STEPS + 1):
        model = LogisticRegression(C=config.c, max_iter=step)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", ConvergenceWarning)  # that is what is asked for
            model.fit(vectors, label)
        loss = log_loss(label, model.predict_proba(vectors)[:, 1])
        found.append({"step": step, "loss": loss, "weights": float(np.linalg.norm(model.coef_))})
    return found


def _embedded(detector: Detector, rows: list[ManifestRow]) -> np.ndarray:
    """Return the unit features (N, D) float64 of all rows."""
    features, _, unreadable = embed_rows(detector, rows, CropCache(1.0))
    assert not unreadable, unreadable
    return torch.nn.functional.normalize(features.double(), dim=1).numpy()


def train(
    manifest: Manifest, faces: Faces, folder: Path, key: str, config: HeadConfig = CONFIG
) -> list[dict[str, Any]]:
    """Fit a head on the training rows, judge it, and save the detector; return its first steps."""
    detector, rows = untrained(key), manifest.train
    vectors = _embedded(detector, rows)
    label = np.array([row.label for row in rows])
    group = np.array(unit_names(rows))
    head = fit_head(vectors, label, group, config)
    # On people that it has not seen the fit is too sure; out of fold that can be measured.
    too_sure = fit_calibration(label, head.p_fake, "temperature", {}, head.margin).parameters[0]
    with torch.no_grad():
        detector.head.weight.copy_(torch.from_numpy(head.weight / too_sure))
        detector.head.bias.copy_(torch.from_numpy(head.bias / too_sure))
    video = np.array([row.video_id for row in rows])
    features, index, _ = embed_rows(detector, manifest.val, CropCache(1.0))
    training = {
        "config": config.to_json(),
        "config_hash": config.hash,
        "skipped_blocks": SKIPPED,
        "temperature": too_sure,
        "manifest_sha256": manifest.sha256,
        "crop_recipe_hash": faces.recipe.hash,
        "code_sha256": runs.code_sha256(),
        "out_of_fold": judge(video_rows(head.margin, label, group, video)),
        "validation": validate(detector, features, index, manifest.val).to_json(),
    }
    save_detector(detector, folder, {"crop_recipe": faces.recipe.to_json(), "training": training})
    return first_steps(vectors, label, config)


def repeated(manifest: Manifest, key: str, config: HeadConfig = CONFIG) -> list[dict[str, Any]]:
    """Return only the first steps of the fit."""
    rows = manifest.train
    vectors = _embedded(untrained(key), rows)
    return first_steps(vectors, np.array([row.label for row in rows]), config)
