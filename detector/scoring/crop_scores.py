"""Crop files to scores: decoder threads ahead of the network, one row per file, none dropped.

Aggregation is in ``aggregate.py``; nothing here knows videos or stores anything.
"""

from __future__ import annotations

import hashlib
import io
import os
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from itertools import zip_longest
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from PIL import Image, UnidentifiedImageError

from ..errors import ForensicsError
from ..files.paths import still_allowed
from ..model.detector import Detector, angle
from ..model.preprocess import Preprocess, as_rgb
from ..progress import Progress
from ..records import Reason
from .scores import Scores

if TYPE_CHECKING:
    import torch

MAX_PIXELS = 100_000_000  # a crop with more is a mistake or an attack (decompression bomb)


@dataclass(frozen=True, slots=True, eq=False)
class ScoreBatch(Scores):
    """Scores of consecutive files.

    Attributes:
        indices: (n,) positions in the list of files
    """

    indices: tuple[int, ...]


def read_crop(path: str | Path, sha256: str) -> Image.Image | Reason:
    """The picture in a file as RGB, or why there is none.

    Grey, palette, alpha and 16-bit files are converted, see
    :func:`detector.model.preprocess.as_rgb`. Whoever judges, explains or learns from a crop reads
    it here, so that one that is not what extraction wrote is seen.

    Args:
        path: of the crop
        sha256: that the file must have, "" where nobody noted it

    Raises:
        ForensicsError: the file lies outside the allowed folders by now
    """
    path = Path(path)
    still_allowed(path)
    try:
        source: Path | io.BytesIO = path
        if sha256:
            data = path.read_bytes()
            if data and hashlib.sha256(data).hexdigest() != sha256:
                return Reason.CHANGED_CROP
            source = io.BytesIO(data)
        with Image.open(source) as image:
            if image.width * image.height > MAX_PIXELS:
                return Reason.TOO_LARGE
            image.load()
            return as_rgb(image)
    except FileNotFoundError:
        return Reason.MISSING_FILE
    except Image.DecompressionBombError:
        return Reason.TOO_LARGE
    except (UnidentifiedImageError, OSError, SyntaxError, ValueError, EOFError):
        # what Pillow's decoders raise for truncated, damaged and foreign files
        is_empty = path.is_file() and path.stat().st_size == 0
        return Reason.EMPTY_FILE if is_empty else Reason.UNREADABLE_IMAGE


def decode_crops(
    preprocess: Preprocess, paths: Sequence[str | Path], hashes: Sequence[str] = ()
) -> list[torch.Tensor | Reason]:
    """Network pixels (3, S, S) uint8 of each crop file, or why there are none.

    Args:
        preprocess: of the network
        paths: crop files
        hashes: sha256 of each, "" where it is not known; empty: of none
    """
    images = (read_crop(path, sha256) for path, sha256 in zip_longest(paths, hashes, fillvalue=""))
    return [i if isinstance(i, Reason) else preprocess.to_pixels(i) for i in images]


def score_crops(
    detector: Detector,
    paths: Sequence[str | Path],
    batch_size: int = 32,
    workers: int | None = None,
    progress: Progress | None = None,
    should_stop: Callable[[], bool] | None = None,
    precision: str | None = None,
    hashes: Sequence[str] = (),
) -> Iterator[ScoreBatch]:
    """Score image files in their order, ``batch_size`` files per batch.

    Memory does not grow with the number of files. A file without a score keeps its row, with a
    reason. The scores do not depend on batch size, order or workers (to float tolerance; on a GPU
    in bf16 to about 0.005).

    Args:
        detector: on its device
        paths: crop files
        batch_size: files per forward pass
        workers: decoder threads; None is 2 for a CPU and up to 16 for a GPU
        progress: called after each batch with (files done, files in all, "crops")
        should_stop: asked before each batch; True ends the iteration early
        precision: see :meth:`Detector.score_pixels`
        hashes: sha256 of each file; one that differs gets the reason ``changed_crop``. "" where it
            is not known, empty: of none

    Raises:
        ForensicsError: a batch size below 1, or another number of hashes than of files
    """
    if batch_size < 1:
        raise ForensicsError(
            f"A batch holds at least one crop, not {batch_size}.", "", "batch_size"
        )
    hashes = require_hashes(paths, hashes)
    if workers is None:
        workers = min(16, os.cpu_count() or 1) if detector.device.type == "cuda" else 2
    return _score(detector, paths, batch_size, workers, progress, should_stop, precision, hashes)


