"""Converts two published ONNX files to the formats that facexlib and open_clip load.

Both sources fold parameters that the target keeps separate. The conversion is exact:

* RetinaFace MobileNet-0.25: BatchNorm is folded into the convolutions. facexlib keeps
  Conv(bias=False) + BatchNorm2d, so the folded weight becomes the convolution, the folded bias
  becomes ``bn.bias``, and ``running_var = 1 - eps`` makes the normalisation the identity.
* DINOv2 ViT-S/14: the patch convolution's bias is added to the patch positions, LayerScale to
"""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F

from ..files.atomic import replacing, write_bytes
from .onnx_reader import read_graph

_LAYERS, _WIDTH, _PATCH, _GRID = 12, 384, 14, 37


def _facexlib_name(node: str) -> str | None:
    """Map '/fx/stage1/stage1.1/stage1.1.0/stage1.1.0.0/Conv' to 'body.stage1.1.0'; None: repeat."""
    parts = node.strip("/").split("/")[:-1]
    last = parts[-1]
    if last.endswith("_1"):  # second use of a shared convolution (SSH conv5X5_1)
        return None
    if parts[0] == "fx":
        index = last.split(".")
        if len(index) == 3:
            return f"body.{last}"
        stage, block, half, _ = index  # depthwise block: half 0 is depthwise, 1 pointwise
        return f"body.{stage}.{block}.{0 if half == '0' else 3}"
    if parts[0] in ("fpn", "ssh1", "ssh2", "ssh3"):
        return f"{parts[0]}.{last}"
    heads = {"class_head": "ClassHead", "bbox_head": "BboxHead", "landmark_head": "LandmarkHead"}
    number = re.search(r"([0-9]+)$", last)
    if parts[0] not in heads or number is None:
        raise ValueError(f"not a RetinaFace graph: node {node!r}")
    return f"{heads[parts[0]]}.{number.group(1)}.conv1x1"


def retinaface_state(onnx: bytes, bn_eps: float = 1e-5) -> dict[str, torch.Tensor]:
    """Return the state dict of facexlib's ``RetinaFace("mobile0.25")`` from the folded ONNX graph.

    Raises:
        ValueError: another graph
    """
    nodes, tensors = read_graph(onnx)
    state: dict[str, torch.Tensor] = {}
    for node in nodes:
        name = _facexlib_name(node.name) if node.op == "Conv" else None
        if name is None:
            continue
        state[f"{name}.weight"] = torch.from_numpy(tensors[node.inputs[1]].copy())
        bias = torch.from_numpy(tensors[node.inputs[2]].copy())
        if name.endswith("conv1x1"):
            state[f"{name}.bias"] = bias
            continue
        stem, index = name.rsplit(".", 1)
        norm = f"{stem}.{int(index) + 1}"
        state[f"{norm}.weight"] = torch.ones_like(bias)
        state[f"{norm}.bias"] = bias
        state[f"{norm}.running_mean"] = torch.zeros_like(bias)
        state[f"{norm}.running_var"] = torch.full_like(bias, 1.0 - bn_eps)
        state[f"{norm}.num_batches_tracked"] = torch.zeros((), dtype=torch.long)
    return state


def _dinov2_tensors(onnx: bytes) -> dict[str, torch.Tensor]:
    """Return initialisers by name, MatMul weights by node name, and the two position tables."""
    nodes, tensors = read_graph(onnx)
    found = dict(tensors)
    for node in nodes:
        if node.op == "MatMul" and node.inputs[1] in tensors:
            found[node.name] = tensors[node.inputs[1]]
        elif node.name == "/backbone/embeddings/Reshape_1":
            found["pos_patch"] = tensors[node.inputs[0]]
        elif node.name == "/backbone/embeddings/Concat_6":
            found["pos_cls"] = tensors[node.inputs[0]]
    return {name: torch.from_numpy(np.array(array)) for name, array in found.items()}


