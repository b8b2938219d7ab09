"""Measures the tower alone, from pixels on the device to scores, against two other towers."""

from __future__ import annotations

import numpy as np
import torch

from .bench import Bench
from .clock import free
from .machine import product_rate
from .material import pictures
from .results import Results
from .towers import LeanTower, rates, transformers_tower


def measure(bench: Bench, out: Results) -> None:
    """Time ``Detector.score_pixels`` at each batch, and the two bare towers at the same batches."""
    device, sizes = bench.device, bench.sizes
    detector = bench.detector()
    preprocess = detector.backbone.preprocess
    few = preprocess.batch(pictures(8))
    most = max(sizes.batches)
    pixels = few.repeat(-(-most // len(few)), 1, 1, 1)[:most].to(device)
    ready = preprocess.normalize(pixels).to(bench.half)

    def whole() -> dict[int, float]:
        return rates(bench, sizes.batches, detector.score_pixels, pixels)

    def lean() -> dict[int, float]:
        bare = LeanTower(bench.tensors(), sizes.shape, bench.half, device)
        _same_features(detector, bare, pixels[:8], ready[:8], out)
        return rates(bench, sizes.batches, bare, ready)

    def others() -> dict[int, float]:
        model = transformers_tower(sizes.shape, device, bench.half)
        return rates(bench, sizes.batches, lambda x: model(pixel_values=x), ready)

    def asked(precision: str) -> dict[int, float]:
        return rates(
            bench, sizes.batches[-1:], lambda x: detector.score_pixels(x, precision), pixels
        )

    product = out.attempt("ceiling of the product", lambda: product_rate(bench))
    bare = out.attempt("lean bare tower", lean) or {}
    free(device)
    reference = out.attempt("transformers' tower", others) or {}
    free(device)
    ours = out.attempt("Detector.score_pixels", whole) or {}
    for batch, rate in bare.items():
        used = f"{rate * sizes.shape.flop / product:.2f} of the product" if product else ""
        out.add(f"lean bare tower, batch {batch}", rate, "crops/s", note=used)
    name = f"transformers, {bench.half_name} weights"
    for batch, rate in ours.items():
        what = f"Detector.score_pixels, batch {batch}"
        out.add(what, rate, "crops/s", "lean bare tower", bare.get(batch))
        out.add(what, rate, "crops/s", name, reference.get(batch))
    if ours and reference:
        out.add(
            "Detector.score_pixels, fastest batch",
            max(ours.values()),
            "crops/s",
            f"{name}, fastest batch",
            max(reference.values()),
            goal="tower",
        )
    for precision in ("bf16", "fp16", "fp32"):
        if device.type == "cpu" and precision == "fp16":
            continue  # emulated
        for batch, rate in (
            out.attempt(f"in {precision}", lambda p=precision: asked(p)) or {}
        ).items():
            what = f"Detector.score_pixels in {precision}, batch {batch}"
            out.add(what, rate, "crops/s", "its default precision", ours.get(batch))


def _same_features(
    detector, bare: LeanTower, pixels: torch.Tensor, ready: torch.Tensor, out: Results
) -> None:
    """Add a row that shows that the baseline computes the same features."""
    wanted = detector.score_pixels(pixels, "fp32").embeddings
    found = torch.nn.functional.normalize(bare(ready).double(), dim=1).cpu().numpy()
    out.add("lean bare tower: its features beside ours", degrees(wanted, found), "°")


def degrees(a: np.ndarray, b: np.ndarray) -> float:
    """Return the largest angle in degrees between unit vectors of equal rows."""
    gap = np.linalg.norm(a.astype(np.float64) - b.astype(np.float64), axis=1)
    return float(np.degrees(2 * np.arcsin(np.clip(gap / 2, 0, 1))).max())
