"""Makes the test material: random weights, crops as PNG files, clips of a moving photograph."""

from __future__ import annotations

import json
import math
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import cv2
import numpy as np
import torch
from PIL import Image

from .bench import WEIGHTS, Bench
from .machine import cores
from .results import NotMeasured, Results
from .sizes import TowerShape

RATE = 30  # frames per second


def prepare(bench: Bench, out: Results) -> None:
    """Write tower, detector, crops and clips below the folder."""
    began = time.perf_counter()
    out.attempt("random tower and its detector", lambda: _write_detector(bench))
    out.attempt("crops as PNG files", lambda: _write_crops(bench))
    out.attempt("clips of a moving photograph", lambda: _write_clips(bench))
    out.attempt("weights of the face detector", fetch_face_detector)
    out.add(
        "material made: weights, crops, clips",
        time.perf_counter() - began,
        "s",
        note=f"{len(bench.crops)} crops, {len(bench.clips)} clips",
    )


def shapes_of(shape: TowerShape) -> dict[str, tuple[int, ...]]:
    """Return the shape of each tensor of a plain ViT without projection, by open_clip's names."""
    width, wide = shape.width, 4 * shape.width
    found: dict[str, tuple[int, ...]] = {
        "class_embedding": (width,),
        "positional_embedding": (shape.tokens, width),
        "conv1.weight": (width, 3, shape.patch, shape.patch),
    }
    block = {
        "ln_1.weight": (width,),
        "ln_1.bias": (width,),
        "attn.in_proj_weight": (3 * width, width),
        "attn.in_proj_bias": (3 * width,),
        "attn.out_proj.weight": (width, width),
        "attn.out_proj.bias": (width,),
        "ln_2.weight": (width,),
        "ln_2.bias": (width,),
        "mlp.c_fc.weight": (wide, width),
        "mlp.c_fc.bias": (wide,),
        "mlp.c_proj.weight": (width, wide),
        "mlp.c_proj.bias": (width,),
    }
    for number in range(shape.blocks):
        found |= {f"transformer.resblocks.{number}.{name}": s for name, s in block.items()}
    for name in ("ln_pre", "ln_post"):
        found |= {f"{name}.weight": (width,), f"{name}.bias": (width,)}
    return found


def random_weights(shape: TowerShape) -> dict[str, torch.Tensor]:
    """Return seeded weights, large enough that different pictures get different features."""
    generator = torch.Generator().manual_seed(1)
    found = {}
    for name, size in shapes_of(shape).items():
        noise = torch.randn(size, generator=generator)
        if "ln_" in name:
            found[name] = noise.mul_(0.1).add_(1.0 if name.endswith("weight") else 0.0)
        elif len(size) == 1 and "embedding" not in name:
            found[name] = noise.mul_(0.02)
        elif "embedding" in name or "conv1" in name:
            found[name] = noise.mul_(0.05)
        else:
            found[name] = noise.mul_(1.6 / math.sqrt(size[-1]))
    return found


def config_of(shape: TowerShape) -> dict:
    """Return the content of the model folder's ``open_clip_config.json``."""
    vision = {
        "image_size": shape.side,
        "layers": shape.blocks,
        "width": shape.width,
        "head_width": shape.width // shape.heads,
        "patch_size": shape.patch,
    }
    return {
        "model_cfg": {
            "embed_dim": shape.width // 2,
            "quick_gelu": True,
            "vision_cfg": vision,
            "text_cfg": {"context_length": 4, "vocab_size": 8, "width": 8, "heads": 1, "layers": 1},
        },
        "preprocess_cfg": {
            "mean": [0.48145466, 0.4578275, 0.40821073],
            "std": [0.26862954, 0.26130258, 0.27577711],
        },
    }


def _write_detector(bench: Bench) -> None:
    from media_forensics.detector.checkpoints import save_detector
    from media_forensics.detector.model.backbone import load_backbone
    from media_forensics.detector.model.detector import Detector
    from safetensors.torch import save_file

    folder = bench.folder / "tower"
    folder.mkdir(parents=True)
    weights = random_weights(bench.sizes.shape)
    save_file({f"visual.{name}": tensor for name, tensor in weights.items()}, folder / WEIGHTS)
    (folder / "open_clip_config.json").write_text(json.dumps(config_of(bench.sizes.shape)))
    torch.manual_seed(2)
    detector = Detector(load_backbone(bench.tower, "cpu"), key_name="benchmark")
    save_detector(detector, bench.folder / "detector")


