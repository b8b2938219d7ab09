"""Describes a decoded frame, a video and a source of frames."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np

from ..errors import ForensicsError
from ..records import Reason

MAX_FRAME_PIXELS = 100_000_000  # 8K has 33 million; a larger frame alone takes 300 MB
#: Codecs of which a second reading finds little damage either (docs/situations.md).
UNSEEN = frozenset({"vp9"})


class FrameError(ForensicsError):
    """Raised when a source or some of its frames cannot be read; ``reason`` is the reason word."""

    def __init__(self, reason: Reason, message: str, hint: str = "") -> None:
        self.reason = reason
        super().__init__(message, hint)

    def __reduce__(self):
        return type(self), (self.reason, self.message, self.hint)


@dataclass(frozen=True, slots=True)
class VideoInfo:
    """The properties of a source, mostly as declared by its metadata.

    Attributes:
        frame_count: frames that a sequential decode returns; None if not counted
        fps: average frames per second, None for images
        width: pixels across, as shown (rotation applied)
        height: pixels down, as shown (rotation applied)
        duration_seconds: length declared by the container, None for images
        codec: for example ``h264``; the file format for images
        bit_rate: bits per second of the whole file, None if unknown
        rotation: degrees counterclockwise that the metadata requests (0, 90, 180, 270)
        pixel_format: for example ``yuv420p10le``
        declared_frame_count: count in the container's header, None if it has none
        container: for example ``mov,mp4,m4a,3gp,3g2,mj2``
        mirrored: True if the metadata requests a mirrored picture
        pixel_aspect: width / height of a stored pixel; decoded pictures have square pixels
        transfer: ``pq`` or ``hlg`` if a high dynamic range was mapped to the standard range
        interlaced: True if the first frame holds two fields of different times; both are kept
        missing_frames: frames that are declared but missing from the file (interrupted download)
        decoder: where another than the software decoder was asked for, ``cuda``, or ``software: ``
            and why; else ""
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
    decoder: str = ""


@dataclass(frozen=True, slots=True)
class DecodedFrame:
    """One requested frame: its pixels, or the reason why it has none.

    Attributes:
        index: 0-based frame number
        pts_seconds: presentation time from the container, None for images and failed frames
        image: RGB uint8 (H, W, 3), upright, or None
        reason: None exactly if ``image`` is set
    """

    index: int
    pts_seconds: float | None
    image: np.ndarray | None
    reason: Reason | None


class FrameSource(Protocol):
    """A source of numbered frames."""

    @property
    def info(self) -> VideoInfo: ...

    @property
    def numbers(self) -> Sequence[int]:
        """All frame numbers, ascending."""
        ...

    def read(self, numbers: Iterable[int]) -> Iterator[DecodedFrame]:
        """Yield one :class:`DecodedFrame` per number, ascending, in one pass.

        A frame that cannot be read is yielded with its reason; it raises nothing.
        """
        ...
