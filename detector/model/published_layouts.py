"""Maps tensor names of the authors' published checkpoints to open_clip's and back.

Both published layouts hold a whole Hugging Face ``CLIPVisionModel``:

* ``model.ckpt`` (arXiv 2503.19683; Lightning) comes from PEFT's LN-tuning, which stores every
  LayerNorm twice: ``.base_layer.`` is OpenAI's original and is ignored,
  ``.ln_tuning_layers.default.`` is the tuned one and is used.
* ``GenD_*/model.safetensors`` (arXiv 2508.06248) has plain names; ``visual_projection`` is unused.

Hugging Face's library writes ``vision_model.`` before the tower's names up to version 4, and no
prefix from version 5 on. Compiled and data-parallel models add ``_orig_mod`` and ``module`` to the
path. All are the same network.

Key lists and layouts: the authors' code (yermandy/deepfake-detection, yermandy/GenD, both MIT).
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping

import torch

from ..errors import ForensicsError

_PEFT_PREFIX = "feature_extractor.base_model.model."
_PREFIX = "feature_extractor."
_BASE, _TUNED = ".base_layer.", ".ln_tuning_layers.default."
# Not used for scoring: the contrastive projection, the text tower, index buffers.
_UNUSED = re.compile(
    r"(visual_projection\.|text_projection\.|text_model\.|logit_scale|.*position_ids)"
)
_TOP = {
    "embeddings.class_embedding": "class_embedding",
    "embeddings.position_embedding.weight": "positional_embedding",
    "embeddings.patch_embedding.weight": "conv1.weight",
    "pre_layrnorm.weight": "ln_pre.weight",
    "pre_layrnorm.bias": "ln_pre.bias",
    "post_layernorm.weight": "ln_post.weight",
    "post_layernorm.bias": "ln_post.bias",
}
_BLOCK = {
    "self_attn.out_proj": "attn.out_proj",
    "layer_norm1": "ln_1",
    "layer_norm2": "ln_2",
    "mlp.fc1": "mlp.c_fc",
    "mlp.fc2": "mlp.c_proj",
}
_QKV = ("q", "k", "v")


_TOWER = re.compile(r"(.*\bvision_model\.|(base_model\.model\.)?(embeddings|encoder\.layers)\.)")
_WRAPPERS = {"_orig_mod", "module"}  # of torch.compile and (distributed) data parallel


def without_wrappers(tensors: Mapping[str, torch.Tensor]) -> dict[str, torch.Tensor]:
    """Return the tensors under their names in the network itself, without wrappers.

    Raises:
        ForensicsError: a name occurs twice, from a wrapped and an unwrapped copy
    """
    out: dict[str, torch.Tensor] = {}
    for name, tensor in tensors.items():
        plain = ".".join(part for part in name.split(".") if part not in _WRAPPERS)
        if plain in out:
            raise ForensicsError(
                f"The checkpoint holds {plain} twice, with and without a wrapper's name.",
                "Save the state_dict of one of them.",
                "detector",
            )
        out[plain] = tensor
    return out


def is_published_layout(names: Iterable[str]) -> bool:
    """Return whether tensor names look like one of the authors' CLIP checkpoints."""
    return any(
        name.startswith(_PREFIX) and _TOWER.match(name.removeprefix(_PREFIX)) for name in names
    )


