"""Encodes a span of a video again for a browser, with the times of its own frames.

Pictures are those that :class:`.video.VideoSource` reads: upright, with square pixels, in the
standard range. Each keeps its time, so a player's time still names its frame.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np

from ..errors import ForensicsError
from .encoders import PREVIEWS, PreviewWriter
from .frame_times import FrameTimes
from .pyav import FFmpegError
from .sources import open_source

LONGEST = 1280  # pixels of a preview's longer side
_GREY = 128  # of a picture that cannot be decoded


@dataclass(frozen=True, slots=True)
class PreviewFacts:
    """What a preview holds.

    Attributes:
        frames: number of frames
        width, height: pixels
        lost: frames that could not be decoded, which are grey
    """

    frames: int
    width: int
    height: int
    lost: int


def preview_size(width: int, height: int) -> tuple[int, int]:
    """Return (width, height) of a preview: even, at most :data:`LONGEST` pixels."""
    share = min(1.0, LONGEST / max(width, height))
    return max(2, 2 * round(width * share / 2)), max(2, 2 * round(height * share / 2))


def write_preview(
    path: str | Path,
    target: Path,
    codec: str,
    times: FrameTimes,
    span: range,
    check: Callable[[], None] | None = None,
) -> PreviewFacts:
    """Write the frames ``span`` of a video to ``target``, an MP4 that starts at time 0.

    Args:
        path: the video
        target: file to write
        codec: ``h264`` or ``vp9``
        times: of all frames of ``path``
        span: 0-based frame indices, consecutive
        check: called before each frame; may raise to stop

    Raises:
        FrameError: the video cannot be read
        ForensicsError: this PyAV cannot encode ``codec``
    """
    if codec not in PREVIEWS:
        raise ForensicsError(f"A preview cannot be {codec!r}.", f"Known: {', '.join(PREVIEWS)}.")
    width, height = preview_size(times.info.width, times.info.height)
    grey = np.full((height, width, 3), _GREY, np.uint8)
    first, lost = int(times.pts[span.start]), 0
    try:
        with PreviewWriter(target, codec, (height, width), times.base) as writer:
            for frame in open_source(path).read(span):
                if check is not None:
                    check()
                picture = grey
                if frame.image is None:
                    lost += 1
                elif frame.image.shape[:2] == (height, width):
                    picture = frame.image
                else:
                    picture = cv2.resize(frame.image, (width, height), interpolation=cv2.INTER_AREA)
                writer.add(picture, int(times.pts[frame.index]) - first)
    except FFmpegError as error:
        if isinstance(error, OSError):  # the disk's fault
            raise
        raise ForensicsError(
            f"A preview of {Path(path).name} cannot be encoded: {error}.",
            "Install the version of PyAV that docs/support.md names.",
        ) from error
    return PreviewFacts(len(span), width, height, lost)
