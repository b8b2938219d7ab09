"""A tower of two blocks and pictures of noise and shapes: mechanics, never accuracy."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

CONFIG = {
    "model_cfg": {
        "embed_dim": 32,
        "vision_cfg": {
            "image_size": 28,
            "layers": 2,
            "width": 32,
            "patch_size": 14,
            "head_width": 16,
        },
        "text_cfg": {"context_length": 4, "vocab_size": 8, "width": 8, "heads": 1, "layers": 1},
    },
    "preprocess_cfg": {"mean": [0.5, 0.5, 0.5], "std": [0.25, 0.25, 0.25]},
}


@pytest.fixture(scope="session")
def tiny_tower(tmp_path_factory) -> str:
    """Name of a tower with random weights: ViT, 2 layers, width 32, 28 px, patch 14."""
    import open_clip
    import torch
    from safetensors.torch import save_file

    folder = tmp_path_factory.mktemp("tiny-tower")
    model = CONFIG["model_cfg"]
    with torch.random.fork_rng():
        torch.manual_seed(7)
        clip = open_clip.CLIP(**{**model, "quick_gelu": True})
        for module in clip.visual.modules():
            if isinstance(module, torch.nn.LayerNorm):  # tuned norms are not ones and zeros
                torch.nn.init.normal_(module.weight, 1.0, 0.1)
                torch.nn.init.normal_(module.bias, 0.0, 0.1)
    save_file(
        {name: tensor.contiguous() for name, tensor in clip.state_dict().items()},
        folder / "open_clip_model.safetensors",
    )
    config = {**CONFIG, "model_cfg": {**model, "quick_gelu": True}}
    (folder / "open_clip_config.json").write_text(json.dumps(config))
    return f"local-dir:{folder}"


def write_crop(path: Path, seed: int, fake: bool, size: int = 40) -> None:
    """A smooth random picture; fakes have a brighter square in the middle."""
    rng = np.random.default_rng(seed)
    small = Image.fromarray(rng.integers(40, 180, (5, 5, 3), dtype=np.uint8))
    pixels = np.array(small.resize((size, size), Image.Resampling.BICUBIC))
    if fake:
        inner = slice(size // 3, 2 * size // 3)
        pixels[inner, inner] = np.minimum(pixels[inner, inner].astype(int) + 60, 255)
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(pixels).save(path)


LANDMARKS = ((15.0, 18.0), (25.0, 18.0), (20.0, 24.0), (16.0, 30.0), (24.0, 30.0))


@pytest.fixture
def make_manifest(tmp_path):
    """Function: (train videos, val videos, frames) -> Manifest with crops on disk.

    Each real video has one fake made from it; a pair is a group.
    """
    from media_forensics.training.manifest import Manifest, ManifestRow

    def make(train: int = 4, val: int = 2, frames: int = 3, landmarks: bool = False) -> Manifest:
        rows = []
        for number in range(train + val):
            for label in (0, 1):
                video = f"set/{'fake' if label else 'real'}/{number}"
                for frame in range(frames):
                    path = tmp_path / "crops" / video / f"{frame}.png"
                    write_crop(path, 1000 * number + frame, bool(label))
                    rows.append(
                        ManifestRow(
                            crop=str(path),
                            label=label,
                            video_id=video,
                            frame_number=frame,
                            pair_id=f"set/real/{number}" if label else None,
                            group_id=f"g{number}",
                            split="train" if number < train else "val",
                            method="swap" if label else "original",
                            recipe_hash="r",
                            crop_landmarks=LANDMARKS if landmarks else None,
                        )
                    )
        return Manifest(rows)

    return make


@pytest.fixture
def tiny_config(tiny_tower):
    """Function: settings -> a config for the tiny tower that takes seconds."""
    from media_forensics.training.config import TrainConfig

    def make(**settings) -> TrainConfig:
        defaults = {
            "name": "tiny",
            "backbone": tiny_tower,
            "epochs": 2,
            "batch_size": 8,
            "cycle_epochs": 2.0,
            "warmup_epochs": 0.5,
            "learning_rate": 1e-2,
            "workers": 0,
        }
        return TrainConfig(**{**defaults, **settings})

    return make