def pictures(count: int, seed: int = 5, side: int = 256) -> list[np.ndarray]:
    """Return RGB uint8 pictures (side, side, 3), smooth with noise, as varied as photographs."""
    rng = np.random.default_rng(seed)
    found = []
    for _ in range(count):
        grid = int(rng.integers(3, 24))
        low, high = sorted(rng.integers(0, 256, 2).tolist())
        coarse = rng.integers(low, max(high, low + 24) + 1, (grid, grid, 3)).clip(0, 255)
        coarse = Image.fromarray(coarse.astype(np.uint8))
        smooth = np.asarray(coarse.resize((side, side), Image.Resampling.BICUBIC), np.int16)
        noise = rng.normal(0, 2, smooth.shape)
        found.append(np.clip(smooth + noise, 0, 255).astype(np.uint8))
    return found


def _write_crops(bench: Bench) -> None:
    folder = bench.folder / "crops"
    folder.mkdir(parents=True)

    def write(number: int) -> None:
        picture = pictures(1, seed=1000 + number)[0]
        Image.fromarray(picture).save(folder / f"{number:05d}.png")

    with ThreadPoolExecutor(cores()) as pool:
        list(pool.map(write, range(bench.sizes.crops)))


def _write_clips(bench: Bench) -> None:
    from media_forensics.detector.weights.offline_assets import fetch_footage

    found = fetch_footage(keys=["hopper"], npm=False).get("hopper")
    if found is None:
        raise NotMeasured("matplotlib's sample photograph is not installed")
    photograph = np.asarray(Image.open(found).convert("RGB"))
    folder = bench.folder / "clips"
    folder.mkdir(parents=True)

    def write(height: int) -> None:
        _write_clip(folder / f"{height}p.mp4", photograph, height, bench.sizes.frames)

    with ThreadPoolExecutor(cores()) as pool:
        list(pool.map(write, bench.sizes.heights))


def fetch_face_detector() -> None:
    """Fetch the weights of the default recipe's face detector, if they are missing.

    Raises:
        NotMeasured: they are missing and cannot be fetched
    """
    from media_forensics.detector.errors import ForensicsError
    from media_forensics.detector.records import CropRecipe
    from media_forensics.detector.weights.offline_assets import fetch_weights

    try:
        fetch_weights(names=[CropRecipe().detector])
    except ForensicsError as error:
        raise NotMeasured(f"they are not here and cannot be fetched: {error.message}") from error


def _write_clip(target: Path, photograph: np.ndarray, height: int, frames: int) -> None:
    """Write H.264 of a window that moves over the photograph, with new noise in each frame."""
    import av

    width = height * 16 // 9 // 2 * 2
    margin = height // 8
    tall, wide = height + margin, width + margin
    canvas = cv2.GaussianBlur(cv2.resize(photograph, (wide, tall)), (0, 0), height / 12)
    inner = cv2.resize(photograph, (tall * photograph.shape[1] // photograph.shape[0], tall))
    left = (wide - inner.shape[1]) // 2
    canvas[:, left : left + inner.shape[1]] = inner
    rng = np.random.default_rng(height)
    noisy = []
    for _ in range(4):
        noise = rng.integers(-4, 5, canvas.shape, dtype=np.int8)
        noisy.append(np.clip(canvas + noise.astype(np.int16), 0, 255).astype(np.uint8))
    with av.open(str(target), "w") as output:
        stream = output.add_stream("libx264", rate=RATE)
        stream.width, stream.height, stream.pix_fmt = width, height, "yuv420p"
        stream.options = {"preset": "veryfast", "crf": "23"}
        for number in range(frames):
            x = round(margin * (0.5 + 0.5 * math.sin(number / 17)))
            y = round(margin * (0.5 + 0.5 * math.cos(number / 23)))
            image = np.ascontiguousarray(noisy[number % 4][y : y + height, x : x + width])
            frame = av.VideoFrame.from_ndarray(image, format="rgb24")
            frame.pts = number
            output.mux(stream.encode(frame))
        output.mux(stream.encode())
