"""Encodes a span of a video again for a browser, with the times of its own frames.

Pictures are those that :class:`.video.VideoSource` reads: upright, with square pixels, in the
standard range. Each keeps its time, so a player's time still names its frame.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import av.error
import cv2
import numpy as np
from av.video.reformatter import Colorspace, VideoReformatter

from ..errors import ForensicsError
from .frame_times import FrameTimes
from .pyav import FFmpegError
from .sources import open_source

LONGEST = 1280  # pixels of a preview's longer side
_GREY = 128  # of a picture that cannot be decoded
#: Encoders of previews: name of the format -> FFmpeg's encoder and its options. Fast, every twelfth
#: frame a key frame, no frame predicted from a later one: a player finds each frame soon.
PREVIEWS: dict[str, tuple[str, dict[str, str]]] = {
    "h264": ("libx264", {"preset": "superfast", "crf": "19", "threads": "2"}),
    "vp9": ("libvpx-vp9", {"deadline": "realtime", "cpu-used": "8", "crf": "24", "b": "0"}),
}
_FINE = 10_000  # units per second of an MP4, at least
_BT709 = 1  # FFmpeg's number of its primaries, its transfer and its matrix


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


class PreviewWriter:
    """Encodes pictures with given times to an MP4 that browsers play, as a context manager.

    Args:
        target: the file
        codec: key of :data:`PREVIEWS`
        size: (height, width) of every picture, even
        base: seconds per unit of time

    Raises:
        FFmpegError, OSError: this PyAV lacks the encoder, or the target cannot be written
    """

    def __init__(self, target: Path, codec: str, size: tuple[int, int], base: Fraction) -> None:
        encoder, options = PREVIEWS[codec]
        # whole parts of the source's unit, and as fine as FFmpeg makes them; set before the header
        scale, self._step = base.denominator, base.numerator
        while scale < _FINE:
            scale, self._step = 2 * scale, 2 * self._step
        about = {"video_track_timescale": str(scale), "movflags": "+faststart"}
        self._output = av.open(str(target), "w", format="mp4", options=about)
        self._base = Fraction(1, scale)
        stream: Any = self._output.add_stream(encoder, options=dict(options))
        stream.height, stream.width = size
        stream.pix_fmt = "yuv420p"
        stream.time_base = self._base
        context = stream.codec_context
        context.time_base, context.gop_size, context.max_b_frames = self._base, 12, 0
        context.colorspace = context.color_primaries = context.color_trc = _BT709
        context.color_range = 1  # limited
        self._stream = stream
        self._reformatter = VideoReformatter()

    def add(self, picture: np.ndarray, pts: int) -> None:
        """Encode one picture, RGB uint8 (H, W, 3), that is shown from ``pts`` units on."""
        frame = av.VideoFrame.from_ndarray(np.ascontiguousarray(picture), format="rgb24")
        shown = self._reformatter.reformat(
            frame, format="yuv420p", dst_colorspace=Colorspace.ITU709
        )
        shown.pts, shown.time_base = pts * self._step, self._base
        self._output.mux(self._stream.encode(shown))

    def __enter__(self) -> PreviewWriter:
        return self

    def __exit__(self, kind: object, *_: object) -> None:
        try:
            if kind is None:
                self._output.mux(self._stream.encode(None))
        finally:
            self._output.close()


def encoders() -> list[str]:
    """Return the formats of :data:`PREVIEWS` that this PyAV can write, the fastest first."""
    return [name for name, (encoder, _) in PREVIEWS.items() if _has_encoder(encoder)]


def _has_encoder(name: str) -> bool:
    try:
        av.Codec(name, "w")
    except av.error.FFmpegError:
        return False
    return True