def dinov2_visual_state(onnx: bytes, image_size: int = 224) -> dict[str, torch.Tensor]:
    """Return the state dict of open_clip's ``VisionTransformer`` for DINOv2 ViT-S/14.

    Raises:
        KeyError: another graph
    """
    t = _dinov2_tensors(onnx)
    grid = image_size // _PATCH
    table = t["pos_patch"].reshape(1, _GRID, _GRID, _WIDTH).permute(0, 3, 1, 2)
    table = F.interpolate(table, size=(grid, grid), mode="bicubic", align_corners=False)
    patches = table.permute(0, 2, 3, 1).reshape(grid * grid, _WIDTH)
    patches = patches + t["backbone.embeddings.patch_embeddings.projection.bias"]
    state = {
        "conv1.weight": t["backbone.embeddings.patch_embeddings.projection.weight"],
        "class_embedding": t["backbone.embeddings.cls_token"].reshape(_WIDTH),
        "positional_embedding": torch.cat([t["pos_cls"].reshape(1, _WIDTH), patches]),
        "ln_post.weight": t["backbone.layernorm.weight"],
        "ln_post.bias": t["backbone.layernorm.bias"],
        "proj": torch.eye(_WIDTH),
    }
    for layer in range(_LAYERS):
        state.update(_dinov2_block(t, layer))
    return {name: value.contiguous().clone() for name, value in state.items()}


def _dinov2_block(t: dict[str, torch.Tensor], layer: int) -> dict[str, torch.Tensor]:
    named = f"backbone.encoder.layer.{layer}."
    node = f"/backbone/encoder/layer.{layer}/"
    block = f"transformer.resblocks.{layer}."
    state: dict[str, torch.Tensor] = {}
    for source, target in (("norm1", "ln_1"), ("norm2", "ln_2")):
        for part in ("weight", "bias"):
            state[f"{block}{target}.{part}"] = t[f"{named}{source}.{part}"]
    qkv = ("query", "key", "value")
    state[f"{block}attn.in_proj_weight"] = torch.cat(
        [t[f"{node}attention/attention/{x}/MatMul"].T for x in qkv]
    )
    state[f"{block}attn.in_proj_bias"] = torch.cat(
        [t[f"{named}attention.attention.{x}.bias"] for x in qkv]
    )
    attention = t[f"{named}layer_scale1.lambda1"]
    mlp = t[f"{named}layer_scale2.lambda1"]
    out = t[f"{node}attention/output/dense/MatMul"].T
    state[f"{block}attn.out_proj.weight"] = attention[:, None] * out
    state[f"{block}attn.out_proj.bias"] = attention * t[f"{named}attention.output.dense.bias"]
    state[f"{block}mlp.c_fc.weight"] = t[f"{node}mlp/fc1/MatMul"].T
    state[f"{block}mlp.c_fc.bias"] = t[f"{named}mlp.fc1.bias"]
    state[f"{block}mlp.c_proj.weight"] = mlp[:, None] * t[f"{node}mlp/fc2/MatMul"].T
    state[f"{block}mlp.c_proj.bias"] = mlp * t[f"{named}mlp.fc2.bias"]
    return state


def dinov2_config(image_size: int = 224) -> dict[str, Any]:
    """Return the converted model's ``open_clip_config.json`` with the smallest valid text tower."""
    vision = {
        "image_size": image_size,
        "layers": _LAYERS,
        "width": _WIDTH,
        "patch_size": _PATCH,
        "head_width": 64,
        "no_ln_pre": True,
        "norm_kwargs": {"eps": 1e-6},
    }
    text = {"context_length": 4, "vocab_size": 49408, "width": 8, "heads": 1, "layers": 1}
    return {
        "model_cfg": {"embed_dim": _WIDTH, "vision_cfg": vision, "text_cfg": text},
        "preprocess_cfg": {"mean": [0.485, 0.456, 0.406], "std": [0.229, 0.224, 0.225]},
    }


def write_retinaface(onnx: bytes, path: Path) -> None:
    """Write the ``.pth`` that facexlib's ``init_detection_model`` expects, atomically."""
    state = retinaface_state(onnx)
    with replacing(path) as temporary:
        torch.save(state, temporary)


def write_dinov2(onnx: bytes, folder: Path) -> None:
    """Write a folder for ``local-dir:`` of ``open_clip``; the weights file is written last."""
    import open_clip
    from safetensors.torch import save

    config = dinov2_config()
    model = open_clip.model.CLIP(**config["model_cfg"])
    model.visual.load_state_dict(dinov2_visual_state(onnx), strict=True)
    # The text tower is never run. It is set to zeros, so that the file does not vary.
    state = {
        name: (value if name.startswith("visual.") else torch.zeros_like(value))
        .contiguous()
        .clone()
        for name, value in model.state_dict().items()
    }
    write_bytes(folder / "open_clip_config.json", json.dumps(config, indent=1).encode())
    write_bytes(folder / "open_clip_model.safetensors", save(state))
