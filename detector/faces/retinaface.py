"""Finds faces with RetinaFace (Deng et al., arXiv 1905.00641), many frames at a time.

Prior boxes are vectorised and cached. Frames of one size go through the network together, and only
boxes above the threshold are decoded, once for a whole batch. On the same image the result equals
that of facexlib's ``RetinaFace.detect_faces``, whose weights fit. The network runs in float32 on
every device, so that crops do not depend on the device.
"""

from __future__ import annotations

import functools
import pickle
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch

from ..device import CPU, CUDA, exact_float32, resolved
from ..errors import ForensicsError
from ..files.hashes import file_sha256, state_sha256
from ..weights.fetch import weights_path
from ..weights.known import KNOWN
from .batches import NUMBERS, BatchedDetector, Candidates
from .retinaface_network import RetinaFaceNetwork

_MIN_SIZES = ((16, 32), (64, 128), (256, 512))
_STEPS = (8, 16, 32)
_VARIANCES = (0.1, 0.2)
_MEAN_RGB = (123.0, 117.0, 104.0)
_BATCH_PIXELS = {CPU: 640 * 640 * 4, CUDA: 640 * 640 * 64}


def prior_boxes(height: int, width: int) -> np.ndarray:
    """Return the anchor boxes of a (height, width) image: (N, 4) float32 (cx, cy, w, h) in [0, 1].

    Values and order are those of facexlib's ``PriorBox``: level by level, row by row, column by
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
    """Fold each BatchNorm that follows a convolution into it, in place; saves a quarter of time.

    The modules must list their children in the order of their use, as in
    :class:`.retinaface_network.RetinaFaceNetwork`. In eval mode the outputs stay equal up to float
    rounding.
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
    """Make a network for BGR pictures take RGB, by reversing its first layer's channels."""
    first = next(m for m in network.modules() if isinstance(m, torch.nn.Conv2d))
    first.weight = torch.nn.Parameter(first.weight.detach().flip(1), requires_grad=False)
    return network


class RetinaFaceDetector(BatchedDetector):
    """A loaded RetinaFace; see :class:`interface.FaceDetector`. Do not share it between threads.

    Args:
        name: registered name
        network: a :class:`RetinaFaceNetwork` in eval mode, float32, converted to RGB input
        sha256: :func:`detector.files.hashes.state_sha256` of its weights
        device: torch device
    """

    def __init__(self, name: str, network: torch.nn.Module, sha256: str, device: str) -> None:
        gpu = device.startswith(CUDA)
        super().__init__(name, sha256, device, _BATCH_PIXELS[CUDA if gpu else CPU])
        self._network = network.to(device).to(memory_format=torch.channels_last)  # pyright: ignore[reportCallIssue, reportArgumentType]
        self._mean = torch.tensor(_MEAN_RGB, device=device)
        self._pinned = gpu

    def candidates(self, images: Sequence[np.ndarray], threshold: float) -> list[Candidates]:
        """Return candidates, see :meth:`BatchedDetector.candidates`."""
        pixels = self.buffer(len(images), *images[0].shape[:2])
        np.stack(images, out=pixels.numpy())
        return self.candidates_of([pixels], threshold)

    def buffer(self, count: int, height: int, width: int) -> torch.Tensor:
        """Return a tensor (count, height, width, 3) uint8 for RGB; pinned if a GPU copies it."""
        size = (count, height, width, 3)
        return torch.empty(size, dtype=torch.uint8, pin_memory=self._pinned)

    def candidates_of(self, parts: Sequence[torch.Tensor], threshold: float) -> list[Candidates]:
        """Return the candidates of all pictures in ``parts``, which have one size.

        If the device runs out of memory, the pictures are processed in smaller batches.

        Args:
            parts: tensors as from :meth:`buffer`
            threshold: minimum score

        Raises:
            ForensicsError: too little memory for a single picture
        """
        try:
            return self._forward(parts, threshold)
        except torch.OutOfMemoryError as error:
            pictures = [picture for part in parts for picture in part.split(1)]
            if len(pictures) == 1:
                height, width = pictures[0].shape[1:3]
                raise ForensicsError(
                    f"A frame of {width} x {height} pixels is too large for {self.device}.",
                    "Shrink frames by the recipe's max_side, or free memory of the device.",
                    "max_side",
                ) from error
        if self._pinned:
            torch.cuda.empty_cache()
        half = len(pictures) // 2
        first = self.candidates_of(pictures[:half], threshold)
        return first + self.candidates_of(pictures[half:], threshold)

    @torch.no_grad()
    def _forward(self, parts: Sequence[torch.Tensor], threshold: float) -> list[Candidates]:
        """Return candidates; the host waits for the device twice: for their number and for them."""
        there = [part.to(self.device, non_blocking=True) for part in parts]
        pixels = there[0] if len(there) == 1 else torch.cat(there)
        # Channels stay last in memory, as in the frames and as convolutions prefer.
        batch = (pixels.float() - self._mean).permute(0, 3, 1, 2)
        with exact_float32():
            boxes, scores, points = self._network(batch)
        size = (batch.shape[2], batch.shape[3])
        return _above(boxes, scores[..., 1], points, threshold, size)


def _above(
    boxes: torch.Tensor,
    scores: torch.Tensor,
    points: torch.Tensor,
    threshold: float,
    size: tuple[int, int],
) -> list[Candidates]:
    """Return the candidates of each picture from (B, N, 4), (B, N) and (B, N, 10) of its anchors.

    A box has centre = prior + offset * 0.1 * prior size and size = prior size * exp(0.2 * offset).
    Points are offsets from the prior's centre in the same way.
    """
    finite = _finite(boxes) & _finite(scores) & _finite(points)
    above = scores > threshold
    picture, anchor = torch.nonzero(above, as_tuple=True)
    priors = _cached_priors(*size, str(scores.device))[anchor]
    centre = priors[:, :2] + boxes[picture, anchor, :2] * _VARIANCES[0] * priors[:, 2:]
    extent = priors[:, 2:] * torch.exp(boxes[picture, anchor, 2:] * _VARIANCES[1])
    corner = centre - extent / 2
    marks = points[picture, anchor].view(-1, 5, 2) * _VARIANCES[0] * priors[:, None, 2:]
    marks = priors[:, None, :2] + marks
    rows = [corner, corner + extent, scores[picture, anchor, None], marks.flatten(1)]
    # one copy of three things: finiteness per picture, candidates per picture, and the candidates
    parts = [finite, above.sum(1), torch.cat(rows, dim=1)]
    told = torch.cat([part.float().flatten() for part in parts]).cpu().numpy()
    count = len(scores)
    ends = np.cumsum(told[count : 2 * count].astype(int))[:-1]
    found = np.split(told[2 * count :].reshape(-1, NUMBERS), ends)
    return [rows if ok else None for ok, rows in zip(told[:count], found, strict=True)]


def _finite(values: torch.Tensor) -> torch.Tensor:
    """Return (B,) bool: which of B pictures have only finite values."""
    return torch.isfinite(values).flatten(1).all(1)


def _read_state(path: Path) -> dict[str, Any]:
    """Return the tensors of a weight file, without unpickling code."""
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
    """Load a RetinaFace with the weights called ``name``.

    Args:
        name: ``retinaface_resnet50``, ``retinaface_mobile0.25``, or the latter with ``-facexlib``
        device: torch device; None: the first GPU if there is one, else the CPU
        weights: local ``.pth`` or ``.safetensors`` file instead of the registered one
        allow_download: fetch missing weights

    Raises:
        ForensicsError: weights missing, not the registered ones, or for another network
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
