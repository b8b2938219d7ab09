"""Loads the authors' published detectors in both layouts and writes GenD's layout.

The file holds the whole tower, and the architecture follows from the shapes of the tensors. Names
are mapped in ``published_layouts.py``.
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
from ..files.kept_digests import files_read, kept_sha256
from ..files.paths import inside
from ..files.tensor_files import check_fit, load_exact, read_checkpoint
from ..records import content_hash
from .backbone import Backbone, frozen_sha256
from .detector import Detector
from .known_towers import REFERENCE
from .preprocess import Preprocess
from .published_layouts import (
    hf_vision_to_open_clip,
    is_published_layout,
    open_clip_to_hf_vision,
    published_head,
    without_wrappers,
)
from .towers import build_visual
from .towers_timm import is_timm_layout, published_timm_tower

GEND_TENSORS, GEND_CONFIG = "model.safetensors", "config.json"
_HEADS = {"LinearNorm": True, "NLinear": True, "Linear": False, "linear": False}
_TORCH_TENSORS = "pytorch_model.bin"
# By the maker of the tower, from their released configs (hidden_act).
_QUICK_GELU = {"openai": True, "apple": True, "facebook": True, "laion": False}
_HEAD_WIDTH = 64  # pixels of an attention head; the same in every CLIP vision transformer
_REFERENCE_SHAPE = (1024, 24, 14, 224)  # width, blocks, patch side, picture side of ViT-L/14


def load_published(path: Path) -> Detector:
    """Return a detector from ``model.ckpt``, a GenD folder or ``model.safetensors``, on the CPU.

    A folder may hold its tensors in shards with an index, or in ``pytorch_model.bin``. If no head
    is named, it is the authors' default, ``LinearNorm``.

    Raises:
        ForensicsError: unreadable, another layout, an unknown activation, or tensors that do not
            fit (listed)
    """
    files, config = _files_and_config(path)
    file = files[0]
    with files_read() as read:
        tensors, settings = _tensors_of(files)
    if not is_published_layout(tensors) and not is_timm_layout(tensors):
        raise ForensicsError(
            f"{file} is not a detector that this plugin knows (its first tensor is "
            f"{next(iter(tensors))!r}).",
            "Known are our own folders, the authors' model.ckpt and GenD's model.safetensors.",
            "detector",
        )
    config = {**{k: settings[k] for k in ("head", "backbone") if k in settings}, **config}
    normalize = _normalize(str(config.get("head") or "LinearNorm").rpartition(".")[2])
    head_tensors = published_head(tensors)
    if is_timm_layout(tensors):
        tower = published_timm_tower(tensors, config, str(file))
    else:
        clip = hf_vision_to_open_clip(tensors)
        tower = _clip_tower(clip, _quick_gelu(config, str(file)), str(file))
    backbone = Backbone(*tower, frozen_sha256(tower[0], read))
    head = nn.Linear(backbone.width, 2)
    check_fit(head.state_dict(), head_tensors, f"The head of {file}")
    head.load_state_dict(head_tensors)
    record = {
        "source": file.name,
        "source_sha256": _sha256(files),
        "layout": "lightning" if file.suffix == ".ckpt" else "gend",
    }
    return Detector(backbone, head, normalize, _key_name(path), record).eval()


def _clip_tower(
    tensors: Mapping[str, torch.Tensor], quick_gelu: bool, what: str
) -> tuple[nn.Module, str, Preprocess]:
    """Return tower, name and preprocessing of CLIP ``tensors`` (open_clip's names)."""
    shape = _tower_shape(tensors)
    visual = build_visual(_tower_config(tensors, shape) | {"quick_gelu": quick_gelu})
    load_exact(visual, tensors, what)
    name = "clip-vit-w{}-l{}-p{}-s{}".format(*shape) + ("" if quick_gelu else "-gelu")
    if shape == _REFERENCE_SHAPE and quick_gelu:
        name = REFERENCE
    return visual, name, Preprocess({"size": shape[3]})


def export_gend(detector: Detector, folder: str | Path) -> Path:
    """Write ``detector`` as GenD's ``config.json`` and ``model.safetensors``, for GenD's code.

    ``visual_projection.weight``, which GenD's class holds but never uses, is written as zeros.

    Raises:
        ForensicsError: the tower is not OpenAI's CLIP vision transformer
    """
    visual = detector.backbone.visual
    quick = "QuickGELU" in {type(module).__name__ for module in visual.modules()}
    if not detector.backbone.fast or not isinstance(visual.ln_pre, nn.LayerNorm) or not quick:
        raise ForensicsError(
            f"{detector.backbone.name} is not OpenAI's CLIP vision tower, which is all that GenD's "
            "layout can hold.",
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
        temporary.chmod(0o644)  # the library makes files readable by their owner only


def _files_and_config(path: Path) -> tuple[list[Path], dict[str, Any]]:
    """Return the tensor files and the content of their config.json ({} if there is none)."""
    files = _tensor_files(path) if path.is_dir() else [path]
    config_file = files[0].parent / GEND_CONFIG
    if files[0].suffix == ".ckpt" or not config_file.is_file():
        return files, {}
    config = _json(config_file)
    return files, config if isinstance(config, dict) else {}


def _tensor_files(folder: Path) -> list[Path]:
    """Return the tensor files of a Hugging Face folder: one file, or the shards of an index."""
    for name in (GEND_TENSORS, _TORCH_TENSORS):
        if (folder / name).is_file():
            return [folder / name]
        index = folder / f"{name}.index.json"
        if index.is_file():
            content = _json(index)
            shards = content.get("weight_map") if isinstance(content, dict) else None
            if not isinstance(shards, dict) or not shards:
                raise ForensicsError(f"{index} names no shards.", "", "detector")
            return [inside(folder, str(shard)) for shard in sorted(set(shards.values()))]
    raise ForensicsError(
        f"The folder {folder} holds neither detector.safetensors nor {GEND_TENSORS} nor "
        f"{_TORCH_TENSORS}.",
        "Choose the folder of a checkpoint.",
        "detector",
    )


def _json(file: Path) -> Any:
    try:
        return json.loads(file.read_text(encoding="utf-8"))
    except (json.JSONDecodeError, UnicodeDecodeError) as error:
        raise ForensicsError(f"{file} is not JSON ({error}).", "", "detector") from error


def _tensors_of(files: list[Path]) -> tuple[dict[str, torch.Tensor], dict[str, Any]]:
    """Return all files' tensors without wrappers' names, and the settings of the first."""
    tensors: dict[str, torch.Tensor] = {}
    settings: dict[str, Any] = {}
    for file in files:
        found, about = read_checkpoint(file)
        twice = tensors.keys() & found.keys()
        if twice:
            raise ForensicsError(f"{file} holds {min(twice)} once more.", "", "detector")
        tensors |= found
        settings = settings or about
    return without_wrappers(tensors), settings


def _sha256(files: list[Path]) -> str:
    """Return the sha256 of one file; for several files, the hash of their hashes in order."""
    digests = [kept_sha256(file) for file in files]
    return digests[0] if len(digests) == 1 else content_hash(digests)


def _quick_gelu(config: Mapping[str, Any], what: str) -> bool:
    """Return whether a tower's activation is QuickGELU (OpenAI's CLIP) rather than GELU (OpenCLIP).

    Both have the same tensors, and the wrong one would give a silently wrong detector.
    """
    vision = config.get("vision_config")
    act = (vision if isinstance(vision, Mapping) else {}).get("hidden_act")
    act = act or config.get("hidden_act")
    if act in ("quick_gelu", "gelu"):
        return act == "quick_gelu"
    backbone = str(config.get("backbone") or "openai/clip-vit-large-patch14")
    maker = backbone.rpartition("/")[0].rpartition("/")[2].lower()
    if act is None and maker in _QUICK_GELU:
        return _QUICK_GELU[maker]
    raise ForensicsError(
        f"{what} was made from {backbone!r}, and whether that tower computes QuickGELU or GELU is "
        f"not known{f' (hidden_act is {act!r})' if act else ''}.",
        'Write "hidden_act": "quick_gelu" or "gelu" into config.json, as its own config has it.',
        "detector",
    )


def _normalize(head: str) -> bool:
    """Return whether the head called ``head`` works on the unit sphere."""
    if head not in _HEADS:
        raise ForensicsError(
            f"The checkpoint has a head of kind {head!r}.",
            f"Known: {', '.join(_HEADS)}.",
            "detector",
        )
    return _HEADS[head]


def _tower_shape(tensors: Mapping[str, torch.Tensor]) -> tuple[int, int, int, int]:
    """Return width, number of blocks, patch side and picture side from the tensors' shapes."""
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
    # The tower is built from the names: one block called 999999999 must not create a billion.
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
    """Return open_clip's config of a CLIP vision tower of that shape."""
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
    return {"embed_dim": width * 3 // 4, "vision_cfg": vision}


def _key_name(path: Path) -> str:
    """Return a field name derived from the name of the folder or file."""
    stem = path.parent.name if path.stem == "model" and path.is_file() else path.stem
    cleaned = "".join(char if char.isalnum() else "_" for char in stem.lower()).strip("_")
    return cleaned if cleaned[:1].isalpha() else f"detector_{cleaned}".rstrip("_")
