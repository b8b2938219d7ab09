"""Measures the LN step against transformers and PEFT, and whole epochs against the step."""

from __future__ import annotations

import itertools
import time
from dataclasses import dataclass
from typing import Any

import torch

from .bench import Bench
from .busy import Busy
from .clock import free, peak_bytes, seconds
from .machine import product_rate
from .results import NotMeasured, Results
from .steps import Step, own_step, peft_step


@dataclass(frozen=True, slots=True)
class StepCost:
    """Pictures per second, and GiB beyond the model (None on a CPU)."""

    rate: float
    memory: float | None


def measure(bench: Bench, out: Results) -> None:
    """Time steps at each batch that fits, then ``fit`` at the largest."""
    product = out.attempt("ceiling of the product", lambda: product_rate(bench))
    ours = out.attempt("LN step", lambda: _costs(bench, _own(bench)), 8.0) or {}
    free(bench.device)
    reference = out.attempt("transformers and PEFT", lambda: _costs(bench, _peft(bench)), 8.0) or {}
    free(bench.device)
    both = [batch for batch in ours if batch in reference]
    against = f"transformers + PEFT, {_precision(bench)}"
    for batch, cost in ours.items():
        base = reference.get(batch)
        judged = batch == (both[-1] if both else None)
        used = ""
        if product:
            share = cost.rate * 2 * bench.sizes.shape.flop / product
            used = f"{share:.2f} of the product (forward, and back to the activations)"
        out.add(
            f"LN step, batch {batch}",
            cost.rate,
            "img/s",
            against,
            base.rate if base else None,
            "step" if judged else "",
            used,
        )
        if cost.memory is not None:
            out.add(
                f"LN step, batch {batch}: memory over the model",
                cost.memory,
                "GiB",
                against,
                base.memory if base else None,
                "step memory" if judged else "",
            )
    if ours:
        batch = max(ours)
        out.attempt("autocast", lambda: _beside_autocast(bench, batch, ours[batch], out), 6.0)
        free(bench.device)
        out.attempt("fit", lambda: _epochs(bench, batch, ours[batch].rate, out), 12.0)


def _precision(bench: Bench) -> str:
    """Return the precision of the baseline's autocast."""
    return bench.half_name if bench.device.type == "cuda" else "fp32"


def _config(bench: Bench, **more: Any) -> Any:
    from media_forensics.training.config import TrainConfig

    return TrainConfig(backbone=bench.tower, learning_rate=1e-4, **more)


def _own(bench: Bench) -> Step:
    from media_forensics.training.trained import new_detector

    config = _config(bench)
    return own_step(new_detector(config, bench.device), config)


def _beside_autocast(bench: Bench, batch: int, ours: StepCost, out: Results) -> None:
    """Compare the tower that keeps bf16 weights with the same tower under autocast."""
    from media_forensics.training.step import precision_of
    from media_forensics.training.trained import new_detector, weights_of

    config = _config(bench, precision="bf16" if bench.small else "auto")
    detector = new_detector(config, bench.device)
    if precision_of(config, bench.device) == "fp32" or weights_of(detector, config) == "fp32":
        raise NotMeasured("steps run in fp32 here")
    if bench.small:  # elsewhere it is what was timed before
        ours = _costs(bench, own_step(detector, config), (batch,))[batch]
        detector = new_detector(config, bench.device)
    cast = _costs(bench, own_step(detector, config, under_autocast=True), (batch,))[batch]
    against = "the same tower with fp32 weights, under autocast"
    what = f"LN step with bf16 weights, batch {batch}"
    note = "the weights in bf16 count as model"
    out.add(what, ours.rate, "img/s", against, cast.rate)
    if ours.memory is not None:
        out.add(f"{what}: memory", ours.memory, "GiB", against, cast.memory, note=note)


def _peft(bench: Bench) -> Step:
    return peft_step(bench.sizes.shape, bench.device, _precision(bench))


