"""Counts how often the host waits for the GPU in the loops of scoring, training and detection."""

from __future__ import annotations

import warnings
from collections.abc import Callable

import torch

from .bench import Bench
from .clock import free, wait_for
from .material import pictures
from .results import NotMeasured, Results


def measure(bench: Bench, out: Results) -> None:
    """Count the waits of one batch of scores, one LN step and one batch of frames."""
    out.attempt("waits of a batch of scores", lambda: _scores(bench, out))
    free(bench.device)
    out.attempt("waits of an LN step", lambda: _step(bench, out))
    free(bench.device)
    out.attempt("waits of a batch of frames", lambda: _faces(bench, out))


def waits(device: torch.device, call: Callable[[], object]) -> list[str]:
    """Return what torch says about each wait of the host within the second call.

    A wait for an event is none: it ends when its own batch does, whatever is queued behind.

    Raises:
        NotMeasured: the device is not a GPU
    """
    call()
    wait_for(device)
    if device.type != "cuda":
        raise NotMeasured("only a GPU is waited for; on a CPU the tests count the calls")
    with warnings.catch_warnings(record=True) as said:
        warnings.simplefilter("always")
        torch.cuda.set_sync_debug_mode("warn")
        try:
            call()
        finally:
            torch.cuda.set_sync_debug_mode("default")
    wait_for(device)
    return [f"{w.filename.rpartition('/')[2]}:{w.lineno}" for w in said if _is_wait(w)]


def _is_wait(said: warnings.WarningMessage) -> bool:
    return "synchronizing CUDA operation" in str(said.message)


def _added(out: Results, what: str, found: list[str], goal: str) -> None:
    out.add(f"{what}: waits", float(len(found)), goal=goal, note=", ".join(sorted(set(found))))


def _scores(bench: Bench, out: Results) -> None:
    from media_forensics.detector.scoring.crop_scores import score_crops

    detector, batch = bench.detector(), bench.sizes.batches[0]
    files = bench.crops[: 4 * batch]
    found = waits(bench.device, lambda: list(score_crops(detector, files, batch)))
    _added(out, "four batches of scores from files", found, "batch waits")


def _step(bench: Bench, out: Results) -> None:
    from media_forensics.training.config import TrainConfig
    from media_forensics.training.step import backward_on_pixels, gradient_norm
    from media_forensics.training.trained import new_detector, step_tower, trainable

    config = TrainConfig(backbone=bench.tower, slerp=True)
    detector = new_detector(config, bench.device)
    tower, head = trainable(detector, config)
    forward = step_tower(detector, config)
    batch, side = bench.sizes.train_batches[0], bench.sizes.shape.side
    pixels = torch.zeros((batch, 3, side, side), dtype=torch.uint8)
    labels = torch.arange(batch) % 2
    if bench.device.type == "cuda":
        pixels, labels = pixels.pin_memory(), labels.pin_memory()

    def once() -> None:
        terms = backward_on_pixels(detector, forward, pixels, labels, config, torch.Generator())
        terms.read(gradient_norm([*tower, *head.parameters()]))

    _added(out, "an LN step with slerp", waits(bench.device, once), "step waits")


def _faces(bench: Bench, out: Results) -> None:
    from media_forensics.detector.faces.detectors import load_face_detector

    from .extraction import recipe, require_weights

    require_weights(bench)
    detector = load_face_detector(recipe(bench).detector, str(bench.device))
    frames = pictures(4, side=256)
    found = waits(bench.device, lambda: detector.detect(frames))
    _added(out, "a batch of four frames", found, "face waits")
