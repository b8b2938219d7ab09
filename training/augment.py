"""Augments training data: pictures with the papers' parameters, and features by slerp.

Every random number comes from a generator that the caller seeds: for pictures by (seed, epoch,
    row),
for features by (seed, epoch, step). So worker processes and ranks do not change the result.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from PIL import Image
from torch import Tensor

from ..detector.device import sent
from ..detector.errors import ForensicsError

# Salts that separate the random streams of different purposes.
PICTURE, BLEND, SLERP = 2, 3, 4


def generator_for(seed: int, epoch: int, index: int, purpose: int) -> np.random.Generator:
    """Return the numpy generator of one row (or step) in one epoch for one purpose."""
    return np.random.default_rng([seed, epoch, index, purpose])


def feature_generator(seed: int, epoch: int, step: int) -> torch.Generator:
    """Return the CPU torch generator for the feature draws of one step."""
    words = np.random.SeedSequence([seed, epoch, step, SLERP]).generate_state(1, np.uint64)
    return torch.Generator().manual_seed(int(words[0] >> np.uint64(1)))


def augment(image: np.ndarray, name: str, rng: np.random.Generator) -> Image.Image:
    """Return a random variant of a crop.

    The code of both papers (Yermakov et al. 2025) applies, in this order: horizontal flip (p 0.5),
    affine (rotation 10 degrees, shift 0.1, scale 0.9 to 1.1, nearest neighbour, black fill),
    Gaussian blur, brightness and contrast (0.9 to 1.1, in random order), JPEG of quality 40 to 100.
    The papers differ in the blur. ``paper1`` always blurs with a kernel 3 wide and 7 high
    (torchvision's reading of its ``(3, 7)``). ``gend`` blurs with 7 x 7 in one of ten cases. Sigma
    is 0.1 to 2 in both. The pixel arithmetic is torchvision's, as in their code.

    Args:
        image: (H, W, 3) RGB uint8
        name: ``none`` | ``paper1`` | ``gend``
        rng: generator of all random choices

    Returns:
        RGB PIL image of the same size
    """
    from torchvision.transforms.v2 import functional as F

    picture: Any = Image.fromarray(image)
    if name == "none":
        return picture
    if name not in ("paper1", "gend"):
        raise ForensicsError(f"There is no augmentation {name!r}.", "none, paper1 or gend.")
    if rng.random() < 0.5:
        picture = F.horizontal_flip(picture)
    width, height = picture.size
    picture = F.affine(
        picture,
        angle=rng.uniform(-10.0, 10.0),
        translate=[
            round(rng.uniform(-0.1 * width, 0.1 * width)),
            round(rng.uniform(-0.1 * height, 0.1 * height)),
        ],
        scale=rng.uniform(0.9, 1.1),
        shear=[0.0, 0.0],
    )
    sigma = rng.uniform(0.1, 2.0)
    if name == "paper1":
        picture = F.gaussian_blur(picture, [3, 7], [sigma, sigma])
    elif rng.random() < 0.1:
        picture = F.gaussian_blur(picture, [7, 7], [sigma, sigma])
    brightness, contrast = rng.uniform(0.9, 1.1, 2)
    if rng.random() < 0.5:
        picture = F.adjust_contrast(F.adjust_brightness(picture, brightness), contrast)
    else:
        picture = F.adjust_brightness(F.adjust_contrast(picture, contrast), brightness)
    return F.jpeg(picture, int(rng.integers(40, 101)))


def slerp_within_class(
    features: Tensor,
    labels: Tensor,
    generator: torch.Generator,
    t_range: tuple[float, float] = (0.0, 1.0),
) -> Tensor:
    """Replace each feature by a spherical mix with a random feature of its class.

    Yermakov et al. 2025 (arXiv 2503.19683), as in its code: per class, rows A are mixed with a
    random permutation B of them at t drawn uniformly from ``t_range``,
    ``sin((1-t)θ)/sin θ · A + sin(tθ)/sin θ · B`` with ``θ = acos(clamp(A·B, ±(1 - 1e-7)))`` on
    unit rows. A row may be paired with itself. The batch is replaced, not enlarged (the text of
    GenD's first version enlarges it). A class of one row is not changed, and not normalised.

    Args:
        features: (N, D) before the head, of any length; computed in float32
        labels: (N,) integers, best on the host: the classes' sizes are read there
        generator: a CPU generator, so that the draws do not depend on the device
        t_range: bounds of t in [0, 1]

    Returns:
        (N, D) float32; rows of classes with two or more rows have unit length
    """
    out = features.float()
    low, high = t_range
    chosen, partners, mixes = [], [], []
    labels = labels.cpu()
    for label in torch.unique(labels):
        rows = torch.nonzero(labels == label).flatten()
        if len(rows) < 2:
            continue
        chosen.append(rows)
        partners.append(rows[torch.randperm(len(rows), generator=generator)])
        mixes.append(torch.rand((len(rows), 1), generator=generator) * (high - low) + low)
    if not chosen:
        return out
    rows, others = sent(torch.stack([torch.cat(chosen), torch.cat(partners)]), out.device)
    t = sent(torch.cat(mixes), out.device)
    units = torch.nn.functional.normalize(out, dim=1)
    a, b = units[rows], units[others]
    theta = torch.acos((a * b).sum(1, keepdim=True).clamp(-1 + 1e-7, 1 - 1e-7))
    mixed = (torch.sin((1 - t) * theta) * a + torch.sin(t * theta) * b) / torch.sin(theta)
    return out.index_copy(0, rows, mixed)
