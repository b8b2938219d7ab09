"""Measures a compiled tower and one recorded as a CUDA graph against the tower as it is."""

from __future__ import annotations

import time

import numpy as np
import torch

from .bench import Bench
from .clock import free
from .material import pictures
from .results import NotMeasured, Results
from .towers import rates


def measure(bench: Bench, out: Results) -> None:
    """Time each engine at a small and at the default batch, after its preparation."""
    from media_forensics.detector.device import ENGINES, default_batch

    detector = bench.detector()
    usual = min(default_batch(bench.device), max(bench.sizes.batches))
    most = max(usual, bench.sizes.batches[0])
    few = detector.backbone.preprocess.batch(pictures(8))
    pixels = few.repeat(-(-most // len(few)), 1, 1, 1)[:most].to(bench.device)
    plain: dict[int, float] = {}
    exact = detector.score_pixels(pixels[:8])
    for name in ENGINES:
        for batch in (bench.sizes.batches[0], usual):
            what = f"engine {name}, batch {batch}"
            found = out.attempt(what, lambda n=name, b=batch: _one(bench, detector, n, b, pixels))
            free(bench.device)
            if found is None:
                continue
            rate, took, margins = found
            plain.setdefault(batch, rate)
            gap = float(np.abs(margins - exact.margin).max())
            note = f"prepared in {took:.0f} s, margins off by up to {gap:.1g}"
            out.add(what, rate, "crops/s", "eager", plain[batch], note=note)
    detector.use_engine("eager")


def _one(
    bench: Bench, detector, name: str, batch: int, pixels: torch.Tensor
) -> tuple[float, float, np.ndarray]:
    """Return crops per second, the seconds of the preparation, and margins of eight pictures."""
    from media_forensics.detector.errors import ForensicsError
    from media_forensics.detector.model.engines import require_engine

    try:
        require_engine(name, bench.device.type)
    except ForensicsError as error:
        raise NotMeasured(error.message) from error
    began = time.perf_counter()
    detector.use_engine(name, batch)
    took = time.perf_counter() - began
    rate = rates(bench, (batch,), detector.score_pixels, pixels)[batch]
    return rate, took, detector.score_pixels(pixels[:8]).margin
