"""The authors' published detectors: reading both layouts, writing GenD's.

The whole tower is in the file, so nothing else is needed: the architecture is read off the
shapes of the tensors. Names are mapped in ``published_layouts.py``.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from torch import nn

from ..errors import ForensicsError
from ..files.atomic import replacing, write_bytes
from ..files.hashes import file_sha256
from ..files.tensor_files import check_fit, load_exact, read_checkpoint
from .backbone import Backbone
from .detector import Detector
from .preprocess import Preprocess
from .published_layouts import (
    hf_vision_to_open_clip,
    is_published_layout,
    open_clip_to_hf_vision,
    published_head,
)
from .towers import REFERENCE, build_visual
from .towers_timm import is_timm_layout, published_timm_tower

GEND_TENSORS, GEND_CONFIG = "model.safetensors", "config.json"
_HEADS = {"LinearNorm": True, "NLinear": True, "Linear": False, "linear": False}
_HEAD_WIDTH = 64  # pixels of an attention head; the same in every CLIP vision transformer
_REFERENCE_SHAPE = (1024, 24, 14, 224)  # width, blocks, patch side, picture side of ViT-L/14


def load_published(path: Path) -> Detector:
    """Detector from ``model.ckpt``, a GenD folder, or its ``model.safetensors``, on the CPU.

    Raises:
        ForensicsError: unreadable, another layout, or tensors that do not fit (named)
    """
    file, config = _file_and_config(path)
    tensors, settings = read_checkpoint(file)
    if not is_published_layout(tensors) and not is_timm_layout(tensors):
        raise ForensicsError(
            f"{file} is not a detector that this plugin knows (its first tensor is "
            f"{next(iter(tensors))!r}).",
            "Known are our own folders, the authors' model.ckpt and GenD's model.safetensors.",
            "detector",
        )
    normalize = _normalize(str(config.get("head") or settings.get("head") or "LinearNorm"))
    head_tensors = published_head(tensors)
    if is_timm_layout(tensors):
        backbone = Backbone(*published_timm_tower(tensors, config, str(file)))
    else:
        backbone = _clip_backbone(hf_vision_to_open_clip(tensors), str(file))
    head = nn.Linear(backbone.width, 2)
    check_fit(head.state_dict(), head_tensors, f"The head of {file}")
    head.load_state_dict(head_tensors)
    record = {
        "source": file.name,
        "source_sha256": file_sha256(file),
        "layout": "gend" if file.suffix == ".safetensors" else "lightning",
    }
    return Detector(backbone, head, normalize, _key_name(path), record).eval()


def _clip_backbone(tensors: Mapping[str, torch.Tensor], what: str) -> Backbone:
    """CLIP tower of the size that ``tensors`` (open_clip's names) have."""
    shape = _tower_shape(tensors)
    visual = build_visual(_tower_config(tensors, shape))
    load_exact(visual, tensors, what)
    name = REFERENCE if shape == _REFERENCE_SHAPE else "clip-vit-w{}-l{}-p{}-s{}".format(*shape)
    return Backbone(visual, name, Preprocess({"size": shape[3]}))


def export_gend(detector: Detector, folder: str | Path) -> Path:
    """Write ``detector`` as GenD's ``config.json`` and ``model.safetensors``, for their code.

    ``visual_projection.weight``, which their class holds but never uses, is written as zeros.

    Raises:
        ForensicsError: a tower other than a CLIP vision transformer
    """
    visual = detector.backbone.visual
    if not detector.backbone.fast or not isinstance(visual.ln_pre, nn.LayerNorm):
        raise ForensicsError(
            f"{detector.backbone.name} is not a CLIP vision tower; GenD's layout cannot hold it.",
            "Use our own format.",
            "detector",
        )
    state = {name: tensor.detach().cpu() for name, tensor in visual.state_dict().items()}
    tensors = {
        f"feature_extractor.{name}": tensor
        for name, tensor in open_clip_to_hf_vision(state).items()
    }
    unused = torch.zeros(int(visual.output_dim), detector.backbone.width)
    tensors["feature_extractor.visual_projection.weight"] = unused
    for name, parameter in detector.head.named_parameters():
        tensors[f"model.linear.{name}"] = parameter.detach().cpu()
    config = {
        "architectures": ["GenD"],
        "backbone": "openai/clip-vit-large-patch14",
        "dtype": "float32",
        "head": "LinearNorm" if detector.normalize else "linear",
        "model_type": "GenD",
    }
    folder = Path(folder)
    contiguous = {name: tensor.float().contiguous().clone() for name, tensor in tensors.items()}
    save_tensors(folder / GEND_TENSORS, contiguous, {"format": "pt"})
    write_bytes(folder / GEND_CONFIG, json.dumps(config, indent=2).encode())
    return folder


def save_tensors(path: Path, tensors: dict[str, torch.Tensor], header: dict[str, str]) -> None:
    """Write a safetensors file atomically."""
    from safetensors.torch import save_file

    with replacing(path) as temporary:
        save_file(tensors, temporary, metadata=header)
        temporary.chmod(0o644)  # the library writes files that only their owner can read


def _file_and_config(path: Path) -> tuple[Path, dict[str, Any]]:
    """File with the tensors, and the config.json beside a safetensors file."""
    file = path / GEND_TENSORS if path.is_dir() else path
    if not file.is_file():
        raise ForensicsError(
            f"The folder {path} holds neither detector.safetensors nor {GEND_TENSORS}.",
            "Choose the folder of a checkpoint.",
            "detector",
        )
    config_file = file.parent / GEND_CONFIG
    if file.suffix != ".safetensors" or not config_file.is_file():
        return file, {}
    try:
        config = json.loads(config_file.read_text())
    except (json.JSONDecodeError, UnicodeDecodeError) as error:
        raise ForensicsError(f"{config_file} is not JSON ({error}).", "", "detector") from error
    return file, config if isinstance(config, dict) else {}


def _normalize(head: str) -> bool:
    """Whether the head called ``head`` works on the unit sphere."""
    if head not in _HEADS:
        raise ForensicsError(
            f"The checkpoint has a head of kind {head!r}.",
            f"Known: {', '.join(_HEADS)}.",
            "detector",
        )
    return _HEADS[head]


def _tower_shape(tensors: Mapping[str, torch.Tensor]) -> tuple[int, int, int, int]:
    """Width, number of blocks, patch side and picture side, read off the tensors."""
    try:
        width, _, patch, _ = tensors["conv1.weight"].shape
        tokens = tensors["positional_embedding"].shape[0] - 1
    except (KeyError, ValueError, IndexError) as error:
        raise ForensicsError(
            "The checkpoint has no patch or position embedding, so it is not a CLIP vision tower.",
            "It is incomplete, or of another architecture.",
            "detector",
        ) from error
    prefix = "transformer.resblocks."
    blocks = {name.split(".")[2] for name in tensors if name.startswith(prefix)}
    count = len(blocks)
    # A tower is built as the names say: one block called 999999999 must not make a billion.
    if blocks != {str(index) for index in range(count)} or min(width, patch, tokens, count) < 1:
        raise ForensicsError(
            f"The checkpoint describes no CLIP vision tower ({count} blocks, width {width}, patch "
            f"{patch}, {tokens} patches, or blocks that are missing).",
            "It is incomplete, or of another architecture.",
            "detector",
        )
    return int(width), count, int(patch), round(tokens**0.5) * int(patch)


def _tower_config(
    tensors: Mapping[str, torch.Tensor], shape: tuple[int, int, int, int]
) -> dict[str, Any]:
    """open_clip config of a CLIP vision tower of that shape, with QuickGELU."""
    width, layers, patch, side = shape
    hidden = tensors.get("transformer.resblocks.0.mlp.c_fc.bias")
    ratio = hidden.numel() / width if hidden is not None else 4.0
    vision = {
        "image_size": side,
        "layers": layers,
        "width": width,
        "patch_size": patch,
        "mlp_ratio": ratio,
        "head_width": min(_HEAD_WIDTH, width),
    }
    return {"embed_dim": width * 3 // 4, "quick_gelu": True, "vision_cfg": vision}


def _key_name(path: Path) -> str:
    """A field name made of the folder's or file's name."""
    stem = path.parent.name if path.stem == "model" and path.is_file() else path.stem
    cleaned = "".join(char if char.isalnum() else "_" for char in stem.lower()).strip("_")
    return cleaned if cleaned[:1].isalpha() else f"detector_{cleaned}".rstrip("_")
