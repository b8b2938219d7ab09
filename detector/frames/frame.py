"""Describes a decoded frame, a video and a source of frames."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np

from ..errors import ForensicsError
from ..records import Reason

MAX_FRAME_PIXELS = 100_000_000  # 8K is 33 million; beyond this one frame alone takes 300 MB


class FrameError(ForensicsError):
    """A source, or some of its frames, cannot be read; ``reason`` says why in one word."""

    def __init__(self, reason: Reason, message: str, hint: str = "") -> None:
        self.reason = reason
        super().__init__(message, hint)

    def __reduce__(self):
        return type(self), (self.reason, self.message, self.hint)


@dataclass(frozen=True, slots=True)
class VideoInfo:
    """What a source says about itself.

    Attributes:
        frame_count: frames that a sequential decode gives; None where that was not counted
        fps: average frames per second, None for images
        width: pixels across, as shown (rotation applied)
        height: pixels down, as shown
        duration_seconds: length by the container, None for images
        codec: for example ``h264``; the file format for images
        bit_rate: bits per second of the whole file, None if unknown
        rotation: degrees counterclockwise that the metadata asks for (0, 90, 180, 270)
        pixel_format: for example ``yuv420p10le``
        declared_frame_count: what the container's header claims, None if it does not
        container: for example ``mov,mp4,m4a,3gp,3g2,mj2``
        mirrored: True if the metadata asks for a mirrored picture
        pixel_aspect: width / height of a stored pixel; the pictures given have square ones
        transfer: ``pq`` or ``hlg`` where a high dynamic range was mapped to the standard one
        interlaced: True if the first frame holds two fields of different times; they are kept
        missing_frames: declared, and not in the file (a download that broke off)
    """

    frame_count: int | None
    fps: float | None
    width: int
    height: int
    duration_seconds: float | None
    codec: str
    bit_rate: int | None
    rotation: int
    pixel_format: str
    declared_frame_count: int | None = None
    container: str = ""
    mirrored: bool = False
    pixel_aspect: float = 1.0
    transfer: str = ""
    interlaced: bool = False
    missing_frames: int = 0


@dataclass(frozen=True, slots=True)
class DecodedFrame:
    """One wanted frame: its pixels, or the reason why there are none.

    Attributes:
        index: 0-based frame number
        pts_seconds: presentation time by the container, None for images and failed frames
        image: RGB uint8 (H, W, 3), upright, or None
        reason: None exactly when ``image`` is there
    """

    index: int
    pts_seconds: float | None
    image: np.ndarray | None
    reason: Reason | None


class FrameSource(Protocol):
    """Something that gives numbered frames."""

    @property
    def info(self) -> VideoInfo: ...

    @property
    def numbers(self) -> Sequence[int]:
        """Every frame number there is, ascending."""
        ...

    def read(self, numbers: Iterable[int]) -> Iterator[DecodedFrame]:
        """One :class:`DecodedFrame` per number, ascending, in one pass; never raises for one."""
        ...
