"""Computes perceptual hashes of frames, and compares files by them: near duplicates.

The hash is pHash: 64 signs of the low frequencies of a 32 x 32 DCT against their median (Zauner
2010, "Implementation and Benchmarking of Perceptual Image Hash Functions", section 3.2.1). It
survives scaling, recompression and small changes of colour; it does not survive cropping, mirroring
or rotation.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from PIL import Image

from ..errors import Cancelled
from ..frames.sampling import choose_frames
from ..frames.sources import open_source

FRAMES = 16  # of a video, equally spaced
NEAR = 10  # bits of 64; unrelated frames differ in about 32
SHARE = 0.5  # of the hashed frames of the file with fewer of them
_FLAT = 4.0  # standard deviation of grey values below which a frame tells nothing
_BITS = 64


@dataclass(frozen=True, slots=True)
class Near:
    """A file that looks like another one.

    Attributes:
        name: of the other file
        frames, of: number of frames that have a near one in the other file, and how many there are
        bits: median distance of these, 0 to :data:`NEAR`
    """

    name: str
    frames: int
    of: int
    bits: float


def phash(image: np.ndarray) -> int | None:
    """Return the 64-bit hash of an RGB picture (H, W, 3), None if it is all of one colour."""
    from scipy.fft import dctn

    grey = Image.fromarray(image).convert("L").resize((32, 32), Image.Resampling.LANCZOS)
    pixels = np.asarray(grey, np.float64)
    if pixels.std() < _FLAT:
        return None
    low = dctn(pixels, type=2)[:8, :8]
    return int.from_bytes(np.packbits(low > np.median(low)).tobytes(), "big")


def frame_hashes(
    path: str | Path, should_stop: Callable[[], bool] | None = None
) -> tuple[int, ...]:
    """Return the hashes of up to :data:`FRAMES` frames of a file, flat and damaged ones left out.

    Raises:
        FrameError: the file cannot be opened
        Cancelled: ``should_stop`` returned True
    """
    source = open_source(path, threads=1)
    numbers = source.numbers
    found = []
    for frame in source.read(numbers[i] for i in choose_frames(len(numbers), FRAMES, "uniform")):
        if should_stop is not None and should_stop():
            raise Cancelled("Stopped while frames were compared.", "Run it again.")
        if frame.image is not None:
            found.append(phash(frame.image))
    return tuple(dict.fromkeys(value for value in found if value is not None))


def near(mine: Sequence[int], others: Mapping[str, Sequence[int]]) -> list[Near]:
    """Return the files that look like mine, the nearest first.

    Two files are near duplicates if at least :data:`SHARE` of the frames of the one with fewer have
    a frame in the other that differs in at most :data:`NEAR` bits.
    """
    found = []
    for name, theirs in others.items():
        if not mine or not theirs:
            continue
        few, many = sorted((mine, theirs), key=len)
        gaps = np.bitwise_xor(_bits(few)[:, None, :], _bits(many)[None, :, :])
        least = np.unpackbits(gaps, axis=2).sum(axis=2).min(axis=1)
        alike = least <= NEAR
        if alike.mean() >= SHARE:
            count = int(alike.sum())
            found.append(Near(name, count, len(few), float(np.median(least[alike]))))
    return sorted(found, key=lambda one: (-one.frames / one.of, one.bits, one.name))


def _bits(hashes: Sequence[int]) -> np.ndarray:
    return np.frombuffer(b"".join(h.to_bytes(8, "big") for h in hashes), np.uint8).reshape(-1, 8)