def hf_vision_to_open_clip(tensors: Mapping[str, torch.Tensor]) -> dict[str, torch.Tensor]:
    """Return the tensors of a Hugging Face CLIP vision tower under open_clip's names.

    Args:
        tensors: names with any prefix before ``vision_model.`` (or the authors' two layouts); of
            PEFT's copies the tuned one is taken; heads and text towers are left out

    Returns:
        open_clip ``VisionTransformer`` names, with query, key and value in one matrix; unknown
        names are kept, so that a strict load reports them

    Raises:
        ForensicsError: a block lacks some of its query, key and value projections, or the file
            holds two towers
    """
    out: dict[str, torch.Tensor] = {}
    parts: dict[str, dict[str, torch.Tensor]] = {}
    seen: dict[str, str] = {}
    whole = _resolve_peft(tensors)
    for name, tensor in whole.items():
        _, found, key = name.rpartition("vision_model.")
        if not found:
            key = name.removeprefix(_PREFIX)
        if _UNUSED.match(key) or key.startswith("model.linear."):
            continue
        if (first := seen.setdefault(key, name)) != name:
            same = whole[first].dtype == tensor.dtype and torch.equal(whole[first], tensor)
            if same:
                continue  # one module under two names
            # a teacher, or a moving average, beside the tower
            raise ForensicsError(
                f"The checkpoint holds two towers: {seen[key]} and {name}.",
                "Save the state_dict of one of them.",
                "detector",
            )
        if key in _TOP:
            out[_TOP[key]] = tensor
            continue
        match = re.fullmatch(r"encoder\.layers\.(\d+)\.(.+)\.(weight|bias)", key)
        block = f"transformer.resblocks.{match[1]}." if match else ""
        if match and match[2] in _BLOCK:
            out[f"{block}{_BLOCK[match[2]]}.{match[3]}"] = tensor
        elif match and re.fullmatch(r"self_attn\.[qkv]_proj", match[2]):
            parts.setdefault(f"{block}attn.in_proj_{match[3]}", {})[match[2][10]] = tensor
        else:
            out[name] = tensor
    for name, pieces in parts.items():
        if set(pieces) != set(_QKV):
            raise ForensicsError(
                f"The checkpoint has only the {', '.join(sorted(pieces))} part of {name}.",
                "It is incomplete.",
                "detector",
            )
        out[name] = torch.cat([pieces[part] for part in _QKV])
    return out


def open_clip_to_hf_vision(tensors: Mapping[str, torch.Tensor]) -> dict[str, torch.Tensor]:
    """Return the inverse of :func:`hf_vision_to_open_clip`; names begin with ``vision_model.``."""
    top = {ours: theirs for theirs, ours in _TOP.items()}
    inner = {ours: theirs for theirs, ours in _BLOCK.items()}
    out: dict[str, torch.Tensor] = {}
    for name, tensor in tensors.items():
        if name in top:
            out[f"vision_model.{top[name]}"] = tensor
            continue
        match = re.fullmatch(r"transformer\.resblocks\.(\d+)\.(.+)[._](weight|bias)", name)
        if match is None or (match[2] != "attn.in_proj" and match[2] not in inner):
            raise ForensicsError(f"{name} has no place in the Hugging Face CLIP vision tower.")
        block = f"vision_model.encoder.layers.{match[1]}."
        if match[2] == "attn.in_proj":
            for part, piece in zip(_QKV, tensor.chunk(3), strict=True):
                out[f"{block}self_attn.{part}_proj.{match[3]}"] = piece
        else:
            out[f"{block}{inner[match[2]]}.{match[3]}"] = tensor
    return out


def published_head(tensors: Mapping[str, torch.Tensor]) -> dict[str, torch.Tensor]:
    """Return the linear head's ``weight`` and ``bias`` from a published checkpoint.

    Raises:
        ForensicsError: the file has no head
    """
    head = {
        key: tensors[f"model.linear.{key}"]
        for key in ("weight", "bias")
        if f"model.linear.{key}" in tensors
    }
    if set(head) != {"weight", "bias"}:
        raise ForensicsError(
            "The checkpoint has no classification head (model.linear.weight, model.linear.bias).",
            "It is a bare encoder; train a head on it first.",
            "detector",
        )
    return head


def _resolve_peft(tensors: Mapping[str, torch.Tensor]) -> dict[str, torch.Tensor]:
    """Return names without PEFT's wrapping, with the tuned one of the two LayerNorm copies.

    Raises:
        ForensicsError: one of a LayerNorm's two copies is missing
    """
    out = {}
    for name, tensor in tensors.items():
        original = name.replace(_TUNED, _BASE)
        if original not in tensors:  # unused, but its absence shows an incomplete file
            raise ForensicsError(
                f"The checkpoint lacks {original}.", "It is incomplete.", "detector"
            )
        if _BASE in name:
            if name.replace(_BASE, _TUNED) not in tensors:
                raise ForensicsError(
                    f"The tuned copy of {name} is missing; the original alone would give a "
                    "silently wrong detector.",
                    "The checkpoint is incomplete.",
                    "detector",
                )
            continue
        out[name.replace(_PEFT_PREFIX, _PREFIX).replace(_TUNED, ".")] = tensor
    return out
