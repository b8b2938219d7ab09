#!/usr/bin/env python3
"""Measures scoring end to end (crop files to arrays) against bare forward passes of towers.

Every tower gets the same weights, batch, threads and precision in the same process. Rounds of all
of them alternate, and the fastest round of each counts, because other load on a machine only adds
time. The bare towers get their input ready in memory.

    python benchmarks/score.py                                   # offline ViT-S/14
    python benchmarks/score.py --backbone random:ViT-L-14-quickgelu --crops 32 --batch 8
"""

from __future__ import annotations

import argparse
import os
import platform
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "_mount"))

import numpy as np
import torch
from media_forensics.detector.model.backbone import Backbone, default_device, load_backbone
from media_forensics.detector.model.detector import Detector, autocast
from media_forensics.detector.model.preprocess import Preprocess
from media_forensics.detector.scoring.crop_scores import score_crops
from PIL import Image


def main() -> int:
    """Print one line per tower and the ratio; return 1 if it is below ``--at-least``."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("--backbone", default="vit-s14-dinov2-saliency")
    parser.add_argument("--crops", type=int, default=128)
    parser.add_argument("--batch", type=int, default=32)
    parser.add_argument("--threads", type=int, default=os.cpu_count() or 1)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--precision", choices=("fp32", "bf16", "fp16"), default=None)
    parser.add_argument("--device", default=None)
    parser.add_argument("--at-least", type=float, default=0.0, help="lowest ratio to accept")
    args = parser.parse_args()
    torch.set_num_threads(args.threads)
    device = default_device(args.device)
    backbone = tower(args.backbone).to(device)
    detector = Detector(backbone).to(device).eval()
    with tempfile.TemporaryDirectory() as folder:
        files = write_crops(Path(folder), args.crops)
        x = torch.stack([backbone.preprocess(Image.open(file)) for file in files]).to(device)
        runs = {"end to end": end_to_end(detector, files, args.batch, args.precision)}
        for name, forward in bare_towers(backbone, x[:2]).items():
            runs[name] = bare(forward, x, args.batch, device, args.precision)
        best = measure(runs, args.rounds, device)
    report(best, args, device)
    bare_best = min(seconds for name, seconds in best.items() if name != "end to end")
    ratio = bare_best / best["end to end"]
    print(f"end to end reaches {ratio:.3f} of the fastest bare tower")
    return 0 if ratio >= args.at_least else 1


def tower(name: str) -> Backbone:
    """Return a backbone by name; ``random:MODEL`` is an open_clip model with seeded weights."""
    kind, _, model = name.partition(":")
    if kind != "random":
        return load_backbone(name, "cpu")
    import open_clip
    from open_clip.model import _build_vision_tower

    config = open_clip.get_model_config(model)
    torch.manual_seed(0)
    visual = _build_vision_tower(
        config["embed_dim"], config["vision_cfg"], config.get("quick_gelu", False)
    )
    return Backbone(visual, name, Preprocess({"size": config["vision_cfg"]["image_size"]}))


def write_crops(folder: Path, count: int) -> list[Path]:
    """Write PNG crops of 256 x 256 as smooth as faces (about 80 kB each); return their paths."""
    rng = np.random.default_rng(0)
    files = []
    for index in range(count):
        coarse = Image.fromarray(rng.integers(0, 256, (24, 24, 3), dtype=np.uint8))
        smooth = np.asarray(coarse.resize((256, 256), Image.Resampling.BICUBIC)).astype(np.int16)
        noisy = np.clip(smooth + rng.normal(0, 2, smooth.shape), 0, 255).astype(np.uint8)
        files.append(folder / f"{index:05d}.png")
        Image.fromarray(noisy).save(files[-1])
    return files


def bare_towers(backbone: Backbone, x: torch.Tensor) -> dict[str, Callable]:
    """Return forward functions with equal weights, each checked against ours on ``x``."""
    towers: dict[str, Callable] = {"ours, bare": backbone, "open_clip, bare": backbone.visual}
    hugging_face = hugging_face_tower(backbone)
    if hugging_face is not None:
        towers["Hugging Face, bare"] = hugging_face
    with torch.no_grad():
        expected = backbone(x)
        for name, forward in towers.items():
            gap = float((forward(x) - expected).abs().max() / expected.abs().max())
            if gap > 1e-3:
                raise SystemExit(f"{name} computes something else ({gap:.1e})")
    return towers


def hugging_face_tower(backbone: Backbone) -> Callable | None:
    """Return transformers' CLIP tower with the same weights, or None if they do not fit it."""
    visual = backbone.visual
    try:
        import transformers
        from media_forensics.detector.model.published_layouts import open_clip_to_hf_vision
    except ImportError:
        return None
    if not backbone.fast or not isinstance(visual.ln_pre, torch.nn.LayerNorm):
        return None
    block = visual.transformer.resblocks[0]
    quick = type(block.mlp.gelu).__name__ == "QuickGELU"
    config = transformers.CLIPVisionConfig(
        hidden_size=backbone.width,
        intermediate_size=block.mlp.c_fc.out_features,
        num_hidden_layers=len(visual.transformer.resblocks),
        num_attention_heads=block.attn.num_heads,
        image_size=visual.image_size[0],
        patch_size=visual.patch_size[0],
        hidden_act="quick_gelu" if quick else "gelu",
    )
    model = transformers.CLIPVisionModel(config).eval()
    model = getattr(model, "vision_model", model)
    state = open_clip_to_hf_vision(visual.state_dict())
    state = {name.removeprefix("vision_model."): tensor for name, tensor in state.items()}
    model.load_state_dict(state, strict=False)
    model.to(visual.conv1.weight.device)
    return lambda x: model(x).pooler_output


