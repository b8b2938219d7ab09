#!/usr/bin/env python3
"""Measures a training step of LN-tuning against the same step written in the reference way.

The reference is built like the papers' code: transformers' CLIPVisionModel, PEFT's LNTuningConfig,
autograd's defaults. Shape, batch, losses, threads and precision are the same, with random weights
(time and memory do not depend on them). Rounds of both alternate in one process, and the fastest of
each counts, because other load on a machine only adds time. Peak memory over the loaded model is
measured in a separate process for each. ``loop`` compares the step fed from crop files, decoded and
augmented, with the step on pixels that are ready.

    python benchmarks/train.py --model ViT-L-14-quickgelu --batch 4
    python benchmarks/train.py --device cuda --batch 128 --precision bf16 --peak-tflops 989
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import subprocess
import sys
import tempfile
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "_mount"))
sys.path.insert(0, str(Path(__file__).resolve().parent))

import numpy as np
import torch
from media_forensics.detector.model.detector import Detector
from media_forensics.training.batches.data import (
    CropCache,
    PixelLoader,
    TrainingCrops,
    worker_count,
)
from media_forensics.training.config import TrainConfig
from media_forensics.training.manifest import ManifestRow
from on_gpu.sizes import TowerShape
from on_gpu.steps import Step, own_step, peft_step
from PIL import Image
from score import tower as random_tower


def main() -> int:
    """Print the ratios; return 1 if one misses its bound."""
    args = arguments()
    torch.set_num_threads(args.threads)
    if args.memory_of:
        print(json.dumps(peak_memory(args)))
        return 0
    pixels, labels = batch_of(args)
    steps: dict[str, Step] = {"ours": ours(args)[0]}
    if not args.skip_reference:
        steps["reference"] = reference(args)
    best = fastest(steps, pixels, labels, args)
    print(f"{platform.processor() or platform.machine()}, {args.threads} threads, {args.model}, ")
    print(f"batch {args.batch}, {args.precision}, {args.device}")
    for name, seconds in best.items():
        print(f"  {name:<10} {seconds:8.3f} s a step, {args.batch / seconds:8.2f} crops/s")
    good = True
    if "reference" in best:
        ratio = best["ours"] / best["reference"]
        print(f"time: {ratio:.3f} of the reference (bound {args.time_at_most})")
        good &= ratio <= args.time_at_most
        memory = {name: memory_apart(name, args) for name in best}
        ratio = memory["ours"] / memory["reference"]
        each = ", ".join(f"{name} {value / 2**20:.0f} MiB" for name, value in memory.items())
        print(f"peak memory over the model: {ratio:.3f} ({each}; bound {args.memory_at_most})")
        good &= ratio <= args.memory_at_most
    ratio = loop_ratio(args)
    print(f"loop: {ratio:.3f} of the step alone (bound {args.loop_at_least})")
    good &= ratio >= args.loop_at_least
    if args.peak_tflops:
        # Forward, and backward to the activations: frozen weights need no gradient.
        used = 2 * shape_of(args).flop * args.batch / best["ours"] / 1e12
        print(f"model FLOP utilisation: {used / args.peak_tflops:.3f} ({used:.0f} TFLOP/s)")
    return 0 if good else 1


def arguments() -> argparse.Namespace:
    """Parse the command line."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("--model", default="ViT-L-14-quickgelu", help="of open_clip")
    parser.add_argument("--batch", type=int, default=4)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--threads", type=int, default=os.cpu_count() or 1)
    parser.add_argument("--device", default="cpu")
    parser.add_argument("--precision", choices=("fp32", "bf16"), default="fp32")
    parser.add_argument("--checkpointing", action="store_true", help="ours only")
    parser.add_argument("--compile", action="store_true", help="ours only")
    parser.add_argument("--peak-tflops", type=float, default=0.0)
    parser.add_argument("--time-at-most", type=float, default=0.9)
    parser.add_argument("--memory-at-most", type=float, default=0.8)
    parser.add_argument("--loop-at-least", type=float, default=0.95)
    parser.add_argument("--skip-reference", action="store_true")
    parser.add_argument("--memory-of", choices=("ours", "reference"), help=argparse.SUPPRESS)
    return parser.parse_args()


def config_of(args: argparse.Namespace) -> TrainConfig:
    """Return the config of GenD's losses."""
    return TrainConfig(
        backbone="benchmark",
        precision=args.precision,
        batch_size=args.batch,
        activation_checkpointing=args.checkpointing,
        compile=args.compile,
    )


def batch_of(args: argparse.Namespace) -> tuple[torch.Tensor, torch.Tensor]:
    """Return the uint8 pixels and labels of one batch."""
    generator = torch.Generator().manual_seed(0)
    shape = (args.batch, 3, 224, 224)
    pixels = torch.randint(0, 256, shape, dtype=torch.uint8, generator=generator)
    return pixels.to(args.device), (torch.arange(args.batch) % 2).to(args.device)


