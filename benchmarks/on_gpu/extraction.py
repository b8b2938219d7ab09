"""Measures extraction of clips to crops with all cores, against one core's rate times the cores."""

from __future__ import annotations

import itertools
import multiprocessing
import shutil
import tempfile
import time
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psutil

from .bench import Bench
from .busy import Busy
from .machine import cores
from .results import NotMeasured, Results


@dataclass(frozen=True, slots=True)
class OneCore:
    """Rates of one core: faces a second with the GPU's help, and frames a second decoded only."""

    faces: float
    frames: float


def measure(bench: Bench, out: Results) -> None:
    """Measure one core's rate in a process limited to it, then the whole machine's rate."""
    count = cores()
    one = out.attempt("extraction on one core", lambda: _pinned(bench, out.left()), 20.0)
    if one is not None:
        out.add("extraction, one process on one core", one.faces, "faces/s")
        note = f"times {count} cores: {one.frames * count:,.0f}; nothing that decodes is faster"
        out.add("the same frames decoded only, one core", one.frames, "frames/s", note=note)
    least = one.frames if one is not None else None
    out.attempt("decoding on the GPU", lambda: _on_gpu(bench, least, out), 10.0)
    base = one.faces * count if one is not None else None
    out.attempt("extraction with all cores", lambda: _all_cores(bench, base, out), 15.0)


def records(bench: Bench, rounds: int | None = None) -> Iterator[Any]:
    """Yield records of the clips, each with a new id, round after round."""
    from media_forensics.detector.records import VideoRecord

    clips = bench.clips
    if not clips:
        raise NotMeasured("there are no clips")
    for number in itertools.count() if rounds is None else range(rounds):
        for clip in clips:
            yield VideoRecord(f"benchmark/{number:04d}-{clip.stem}", str(clip), 0, "benchmark")


def recipe(bench: Bench) -> Any:
    """Return the project's default recipe; only the number of crops depends on the sizes."""
    from media_forensics.detector.records import CropRecipe

    return CropRecipe(count=bench.sizes.faces)


def require_weights(bench: Bench) -> None:
    """Check that the face detector can be loaded.

    Raises:
        NotMeasured: its weights are not on this machine
    """
    from media_forensics.detector.errors import ForensicsError
    from media_forensics.detector.faces.detectors import load_face_detector

    try:
        load_face_detector(recipe(bench).detector, device="cpu")
    except ForensicsError as error:
        raise NotMeasured(f"no face detector: {error.message}") from error


def _pinned(bench: Bench, seconds: float) -> OneCore:
    """Run :func:`one_core` in a process that may use only one core."""
    require_weights(bench)
    here = psutil.Process()
    if not hasattr(here, "cpu_affinity"):
        raise NotMeasured("the baseline is not measured: this system binds no process to a core")
    mine = here.cpu_affinity()
    with ProcessPoolExecutor(1, multiprocessing.get_context("spawn")) as pool:
        here.cpu_affinity(mine[-1:])  # inherited by the process that starts now
        try:
            future = pool.submit(one_core, bench, seconds / 2)
        finally:
            here.cpu_affinity(mine)
        return future.result(seconds)


def one_core(bench: Bench, seconds: float) -> OneCore:
    """Return the rates over whole rounds of the clips, after a first round to warm up."""
    import torch
    from media_forensics.detector.runners.extract import extract_videos

    torch.set_num_threads(1)
    here = recipe(bench)
    began = time.perf_counter()
    folder = tempfile.mkdtemp(dir=bench.folder)
    results = extract_videos(
        list(records(bench, 500)), here, folder, workers=0, device=str(bench.device)
    )
    start, faces = 0.0, 0
    for number, found in enumerate(results, start=1):
        if not found.crops:
            raise RuntimeError(f"no face in {found.video_id}: {found.detail or found.reason}")
        faces += len(found.crops) if start else 0
        if number % len(bench.clips):
            continue
        now = time.perf_counter()
        if not start:
            start = now
        elif now - start >= bench.sizes.window * 2 or now - began >= seconds:
            break
    rate = faces / (time.perf_counter() - start)
    results.close()
    shutil.rmtree(folder, ignore_errors=True)
    return OneCore(rate, _decoded(bench, "software"))


def _decoded(bench: Bench, decoder: str) -> float:
    """Return the frames per second of decoding what the recipe chooses, in this process.

    Raises:
        NotMeasured: ``decoder`` does not decode a clip
    """
    from media_forensics.detector.frames.sampling import choose_frames
    from media_forensics.detector.frames.sources import open_source

    here = recipe(bench)
    decoded, began = 0, time.perf_counter()
    for clip in bench.clips:
        source = open_source(clip, threads=1, decoder=decoder)
        if source.info.decoder not in ("", decoder):
            raise NotMeasured(f"{clip.stem}: {source.info.decoder}")
        wanted = choose_frames(len(source.numbers), here.count, here.sampling)
        decoded += sum(frame.image is not None for frame in source.read(wanted))
    return decoded / (time.perf_counter() - began)


def _on_gpu(bench: Bench, base: float | None, out: Results) -> None:
    """Decode the same frames on the GPU, the check of each file's first frames included."""
    from media_forensics.detector.errors import ForensicsError
    from media_forensics.detector.frames.decoders import require_decoder

    try:
        require_decoder("cuda")
    except ForensicsError as error:
        raise NotMeasured(error.message) from error
    what = "the same frames decoded by the GPU, one process"
    out.add(what, _decoded(bench, "cuda"), "frames/s", "one core", base)


def _all_cores(bench: Bench, base: float | None, out: Results) -> None:
    from media_forensics.detector.runners.extract import extract_videos

    require_weights(bench)
    count = cores()
    window = bench.sizes.window * 3
    folder = Path(tempfile.mkdtemp(dir=bench.folder))
    began = time.perf_counter()
    ends = began + out.left() - 6
    stop = False
    first = start = last = 0.0
    done = faces = 0
    with Busy(bench.device) as busy:
        results = extract_videos(
            list(records(bench, 500)),
            recipe(bench),
            folder,
            workers=count,
            device=str(bench.device),
            should_stop=lambda: stop or time.perf_counter() > ends,
        )
        for found in results:
            now = time.perf_counter()
            done += 1
            if not first:
                first = now - began
            if start:
                faces, last = faces + len(found.crops), now
                stop = stop or now - start >= window
            elif done >= 2 * count:  # every process has started and finished a clip
                start = now
                busy.forget()
            if stop:
                break
        busy.hold()
        results.close()
    shutil.rmtree(folder, ignore_errors=True)
    out.add("extraction, seconds to the first result", first or None, "s", goal="first")
    if not faces:
        raise RuntimeError(f"only {done} clips were done in the time")
    what = f"extraction, {count} processes, {bench.sizes.heights[0]}p to {bench.sizes.heights[-1]}p"
    against = f"one core x {count}"
    out.add(what, faces / (last - start), "faces/s", against, base, "extraction", busy.words)
    share = max(busy.cpu, busy.gpu or 0.0)
    out.add("extraction, the busier of GPU and cores", share, "of the time", goal="busy")
