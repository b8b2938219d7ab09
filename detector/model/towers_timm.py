"""Loads towers that open_clip lacks through timm: Perception Encoder and DINOv3.

GenD was also published on these backbones (arXiv 2508.06248). Its Perception Encoder files have
timm's names; its DINOv3 files have Hugging Face's, which are mapped here. The feature is timm's
pooled output without a classifier, as in the authors' code.
"""

from __future__ import annotations

import os
import re
import shlex
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import torch
from torch import nn

from ..errors import ForensicsError
from ..files.tensor_files import load_exact, read_tensors
from .preprocess import Preprocess

PREFIX = "feature_extractor.backbone."
_SIDE = 224  # GenD feeds 224 pixels to every tower
_DINOV3 = {384: "small", 768: "base", 1024: "large"}  # by width
_DINOV3_TOP = {
    "embeddings.cls_token": "cls_token",
    "embeddings.register_tokens": "reg_token",
    "embeddings.patch_embeddings.weight": "patch_embed.proj.weight",
    "embeddings.patch_embeddings.bias": "patch_embed.proj.bias",
    "norm.weight": "norm.weight",
    "norm.bias": "norm.bias",
}
_DINOV3_BLOCK = {
    "norm1.weight": "norm1.weight",
    "norm1.bias": "norm1.bias",
    "norm2.weight": "norm2.weight",
    "norm2.bias": "norm2.bias",
    "attention.o_proj.weight": "attn.proj.weight",
    "attention.o_proj.bias": "attn.proj.bias",
    "attention.q_proj.bias": "attn.q_bias",
    "attention.v_proj.bias": "attn.v_bias",
    "layer_scale1.lambda1": "gamma_1",
    "layer_scale2.lambda1": "gamma_2",
    "mlp.up_proj.weight": "mlp.fc1.weight",
    "mlp.up_proj.bias": "mlp.fc1.bias",
    "mlp.down_proj.weight": "mlp.fc2.weight",
    "mlp.down_proj.bias": "mlp.fc2.bias",
}


def is_timm_layout(names: Iterable[str]) -> bool:
    """Return whether the names are those of a GenD file on a tower other than CLIP."""
    return any(name.startswith(PREFIX) for name in names)


def published_timm_tower(
    tensors: Mapping[str, torch.Tensor], config: Mapping[str, Any], what: str
) -> tuple[nn.Module, str, Preprocess]:
    """Return tower, backbone name and preprocessing of a GenD file on PE or DINOv3.

    Args:
        tensors: all tensors of the file
        config: GenD's ``config.json``; names the architecture for Perception Encoder (PE)
        what: name of the file, for messages

    Raises:
        ForensicsError: another architecture, or tensors that do not fit (listed)
    """
    own = {n.removeprefix(PREFIX): t for n, t in tensors.items() if n.startswith(PREFIX)}
    if "embeddings.cls_token" in own:
        own, model = _dinov3_names(own), _dinov3_model(own)
    else:
        model = str(config.get("backbone", ""))
        if not model.startswith("vit_pe_core_"):
            raise ForensicsError(
                f"{what} was made for the tower {model or 'that config.json names'!r}.",
                "Known are CLIP, Perception Encoder (with the config.json beside the file) and "
                "DINOv3 without gated MLP.",
                "detector",
            )
    visual, preprocess = empty_timm_tower(model, _SIDE)
    load_exact(visual, own, what)
    return visual, f"timm:{model}:{_SIDE}", preprocess