def _costs(bench: Bench, step: Step, batches: tuple[int, ...] = ()) -> dict[int, StepCost]:
    """Return the cost of a step at each batch, up to what fits into memory."""
    device, side = bench.device, bench.sizes.shape.side
    found: dict[int, StepCost] = {}
    for batch in batches or bench.sizes.train_batches:
        generator = torch.Generator().manual_seed(batch)
        shape = (batch, 3, side, side)
        pixels = torch.randint(0, 256, shape, dtype=torch.uint8, generator=generator)
        labels = torch.arange(batch) % 2
        if device.type == "cuda":
            pixels, labels = pixels.pin_memory(), labels.pin_memory()

        def once(pixels: torch.Tensor = pixels, labels: torch.Tensor = labels) -> None:
            step(pixels, labels)

        try:
            once()  # the first step allocates the optimiser's moments
            used = peak_bytes(device, once)
            rate = batch / seconds(device, once, 2 * bench.sizes.budget)
        except torch.cuda.OutOfMemoryError:
            if not found:
                raise
            break
        found[batch] = StepCost(rate, None if used is None else used / 2**30)
    return found


def manifest_of(bench: Bench, train: int, val: int) -> Any:
    """Return a manifest of crops: every second video is fake, validation has separate groups."""
    from media_forensics.training.manifest import Manifest, ManifestRow

    rows = []
    for number, crop in enumerate(bench.crops[: train + val]):
        label = number % 2
        rows.append(
            ManifestRow(
                crop=crop,
                label=label,
                video_id=f"v{number // 4 * 2 + label}",
                frame_number=number // 2,
                group_id=f"g{number // 4}",
                split="train" if number < train else "val",
                method="swap" if label else "original",
                recipe_hash="benchmark",
            )
        )
    return Manifest(rows)


def _epochs(bench: Bench, batch: int, bare: float, out: Results) -> None:
    """Run ``fit`` over a few epochs, measured by its records and the clock."""
    from media_forensics.training.loop import fit

    sizes = bench.sizes
    # Fewer crops on a slow card, so that an epoch takes seconds.
    train = min(sizes.train, max(4 * batch, round(4 * bare / batch) * batch))
    val = max(8, sizes.val * train // sizes.train)
    seen: list[tuple[float, dict[str, Any]]] = []
    config = _config(bench, batch_size=batch, epochs=sizes.epochs, patience=0)
    with Busy(bench.device) as busy:

        def note(record: dict[str, Any]) -> None:
            seen.append((time.perf_counter(), record))
            if record["kind"] == "epoch" and record["epoch"] == 0:
                busy.forget()  # what comes before is measured on its own
            elif record["kind"] == "end":
                busy.hold()

        fit(
            config,
            manifest_of(bench, train, val),
            bench.folder / "fit",
            note,
            should_stop=lambda: out.left() < 4,
            device=str(bench.device),
        )
    began = next(at for at, record in seen if record["kind"] == "start")
    ends = [at for at, record in seen if record["kind"] == "epoch"]
    steps = [(at, record) for at, record in seen if record["kind"] == "step"]
    if not ends:
        raise RuntimeError("no epoch was done in the time")
    against = f"the step alone, batch {batch}"
    first = sum(record["crops"] for at, record in steps if at < ends[0])
    note = "decodes, fills the cache, starts the workers"
    out.add("fit: the first epoch", first / (ends[0] - began), "img/s", against, bare, note=note)
    if len(ends) > 1:
        later = sum(record["crops"] for at, record in steps if ends[0] < at < ends[-1])
        note = f"{train} crops and validation of {val}; {busy.words}"
        rate = later / (ends[-1] - ends[0])
        out.add("fit: whole epochs after it", rate, "img/s", against, bare, "epoch", note)
    inside = [
        (record["crops"], at - before)
        for (before, former), (at, record) in itertools.pairwise(steps)
        if former["epoch"] == record["epoch"]
    ]
    if inside:
        rate = sum(crops for crops, _ in inside) / sum(took for _, took in inside)
        out.add("fit: steps inside an epoch", rate, "img/s", against, bare)
