"""Measures scoring as users call it, from PNG files and memory, against the lean bare tower."""

from __future__ import annotations

import contextlib
import itertools
import time
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import torch
from PIL import Image

from .bench import Bench
from .busy import Busy
from .clock import free
from .results import Results
from .towers import LeanTower, rates

BARE = "lean bare tower, fastest batch"
ROUNDS = 40  # over the files: more than any window holds


def measure(bench: Bench, out: Results) -> None:
    """Measure ``Detector.score``, ``score_crops`` and ``score_units``: rates and memory."""
    from media_forensics.detector.device import default_batch

    bare = out.attempt("lean bare tower", lambda: _bare(bench))
    detector = _loaded(bench, out)
    if bench.device.type == "cuda":
        torch.cuda.reset_peak_memory_stats(bench.device)
    usual = default_batch(bench.device)
    choices: list[int | None] = [None, *(b for b in bench.sizes.batches[1:] if b != usual)]
    for what, goal, rate_at in (
        ("Detector.score, arrays in memory", "memory", _memory(bench, detector)),
        ("score_crops as Score faces calls it, PNG files", "files", _files(bench, detector, True)),
        ("score_crops with threads, PNG files", "", _files(bench, detector, False)),
    ):
        found: dict[str, float] = {}
        for batch in choices if goal else choices[:1]:
            name = "default batch" if batch is None else f"batch {batch}"
            got = out.attempt(f"{what}, {name}", lambda b=batch, r=rate_at: r(b), 6.0)
            if got is not None:
                found[name] = got[0]
                out.add(f"{what}, {name}", got[0], "crops/s", BARE, bare, note=got[1])
        if found and goal:
            best = max(found, key=lambda name: found[name])
            out.add(f"{what}, the fastest ({best})", found[best], "crops/s", BARE, bare, goal)
    out.attempt("score_units", lambda: _units(bench, detector, bare, out), 6.0)
    if bench.device.type == "cuda":
        peak = torch.cuda.max_memory_allocated(bench.device) / 2**30
        held = torch.cuda.memory_allocated(bench.device) / 2**30
        out.add("memory of scoring, largest", peak, "GiB", note=f"{held:.1f} GiB when it is done")


def _loaded(bench: Bench, out: Results) -> Any:
    """Return the detector, loaded twice, so that the digests of its files are kept."""
    began = time.perf_counter()
    bench.detector()
    first = time.perf_counter() - began
    detector = bench.detector()
    second = time.perf_counter() - began - first
    note = "the second time; digests are kept of files older than a few seconds"
    out.add("load the detector", second, "s", "the first time", first, note=note)
    return detector


def _bare(bench: Bench) -> float:
    """Return the crops per second of the lean bare tower at its fastest batch."""
    sizes = bench.sizes
    lean = LeanTower(bench.tensors(), sizes.shape, bench.half, bench.device)
    shape = (max(sizes.batches), 3, sizes.shape.side, sizes.shape.side)
    x = torch.randn(shape, device=bench.device, dtype=bench.half)
    found = rates(bench, sizes.batches, lean, x)
    del lean, x
    free(bench.device)
    return max(found.values())


def _of(batch: int | None) -> dict[str, int]:
    """Return the arguments of a call, none for the default batch."""
    return {} if batch is None else {"batch_size": batch}


Rate = Callable[[int | None], tuple[float, str]]


def _memory(bench: Bench, detector: Any) -> Rate:
    """Return the timing of ``Detector.score``: one call over enough arrays to fill the window."""
    arrays: list[np.ndarray] = []

    def rate(batch: int | None) -> tuple[float, str]:
        if not arrays:
            for file in bench.crops[:512]:
                with Image.open(file) as image:
                    arrays.append(np.asarray(image))
        warm = max(bench.sizes.batches)
        detector.score(_repeated(arrays, warm), **_of(batch))
        began = time.perf_counter()
        detector.score(_repeated(arrays, 2 * warm), **_of(batch))
        guess = 2 * warm / (time.perf_counter() - began)
        count = max(2 * warm, int(guess * bench.sizes.window))
        with Busy(bench.device) as busy:
            began = time.perf_counter()
            detector.score(_repeated(arrays, count), **_of(batch))
            took = time.perf_counter() - began
        return count / took, busy.words

    return rate


def _repeated(items: list, count: int) -> list:
    return list(itertools.islice(itertools.cycle(items), count))


def _files(bench: Bench, detector: Any, as_operator: bool) -> Rate:
    """Return the timing of ``score_crops``: the files are repeated until the window is full.

    Args:
        as_operator: read files as *Score faces* does, not with the threads of a plain call
    """
    from media_forensics.detector.runners.crop_processes import decoder_for
    from media_forensics.detector.scoring.crop_scores import score_crops

    def rate(batch: int | None) -> tuple[float, str]:
        files = _repeated(bench.crops, ROUNDS * len(bench.crops))
        decode = decoder_for(detector.device, len(files)) if as_operator else None
        return steady(bench, score_crops(detector, files, decode=decode, **_of(batch)))

    return rate


def _units(bench: Bench, detector: Any, bare: float | None, out: Results) -> None:
    from media_forensics.detector.runners.score_units import FaceFile, ScoreUnit
    from media_forensics.detector.runners.score_videos import score_units

    files = _repeated(bench.crops, ROUNDS * len(bench.crops))
    units = []
    for start in range(0, len(files) - 31, 32):
        faces = tuple(FaceFile(n, 0, file) for n, file in enumerate(files[start : start + 32]))
        units.append(ScoreUnit(f"v{start}", "", faces))
    found, note = steady(bench, score_units(detector, units))
    what = "score_units, 32 crops a video, default batch"
    out.add(what, found, "crops/s", BARE, bare, note=note)


def steady(bench: Bench, results: Iterator[Any]) -> tuple[float, str]:
    """Return the crops per second over the window, and how busy the machine was.

    Results in the first quarter of the window after the first result do not count, because they
    were decoded while the workers started.

    Args:
        results: iterator of scores, each of some crops; closed when the window is full
    """
    window = bench.sizes.window
    began = time.perf_counter()
    seen = 0
    first = start = last = 0.0
    with Busy(bench.device) as busy, contextlib.closing(results):
        for found in results:
            if any(found.reasons):
                reason = next(filter(None, found.reasons))
                raise RuntimeError(f"a crop has no score: {reason}")
            now = time.perf_counter()
            first = first or now
            if start:
                seen, last = seen + len(found), now
            elif now - first >= window / 4:
                start = now
                busy.forget()
            if seen and now - start >= window:
                busy.hold()
                break
    if not seen:
        raise RuntimeError("fewer results came than a rate needs")
    return seen / (last - start), f"{busy.words}, first result after {first - began:.1f} s"