def load_timm_tower(model: str, size: str, name: str) -> tuple[nn.Module, Preprocess]:
    """Return the tower ``timm:MODEL:SIZE`` with weights from this machine.

    Raises:
        ForensicsError: unknown architecture, or weights that are not on this machine
    """
    from ..files.cache import cache_dir

    visual, preprocess = empty_timm_tower(model, int(size) if size.isdigit() else _SIDE)
    folder = cache_dir() / "weights" / name.replace(":", "-")
    file, repository = "model.safetensors", _repository(model)
    path = folder / file
    if not path.is_file() and repository:
        from huggingface_hub import try_to_load_from_cache

        found = try_to_load_from_cache(repository, file)
        path = Path(found) if isinstance(found, str | os.PathLike) else path
    if not path.is_file():
        count = sum(tensor.numel() for tensor in visual.state_dict().values())
        command = ["hf", "download", repository, file, "--local-dir", os.fspath(folder)]
        raise ForensicsError(
            f"The weights of {name} are not on this machine: {file}, {count * 4 / 1e6:.0f} MB, "
            f"from the Hugging Face repository {repository or 'that timm names'}.",
            f"Run `{shlex.join(command)}`.",
            "backbone",
        )
    tensors = read_tensors(path, "backbone")
    kept = {name: tensor for name, tensor in tensors.items() if not name.startswith("head.")}
    load_exact(visual, kept, str(path), "backbone")
    return visual, preprocess


def empty_timm_tower(model: str, size: int) -> tuple[nn.Module, Preprocess]:
    """Return a timm architecture without classifier and weights, and its preprocessing.

    DINOv3 is resized bilinearly, as in its authors' processor. That one works on floats and this
    one on 8 bits, so they differ by rounding.

    Args:
        model: timm's name
        size: side of the network's input in pixels

    Raises:
        ForensicsError: timm has no such architecture
    """
    import timm
    from timm.data import resolve_model_data_config

    is_dinov3 = "_dinov3" in model
    settings: dict[str, Any] = (
        {"num_classes": 0, "global_pool": "token", "img_size": size}
        if is_dinov3
        else {"dynamic_img_size": True}
    )
    try:
        visual = timm.create_model(model, pretrained=False, **settings)
    except (RuntimeError, TypeError) as error:
        raise ForensicsError(
            f"timm cannot build the tower {model!r} ({error}).", "", "backbone"
        ) from error
    visual.head = nn.Identity()  # as in GenD; DINOv3 has no head
    data = resolve_model_data_config(visual)
    config = {
        "size": size,
        "mean": data["mean"],
        "std": data["std"],
        "interpolation": "bilinear" if is_dinov3 else data["interpolation"],
        "resize_mode": "squash" if is_dinov3 or data["crop_mode"] == "squash" else "shortest",
    }
    return visual.eval(), Preprocess(config)


def _repository(model: str) -> str:
    import timm

    config = timm.get_pretrained_cfg(model)
    return str(getattr(config, "hf_hub_id", None) or "")


def _dinov3_model(own: Mapping[str, torch.Tensor]) -> str:
    width = own["embeddings.cls_token"].shape[-1]
    if width not in _DINOV3:
        raise ForensicsError(
            f"There is no DINOv3 tower of width {width} here.",
            f"Known widths: {', '.join(map(str, _DINOV3))}.",
            "detector",
        )
    return f"vit_{_DINOV3[width]}_patch16_dinov3_qkvb"


def _dinov3_names(own: Mapping[str, torch.Tensor]) -> dict[str, torch.Tensor]:
    """Return Hugging Face's DINOv3 tensors under timm's names; unknown names are kept."""
    out: dict[str, torch.Tensor] = {}
    projections: dict[str, dict[str, torch.Tensor]] = {}
    for name, tensor in own.items():
        if name in _DINOV3_TOP:
            out[_DINOV3_TOP[name]] = tensor
            continue
        if name == "embeddings.mask_token" or name.startswith("rope_embeddings."):
            continue
        match = re.fullmatch(r"(?:model\.)?layer\.(\d+)\.(.+)", name)
        block = f"blocks.{match[1]}." if match else ""
        if match and match[2] in _DINOV3_BLOCK:
            out[block + _DINOV3_BLOCK[match[2]]] = tensor
        elif match and re.fullmatch(r"attention\.[qkv]_proj\.weight", match[2]):
            projections.setdefault(f"{block}attn.qkv.weight", {})[match[2][10]] = tensor
        else:
            out[name] = tensor
    for name, parts in projections.items():
        if set(parts) == {"q", "k", "v"}:
            out[name] = torch.cat([parts[part] for part in "qkv"])
    return out
