"""Maps where a vision transformer attends: attention rollout and a gradient-weighted variant.

Rollout (Abnar & Zuidema 2020, arXiv 2005.00928) averages the heads, adds half an identity for the
residual and multiplies the blocks. It does not depend on the verdict. The gradient-weighted variant
(Chefer et al. 2021, arXiv 2103.15679, equations 5 and 6 for self-attention) takes the margin (fake
minus real logit) as target and keeps the attention that raises it. A map shows which parts of the
picture affected this number in this network. It does not localise a manipulation.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Sequence
from typing import Any

import cv2
import numpy as np
import torch
import torch.nn.functional as F

from ..device import default_precision, exact_float32
from ..errors import ForensicsError
from .backbone import Backbone
from .detector import Detector, autocast

METHODS = ("gradient", "rollout")
_SCALE = 1024  # keeps small gradients above float16's least number, 6e-8


def default_batch(device: Any) -> int:
    """Return the default number of pictures per pass: 4 on a CPU, 8 on a CUDA GPU."""
    return 8 if str(device).startswith("cuda") else 4


def explain(
    detector: Detector,
    images: Sequence[Any],
    method: str = "gradient",
    batch_size: int | None = None,
    precision: str | None = None,
) -> Iterator[np.ndarray]:
    """Yield for each picture a map (H, W) in [0, 1] over the whole picture, with maximum 1.

    The strip that the preprocessing crops away is 0. A map without positive relevance is all 0.

    Args:
        detector: its tower must be a plain class-token vision transformer
        images: RGB uint8 arrays (H, W, 3) or PIL images
        method: one of ``METHODS``
        batch_size: pictures per pass, see :func:`default_batch`; ``gradient`` keeps all attention
            matrices in memory (0.5 GB per picture for ViT-L/14 in float32)
        precision: see :func:`relevance`

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
    size = default_batch(detector.device) if batch_size is None else batch_size
    for start in range(0, len(images), size):
        pictures = [as_rgb(image) for image in images[start : start + size]]
        x = detector.backbone.preprocess.batch(pictures)
        x = detector.backbone.preprocess.normalize(x.to(detector.device))
        grids = relevance(detector, x, method, precision).cpu().numpy()
        if not np.isfinite(grids).all():  # the largest float16 is 65,504
            grids = relevance(detector, x, method, "fp32").cpu().numpy()
        for picture, grid in zip(pictures, grids, strict=True):
            yield _over_picture(grid, picture.height, picture.width, detector)


def relevance(
    detector: Detector, x: torch.Tensor, method: str, precision: str | None = None
) -> torch.Tensor:
    """Return the relevance (N, G, G) of each patch for the class token, not scaled.

    Args:
        detector: see :func:`explain`
        x: normalised pictures (N, 3, S, S); G is the number of patches along a side
        method: one of ``METHODS``
        precision: of the tower, one of :data:`detector.device.PRECISIONS`; None is fp16
            on a GPU and fp32 on a CPU. Softmax, the products over the blocks and the head are
            float32 in any case. With the offline tower maps of three pictures differed from
            float32's by up to 0.005 of their maximum in fp16, and by up to 0.06 in bf16
    """
    precision = precision or default_precision(x.device)
    exact = exact_float32() if precision == "fp32" else contextlib.nullcontext()
    with torch.set_grad_enabled(method == "gradient"), exact:
        maps, features = attention_maps(detector.backbone, x, precision)
        if method == "rollout":
            found = _rollout(maps)
        else:
            logits, _ = detector.classify(features)
            scale = 1 if precision == "fp32" else _SCALE
            gradients = torch.autograd.grad(scale * (logits[:, 1] - logits[:, 0]).sum(), maps)
            found = _weighted(maps, [gradient / scale for gradient in gradients])
    patches = found[:, 0, 1:]
    side = round(patches.shape[1] ** 0.5)
    return patches.reshape(-1, side, side)


def attention_maps(
    backbone: Backbone, x: torch.Tensor, precision: str = "fp32"
) -> tuple[list[torch.Tensor], torch.Tensor]:
    """Return the attention (N, heads, L, L) of each block, and the usual features (N, D).

    Every block is computed in full, because :meth:`Backbone.forward` never stores the matrices,
    which are float32. The autograd graph starts before the first block, so each has a gradient.
    """
    maps: list[torch.Tensor] = []
    visual = backbone.visual
    with autocast(x.device, precision):
        x = visual.conv1(x).flatten(2).transpose(1, 2)
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
    weights = (query @ key.transpose(-2, -1) / query.shape[-1] ** 0.5).float().softmax(dim=-1)
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
