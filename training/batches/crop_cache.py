"""Keeps decoded crops in memory that the processes of a loader share and fill as they decode.

No crop is decoded before the first step: the first process that needs one decodes and keeps it.
Each entry has a checksum, so that a process never takes what another is still writing.
"""

from __future__ import annotations

import contextlib
import logging
import mmap
import os
import zlib
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import numpy as np
from PIL import Image

from ...detector.records import Reason
from ...detector.scoring.crop_files import read_crop
from ..manifest import ManifestRow

log = logging.getLogger(__name__)

_SAMPLE = 64  # crops whose headers give the largest size
_SUM = 1 << 32  # added to a checksum: 0 marks an empty entry


class CropCache:
    """Decoded crops by file and hash, up to a number of bytes; others are decoded on each use.

    Forked workers share its memory. Spawned workers decode for themselves.

    Args:
        gigabytes: most memory in GiB; it is taken as it is filled
    """

    def __init__(self, gigabytes: float) -> None:
        self._most = int(gigabytes * 2**30)
        self._slots: dict[tuple[str, str], int] = {}
        self._pixels = np.zeros((0, 0), np.uint8)  # (entries, bytes)
        self._about = np.zeros((0, 3), np.int64)  # (entries, 3): height, width, checksum

    def __getstate__(self) -> dict[str, Any]:
        return CropCache(0).__dict__  # a spawned worker starts with an empty cache

    def reserve(self, rows: Sequence[ManifestRow]) -> None:
        """Make room for the crops of ``rows``, the first ones if not all fit; nothing is decoded.

        Call it once, before workers start.
        """
        keys = list(dict.fromkeys((row.crop, row.crop_sha256) for row in rows))
        size = _largest(keys[:: max(1, len(keys) // _SAMPLE)])
        count = min(len(keys), self._most // size) if size else 0
        if not count:
            return
        try:
            self._pixels = _shared((count, size), np.uint8)
            self._about = _shared((count, 3), np.int64)
        except (OSError, MemoryError) as error:
            log.warning("decoded crops are not kept: %.1f GiB: %s", count * size / 2**30, error)
            return
        self._slots = {key: number for number, key in enumerate(keys[:count])}

    def read(self, row: ManifestRow) -> np.ndarray:
        """Return the crop of ``row`` (H, W, 3) RGB uint8, which is not to be changed.

        Raises:
            OSError: the file cannot be read or decoded, or is not the one that extraction wrote
        """
        slot = self._slots.get((row.crop, row.crop_sha256))
        found = None if slot is None else self._kept(slot)
        if found is None:
            found = _decode(row)
            if slot is not None and found.nbytes <= self._pixels.shape[1]:
                self._pixels[slot, : found.nbytes] = found.ravel()
                self._about[slot] = (*found.shape[:2], _SUM + zlib.crc32(found.data))
        return found

    def _kept(self, slot: int) -> np.ndarray | None:
        """Return the crop in a slot, or None if it is empty or being written."""
        height, width, total = self._about[slot].tolist()
        if not total:
            return None
        found = self._pixels[slot, : height * width * 3].reshape(height, width, 3)
        return found if _SUM + zlib.crc32(found.data) == total else None

    def fill(self, rows: Sequence[ManifestRow]) -> int:
        """Reserve room and decode at once, in threads, where no worker does it on the way.

        Returns:
            the number of crops in the cache
        """

        def attempt(row: ManifestRow) -> None:
            with contextlib.suppress(OSError):  # its reason is reported when the crop is drawn
                self.read(row)

        self.reserve(rows)
        kept = [row for row in rows if (row.crop, row.crop_sha256) in self._slots]
        with ThreadPoolExecutor(min(16, os.cpu_count() or 1)) as pool:
            list(pool.map(attempt, kept))
        return int((self._about[:, 2] > 0).sum())


def _shared(shape: tuple[int, int], kind: Any) -> np.ndarray:
    """Return zeros in memory that later forks share; the system gives it page by page."""
    memory = mmap.mmap(-1, shape[0] * shape[1] * np.dtype(kind).itemsize)
    return np.frombuffer(memory, kind).reshape(shape)


def _largest(keys: Sequence[tuple[str, str]]) -> int:
    """Return the bytes of the largest of the crops as RGB, 0 if none can be read."""
    sizes = [0]
    for path, _ in keys:
        try:
            with Image.open(path) as image:
                sizes.append(image.width * image.height * 3)
        except (OSError, ValueError, SyntaxError, Image.DecompressionBombError):
            continue  # its reason is reported when the crop is drawn
    return max(sizes)


def _decode(row: ManifestRow) -> np.ndarray:
    """Decode the crop of ``row``; a failure becomes an OSError with the file and the reason."""
    found = read_crop(row.crop, row.crop_sha256)
    if isinstance(found, Reason):
        raise OSError(f"{row.crop}: {found.value}")
    return np.ascontiguousarray(np.asarray(found))
