"""Reads crop files in worker processes, for a GPU that is faster than one interpreter.

The processes write network pixels into slots of one shared file. The caller gets them in the order
of the files. A file that kills its process becomes a row with a reason; the rest of its batch is
read again, file by file.
"""

from __future__ import annotations

import functools
import os
import shutil
import tempfile
from collections.abc import Generator, Sequence
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from ..model.preprocess import pixels_of
from ..records import Reason
from ..scoring.crop_files import Decoded, DecodeFiles, decode_crops
from .process_pool import PoolWork, cores_each, crew_results, run_in_pool

if TYPE_CHECKING:
    from ..model.preprocess import Preprocess

_FROM_FILES = 2_000  # below this, threads finish before the processes have started
_SLOTS_AHEAD = 4  # batches that are ready or being read besides those of the workers
_MEMORY = Path("/dev/shm")  # a file system in memory, if the platform has one


@dataclass(frozen=True, slots=True)
class _Ring:
    """The shared file: ``slots`` batches of ``batch`` pictures of side ``size``."""

    path: str
    slots: int
    batch: int
    size: int
    preprocess: dict[str, Any]

    @property
    def shape(self) -> tuple[int, ...]:
        return self.slots, self.batch, 3, self.size, self.size

    def open(self, mode: Any) -> np.memmap:
        return np.memmap(self.path, np.uint8, mode, shape=self.shape)


@dataclass(frozen=True, slots=True)
class _Batch:
    """Files that one process reads into slot ``number`` modulo the number of slots."""

    number: int
    paths: tuple[str, ...]
    hashes: tuple[str, ...]


_Read = tuple[int, tuple[Reason | None, ...]]  # number of the batch, and a reason per file


def decoder_for(device: Any, count: int) -> DecodeFiles | None:
    """Return the reader for ``count`` crops and a detector on ``device``; None means threads."""
    cores = cores_each(1)
    if getattr(device, "type", device) != "cuda" or count < _FROM_FILES or cores < 4:
        return None
    return functools.partial(decode_in_processes, workers=cores)


def decode_in_processes(
    preprocess: Preprocess,
    paths: Sequence[str | Path],
    hashes: Sequence[str],
    batch_size: int,
    workers: int,
) -> Generator[Decoded, None, None]:
    """Read crops in ``workers`` processes; see :class:`detector.scoring.crop_files.DecodeFiles`.

    Raises:
        ForensicsError: the processes cannot start
    """
    batches = [
        _Batch(
            start // batch_size,
            tuple(os.fspath(path) for path in paths[start : start + batch_size]),
            tuple(hashes[start : start + batch_size]),
        )
        for start in range(0, len(paths), batch_size)
    ]
    slots = min(workers + _SLOTS_AHEAD, len(batches))
    bytes_needed = slots * batch_size * 3 * preprocess.size**2
    with tempfile.TemporaryDirectory(prefix="media-forensics-", dir=_folder(bytes_needed)) as there:
        path = Path(there) / "pixels"
        ring = _Ring(str(path), slots, batch_size, preprocess.size, preprocess.config)
        shared = ring.open("w+")
        try:
            yield from _in_order(ring, shared, batches, workers)
        finally:
            del shared  # Windows does not delete a mapped file


def _in_order(
    ring: _Ring, shared: np.ndarray, batches: list[_Batch], workers: int
) -> Generator[Decoded, None, None]:
    taken = 0  # number of batches that the caller has received; their slots are free

    def has_slot(batch: _Batch) -> bool:
        return batch.number < taken + ring.slots

    work = PoolWork(_start, _do, _not_asked, ring, has_room=has_slot)
    ready: dict[int, Decoded | tuple[Reason | None, ...]] = {}
    with closing(crew_results(work, batches, workers, _never)) as results:
        for batch, _, read in results:
            ready[batch.number] = _one_by_one(ring, batch) if read is None else read[1]
            while taken in ready:
                found = ready.pop(taken)
                if not isinstance(found, Decoded):
                    found = _copied(shared[taken % ring.slots], found, ring.size)
                taken += 1
                yield found
    if taken < len(batches):  # a caller would take the end for the end of the files
        raise RuntimeError(f"only {taken} of {len(batches)} batches of crops were read")


def _copied(slot: np.ndarray, reasons: tuple[Reason | None, ...], size: int) -> Decoded:
    count = sum(reason is None for reason in reasons)
    pixels = pixels_of(count, size)
    pixels.numpy()[...] = slot[:count]
    return Decoded(pixels, reasons)


def _one_by_one(ring: _Ring, batch: _Batch) -> Decoded:
    """Read a batch that killed its process again, file by file, in one process each."""
    files = zip(batch.paths, batch.hashes, strict=True)
    singles = [_Batch(row, (path,), (sha256,)) for row, (path, sha256) in enumerate(files)]
    found: dict[int, Decoded] = {}
    for number, pixels in run_in_pool(
        PoolWork(_start, _do_alone, _gone, ring), singles, 1, should_stop=_never
    ):
        found[number] = pixels
    pixels = pixels_of(sum(len(found[single.number].pixels) for single in singles), ring.size)
    reasons, row = [], 0
    for single in singles:
        one = found[single.number]
        pixels[row : row + len(one.pixels)] = one.pixels
        row += len(one.pixels)
        reasons += one.reasons
    return Decoded(pixels, tuple(reasons))


def _gone(batch: _Batch, _hung: bool) -> tuple[int, Decoded]:
    return batch.number, Decoded(pixels_of(0, 1), (Reason.WORKER_DIED,))


def _not_asked(batch: _Batch, _hung: bool) -> _Read:
    raise AssertionError(f"batch {batch.number} has no result of its own")


def _never() -> bool:
    return False


def _folder(bytes_needed: int) -> str | None:
    """Return the folder for the shared file: in memory if twice the space is free, else None."""
    try:
        has_room = shutil.disk_usage(_MEMORY).free > 2 * bytes_needed
    except OSError:
        return None
    return str(_MEMORY) if has_room and os.access(_MEMORY, os.W_OK) else None


# ------------------------------------------------------------------------- one of the processes
_worker: dict[str, Any] = {}


def _start(ring: _Ring, _workers: int, _stop: Any) -> None:
    import torch

    from ..model.preprocess import Preprocess

    torch.set_num_threads(1)
    _worker.update(ring=ring, preprocess=Preprocess(ring.preprocess), shared=ring.open("r+"))


def _do(batch: _Batch) -> _Read:
    slot = _worker["shared"][batch.number % _worker["ring"].slots]
    row = 0
    reasons: list[Reason | None] = []
    for path, sha256 in zip(batch.paths, batch.hashes, strict=True):
        (pixels,) = decode_crops(_worker["preprocess"], [path], [sha256])
        if isinstance(pixels, Reason):
            reasons.append(pixels)
        else:
            slot[row] = pixels.numpy()
            row += 1
            reasons.append(None)
    return batch.number, tuple(reasons)


def _do_alone(batch: _Batch) -> tuple[int, Decoded]:
    from ..scoring.crop_files import stacked

    read = decode_crops(_worker["preprocess"], batch.paths, batch.hashes)
    return batch.number, stacked(read, _worker["ring"].size)
