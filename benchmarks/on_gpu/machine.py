"""Identifies the machine and the code, and measures the ceilings of the machine."""

from __future__ import annotations

import os
import platform
import subprocess
import time
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

import torch

from .bench import Bench
from .clock import seconds
from .results import NotMeasured, Results

ROOT = Path(__file__).resolve().parents[2]
PACKAGES = ("torch", "transformers", "peft", "open_clip_torch", "av", "numpy")


def cores() -> int:
    """Return the cores that this process may use, by its affinity and its control group (Linux)."""
    if hasattr(os, "sched_getaffinity"):
        count = len(os.sched_getaffinity(0))
    else:
        count = os.cpu_count() or 1
    limit = Path("/sys/fs/cgroup/cpu.max")
    if limit.is_file():
        quota, _, period = limit.read_text().strip().partition(" ")
        if quota.isdigit() and period.isdigit():
            count = min(count, max(1, round(int(quota) / int(period))))
    return count


def processor() -> str:
    """Return the name of the CPU."""
    path = Path("/proc/cpuinfo")
    lines = path.read_text().splitlines() if path.is_file() else []
    names = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    return names[0] if names else platform.processor() or platform.machine()


def _output(*words: str) -> str:
    """Return the first line of a command's output; "" if it is missing or fails."""
    try:
        done = subprocess.run(words, cwd=ROOT, capture_output=True, text=True, timeout=20)
    except (OSError, subprocess.TimeoutExpired):
        return ""
    return done.stdout.strip().partition("\n")[0] if not done.returncode else ""


def commit() -> str:
    """Return the short hash of the checkout's commit, with a remark if files differ from it."""
    found = _output("git", "rev-parse", "--short", "HEAD")
    changed = _output("git", "status", "--porcelain", "--untracked-files=no")
    return (found or "unknown") + (" with changes" if found and changed else "")


def versions() -> dict[str, str]:
    """Return the versions that affect the figures; ``-`` for a package that is not installed."""
    found = {"Python": platform.python_version()}
    for name in PACKAGES:
        try:
            found[name] = version(name)
        except PackageNotFoundError:
            found[name] = "-"
    return found


def facts(bench: Bench) -> dict[str, str]:
    """Return card, cores, date, commit and versions, for the head of the table."""
    card = "no GPU (tiny shapes on a CPU)"
    if bench.device.type == "cuda":
        there = torch.cuda.get_device_properties(bench.device)
        card = f"{there.name}, {there.total_memory / 2**30:.0f} GiB"
    found = {
        "card": card,
        "cores": f"{cores()} cores of {processor()}",
        "date": time.strftime("%Y-%m-%d"),
        "commit": commit(),
        "half precision of the baselines": bench.half_name,
    }
    if torch.version.cuda and bench.device.type == "cuda":
        driver = _output("nvidia-smi", "--query-gpu=driver_version", "--format=csv,noheader")
        found["CUDA"] = torch.version.cuda + (f" (driver {driver})" if driver else "")
    return found | versions()


def measure(bench: Bench, out: Results) -> None:
    """Measure the ceilings: matrix products, memory, the bus, and decoding on one core."""
    out.attempt("matrix product", lambda: _product(bench, out))
    out.attempt("copies", lambda: _copies(bench, out))
    out.attempt("decode on one core", lambda: _decode(bench, out))


def product_rate(bench: Bench) -> float:
    """Return the FLOP per second of a large matrix product in half precision."""
    side = bench.sizes.matrix
    a, b = (torch.randn(side, side, device=bench.device, dtype=bench.half) for _ in range(2))
    return 2 * side**3 / seconds(bench.device, lambda: a @ b, bench.sizes.budget)


def _product(bench: Bench, out: Results) -> None:
    side = bench.sizes.matrix
    rate = product_rate(bench)
    out.add(f"matrix product {side}³, {bench.half_name}", rate / 1e12, "TFLOP/s")


def _copies(bench: Bench, out: Results) -> None:
    size = 1 << (20 if bench.small else 28)
    here = torch.empty(size, dtype=torch.int8, device=bench.device)
    other = torch.empty_like(here)
    took = seconds(bench.device, lambda: other.copy_(here), bench.sizes.budget)
    out.add("copy within the device, read and written", 2 * size / took / 1e9, "GB/s")
    host = torch.empty(size, dtype=torch.int8, pin_memory=bench.device.type == "cuda")
    took = seconds(bench.device, lambda: here.copy_(host, non_blocking=True), bench.sizes.budget)
    out.add("copy from pinned memory to the device", size / took / 1e9, "GB/s")


def _decode(bench: Bench, out: Results) -> None:
    from media_forensics.detector.model.preprocess import Preprocess
    from PIL import Image

    files, preprocess = bench.crops[:64], Preprocess({"size": bench.sizes.shape.side})
    if not files:
        raise NotMeasured("there are no crops")
    rates = []
    for _ in range(3):
        began = time.perf_counter()
        for file in files:
            with Image.open(file) as image:
                preprocess.to_pixels(image)
        rates.append(len(files) / (time.perf_counter() - began))
    note = f"times {cores()} cores: {max(rates) * cores():,.0f}"
    out.add("PNG decoded and resized by Pillow on one core", max(rates), "crops/s", note=note)
