"""Finds faces with RetinaFace (Deng et al., arXiv 1905.00641), many frames at a time.

Prior boxes are vectorised and cached, frames of one size go through the network together, and
only boxes above the threshold are decoded. On the same image the result equals that of
facexlib's ``RetinaFace.detect_faces``, whose weights fit. The network runs in float32 on every
device, so that crops do not depend on where they were made.
"""

from __future__ import annotations

import functools
import pickle
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
import torchvision

from ..device import exact_float32, resolved
from ..errors import ForensicsError
from ..files.hashes import file_sha256, state_sha256
from ..records import Face
from ..weights.fetch import weights_path
from ..weights.known import KNOWN
from .interface import NonFiniteError, shrink
from .retinaface_network import RetinaFaceNetwork

_MIN_SIZES = ((16, 32), (64, 128), (256, 512))
_STEPS = (8, 16, 32)
_VARIANCES = (0.1, 0.2)
_MEAN_RGB = (123.0, 117.0, 104.0)
_NMS_IOU = 0.4
_BATCH_PIXELS = {"cpu": 640 * 640 * 4, "cuda": 640 * 640 * 64}


def prior_boxes(height: int, width: int) -> np.ndarray:
    """Anchor boxes of a (height, width) image as (N, 4) float32 (cx, cy, w, h) in [0, 1].

    Same values and order as facexlib's ``PriorBox``: level by level, row by row, column by
    column, two sizes per cell; N = sum over strides s of 2 * ceil(H/s) * ceil(W/s).
    """
    levels = []
    for sizes, step in zip(_MIN_SIZES, _STEPS, strict=True):
        rows, columns = -(-height // step), -(-width // step)
        cy = (np.arange(rows) + 0.5) * step / height
        cx = (np.arange(columns) + 0.5) * step / width
        level = np.empty((rows, columns, len(sizes), 4))
        level[..., 0] = cx[None, :, None]
        level[..., 1] = cy[:, None, None]
        level[..., 2] = np.array(sizes) / width
        level[..., 3] = np.array(sizes) / height
        levels.append(level.reshape(-1, 4))
    return np.concatenate(levels).astype(np.float32)


@functools.lru_cache(maxsize=16)
def _cached_priors(height: int, width: int, device: str) -> torch.Tensor:
    return torch.from_numpy(prior_boxes(height, width)).to(device)


def fold_batch_norm(network: torch.nn.Module) -> torch.nn.Module:
    """Fold each BatchNorm that follows a convolution into it, in place; a quarter less time.

    Holds for networks whose modules list their children in the order of their use, as
    :class:`.retinaface_network.RetinaFaceNetwork` does. In eval mode the outputs stay equal to
    float rounding.
    """
    for module in network.modules():
        previous: tuple[str, torch.nn.Module] | None = None
        for name, child in list(module.named_children()):
            if (
                previous is not None
                and isinstance(previous[1], torch.nn.Conv2d)
                and isinstance(child, torch.nn.BatchNorm2d)
            ):
                fused = torch.nn.utils.fusion.fuse_conv_bn_eval(previous[1], child)
                setattr(module, previous[0], fused)
                setattr(module, name, torch.nn.Identity())
            previous = (name, child)
    return network


def take_rgb(network: torch.nn.Module) -> torch.nn.Module:
    """Let a network for BGR pictures take RGB, by turning its first convolution around."""
    first = next(m for m in network.modules() if isinstance(m, torch.nn.Conv2d))
    first.weight = torch.nn.Parameter(first.weight.detach().flip(1), requires_grad=False)
    return network


class RetinaFaceDetector:
    """A loaded RetinaFace; see :class:`interface.FaceDetector`. Not to be shared between
    threads.

    Args:
        name: registered name
        network: a :class:`RetinaFaceNetwork` in eval mode, float32, made to take RGB
        sha256: :func:`detector.files.hashes.state_sha256` of its weights
        device: torch device
    """

    def __init__(self, name: str, network: torch.nn.Module, sha256: str, device: str) -> None:
        self.name = name
        self.sha256 = sha256
        self.device = device
        self._network = network.to(device).to(memory_format=torch.channels_last)  # pyright: ignore[reportCallIssue, reportArgumentType]
        self._mean = torch.tensor(_MEAN_RGB, device=device)

    def detect(
        self, frames: Sequence[np.ndarray], *, score_threshold: float = 0.5, max_side: int = 0
    ) -> list[list[Face]]:
        """See :meth:`interface.FaceDetector.detect`."""
        small = [shrink(frame, max_side) for frame in frames]
        by_size: dict[tuple[int, int], list[int]] = {}
        for position, image in enumerate(small):
            by_size.setdefault((image.shape[0], image.shape[1]), []).append(position)
        found: list[list[Face]] = [[] for _ in frames]
        budget = _BATCH_PIXELS["cuda" if self.device.startswith("cuda") else "cpu"]
        for (height, width), positions in by_size.items():
            batch = max(1, budget // (height * width))
            for start in range(0, len(positions), batch):
                chosen = positions[start : start + batch]
                outputs = self._forward([small[p] for p in chosen])
                for position, (loc, scores, points) in zip(chosen, outputs, strict=True):
                    found[position] = _faces(
                        loc,
                        scores,
                        points,
                        (height, width),
                        (frames[position].shape[0], frames[position].shape[1]),
                        score_threshold,
                    )
        return found

    @torch.no_grad()
    def _forward(
        self, images: list[np.ndarray]
    ) -> list[tuple[torch.Tensor, torch.Tensor, torch.Tensor]]:
        """Raw (N, 4) boxes, (N,) scores and (N, 10) points of images of one size, float32."""
        pixels = torch.from_numpy(np.stack(images)).to(self.device)
        # Channels stay last in memory, as the frames have them and convolutions like them.
        batch = (pixels.float() - self._mean).permute(0, 3, 1, 2)
        with exact_float32():
            loc, scores, points = self._network(batch)
        rows = [(loc[i], scores[i, :, 1], points[i]) for i in range(len(images))]
        if not _finite(rows):
            raise NonFiniteError(
                "The face detector returned NaN or infinity.", "Check its weight file."
            )
        return rows


def _finite(rows: list[tuple[torch.Tensor, torch.Tensor, torch.Tensor]]) -> bool:
    return all(bool(torch.isfinite(x).all()) for row in rows for x in row)


def _faces(
    loc: torch.Tensor,
    scores: torch.Tensor,
    points: torch.Tensor,
    size: tuple[int, int],
    frame_size: tuple[int, int],
    threshold: float,
) -> list[Face]:
    """Decode, threshold, sort and suppress (IoU 0.4) the output of one image.

    Boxes: centre = prior + loc * 0.1 * prior size, size = prior size * exp(0.2 * loc); points
    likewise around the prior's centre. Output fractions are scaled to the frame's own size.
    """
    keep = torch.nonzero(scores > threshold).squeeze(1)
    if keep.numel() == 0:
        return []
    priors = _cached_priors(*size, str(scores.device))[keep]
    centre = priors[:, :2] + loc[keep, :2] * _VARIANCES[0] * priors[:, 2:]
    extent = priors[:, 2:] * torch.exp(loc[keep, 2:] * _VARIANCES[1])
    corner = centre - extent / 2
    boxes = torch.cat([corner, corner + extent], dim=1)
    marks = priors[:, None, :2] + points[keep].view(-1, 5, 2) * _VARIANCES[0] * priors[:, None, 2:]
    height, width = frame_size
    scale = torch.tensor([width, height], dtype=torch.float32)
    boxes = boxes.cpu() * scale.repeat(2)
    marks = marks.cpu() * scale
    values = scores[keep].cpu()
    order = torch.sort(values, descending=True, stable=True).indices
    boxes, marks, values = boxes[order], marks[order], values[order]
    kept = torchvision.ops.nms(boxes, values, _NMS_IOU)
    return [
        Face(
            box=tuple(boxes[i].tolist()),
            score=float(values[i]),
            landmarks=tuple(tuple(point) for point in marks[i].tolist()),
        )
        for i in kept.tolist()
    ]


def _read_state(path: Path) -> dict[str, Any]:
    """Tensors of a weight file, without unpickling code."""
    try:
        if path.suffix == ".safetensors":
            from safetensors.torch import load_file

            return load_file(path)
        state = torch.load(path, map_location="cpu", weights_only=True)
    except (OSError, RuntimeError, pickle.UnpicklingError, EOFError, ValueError) as error:
        raise ForensicsError(
            f"{path} cannot be read as weights: {error}.", "Fetch the file again.", "weights"
        ) from error
    if not isinstance(state, dict):
        raise ForensicsError(f"{path} holds no state dict.", "", "weights")
    return {key.removeprefix("module."): value for key, value in state.items()}


def load_retinaface(
    name: str,
    device: str | None = None,
    weights: str | None = None,
    allow_download: bool = False,
) -> RetinaFaceDetector:
    """Load a RetinaFace with the weights that go by ``name``.

    Args:
        name: ``retinaface_resnet50``, ``retinaface_mobile0.25``, or the latter with ``-facexlib``
        device: torch device; None: the first GPU if there is one, else the CPU
        weights: local ``.pth`` or ``.safetensors`` file instead of the registered one
        allow_download: fetch missing weights

    Raises:
        ForensicsError: weights missing, other than registered, or of another network
    """
    path = weights_path(name, weights, allow_download)
    entry = KNOWN[name]
    if weights is None and entry.sha256 and file_sha256(path) != entry.sha256:
        raise ForensicsError(
            f"{path} is not the registered file.", "Remove it and fetch it again.", "weights"
        )
    state = _read_state(path)
    digest = state_sha256(state)
    if weights is None and entry.state_sha256 and digest != entry.state_sha256:
        raise ForensicsError(
            f"{path} holds other weights than registered.", "Remove it and fetch it again."
        )
    where = resolved(device)
    kind = name.removeprefix("retinaface_").removesuffix("-facexlib")
    network = RetinaFaceNetwork(kind)
    try:
        network.load_state_dict(state, strict=True)
    except RuntimeError as error:
        raise ForensicsError(
            f"{path} does not fit {name}: {str(error).splitlines()[0]}",
            "Choose the detector that the file belongs to.",
            "weights",
        ) from error
    network = take_rgb(fold_batch_norm(network.eval()))
    return RetinaFaceDetector(name, network, digest, where)
