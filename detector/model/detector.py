"""Computes logits, probabilities and embeddings of pictures: tower, unit sphere, linear head.

The head is a linear layer with bias and without temperature on the L2-normalised class feature
(Yermakov et al. 2025, arXiv 2503.19683; ``LinearNorm`` in its code). Class 0 is real, 1 is fake.
With unit features the margin is m = (w1 - w0)·z + (b1 - b0) and p(fake) = sigmoid(m).
"""

from __future__ import annotations

import contextlib
import copy
import hashlib
import json
import operator
import os
from collections import deque
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from itertools import islice
from typing import Any, NamedTuple

import numpy as np
import torch
import torch.nn.functional as F
from torch import nn

from ..device import EAGER, default_batch, default_precision, exact_float32
from .backbone import Backbone, state_of
from .engines import Engine, require_engine
from .preprocess import together

_TYPES = {"bf16": torch.bfloat16, "fp16": torch.float16}


class Scores(NamedTuple):
    """A detector's scores of N pictures.

    Attributes:
        logits: (N, 2) float32, real and fake
        p_fake: (N,) float32, softmax of the logits
        embeddings: (N, D) float32 unit vectors
    """

    logits: np.ndarray
    p_fake: np.ndarray
    embeddings: np.ndarray

    @property
    def margin(self) -> np.ndarray:
        """(N,) float32 logit of fake minus logit of real; scores are ranked by it."""
        return self.logits[:, 1] - self.logits[:, 0]


class PendingScores:
    """Scores that a device may still be computing.

    On a GPU the copy to the host is queued after the computation, into separate pinned memory.
    """

    def __init__(
        self, detector: Detector, pixels: torch.Tensor, is_half: bool, rows: torch.Tensor
    ) -> None:
        self._detector, self._pixels, self._is_half = detector, pixels, is_half
        self._done: torch.cuda.Event | None = None
        if rows.is_cuda:
            self._rows = torch.empty(rows.shape, dtype=rows.dtype, pin_memory=True)
            self._rows.copy_(rows, non_blocking=True)
            self._done = torch.cuda.Event()
            self._done.record(torch.cuda.current_stream(rows.device))
        else:
            self._rows = rows

    def result(self) -> Scores:
        """Wait for the scores and return them; see :meth:`Detector.score_pixels`."""
        if self._done is not None:
            self._done.synchronize()
        rows = self._rows.cpu()
        bad = ~rows.isfinite().all(dim=1)
        if self._is_half and bad.any():  # the largest float16 is 65,504
            again = self._detector.enqueue(self._pixels[bad.to(self._pixels.device)], "fp32")
            rows = rows.clone()
            rows[bad] = again._rows_there()
        p_fake = rows[:, :2].softmax(dim=1)[:, 1]
        return Scores(rows[:, :2].numpy(), p_fake.numpy(), rows[:, 2:].numpy())

    def _rows_there(self) -> torch.Tensor:
        if self._done is not None:
            self._done.synchronize()
        return self._rows.cpu()


