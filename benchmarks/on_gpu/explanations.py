"""Measures heat maps: pictures a second, and their gap to the CPU's in float32."""

from __future__ import annotations

from typing import Any

import numpy as np

from .bench import Bench
from .clock import free, peak_bytes, seconds
from .material import pictures
from .results import Results


def measure(bench: Bench, out: Results) -> None:
    """Time :func:`explain` by both methods, in float32 and in half precision, and compare maps."""
    from media_forensics.detector.model.explain import METHODS, default_batch

    images = pictures(default_batch(bench.device))
    detector, exact = bench.detector(), bench.detector("cpu")
    for method in METHODS:
        out.attempt(f"explain, {method}", lambda m=method: _method(bench, out, detector, images, m))
        free(bench.device)
        out.attempt(
            f"explain, {method}: gap",
            lambda m=method: _gaps(bench, out, detector, exact, images[:2], m),
        )
        free(bench.device)


def _method(bench: Bench, out: Results, detector: Any, images: list, method: str) -> None:
    from media_forensics.detector.model.explain import explain

    found: dict[str, float] = {}
    for precision in ("fp32", _half(bench)):

        def once(precision: str = precision) -> None:
            list(explain(detector, images, method, precision=precision))

        used = peak_bytes(bench.device, once)
        found[precision] = len(images) / seconds(bench.device, once, bench.sizes.budget)
        note = f"batch {len(images)}"
        if used is not None:
            note += f", {used / 2**30 / len(images):.2f} GiB a picture"
        what = f"explain, {method}, {precision}"
        base = found["fp32"] if precision != "fp32" else None
        out.add(what, found[precision], "pictures/s", "fp32" if base else "", base, note=note)


def _half(bench: Bench) -> str:
    """Return the half precision that is compared: the default on a GPU; fast on a CPU."""
    return "fp16" if bench.device.type == "cuda" else "bf16"


def _gaps(bench: Bench, out: Results, detector: Any, exact: Any, images: list, method: str) -> None:
    from media_forensics.detector.model.explain import explain

    wanted = list(explain(exact, images, method))
    for precision in ("fp32", _half(bench)):
        maps = explain(detector, images, method, precision=precision)
        gap = max(float(np.abs(a - b).max()) for a, b in zip(maps, wanted, strict=True))
        what = f"explain, {method}, {precision}: largest gap of a map in [0, 1]"
        out.add(what, gap, against="CPU fp32")
