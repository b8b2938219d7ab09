"""Lists when each frame of a video is shown, in the order of the project's frame indices.

A player seeks by time and tells the time of what it shows. With this table a time becomes the
frame index that :class:`.video.VideoSource` reads, and the other way round, whatever the rate.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np

from ..records import Reason
from .frame import FrameError, VideoInfo
from .opening import opened
from .packet_table import STOPPED, frames_of
from .pyav import positive
from .sources import open_source
from .video import VideoSource

_EVEN_RATE = 25  # frames per second where the file states neither times nor a rate
_FINEST = 1_000_000  # units per second of a container that states a finer unit


@dataclass(frozen=True, slots=True)
class FrameTimes:
    """When each frame of a video is shown.

    Attributes:
        pts: (N,) int64, ascending presentation times in units of ``base``
        base: seconds per unit
        start: seconds at which the container starts; players count from there
        stated: False if the file states no ascending times, so that frames are laid evenly
        info: what the file says of itself
    """

    pts: np.ndarray
    base: Fraction
    start: float
    stated: bool
    info: VideoInfo

    @property
    def seconds(self) -> np.ndarray:
        """(N,) float64 presentation times in seconds."""
        return self.pts * self.base.numerator / self.base.denominator


def frame_times(path: str | Path) -> FrameTimes:
    """Return the times of a video file's frames.

    Packets are read, not decoded, where they identify every frame; otherwise the file is decoded
    once.

    Raises:
        FrameError: missing, empty, not a video, no picture stream, or too large
    """
    source = open_source(path)
    if not isinstance(source, VideoSource):
        raise FrameError(Reason.NO_VIDEO_STREAM, f"{Path(path).name} is a picture, not a video.")
    with opened(Path(path), 0) as (container, stream):
        base, start = positive(stream.time_base), (container.start_time or 0) / 1e6
        rate = positive(stream.average_rate) or Fraction(_EVEN_RATE)
        pts = source.table.pts if source.table.regular else _decoded(container, stream)
    if base is None or pts is None or not len(pts) or (np.diff(pts) <= 0).any():
        count = source.info.frame_count or 0
        return FrameTimes(np.arange(count), 1 / rate, 0.0, False, source.info)
    if base.denominator > _FINEST:
        exact = pts * base.numerator / base.denominator
        pts, base = np.round(exact * _FINEST).astype(np.int64), Fraction(1, _FINEST)
    return FrameTimes(pts, base, start, True, source.info)


def _decoded(container: Any, stream: Any) -> np.ndarray | None:
    """Return the times of all frames that the decoder gives, None if one has no time."""
    found = []
    for frame in _frames(container, stream):
        if frame.pts is None:
            return None
        found.append(frame.pts)
    return np.array(found, np.int64)


def _frames(container: Any, stream: Any) -> Iterator[Any]:
    try:
        for packet in container.demux(stream):
            yield from frames_of(packet) or ()
    except MemoryError:
        raise
    except STOPPED:  # truncated: what was decoded counts, as in VideoSource
        return
