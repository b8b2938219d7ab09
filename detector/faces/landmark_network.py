"""Runs O-Net, the last network of MTCNN, on squares around faces, for :mod:`.landmarks`."""

from __future__ import annotations

import numpy as np
import torch
import torch.nn.functional as F

from ..device import exact_float32

_LAYERS = ("conv1", "conv2", "conv3", "conv4", "dense5", "dense6_3")


class LandmarkNetwork:
    """O-Net's output of five points.

    Args:
        tensors: tensors of ``onet.pt`` by their published names
        device: torch device

    Raises:
        KeyError: a tensor is missing
    """

    def __init__(self, tensors: dict[str, torch.Tensor], device: str) -> None:
        names = [f"{layer}.{part}" for layer in _LAYERS for part in ("weight", "bias")]
        names += [f"prelu{n}.weight" for n in range(1, 6)]
        self._t = {name: tensors[name].float().to(device) for name in names}
        self.device = device

    @torch.no_grad()
    @exact_float32()
    def points(self, images: np.ndarray) -> np.ndarray:
        """Return points (N, 5, 2), as fractions of the side, of RGB uint8 (N, 48, 48, 3)."""
        t = self._t
        x = torch.from_numpy(images).to(self.device).permute(0, 3, 1, 2)
        x = (x.float() - 127.5) / 128
        for n in range(1, 5):
            x = F.conv2d(x, t[f"conv{n}.weight"], t[f"conv{n}.bias"])
            x = F.prelu(x, t[f"prelu{n}.weight"])
            if n < 4:
                x = F.max_pool2d(x, 3 if n < 3 else 2, 2, ceil_mode=True)
        x = x.permute(0, 3, 2, 1).flatten(1)  # the axis order used in training
        x = F.prelu(F.linear(x, t["dense5.weight"], t["dense5.bias"]), t["prelu5.weight"])
        x = F.linear(x, t["dense6_3.weight"], t["dense6_3.bias"])
        return x.view(-1, 2, 5).transpose(1, 2).cpu().numpy()  # five x, then five y