class Detector(nn.Module):
    """A visual tower with a linear head, by default on the unit sphere.

    Args:
        backbone: the tower
        head: linear layer from D to 2; None creates a new one
        normalize: True puts features on the unit sphere before the head (``LinearNorm``), False
            feeds them raw (``Linear``)
        key_name: short name under which its scores are stored
        info: record of the origin: crop recipe, training, calibration, source
    """

    def __init__(
        self,
        backbone: Backbone,
        head: nn.Linear | None = None,
        normalize: bool = True,
        key_name: str = "detector",
        info: dict[str, Any] | None = None,
    ) -> None:
        super().__init__()
        device = next(backbone.parameters()).device
        self.backbone = backbone
        self.head = head if head is not None else nn.Linear(backbone.width, 2, device=device)
        self.normalize = normalize
        self.key_name = key_name
        self.info: dict[str, Any] = dict(info or {})
        self.devices: tuple[str, ...] = (str(device),)
        self._copies: tuple[Any, dict[str, Detector]] = (None, {})
        self._batches = 0
        self.engine = Engine()

    def classify(self, features: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        """Map raw features (N, D) to logits (N, 2) and unit embeddings (N, D), both float32."""
        with torch.autocast(features.device.type, enabled=False):
            features = features.float()
            units = F.normalize(features, dim=1, eps=1e-12)
            return self.head(units if self.normalize else features), units

    def forward(self, x: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        """Map normalised pictures (N, 3, S, S) to logits (N, 2) and unit embeddings (N, D)."""
        return self.classify(self.backbone(x))

    @property
    def device(self) -> torch.device:
        """Device of the head."""
        return self.head.weight.device

    @property
    def sha256(self) -> str:
        """Identity of all that determines a score: tower, LayerNorms, head, preprocessing."""
        digest = hashlib.sha256(self.backbone.sha256.encode())
        settings = {"normalize": self.normalize, "preprocess": self.backbone.preprocess.config}
        digest.update(json.dumps(settings, sort_keys=True).encode())
        for name, tensor in sorted(tuned_tensors(self).items()):
            digest.update(name.encode())
            digest.update(tensor.numpy().tobytes())
        return digest.hexdigest()

    def spread(self, devices: Sequence[str]) -> None:
        """Let batches of :meth:`enqueue` take turns on ``devices``, starting with this one's."""
        self.devices = tuple(devices)

    def _next_in_turn(self) -> Detector:
        """Return this detector, or its copy on the device whose turn it is."""
        turn = self._batches % len(self.devices)
        self._batches += 1
        if turn == 0:
            return self
        state = state_of(self)
        if self._copies[0] != state:
            self._copies = state, {}
        copies = self._copies[1]
        if (name := self.devices[turn]) not in copies:
            backbone, head = copy.deepcopy((self.backbone, self.head))
            copies[name] = Detector(backbone, head, self.normalize, self.key_name).to(name)
            copies[name].engine = self.engine.again()
        return copies[name]

    def use_engine(self, name: str, batch: int | None = None, precision: str | None = None) -> None:
        """Run the tower for scores by another engine, which is made now, on each device.

        Args:
            name: one of :data:`detector.device.ENGINES`
            batch: pictures per forward pass, as the scores will be asked for; None: the default
            precision: as in :meth:`score_pixels`, as the scores will be asked for; other precisions
                run eagerly

        Raises:
            ForensicsError: the engine cannot run here, or fails with this tower
        """
        require_engine(name, self.device.type)
        batch = batch or default_batch(self.device)
        precision = precision or default_precision(self.device)
        self.engine, self._copies = Engine(name, batch, precision), (None, {})
        if name != EAGER:
            side = self.backbone.preprocess.size
            empty = torch.zeros((batch, 3, side, side), dtype=torch.uint8)
            for _ in self.devices:
                self.score_pixels(empty, precision)

    @torch.no_grad()
    def score_pixels(self, pixels: torch.Tensor, precision: str | None = None) -> Scores:
        """Return the scores of uint8 pixels (N, 3, S, S) from ``backbone.preprocess.to_pixels``.

        Runs in evaluation mode in any case.

        Args:
            pixels: on any device
            precision: one of :data:`detector.device.PRECISIONS`; None is fp16 on a GPU and fp32 on
                a CPU. LayerNorm statistics, the unit norm and the head are always float32. Rows
                that are not finite in half precision are scored again in float32
        """
        return self.enqueue(pixels, precision).result()

    @torch.no_grad()
    def enqueue(self, pixels: torch.Tensor, precision: str | None = None) -> PendingScores:
        """Start scoring ``pixels`` and return without waiting for a GPU.

        Args:
            pixels: as in :meth:`score_pixels`. Pinned memory is copied in the background; leave it
                unchanged until :meth:`PendingScores.result` has returned
            precision: as in :meth:`score_pixels`
        """
        one = self._next_in_turn()
        logits, units = one.classify(one.features(pixels, precision))
        is_half = (precision or default_precision(one.device)) != "fp32"
        return PendingScores(one, pixels, is_half, torch.cat([logits, units], dim=1))

    @torch.no_grad()
    def features(self, pixels: torch.Tensor, precision: str | None = None) -> torch.Tensor:
        """Return raw features (N, D) float32 of uint8 pixels (N, 3, S, S), for scoring.

        Args:
            pixels: on any device
            precision: as in :meth:`score_pixels`
        """
        x = self.backbone.preprocess.normalize(pixels.to(self.device, non_blocking=True))
        precision = precision or default_precision(self.device)
        was_training = self.training
        self.eval()
        try:
            if precision != "fp32":
                half = self.backbone.half(_TYPES[precision])
                return self.engine.run(half, None, x, precision)
            state = None if self.engine.name == EAGER else state_of(self.backbone)
            with exact_float32():
                return self.engine.run(self.backbone, state, x, precision).float()
        finally:
            self.train(was_training)

    def score(
        self, images: Sequence[Any], batch_size: int | None = None, precision: str | None = None
    ) -> Scores:
        """Return the scores of pictures in memory.

        For files see :func:`detector.scoring.crop_scores.score_crops`.

        Args:
            images: RGB uint8 arrays (H, W, 3) or PIL images of any mode and size
            batch_size: pictures per forward pass; None is 32 on a CPU and 128 on a GPU
            precision: as in :meth:`score_pixels`

        Raises:
            ForensicsError: an item is not a picture
        """
        size = default_batch(self.device) if batch_size is None else batch_size
        on_gpu = self.device.type == "cuda"
        ahead = 2 * len(self.devices) if on_gpu else 0
        waiting: deque[PendingScores] = deque()
        parts: list[Scores] = []
        preprocess = self.backbone.preprocess
        begun: deque[Iterator[torch.Tensor]] = deque()
        asked = iter(range(0, len(images), size))
        with ThreadPoolExecutor(min(16, os.cpu_count() or 1) if on_gpu else 1) as pool:
            for _ in range(0, len(images), size):
                for start in islice(asked, 2 - len(begun)):  # the next one while this one is sent
                    begun.append(pool.map(preprocess.to_pixels, images[start : start + size]))
                pixels = together(list(begun.popleft()), preprocess.size)
                waiting.append(self.enqueue(pixels, precision))
                if len(waiting) > ahead:
                    parts.append(waiting.popleft().result())
        parts += [one.result() for one in waiting]
        if not parts:
            return Scores(
                np.zeros((0, 2), np.float32),
                np.zeros(0, np.float32),
                np.zeros((0, self.backbone.width), np.float32),
            )
        return Scores(*(np.concatenate(columns) for columns in zip(*parts, strict=True)))


def autocast(device: torch.device, precision: str | None = None) -> Any:
    """Return the context for a forward pass: bf16 on a GPU, float32 on a CPU, or as requested.

    Use it under ``torch.no_grad``, not under ``torch.inference_mode``: on a CPU, autocast to bf16
    in inference mode is 40 times slower for batches of two or more.
    """
    precision = precision or default_precision(device)
    if precision == "fp32":
        return contextlib.nullcontext()
    return torch.autocast(device.type, _TYPES[precision])


def tuned_tensors(detector: Detector) -> dict[str, torch.Tensor]:
    """Return the tensors that our checkpoints store, by name, float32 on the CPU.

    These are the LayerNorm and head parameters and ``Backbone.also_tuned``.
    """
    tensors = {
        f"backbone.{name}": parameter
        for name, parameter in detector.backbone.layer_norm_parameters().items()
    }
    for name in detector.backbone.also_tuned:
        # Read as an attribute, not a parameter: a reparametrised weight gives the merged one.
        tensors[f"backbone.{name}"] = operator.attrgetter(name)(detector.backbone)
    tensors |= {f"head.{name}": parameter for name, parameter in detector.head.named_parameters()}
    return {
        name: tensor.detach().to("cpu", torch.float32).contiguous().clone()
        for name, tensor in tensors.items()
    }