def end_to_end(
    detector: Detector, files: list[Path], batch: int, precision: str | None
) -> Callable[[], None]:
    """Return a function that scores all files."""

    def run() -> None:
        for scored in score_crops(detector, files, batch_size=batch, precision=precision):
            assert not any(scored.reasons)

    return run


def bare(
    forward: Callable, x: torch.Tensor, batch: int, device: torch.device, precision: str | None
) -> Callable[[], None]:
    """Return a function that runs ``forward`` over ``x`` in batches."""

    def run() -> None:
        with torch.no_grad(), autocast(device, precision):
            for start in range(0, len(x), batch):
                forward(x[start : start + batch])

    return run


def measure(
    runs: dict[str, Callable[[], None]], rounds: int, device: torch.device
) -> dict[str, float]:
    """Return the seconds of each function's fastest round."""
    best = dict.fromkeys(runs, float("inf"))
    for number in range(rounds + 1):
        for name, run in runs.items():
            start = time.perf_counter()
            run()
            if device.type == "cuda":
                torch.cuda.synchronize()
            if number:  # the first round warms up
                best[name] = min(best[name], time.perf_counter() - start)
    return best


def report(best: dict[str, float], args: argparse.Namespace, device: torch.device) -> None:
    """Print what ran where, and the crops per second."""
    where = torch.cuda.get_device_name() if device.type == "cuda" else processor()
    print(
        f"{args.backbone}, batch {args.batch}, {args.crops} crops, {args.threads} threads, "
        f"{args.precision or 'default precision'}, best of {args.rounds}\n"
        f"{where}, {os.cpu_count()} cores, torch {torch.__version__}, {platform.platform()}"
    )
    for name, seconds in sorted(best.items(), key=lambda item: item[1]):
        each = seconds / args.crops
        print(f"  {name:20} {args.crops / seconds:8.1f} crops/s  {each * 1000:8.2f} ms a crop")


def processor() -> str:
    """Return the name of the CPU."""
    path = Path("/proc/cpuinfo")
    lines = path.read_text().splitlines() if path.is_file() else []
    names = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    return names[0] if names else platform.processor()


if __name__ == "__main__":
    sys.exit(main())
