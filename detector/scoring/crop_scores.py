"""Scores crop files: decoders work ahead of the network, and every file keeps its row.

Aggregation is in ``aggregate.py``. This module knows no videos and stores nothing.
"""

from __future__ import annotations

import functools
import os
from collections import deque
from collections.abc import Callable, Generator, Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from ..device import default_batch
from ..errors import ForensicsError
from ..model.detector import Detector
from ..model.head import angle
from ..progress import Progress
from ..records import Reason
from .crop_files import Decoded, DecodeFiles, decode_in_threads
from .scores import Scores

_BATCHES_AHEAD = 2  # batches queued on a GPU while the results of one are stored


@dataclass(frozen=True, slots=True, eq=False)
class ScoreBatch(Scores):
    """The scores of consecutive files.

    Attributes:
        indices: (n,) positions in the list of files
    """

    indices: tuple[int, ...]


def score_crops(
    detector: Detector,
    paths: Sequence[str | Path],
    batch_size: int | None = None,
    workers: int | None = None,
    progress: Progress | None = None,
    should_stop: Callable[[], bool] | None = None,
    precision: str | None = None,
    hashes: Sequence[str] = (),
    decode: DecodeFiles | None = None,
) -> Iterator[ScoreBatch]:
    """Score image files in order and yield one batch per ``batch_size`` files.

    Memory does not grow with the number of files. A file without a score keeps its row, with a
    reason. The scores do not depend on batch size, order or workers, up to the tolerance of the
    precision. A GPU works on the next batches while the caller handles one.

    Args:
        detector: on its device
        paths: crop files
        batch_size: files per forward pass; None is 32 for a CPU and 128 for a GPU
        workers: decoder threads; None is 2 for a CPU and up to 16 for a GPU
        progress: called after each batch with (files done, total files, "crops")
        should_stop: called before each batch; True ends the iteration early
        precision: see :meth:`Detector.score_pixels`
        hashes: sha256 of each file, "" if unknown; empty if all are unknown. A file that differs
            gets the reason ``changed_crop``
        decode: reader to use instead of threads, for example
            :func:`detector.runners.crop_processes.decode_in_processes`

    Raises:
        ForensicsError: a batch size below 1, or the numbers of hashes and files differ
    """
    if batch_size is None:
        batch_size = default_batch(detector.device)
    if batch_size < 1:
        raise ForensicsError(
            f"A batch holds at least one crop, not {batch_size}.", "", "batch_size"
        )
    hashes = require_hashes(paths, hashes)
    if decode is None:
        on_gpu = detector.device.type == "cuda"
        count = workers or (min(16, os.cpu_count() or 1) if on_gpu else 2)
        decode = functools.partial(decode_in_threads, workers=count)
    decoded = decode(detector.backbone.preprocess, paths, hashes, batch_size)
    return _score(detector, decoded, len(paths), progress, should_stop, precision)


def require_hashes(paths: Sequence[str | Path], hashes: Sequence[str]) -> Sequence[str]:
    """Return ``hashes``, or one "" per file if none are given.

    Raises:
        ForensicsError: the numbers of hashes and files differ
    """
    if hashes and len(hashes) != len(paths):
        raise ForensicsError(f"{len(hashes)} hashes for {len(paths)} crops.")
    return hashes or [""] * len(paths)


def _score(
    detector: Detector,
    batches: Generator[Decoded, None, None],
    total: int,
    progress: Progress | None,
    should_stop: Callable[[], bool] | None,
    precision: str | None,
) -> Iterator[ScoreBatch]:
    ahead = _BATCHES_AHEAD * len(detector.devices) if detector.device.type == "cuda" else 0
    waiting: deque[_Waiting] = deque()
    started = 0
    with closing(batches):
        while True:
            # Checked first, so that nothing is decoded for a caller who wants to stop.
            stopped = should_stop is not None and should_stop()
            batch = None if stopped else next(batches, None)
            if batch is not None:
                indices = range(started, started + len(batch.reasons))
                waiting.append(_Waiting(detector, indices, batch, precision))
                started += len(indices)
            while len(waiting) > (ahead if batch is not None else 0):
                scored = waiting.popleft().result()
                yield scored
                if progress is not None:
                    progress(scored.indices[-1] + 1, total, "crops")
            if batch is None:
                return


class _Waiting:
    """A batch that the network may still be computing."""

    def __init__(
        self, detector: Detector, indices: Sequence[int], batch: Decoded, precision: str | None
    ) -> None:
        self._detector, self._indices, self._reasons = detector, indices, batch.reasons
        self._pending = detector.enqueue(batch.pixels, precision) if len(batch.pixels) else None

    def result(self) -> ScoreBatch:
        """Wait for the scores of the batch and return them."""
        width = self._detector.backbone.width
        count, reasons = len(self._indices), list(self._reasons)
        rows = np.array([row for row, reason in enumerate(reasons) if reason is None], np.int64)
        logits = np.full((count, 2), np.nan, np.float32)
        p_fake = np.full(count, np.nan, np.float32)
        embeddings = np.full((count, width), np.nan, np.float32)
        if self._pending is not None:
            scores = self._pending.result()
            finite = np.isfinite(scores.logits).all(1) & np.isfinite(scores.embeddings).all(1)
            for row in rows[~finite]:
                reasons[row] = Reason.NON_FINITE
            rows = rows[finite]
            logits[rows] = scores.logits[finite]
            p_fake[rows] = scores.p_fake[finite]
            embeddings[rows] = scores.embeddings[finite]
        degrees = np.full(count, np.nan, np.float32)
        degrees[rows] = angle(embeddings[rows], self._detector.head)
        margin = logits[:, 1] - logits[:, 0]
        return ScoreBatch(
            p_fake, logits, margin, degrees, embeddings, tuple(reasons), tuple(self._indices)
        )


def score_decoded(
    detector: Detector, indices: Sequence[int], decoded: Decoded, precision: str | None
) -> ScoreBatch:
    """Return the scores of the pictures in ``decoded``; existing reasons are kept.

    Args:
        detector: on its device
        indices: positions of the pictures in the whole they belong to
        decoded: see :func:`detector.scoring.crop_files.stacked`
        precision: see :meth:`Detector.score_pixels`
    """
    return _Waiting(detector, indices, decoded, precision).result()
