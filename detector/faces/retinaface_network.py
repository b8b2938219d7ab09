"""Defines the RetinaFace network (Deng et al., arXiv 1905.00641) for the public weights.

It has a backbone, a feature pyramid, one context module (SSH) per level, and three heads.
Parameters have the names of the public weight files, which facexlib reads too; a test compares the
outputs with facexlib's. facexlib itself is not needed at run time: its requirements install a
second cv2, which a server without libGL cannot import.
"""

from __future__ import annotations

from collections.abc import Iterable

import torch
import torchvision
from torch import nn
from torch.nn import functional as F

NETWORKS = ("mobile0.25", "resnet50")
_ANCHORS = 2  # sizes per cell
_BACKGROUND_AND_FACE, _BOX, _POINTS = 2, 4, 10
# (channels in, channels out, stride) of the depthwise blocks of MobileNet-0.25, stage by stage
_STAGES = (
    ((8, 16, 1), (16, 32, 2), (32, 32, 1), (32, 64, 2), (64, 64, 1)),
    ((64, 128, 2), *((128, 128, 1),) * 5),
    ((128, 256, 2), (256, 256, 1)),
)


def _convolution(
    inside: int, out: int, size: int = 3, stride: int = 1, groups: int = 1
) -> list[nn.Module]:
    """Return a convolution that keeps the size (at stride 1), and its normalisation."""
    convolution = nn.Conv2d(inside, out, size, stride, size // 2, groups=groups, bias=False)
    return [convolution, nn.BatchNorm2d(out)]


def _activated(layers: list[nn.Module], slope: float = 0.1) -> list[nn.Module]:
    return [*layers, nn.LeakyReLU(slope, inplace=True)]


def _depthwise(inside: int, out: int, stride: int) -> nn.Sequential:
    per_channel = _activated(_convolution(inside, inside, 3, stride, groups=inside))
    return nn.Sequential(*per_channel, *_activated(_convolution(inside, out, 1)))


class _MobileNet(nn.Module):
    """MobileNet (v1) with a quarter of the width; returns the maps at strides 8, 16 and 32."""

    channels = (64, 128, 256)

    def __init__(self) -> None:
        super().__init__()
        first = nn.Sequential(*_activated(_convolution(3, 8, stride=2)))
        one, two, three = ([_depthwise(*block) for block in stage] for stage in _STAGES)
        self.stage1 = nn.Sequential(first, *one)
        self.stage2 = nn.Sequential(*two)
        self.stage3 = nn.Sequential(*three)

    def forward(self, pixels: torch.Tensor) -> list[torch.Tensor]:
        one = self.stage1(pixels)
        two = self.stage2(one)
        return [one, two, self.stage3(two)]


class _ResNet(nn.Module):
    """torchvision's ResNet-50 without classifier; returns the maps at strides 8, 16 and 32."""

    channels = (512, 1024, 2048)

    def __init__(self) -> None:
        super().__init__()
        whole = torchvision.models.resnet50(weights=None)
        for name, part in whole.named_children():
            if name not in ("avgpool", "fc"):
                self.add_module(name, part)

    def forward(self, pixels: torch.Tensor) -> list[torch.Tensor]:
        maps: list[torch.Tensor] = []
        for name, part in self.named_children():
            pixels = part(pixels)
            if name in ("layer2", "layer3", "layer4"):
                maps.append(pixels)
        return maps


class _Pyramid(nn.Module):
    """Feature pyramid: three levels of one width, each coarser one added to the finer."""

    def __init__(self, channels: Iterable[int], width: int, slope: float) -> None:
        super().__init__()
        one, two, three = (_activated(_convolution(c, width, 1), slope) for c in channels)
        self.output1 = nn.Sequential(*one)
        self.output2 = nn.Sequential(*two)
        self.output3 = nn.Sequential(*three)
        self.merge1 = nn.Sequential(*_activated(_convolution(width, width), slope))
        self.merge2 = nn.Sequential(*_activated(_convolution(width, width), slope))

    def forward(self, maps: list[torch.Tensor]) -> list[torch.Tensor]:
        fine, middle, coarse = self.output1(maps[0]), self.output2(maps[1]), self.output3(maps[2])
        middle = self.merge2(middle + F.interpolate(coarse, size=middle.shape[2:]))
        fine = self.merge1(fine + F.interpolate(middle, size=fine.shape[2:]))
        return [fine, middle, coarse]


class _Context(nn.Module):
    """SSH: views of 3, 5 and 7 pixels side by side, the larger two as stacked 3x3 convolutions."""

    def __init__(self, width: int, slope: float) -> None:
        super().__init__()
        quarter = width // 4
        self.conv3X3 = nn.Sequential(*_convolution(width, width // 2))
        self.conv5X5_1 = nn.Sequential(*_activated(_convolution(width, quarter), slope))
        self.conv5X5_2 = nn.Sequential(*_convolution(quarter, quarter))
        self.conv7X7_2 = nn.Sequential(*_activated(_convolution(quarter, quarter), slope))
        self.conv7x7_3 = nn.Sequential(*_convolution(quarter, quarter))

    def forward(self, level: torch.Tensor) -> torch.Tensor:
        shared = self.conv5X5_1(level)
        views = (
            self.conv3X3(level),
            self.conv5X5_2(shared),
            self.conv7x7_3(self.conv7X7_2(shared)),
        )
        return F.relu(torch.cat(views, dim=1))


class _Head(nn.Module):
    """One 1x1 convolution that gives ``values`` numbers per anchor as (batch, anchors, values)."""

    def __init__(self, width: int, values: int) -> None:
        super().__init__()
        self.values = values
        self.conv1x1 = nn.Conv2d(width, _ANCHORS * values, 1)

    def forward(self, level: torch.Tensor) -> torch.Tensor:
        return self.conv1x1(level).permute(0, 2, 3, 1).reshape(level.shape[0], -1, self.values)


class RetinaFaceNetwork(nn.Module):
    """Gives boxes, probabilities and points of every anchor for a batch of pictures.

    Args:
        kind: one of :data:`NETWORKS`
    """

    def __init__(self, kind: str) -> None:
        super().__init__()
        if kind not in NETWORKS:
            raise ValueError(f"`kind` must be one of {', '.join(NETWORKS)}, not {kind!r}")
        self.body = _MobileNet() if kind == "mobile0.25" else _ResNet()
        width, slope = (64, 0.1) if kind == "mobile0.25" else (256, 0.0)
        self.fpn = _Pyramid(self.body.channels, width, slope)
        self.ssh1, self.ssh2, self.ssh3 = (_Context(width, slope) for _ in range(3))
        self.ClassHead = nn.ModuleList(_Head(width, _BACKGROUND_AND_FACE) for _ in range(3))
        self.BboxHead = nn.ModuleList(_Head(width, _BOX) for _ in range(3))
        self.LandmarkHead = nn.ModuleList(_Head(width, _POINTS) for _ in range(3))

    def forward(self, pixels: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
        """Return (B, N, 4) box offsets, (B, N, 2) probabilities and (B, N, 10) point offsets.

        ``pixels`` is (B, 3, H, W), BGR minus the mean, as in training. Anchors are in the order of
        :func:`.retinaface.prior_boxes`.
        """
        levels = self.fpn(self.body(pixels))
        levels = [ssh(x) for ssh, x in zip((self.ssh1, self.ssh2, self.ssh3), levels, strict=True)]
        boxes, scores, points = (
            torch.cat([head(x) for head, x in zip(heads, levels, strict=True)], dim=1)
            for heads in (self.BboxHead, self.ClassHead, self.LandmarkHead)
        )
        return boxes, F.softmax(scores, dim=-1), points
