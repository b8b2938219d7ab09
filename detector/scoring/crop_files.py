"""Reads crop files into network pixels: one row per file, with a reason if it cannot be read."""

from __future__ import annotations

import hashlib
import io
from collections import deque
from collections.abc import Generator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from itertools import zip_longest
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

from PIL import Image, UnidentifiedImageError

from ..files.paths import still_allowed
from ..model.preprocess import Preprocess, as_rgb, together
from ..records import Reason

if TYPE_CHECKING:
    import torch

MAX_PIXELS = 100_000_000  # a larger crop is a mistake or an attack (decompression bomb)


@dataclass(frozen=True, slots=True, eq=False)
class Decoded:
    """Consecutive crop files after reading.

    Attributes:
        pixels: uint8 (k, 3, S, S) of the readable files, in order
        reasons: one per file; None if it was read
    """

    pixels: torch.Tensor
    reasons: tuple[Reason | None, ...]


class DecodeFiles(Protocol):
    """Reads files in order, ``batch_size`` at a time, and reads ahead while the caller works.

    Closing the iterator ends the work.
    """

    def __call__(
        self,
        preprocess: Preprocess,
        paths: Sequence[str | Path],
        hashes: Sequence[str],
        batch_size: int,
    ) -> Generator[Decoded, None, None]: ...


def read_crop(path: str | Path, sha256: str) -> Image.Image | Reason:
    """Return the picture in a file as RGB, or the reason why there is none.

    Grey, palette, alpha and 16-bit files are converted, see
    :func:`detector.model.preprocess.as_rgb`. All code that scores, explains or trains on a crop
    reads it here, so that a changed crop is noticed.

    Args:
        path: of the crop
        sha256: expected hash of the file, "" if unknown

    Raises:
        ForensicsError: the path is no longer in an allowed folder
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
        # Raised by Pillow's decoders for truncated, damaged and foreign files.
        is_empty = path.is_file() and path.stat().st_size == 0
        return Reason.EMPTY_FILE if is_empty else Reason.UNREADABLE_IMAGE


def decode_crops(
    preprocess: Preprocess, paths: Sequence[str | Path], hashes: Sequence[str] = ()
) -> list[torch.Tensor | Reason]:
    """Return network pixels (3, S, S) uint8 of each crop file, or the reason why there are none.

    Args:
        preprocess: of the network
        paths: crop files
        hashes: sha256 of each, "" if unknown; empty if all are unknown
    """
    images = (read_crop(path, sha256) for path, sha256 in zip_longest(paths, hashes, fillvalue=""))
    return [i if isinstance(i, Reason) else preprocess.to_pixels(i) for i in images]


def stacked(decoded: Sequence[torch.Tensor | Reason], size: int) -> Decoded:
    """Return the results of :func:`decode_crops` with their pixels as one tensor."""
    there = [entry for entry in decoded if not isinstance(entry, Reason)]
    reasons = tuple(entry if isinstance(entry, Reason) else None for entry in decoded)
    return Decoded(together(there, size), reasons)


def decode_in_threads(
    preprocess: Preprocess,
    paths: Sequence[str | Path],
    hashes: Sequence[str],
    batch_size: int,
    workers: int = 2,
) -> Generator[Decoded, None, None]:
    """Read crops in ``workers`` threads, two batches ahead; see :class:`DecodeFiles`."""

    def decode(row: int) -> torch.Tensor | Reason:
        return decode_crops(preprocess, paths[row : row + 1], hashes[row : row + 1])[0]

    waiting: deque[Future[torch.Tensor | Reason]] = deque()
    pool = ThreadPoolExecutor(max(1, workers), thread_name_prefix="decode")
    try:
        submitted = 0
        for start in range(0, len(paths), batch_size):
            end = min(start + batch_size, len(paths))
            while submitted < min(end + 2 * batch_size, len(paths)):
                waiting.append(pool.submit(decode, submitted))
                submitted += 1
            decoded = [waiting.popleft().result() for _ in range(start, end)]
            yield stacked(decoded, preprocess.size)
    finally:
        pool.shutdown(wait=True, cancel_futures=True)
