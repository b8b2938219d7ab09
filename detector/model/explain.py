"""Where a vision transformer looks: attention rollout, and a variant weighted by the gradient.

Rollout: Abnar & Zuidema 2020 (arXiv 2005.00928): heads averaged, half identity for the residual,
multiplied through the blocks. It is the same whatever the verdict. Gradient-weighted: Chefer et
al. 2021 (arXiv 2103.15679, equations 5 and 6 for self-attention), with the margin (fake minus real
logit) as the target: it keeps attention that raises the margin. A map says which parts of the
picture moved this number in this network. It is not a localisation of a manipulation.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import cv2
import numpy as np
import torch
import torch.nn.functional as F

from ..errors import ForensicsError
from .backbone import Backbone
from .detector import Detector

METHODS = ("gradient", "rollout")


def explain(
    detector: Detector, images: Sequence[Any], method: str = "gradient", batch_size: int = 4
) -> Iterator[np.ndarray]:
    """A map (H, W) in [0, 1] for each picture, over the whole picture, its largest value 1.

    Where the preprocessing crops, the strip outside the crop is 0. A map without any positive
    relevance is all 0.

    Args:
        detector: with a plain class-token vision transformer
        images: RGB uint8 arrays (H, W, 3) or PIL images
        method: one of ``METHODS``
        batch_size: pictures per pass; ``gradient`` keeps all attention matrices in memory (about
            0.2 GB a picture for ViT-L/14)

    Raises:
        ForensicsError: unknown method, or a tower of another kind
    """
    from .preprocess import as_rgb

    if method not in METHODS:
        raise ForensicsError(
            f"There is no explanation {method!r}.", f"Known: {', '.join(METHODS)}.", "method"
        )
    if not detector.backbone.fast:
        raise ForensicsError(
            f"Attention maps need a plain vision transformer; {detector.backbone.name} is not one.",
            "Choose a detector on a CLIP or DINOv2 tower.",
            "key",
        )
    for start in range(0, len(images), batch_size):
        pictures = [as_rgb(image) for image in images[start : start + batch_size]]
        x = detector.backbone.preprocess.batch(pictures)
        x = detector.backbone.preprocess.normalize(x.to(detector.device))
        grids = relevance(detector, x, method).cpu().numpy()
        for picture, grid in zip(pictures, grids, strict=True):
            yield _over_picture(grid, picture.height, picture.width, detector)


def relevance(detector: Detector, x: torch.Tensor, method: str) -> torch.Tensor:
    """Relevance (N, G, G) of each patch for the class token of normalised pictures (N, 3, S, S).

    Not scaled; G is the number of patches along a side.
    """
    with torch.enable_grad():
        maps, features = attention_maps(detector.backbone, x)
        if method == "rollout":
            found = _rollout([a.detach() for a in maps])
        else:
            logits, _ = detector.classify(features)
            gradients = torch.autograd.grad((logits[:, 1] - logits[:, 0]).sum(), maps)
            found = _weighted(maps, gradients)
    patches = found[:, 0, 1:]
    side = round(patches.shape[1] ** 0.5)
    return patches.reshape(-1, side, side)


def attention_maps(backbone: Backbone, x: torch.Tensor) -> tuple[list[torch.Tensor], torch.Tensor]:
    """Attention (N, heads, L, L) of each block, and the features (N, D) of the usual forward pass.

    Every block is computed in full and in float32, since :meth:`Backbone.forward` never holds the
    matrices. The first matrix starts the graph, so that each has a gradient.
    """
    maps: list[torch.Tensor] = []
    x = backbone.visual.conv1(x).flatten(2).transpose(1, 2)
    visual = backbone.visual
    first = visual.class_embedding.expand(x.shape[0], 1, -1)
    x = visual.ln_pre(torch.cat([first, x], dim=1) + visual.positional_embedding)
    x = x.detach().requires_grad_(True)
    for block in visual.transformer.resblocks:
        attended, weights = _attention(block.attn, block.ln_1(x))
        maps.append(weights)
        x = x + block.ls_1(attended)
        x = x + block.ls_2(block.mlp(block.ln_2(x)))
    return maps, visual.ln_post(x[:, 0])


def _attention(attention: Any, x: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
    """Output (N, L, D) and weights (N, heads, L, L) of an ``nn.MultiheadAttention``."""
    count, length, width = x.shape
    fused = F.linear(x, attention.in_proj_weight, attention.in_proj_bias)
    parts = fused.view(count, length, 3, attention.num_heads, -1).permute(2, 0, 3, 1, 4)
    query, key, value = parts
    weights = (query @ key.transpose(-2, -1) / query.shape[-1] ** 0.5).softmax(dim=-1)
    out = (weights @ value).transpose(1, 2).reshape(count, length, width)
    return attention.out_proj(out), weights


def _rollout(maps: Sequence[torch.Tensor]) -> torch.Tensor:
    identity = torch.eye(maps[0].shape[-1], device=maps[0].device)
    out = identity
    for attention in maps:
        step = 0.5 * attention.mean(dim=1) + 0.5 * identity
        out = step @ out
    return out


def _weighted(maps: Sequence[torch.Tensor], gradients: Sequence[torch.Tensor]) -> torch.Tensor:
    out = torch.eye(maps[0].shape[-1], device=maps[0].device)
    for attention, gradient in zip(maps, gradients, strict=True):
        step = (attention.detach() * gradient).clamp(min=0).mean(dim=1)
        out = out + step @ out
    return out


def _over_picture(grid: np.ndarray, height: int, width: int, detector: Detector) -> np.ndarray:
    """A grid over the network's input as a map over the picture, largest value 1."""
    mode = detector.backbone.preprocess.config.get("resize_mode", "shortest")
    side = min(height, width)
    there = (width, height) if mode == "squash" else (side, side)
    resized = cv2.resize(grid.astype(np.float32), there, interpolation=cv2.INTER_CUBIC)
    out = np.zeros((height, width), np.float32)
    top, left = (height - there[1]) // 2, (width - there[0]) // 2
    out[top : top + there[1], left : left + there[0]] = np.maximum(resized, 0)
    highest = float(out.max())
    return out / highest if highest > 0 else out


def on_frame(
    map_on_crop: np.ndarray, matrix: Any, width: int, height: int, longest: int = 320
) -> np.ndarray:
    """A map over a crop as a map over the frame that it was cut from.

    Args:
        map_on_crop: (h, w), as large as the crop
        matrix: 2 x 3, frame pixels -> crop pixels
        width, height: of the frame in pixels
        longest: side of the result in pixels; a viewer stretches it over the frame

    Returns:
        (h, w) with the frame's aspect ratio, 0 outside the crop
    """
    scale = min(1.0, longest / max(width, height))
    size = (max(1, round(width * scale)), max(1, round(height * scale)))
    shrink = np.diag([size[0] / width, size[1] / height, 1.0])
    full = np.vstack([np.asarray(matrix, np.float64).reshape(2, 3), [0, 0, 1]])
    to_frame = shrink @ np.linalg.inv(full)
    return cv2.warpAffine(np.asarray(map_on_crop, np.float32), to_frame[:2], size)