def require_hashes(paths: Sequence[str | Path], hashes: Sequence[str]) -> Sequence[str]:
    """``hashes``, or one "" a file where none are given.

    Raises:
        ForensicsError: another number of hashes than of files
    """
    if hashes and len(hashes) != len(paths):
        raise ForensicsError(f"{len(hashes)} hashes for {len(paths)} crops.")
    return hashes or [""] * len(paths)


def _score(
    detector: Detector,
    paths: Sequence[str | Path],
    batch_size: int,
    workers: int,
    progress: Progress | None,
    should_stop: Callable[[], bool] | None,
    precision: str | None,
    hashes: Sequence[str],
) -> Iterator[ScoreBatch]:
    preprocess = detector.backbone.preprocess

    def decode(row: int) -> torch.Tensor | Reason:
        return decode_crops(preprocess, paths[row : row + 1], hashes[row : row + 1])[0]

    waiting: deque[Future[torch.Tensor | Reason]] = deque()
    pool = ThreadPoolExecutor(max(1, workers), thread_name_prefix="decode")
    try:
        submitted = 0
        for start in range(0, len(paths), batch_size):
            if should_stop is not None and should_stop():
                return
            end = min(start + batch_size, len(paths))
            # two batches ahead, so that decoding goes on while the network is busy
            while submitted < min(end + 2 * batch_size, len(paths)):
                waiting.append(pool.submit(decode, submitted))
                submitted += 1
            decoded = [waiting.popleft().result() for _ in range(start, end)]
            yield score_decoded(detector, range(start, end), decoded, precision)
            if progress is not None:
                progress(end, len(paths), "crops")
    finally:
        pool.shutdown(wait=True, cancel_futures=True)


def score_decoded(
    detector: Detector,
    indices: Sequence[int],
    decoded: list[torch.Tensor | Reason],
    precision: str | None,
) -> ScoreBatch:
    """Scores of the pictures in ``decoded``; reasons stay reasons.

    Args:
        detector: on its device
        indices: positions of the pictures in whatever they are part of
        decoded: see :func:`decode_crops`
        precision: see :meth:`Detector.score_pixels`
    """
    import torch

    count, width = len(indices), detector.backbone.width
    reasons = [entry if isinstance(entry, Reason) else None for entry in decoded]
    rows = np.array([row for row, reason in enumerate(reasons) if reason is None], np.int64)
    logits = np.full((count, 2), np.nan, np.float32)
    p_fake = np.full(count, np.nan, np.float32)
    embeddings = np.full((count, width), np.nan, np.float32)
    if rows.size:
        pixels = torch.stack([entry for entry in decoded if not isinstance(entry, Reason)])
        if detector.device.type == "cuda":
            pixels = pixels.pin_memory()
        scores = detector.score_pixels(pixels, precision)
        finite = np.isfinite(scores.logits).all(1) & np.isfinite(scores.embeddings).all(1)
        for row in rows[~finite]:
            reasons[row] = Reason.NON_FINITE
        rows = rows[finite]
        logits[rows] = scores.logits[finite]
        p_fake[rows] = scores.p_fake[finite]
        embeddings[rows] = scores.embeddings[finite]
    degrees = np.full(count, np.nan, np.float32)
    degrees[rows] = angle(embeddings[rows], detector.head)
    margin = logits[:, 1] - logits[:, 0]
    return ScoreBatch(
        p_fake, logits, margin, degrees, embeddings, tuple(reasons), indices=tuple(indices)
    )
