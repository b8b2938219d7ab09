"""Turns crops of a manifest into pixel batches, decoded once and augmented again each epoch."""

from __future__ import annotations

import logging
import os
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace

import torch
from torch import Tensor
from torch.utils.data import DataLoader, Dataset

from ...detector.errors import ForensicsError
from ...detector.model.preprocess import Preprocess, together
from ...detector.records import FAKE, REAL
from ..augment import BLEND, PICTURE, augment, generator_for
from ..config import TrainConfig
from ..manifest import ManifestRow
from .crop_cache import CropCache
from .loader_processes import loader_context
from .self_blend import self_blend_pair

log = logging.getLogger(__name__)

Key = tuple[int, int]  # (epoch, row index)


@dataclass(frozen=True, slots=True)
class PixelBatch:
    """One rank's share of a batch.

    Attributes:
        pixels: uint8 (n, 3, S, S)
        labels: (n,) int64
        rows: (n,) row index of each picture; a self-blend has the index of its real
        unreadable: (row index, reason) of crops that are left out
    """

    pixels: Tensor
    labels: Tensor
    rows: tuple[int, ...]
    unreadable: tuple[tuple[int, str], ...]

    def pin_memory(self) -> PixelBatch:
        """Return a copy in page-locked memory; the loader calls this if it feeds a GPU."""
        return replace(self, pixels=self.pixels.pin_memory(), labels=self.labels.pin_memory())


@dataclass(frozen=True, slots=True)
class _Drawn:
    """The pictures of one key: one, two with a self-blend, or none if the file is unreadable."""

    row: int
    pictures: tuple[tuple[Tensor, int], ...]
    reason: str = ""


class TrainingCrops(Dataset[_Drawn]):
    """Dataset from key (epoch, row) to augmented pictures, which depend only on key and config."""

    def __init__(
        self,
        rows: Sequence[ManifestRow],
        config: TrainConfig,
        preprocess: Preprocess,
        cache: CropCache,
    ) -> None:
        self.rows, self.config, self.preprocess, self.cache = rows, config, preprocess, cache

    def __len__(self) -> int:
        return len(self.rows)

    def __getitem__(self, key: Key) -> _Drawn:
        epoch, index = key
        row, config = self.rows[index], self.config
        try:
            image = self.cache.read(row)
        except OSError as error:
            return _Drawn(index, (), str(error))
        images = [(image, row.label)]
        if row.label == REAL and row.crop_landmarks is not None and config.self_blend_probability:
            rng = generator_for(config.seed, epoch, index, BLEND)
            if rng.random() < config.self_blend_probability:
                real, fake, _ = self_blend_pair(image, row.crop_landmarks, rng)
                images = [(real, REAL), (fake, FAKE)]
        pictures = []
        for picture, label in images:
            # A real and its self-blend get the same augmentation, as in the paper on self-blending.
            rng = generator_for(config.seed, epoch, index, PICTURE)
            variant = augment(picture, config.augmentation, rng)
            pictures.append((self.preprocess.to_pixels(variant), label))
        return _Drawn(index, tuple(pictures))


def _collate(drawn: list[_Drawn]) -> PixelBatch:
    pictures = [(pixels, label, d.row) for d in drawn for pixels, label in d.pictures]
    unreadable = tuple((d.row, d.reason) for d in drawn if not d.pictures)
    if not pictures:
        raise ForensicsError(
            f"No crop of a batch can be read; the first: {unreadable[0][1]}.",
            "Extract the faces again.",
        )
    return PixelBatch(
        torch.stack([p for p, _, _ in pictures]),
        torch.tensor([label for _, label, _ in pictures]),
        tuple(row for _, _, row in pictures),
        unreadable,
    )


class PixelLoader:
    """A loader of pixel batches in order, prepared ahead by processes that live for the whole run.

    Args:
        crops: dataset to draw from; the processes share its cache, see :mod:`.crop_cache`
        workers: number of processes; 0 prepares each batch on request
        pin: True puts batches into page-locked memory
    """

    def __init__(self, crops: TrainingCrops, workers: int, pin: bool) -> None:
        self._keys: list[list[Key]] = []
        self._loader = DataLoader(
            crops,
            batch_sampler=_Keys(self),  # type: ignore[arg-type]
            num_workers=workers,
            collate_fn=_collate,
            pin_memory=pin,
            worker_init_fn=_one_thread if workers else None,
            multiprocessing_context=loader_context() if workers else None,
            persistent_workers=workers > 0,
        )

    def batches(self, epoch: int, rows: Sequence[Sequence[int]]) -> Iterator[PixelBatch]:
        """Start to prepare ``rows`` of ``epoch``, and drop batches that were prepared before."""
        self._keys = [[(epoch, index) for index in batch] for batch in rows]
        return iter(self._loader)


class _Keys:
    """The keys of the last requested batches, for a loader that lives longer."""

    def __init__(self, loader: PixelLoader) -> None:
        self._loader = loader

    def __iter__(self) -> Iterator[list[Key]]:
        return iter(self._loader._keys)

    def __len__(self) -> int:
        return len(self._loader._keys)


def _one_thread(_worker: int) -> None:
    """Limit a worker to one thread, because the workers already decode in parallel."""
    import cv2

    torch.set_num_threads(1)
    cv2.setNumThreads(0)


def worker_count(config: TrainConfig, device: torch.device) -> int:
    """Return the number of processes that prepare batches, as configured or by the device.

    On a CPU the tower needs the time and the cores, so workers bring nothing.
    """
    if config.workers >= 0:
        return config.workers
    if device.type == "cpu":
        return 0
    usable = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
    return max(1, min(12, (usable or 2) - 2))


def plain_batches(
    rows: Sequence[ManifestRow],
    preprocess: Preprocess,
    cache: CropCache,
    batch_size: int = 32,
    threads: int = 2,
) -> Iterator[PixelBatch]:
    """Yield the rows in order, not augmented, for validation and for embeddings made once.

    Threads decode and resize ahead. A batch without a readable crop has no ``pixels`` (n = 0) but
    is still reported.
    """

    def load(index: int) -> tuple[int, Tensor | None, str]:
        try:
            return index, preprocess.to_pixels(cache.read(rows[index])), ""
        except OSError as error:
            return index, None, str(error)

    starts = range(0, len(rows), batch_size)
    with ThreadPoolExecutor(threads) as pool:
        ahead = None
        for start in [*starts, None]:
            nexts = (
                [pool.submit(load, i) for i in range(start, min(start + batch_size, len(rows)))]
                if start is not None
                else None
            )
            if ahead is not None:
                yield _plain([future.result() for future in ahead], rows, preprocess.size)
            ahead = nexts


def _plain(
    loaded: list[tuple[int, Tensor | None, str]], rows: Sequence[ManifestRow], side: int
) -> PixelBatch:
    good = [(index, pixels) for index, pixels, _ in loaded if pixels is not None]
    return PixelBatch(
        together([p for _, p in good], side),
        torch.tensor([rows[i].label for i, _ in good], dtype=torch.int64),
        tuple(i for i, _ in good),
        tuple((i, reason) for i, p, reason in loaded if p is None),
    )
