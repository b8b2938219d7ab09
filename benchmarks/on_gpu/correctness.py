"""Checks that the GPU computes what the CPU does: scores, gradients, landmarks, crops."""

from __future__ import annotations

import copy
import math
from pathlib import Path
from typing import Any

import numpy as np
import torch
from PIL import Image

from .bench import Bench
from .clock import free
from .extraction import recipe, records, require_weights
from .material import pictures
from .results import Results
from .tower import degrees

CPU = "CPU fp32"


def measure(bench: Bench, out: Results) -> None:
    """Compare scores, gradients and extraction on the device with the CPU in fp32."""
    out.attempt("scores", lambda: _scores(bench, out), 8.0)
    free(bench.device)
    out.attempt("gradients", lambda: _gradients(bench, out), 8.0)
    free(bench.device)
    out.attempt("crops", lambda: _crops(bench, out), 8.0)


def _scores(bench: Bench, out: Results) -> None:
    images = pictures(bench.sizes.pictures)
    exact, detector = bench.detector("cpu"), bench.detector()
    features = torch.from_numpy(exact.score(images, precision="fp32").embeddings)
    _spread(features, exact.head, detector.head)
    with torch.no_grad():
        wanted = exact.classify(features)[0].softmax(1)[:, 1].numpy()
    span = np.percentile(wanted, [0, 50, 100])
    note = "p_fake on the CPU: least {:.2f}, median {:.2f}, most {:.2f}".format(*span)
    out.add("pictures compared", len(images), "pictures", note=note)
    asked = [("fp32", "fp32"), (None, "half"), ("bf16", ""), ("fp16", "")]
    for precision, goal in asked:
        if bench.device.type == "cpu" and precision == "fp16":
            continue  # emulated
        found = detector.score(images, precision=precision)
        gap = float(np.abs(found.p_fake - wanted).max())
        angle = degrees(found.embeddings, features.numpy())
        what = f"{precision or 'default precision'}: largest gap of p_fake"
        out.add(what, gap, against=CPU, goal=goal, note=f"features off by up to {angle:.2g}°")
    whole = detector.score(images, batch_size=len(images)).p_fake
    gaps = [np.abs(detector.score(images, batch_size=b).p_fake - whole).max() for b in (1, 5)]
    out.add("default precision: batches of 1 and 5 beside one", float(max(gaps)))
    out.attempt("files", lambda: _files(bench, detector, out))


def _spread(z: torch.Tensor, *heads: torch.nn.Linear) -> None:
    """Give the heads margins that spread over the unit features ``z`` (deviation 2)."""
    centre = z.mean(0)
    axis = torch.linalg.svd(z - centre, full_matrices=False)[2][0]
    axis = axis * (2.0 / ((z - centre) @ axis).std())
    for head in heads:
        with torch.no_grad():
            head.weight.copy_(torch.stack([-axis, axis]) / 2)
            head.bias.copy_(torch.stack([centre @ axis, -(centre @ axis)]) / 2)


def _files(bench: Bench, detector: Any, out: Results) -> None:
    from media_forensics.detector.scoring.crop_scores import score_crops

    files = bench.crops[:40]
    arrays = []
    for file in files:
        with Image.open(file) as image:
            arrays.append(np.asarray(image))
    direct = detector.score(arrays).p_fake
    found = np.concatenate([batch.p_fake for batch in score_crops(detector, files)])
    out.add("score_crops beside Detector.score", float(np.abs(found - direct).max()))


def _gradients(bench: Bench, out: Results) -> None:
    """Compare the LayerNorms' gradients for one batch, as one vector."""
    from media_forensics.training.config import TrainConfig
    from media_forensics.training.step import backward_on_pixels
    from media_forensics.training.trained import new_detector, step_tower, trainable

    side = bench.sizes.shape.side
    generator = torch.Generator().manual_seed(3)
    pixels = torch.randint(0, 256, (8, 3, side, side), dtype=torch.uint8, generator=generator)
    labels = torch.arange(8) % 2

    def gradient(detector: Any, precision: str) -> torch.Tensor:
        config = TrainConfig(backbone=bench.tower, precision=precision, batch_size=8)
        trainable(detector, config)
        detector.zero_grad(set_to_none=True)
        tower = step_tower(detector, config)
        backward_on_pixels(detector, tower, pixels, labels, config, torch.Generator())
        norms = detector.backbone.layer_norm_parameters()
        parts = [p.grad.flatten().float().cpu() for _, p in sorted(norms.items())]
        return torch.cat(parts)

    exact = new_detector(TrainConfig(backbone=bench.tower), torch.device("cpu"))
    wanted = gradient(exact, "fp32")
    detector = copy.deepcopy(exact).to(bench.device)
    for precision in ("fp32", "bf16"):
        found = gradient(detector, precision)
        gap = float((found - wanted).norm() / wanted.norm())
        cosine = float(torch.nn.functional.cosine_similarity(found, wanted, dim=0))
        what = f"LayerNorm gradients in {precision}: relative gap"
        out.add(what, gap, against=CPU, note=f"cosine {cosine:.6f}, batch 8")


def _crops(bench: Bench, out: Results) -> None:
    """Compare the same clips extracted on both devices."""
    require_weights(bench)
    chosen = list(records(bench, 1))
    wanted = _extracted(bench, chosen, "cpu")
    found = _extracted(bench, chosen, str(bench.device))
    both = wanted.keys() & found.keys()
    if not both:
        raise RuntimeError(f"{len(wanted)} faces on the CPU, {len(found)} on the device")
    marks = max(float(np.abs(found[key][0] - wanted[key][0]).max()) for key in both)
    levels = max(float(np.abs(found[key][1] - wanted[key][1]).max()) for key in both)
    odd = len(wanted.keys() ^ found.keys())
    if odd:  # a face found on one device only is not a small gap
        marks = levels = math.inf
    note = f"{len(both)} faces of {len(chosen)} clips; {odd} on one device only"
    out.add("landmarks: largest gap", marks, "px", CPU, goal="landmarks", note=note)
    out.add("crops: largest gap", levels, "grey levels", CPU, goal="crops", note=note)


def _extracted(
    bench: Bench, chosen: list[Any], device: str
) -> dict[tuple[str, int, int], tuple[np.ndarray, np.ndarray]]:
    """Return landmarks and pixels of each crop by video, frame and face."""
    from dataclasses import replace

    from media_forensics.detector.runners.extract import extract_videos

    root = bench.folder / f"crops-on-{device.replace(':', '-')}"
    if root.exists():  # with --small both devices are the CPU
        root = Path(f"{root}-again")
    few = replace(recipe(bench), count=min(8, bench.sizes.faces))
    results: dict[tuple[str, int, int], tuple[np.ndarray, np.ndarray]] = {}
    for found in extract_videos(chosen, few, root, device=device):
        for frame, face in found.crops:
            with Image.open(root / found.recipe_hash / str(face.crop)) as image:
                pixels = np.asarray(image).astype(np.int16)
            key = found.video_id, frame.index, face.face_index
            results[key] = np.array(face.landmarks, np.float64), pixels
    return results