def ours(args: argparse.Namespace) -> tuple[Step, Detector]:
    """Return a whole step of the training loop, and its detector."""
    detector = Detector(random_tower(f"random:{args.model}")).to(args.device)
    return own_step(detector, config_of(args)), detector


def reference(args: argparse.Namespace) -> Step:
    """Return the same step by transformers and PEFT."""
    return peft_step(shape_of(args), torch.device(args.device), args.precision)


def shape_of(args: argparse.Namespace) -> TowerShape:
    """Return the shape of the open_clip model."""
    import open_clip

    vision = open_clip.get_model_config(args.model)["vision_cfg"]
    width, heads = vision["width"], vision["width"] // vision.get("head_width", 64)
    return TowerShape(width, vision["layers"], vision["patch_size"], 224, heads)


def timed(step: Step, pixels: torch.Tensor, labels: torch.Tensor, device: str) -> float:
    """Return the seconds of one step."""
    began = now(device)
    step(pixels, labels)
    if device.startswith("cuda"):
        torch.cuda.synchronize()
    return now(device) - began


def now(device: str) -> float:
    """Return the time in seconds; with one CPU thread, process time, unaffected by other work."""
    alone = device == "cpu" and torch.get_num_threads() == 1
    return time.process_time() if alone else time.perf_counter()


def fastest(
    steps: dict[str, Step], pixels: torch.Tensor, labels: torch.Tensor, args: argparse.Namespace
) -> dict[str, float]:
    """Return the fastest round of each step, after one round to warm up."""
    best = dict.fromkeys(steps, float("inf"))
    for number in range(args.rounds + 1):
        for name, step in steps.items():
            seconds = timed(step, pixels, labels, args.device)
            if number:
                best[name] = min(best[name], seconds)
    return best


def peak_memory(args: argparse.Namespace) -> int:
    """Return the bytes that a step needs over the loaded model, in this process."""
    step = ours(args)[0] if args.memory_of == "ours" else reference(args)
    pixels, labels = batch_of(args)
    if args.compile and args.memory_of == "ours":
        step(pixels, labels)  # the compiler's own memory must not count
    if args.device.startswith("cuda"):
        before = torch.cuda.memory_allocated()
        torch.cuda.reset_peak_memory_stats()
        step(pixels, labels)
        return torch.cuda.max_memory_allocated() - before
    # Not ru_maxrss: after fork and exec it is at least the parent's memory.
    Path("/proc/self/clear_refs").write_text("5")  # resets the high-water mark to the present size
    before = resident("VmRSS")
    step(pixels, labels)
    return resident("VmHWM") - before


def resident(name: str) -> int:
    """Return the bytes of ``VmRSS``, or ``VmHWM`` (the peak), in ``/proc/self/status``."""
    lines = Path("/proc/self/status").read_text().splitlines()
    return next(1024 * int(line.split()[1]) for line in lines if line.startswith(f"{name}:"))


def memory_apart(name: str, args: argparse.Namespace) -> int:
    """Run :func:`peak_memory` in a separate process."""
    words = ["--memory-of", name, "--model", args.model, "--batch", str(args.batch)]
    words += ["--device", args.device, "--precision", args.precision]
    words += ["--threads", str(args.threads)]
    words += ["--checkpointing"] if args.checkpointing else []
    words += ["--compile"] if args.compile else []
    done = subprocess.run(
        [sys.executable, __file__, *words], capture_output=True, text=True, check=True
    )
    return int(json.loads(done.stdout.splitlines()[-1]))


def loop_ratio(args: argparse.Namespace) -> float:
    """Return crops per second of the step fed from files, over the step on ready pixels."""
    step, detector = ours(args)
    batches = args.rounds + 1
    rng = np.random.default_rng(0)
    with tempfile.TemporaryDirectory() as folder:
        rows = []
        for number in range(args.batch * batches):
            path = Path(folder) / f"{number}.png"
            small = Image.fromarray(rng.integers(0, 256, (16, 16, 3), dtype=np.uint8))
            small.resize((256, 256)).save(path)
            rows.append(ManifestRow(str(path), number % 2, f"v{number}", 0))
        config = config_of(args)
        preprocess = detector.backbone.preprocess
        crops = TrainingCrops(rows, config, preprocess, CropCache(0))
        order = np.arange(len(rows)).reshape(batches, args.batch).tolist()
        workers = worker_count(config, torch.device(args.device))
        loader = PixelLoader(crops, workers, args.device.startswith("cuda"))
        feed = loader.batches(0, order)
        alone, whole = [], []
        pixels, labels = batch_of(args)
        for number in range(batches):
            began = now(args.device)
            batch = next(feed)
            step(batch.pixels, batch.labels)
            if args.device.startswith("cuda"):
                torch.cuda.synchronize()
            if number:
                whole.append(now(args.device) - began)
            alone.append(timed(step, pixels, labels, args.device))
    return min(alone[1:]) / min(whole)


if __name__ == "__main__":
    sys.exit(main())
