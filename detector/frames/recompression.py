"""Encodes a video again and returns the frames after that.

x264 encodes the picture stream (preset medium, 8 bit, 4:2:0) at a constant rate factor, and the
result is decoded again. Names such as c23 and c40 stand for this rate factor (Roessler et al. 2019,
FaceForensics++, arXiv 1901.08971). A long video is not encoded whole: each wanted frame is encoded
with the ``LEAD`` frames before and the ``TAIL`` frames after it, so that it is predicted from other
frames as in a continuous encode. Overlapping spans are merged, so at most ``LEAD + TAIL + 1``
frames are encoded per wanted frame. Sound, container and resolution are not changed.
"""

from __future__ import annotations

import io
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import Any

import cv2
import numpy as np

from ..records import Reason
from .frame import DecodedFrame, FrameError
from .pyav import H264Writer, open_media

LEAD, TAIL = 24, 12  # frames; x264 sets the quality of a frame by the frames after it
PREFIX = "video_h264_"
#: The constant rate factor of each recompression, by its name.
RECOMPRESSIONS = {f"{PREFIX}{crf}": crf for crf in (23, 35, 40)}


@dataclass(frozen=True, slots=True)
class RecompressedFrame:
    """One frame recompressed at each rate factor.

    Attributes:
        index: 0-based frame number
        images: RGB uint8 (H, W, 3) by rate factor; empty if ``reason`` is set
        reason: None, or why there is no picture
    """

    index: int
    images: dict[int, np.ndarray]
    reason: Reason | None = None


def spans(numbers: Iterable[int], total: int) -> list[range]:
    """Return the frame ranges to encode for ``numbers`` of ``total`` frames, ascending."""
    found: list[range] = []
    for number in sorted(set(numbers)):
        start, stop = max(0, number - LEAD), min(total, number + TAIL + 1)
        if found and start <= found[-1].stop:
            found[-1] = range(found[-1].start, max(stop, found[-1].stop))
        else:
            found.append(range(start, stop))
    return found


def recompressed(
    path: str | Path,
    numbers: Iterable[int],
    crfs: Sequence[int],
    check: Callable[[], None] | None = None,
) -> Iterator[RecompressedFrame]:
    """Yield the wanted frames of a video file after encoding it again, in ascending order.

    The result depends only on the file, the wanted numbers and the rate factors. Memory holds a few
    frames and the encoded span.

    Args:
        path: a video file
        numbers: 0-based frame numbers
        crfs: rate factors of x264, 0 to 51
        check: called before each frame; may raise to stop

    Raises:
        FrameError: missing, empty, not a video, or too large
    """
    from .sources import open_source
    from .video import VideoSource

    wanted = sorted(set(numbers))
    source = open_source(path)
    if not isinstance(source, VideoSource):
        raise FrameError(Reason.NO_VIDEO_STREAM, f"{path} is not a video.")
    rate = Fraction(source.info.fps or 25).limit_denominator(1001)
    total = len(source.numbers)
    for number in wanted:
        if not 0 <= number < total:
            yield RecompressedFrame(number, {}, Reason.SHORT_VIDEO)
    for span in spans((n for n in wanted if 0 <= n < total), total):
        inside = {n for n in wanted if n in span}
        for part in _alike(source.read(span)):
            yield from _encoded_again(part, inside, crfs, rate, check)


def _alike(frames: Iterator[DecodedFrame]) -> Iterator[Iterator[DecodedFrame]]:
    """Split frames into runs for one encoder: of one size, or without a picture."""
    held = next(frames, None)

    def run() -> Iterator[DecodedFrame]:
        nonlocal held
        shape = None
        while held is not None:
            if held.image is not None:
                if shape is not None and held.image.shape != shape:
                    return
                shape = held.image.shape
            frame, held = held, next(frames, None)
            yield frame

    while held is not None:
        yield run()


def _encoded_again(
    frames: Iterator[DecodedFrame],
    wanted: set[int],
    crfs: Sequence[int],
    rate: Fraction,
    check: Callable[[], None] | None,
) -> Iterator[RecompressedFrame]:
    """Yield the wanted ones of ``frames`` (all of one size) after one encoder per rate factor."""
    encoders: list[_Encoder] = []
    kept: list[int] = []
    lost: list[RecompressedFrame] = []
    with ExitStack() as stack:
        for frame in frames:
            if check is not None:
                check()
            if frame.image is None:
                if frame.index in wanted:
                    reason = frame.reason or Reason.DECODE_ERROR
                    lost.append(RecompressedFrame(frame.index, {}, reason))
                continue
            if not encoders:
                encoders = [_Encoder(crf, frame.image.shape, rate) for crf in crfs]
                for encoder in encoders:
                    stack.callback(encoder.close)
            for encoder in encoders:
                encoder.add(frame.image)
            kept.append(frame.index)
        streams = [encoder.decoded() for encoder in encoders]
        for index in kept:
            if check is not None:
                check()
            pictures = [next(stream, None) for stream in streams]
            if index not in wanted:
                continue
            if any(picture is None for picture in pictures):
                lost.append(RecompressedFrame(index, {}, Reason.DECODE_ERROR))
                continue
            images = {
                encoder.crf: encoder.pixels(picture)
                for encoder, picture in zip(encoders, pictures, strict=True)
            }
            while lost and lost[0].index < index:
                yield lost.pop(0)
            yield RecompressedFrame(index, images)
    yield from lost


class _Encoder:
    """Encodes pictures to H.264 in memory and decodes them again."""

    def __init__(self, crf: int, shape: tuple[int, ...], rate: Fraction) -> None:
        self.crf = crf
        self._height, self._width = shape[:2]
        self._buffer = io.BytesIO()
        even = (self._height + self._height % 2, self._width + self._width % 2)  # 4:2:0 needs it
        self._output = H264Writer(self._buffer, "matroska", even, rate, crf)
        self._input: Any = None

    def add(self, image: np.ndarray) -> None:
        """Encode one RGB uint8 picture of the size given to the constructor."""
        bottom, right = self._height % 2, self._width % 2
        if bottom or right:
            image = cv2.copyMakeBorder(image, 0, bottom, 0, right, cv2.BORDER_REPLICATE)
        self._output.add(image)

    def decoded(self) -> Iterator[Any]:
        """Finish encoding and return the decoded frames in order."""
        self._output.end()
        self._buffer.seek(0)
        self._input = open_media(self._buffer)
        return self._input.decode(video=0)

    def pixels(self, frame: Any) -> np.ndarray:
        """Return a decoded frame as RGB uint8 (H, W, 3), without the padding."""
        return frame.to_ndarray(format="rgb24")[: self._height, : self._width]

    def close(self) -> None:
        """Free the encoder and the decoder."""
        for end in (self._output, self._input):
            if end is not None:
                end.close()
