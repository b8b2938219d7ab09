"""Provides the gradients of a batch, from newly decoded pictures or from stored embeddings.

Both kinds have the same methods, so that the loop treats them alike.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence

import torch
from torch import Tensor

from ..detector.device import sent
from ..detector.model.detector import Detector
from . import distributed
from .batches.crop_cache import CropCache
from .batches.data import PixelLoader, TrainingCrops, worker_count
from .batches.sampler import Batch, indices, rank_share
from .config import TrainConfig
from .manifest import Manifest, ManifestRow
from .step import LossTensors, Tower, backward_on_features, backward_on_pixels
from .validate import embed_rows

log = logging.getLogger(__name__)

Note = Callable[[str, str], None]


def _own(batch: Batch) -> list[int]:
    """Return the row indices of this rank's share."""
    return indices(rank_share(batch, distributed.rank(), distributed.ranks()))


class _Source:
    """The base of both kinds: the tower, the rows, and the crops that could not be read.

    Args:
        note_unreadable: called once with path and reason of each unreadable training crop
    """

    def __init__(
        self,
        detector: Detector,
        tower: Tower,
        manifest: Manifest,
        config: TrainConfig,
        note_unreadable: Note,
    ) -> None:
        self.detector, self.tower, self.config = detector, tower, config
        self.rows, self.val_rows = manifest.train, manifest.val
        self.cache = CropCache(config.cache_gb)
        self.unreadable: dict[str, str] = {}
        self._note_unreadable = note_unreadable

    def _embed(self, rows: Sequence[ManifestRow]) -> tuple[Tensor, Tensor, list[tuple[int, str]]]:
        return embed_rows(self.detector, rows, self.cache)

    def _note(self, index: int, reason: str) -> None:
        crop = self.rows[index].crop
        if crop not in self.unreadable:
            self.unreadable[crop] = reason
            log.warning("left out: %s", reason)
            self._note_unreadable(crop, reason)


class PixelSource(_Source):
    """A source that augments decoded crops again each epoch and embeds them at each step."""

    def prepare(self) -> None:
        """Make room for decoded crops; without worker processes, decode them now."""
        device = self.detector.device
        workers = worker_count(self.config, device)
        keep = self.cache.reserve if workers else self.cache.fill
        keep([*self.rows, *self.val_rows])
        crops = TrainingCrops(self.rows, self.config, self.detector.backbone.preprocess, self.cache)
        self._loader = PixelLoader(crops, workers, pin=device.type == "cuda")

    def start(self, epoch: int, batches: Sequence[Batch]) -> None:
        """Start to prepare this rank's share of ``batches``, which then arrive in this order."""
        self._ahead = self._loader.batches(epoch, [_own(batch) for batch in batches])

    def backward(self, batch: Batch, generator: torch.Generator) -> LossTensors:
        """Add the gradients of the next batch to the parameters."""
        loaded = next(self._ahead)
        for index, reason in loaded.unreadable:
            self._note(index, reason)
        return backward_on_pixels(
            self.detector, self.tower, loaded.pixels, loaded.labels, self.config, generator
        )

    def validation(self) -> tuple[Tensor, Tensor]:
        """Return features (n, D) and row indices (n,) of the readable validation crops."""
        features, index, _ = self._embed(self.val_rows)
        return features, index


class FeatureSource(_Source):
    """A source for a linear probe on fixed pictures: each crop is embedded once per run."""

    def prepare(self) -> None:
        """Embed all crops."""
        features, index, bad = self._embed(self.rows)
        self._features = features.new_zeros((len(self.rows), features.shape[1]))
        self._features[index] = features
        for i, reason in bad:
            self._note(i, reason)
        for i in set(range(len(self.rows))) - set(index.tolist()):
            self._note(i, "unreadable on another rank, see its log")
        self._validation = self._embed(self.val_rows)[:2]

    def start(self, epoch: int, batches: Sequence[Batch]) -> None:
        """Do nothing: the features exist already."""

    def backward(self, batch: Batch, generator: torch.Generator) -> LossTensors:
        """Add the gradients of ``batch`` to the head."""
        used = [i for i in _own(batch) if self.rows[i].crop not in self.unreadable]
        labels = torch.tensor([self.rows[i].label for i in used])
        index = sent(torch.tensor(used, dtype=torch.int64), self._features.device)
        features = self._features[index]
        return backward_on_features(self.detector, features, labels, self.config, generator)

    def validation(self) -> tuple[Tensor, Tensor]:
        """Return features (n, D) and row indices (n,) of the readable validation crops."""
        return self._validation
