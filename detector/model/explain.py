"""Maps where a vision transformer attends: attention rollout and a gradient-weighted variant.

Rollout (Abnar & Zuidema 2020, arXiv 2005.00928) averages the heads, adds half an identity for the
residual and multiplies the blocks. It does not depend on the verdict. The gradient-weighted variant
(Chefer et al. 2021, arXiv 2103.15679, equations 5 and 6 for self-attention) takes the margin (fake
minus real logit) as target and keeps the attention that raises it. A map shows which parts of the
picture affected this number in this network. It does not localise a manipulation.
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
    """Yield for each picture a map (H, W) in [0, 1] over the whole picture, with maximum 1.

    The strip that the preprocessing crops away is 0. A map without positive relevance is all 0.

    Args:
        detector: its tower must be a plain class-token vision transformer
        images: RGB uint8 arrays (H, W, 3) or PIL images
        method: one of ``METHODS``
        batch_size: pictures per pass; ``gradient`` keeps all attention matrices in memory (about
            0.2 GB per picture for ViT-L/14)

    Raises:
        ForensicsError: unknown method, or another kind of tower
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
    """Return the relevance (N, G, G) of each patch for the class token, not scaled.

    Args:
        detector: see :func:`explain`
        x: normalised pictures (N, 3, S, S); G is the number of patches along a side
        method: one of ``METHODS``
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
    """Return the attention (N, heads, L, L) of each block, and the usual features (N, D).

    Every block is computed in full and in float32, because :meth:`Backbone.forward` never stores
    the matrices. The autograd graph starts before the first block, so each matrix has a gradient.
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
    """Return output (N, L, D) and weights (N, heads, L, L) of an ``nn.MultiheadAttention``."""
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
    """Scale a grid over the network's input to a map over the picture with maximum 1."""
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
    """Return a map over a crop as a map over the crop's frame.

    Args:
        map_on_crop: (h, w), the size of the crop
        matrix: 2 x 3, frame pixels -> crop pixels
        width, height: of the frame in pixels
        longest: longer side of the result in pixels; a viewer stretches it over the frame

    Returns:
        (h, w) with the frame's aspect ratio, 0 outside the crop
    """
    scale = min(1.0, longest / max(width, height))
    size = (max(1, round(width * scale)), max(1, round(height * scale)))
    shrink = np.diag([size[0] / width, size[1] / height, 1.0])
    full = np.vstack([np.asarray(matrix, np.float64).reshape(2, 3), [0, 0, 1]])
    to_frame = shrink @ np.linalg.inv(full)
    return cv2.warpAffine(np.asarray(map_on_crop, np.float32), to_frame[:2], size)
