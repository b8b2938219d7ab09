"""Defines the sizes: the shape of the tower, batches, files, clips, seconds."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class TowerShape:
    """A plain ViT: width of a token, blocks, pixel sides of a patch and of a picture, heads."""

    width: int
    blocks: int
    patch: int
    side: int
    heads: int

    @property
    def tokens(self) -> int:
        """Number of tokens: patches and the class token."""
        return (self.side // self.patch) ** 2 + 1

    @property
    def flop(self) -> float:
        """FLOP of one picture's forward pass: only matrix products, all tokens in each block."""
        block = 2 * self.tokens * 12 * self.width**2 + 4 * self.tokens**2 * self.width
        return self.blocks * block + 2 * (self.tokens - 1) * 3 * self.patch**2 * self.width


@dataclass(frozen=True, slots=True)
class Sizes:
    """The amounts that are measured.

    Attributes:
        shape: shape of the tower
        matrix: side of the matrices in the product that gives the ceiling
        batches: pictures per forward pass
        train_batches: pictures per training step, up to what fits into memory
        crops: number of PNG files
        pictures: number of pictures that are compared with the CPU
        train, val: crops of the manifest, both taken from the files
        epochs: epochs of :func:`training.loop.fit`
        heights: heights of the clips, in pixels; 16:9
        frames: frames per clip
        faces: crops per clip
        window: seconds over which a rate is measured; single calls get an eighth of it
    """

    shape: TowerShape
    matrix: int
    batches: tuple[int, ...]
    train_batches: tuple[int, ...]
    crops: int
    pictures: int
    train: int
    val: int
    epochs: int
    heights: tuple[int, ...]
    frames: int
    faces: int
    window: float

    @property
    def budget(self) -> float:
        """Seconds for repeated single calls."""
        return self.window / 8


WHOLE = Sizes(
    shape=TowerShape(1024, 24, 14, 224, 16),
    matrix=8192,
    batches=(32, 128, 256),
    train_batches=(32, 64, 128),
    crops=2048,
    pictures=24,
    train=1920,
    val=128,
    epochs=4,
    heights=(360, 480, 720, 1080),
    frames=300,
    faces=32,
    window=5.0,
)
SMALL = Sizes(
    shape=TowerShape(128, 2, 14, 56, 2),
    matrix=128,
    batches=(4, 8),
    train_batches=(4, 8),
    crops=32,
    pictures=6,
    train=24,
    val=8,
    epochs=2,
    heights=(180, 240),
    frames=24,
    faces=2,
    window=0.3,
)
