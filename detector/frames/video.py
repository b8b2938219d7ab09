"""Exact frames of a video file, decoding only what must be decoded.

A cheap first pass over the packets (no decoding) gives the presentation times and key frames.
Where those identify every frame (``PacketTable.regular``), a frame's index is the rank of its
presentation time: the decoder may then jump to the key frame before a wanted frame, and a damaged
frame does not shift the numbers of those after it. Elsewhere (no times, hidden frames, a stream
that starts in the middle of a group) frames are counted by decoding from the start.
"""

from __future__ import annotations

import logging
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from ..records import Reason
from .frame import MAX_FRAME_PIXELS, DecodedFrame, FrameError, VideoInfo
from .packet_table import NO_SHAPE, STOPPED, Shape, frames_of, scan_packets, shape_of, turn_of
from .pyav import (
    FFmpegError,
    RgbConverter,
    container_seconds,
    open_media,
    picture_streams,
    positive,
)

log = logging.getLogger(__name__)

# A file must not make the library open other files or addresses (playlists can), so only real
# containers and raw streams are probed, and only the file itself is read.
_OPTIONS = {
    "protocol_whitelist": "file",
    "format_whitelist": "mov,mp4,m4a,3gp,3g2,mj2,matroska,webm,avi,mpegts,mpeg,mpegvideo,flv,"
    "live_flv,ogg,asf,gif,h264,hevc,m4v,ivf,obu,mjpeg,mjpeg_2000,mxf,nut,yuv4mpegpipe,wtv,dv,rm,"
    "swf,mp3,wav,flac,aac,webp_pipe,jpeg_pipe,png_pipe,apng,av1",
}
_SEEK_COST = 12  # frames that could be decoded in the time of one seek and decoder refill


@contextmanager
def _opened(path: Path, threads: int) -> Iterator[tuple[Any, Any]]:
    """(container, picture stream), errors turned into :class:`FrameError`."""
    try:
        container = open_media(path, _OPTIONS)
    except FileNotFoundError as error:
        raise FrameError(Reason.MISSING_FILE, f"{path} is not there.") from error
    except MemoryError:
        raise
    except (FFmpegError, OSError, ValueError) as error:
        raise FrameError(
            Reason.DECODE_ERROR, f"{path} cannot be opened as a video: {error}."
        ) from error
    try:
        streams = picture_streams(container)
        if not streams:
            raise FrameError(Reason.NO_VIDEO_STREAM, f"{path} holds no picture stream.")
        stream = streams[0]
        if stream.codec_context is None or not stream.codec_context.codec:
            raise FrameError(Reason.DECODE_ERROR, f"{path}: no decoder for its picture stream.")
        if threads != 1:
            stream.codec_context.thread_type = "AUTO"
        stream.codec_context.thread_count = threads
        yield container, stream
    finally:
        container.close()


class VideoSource:
    """A video file as a :class:`frame.FrameSource`.

    Args:
        path: the file
        threads: decoder threads, 0: as many as there are cores

    Raises:
        FrameError: not a video, no picture stream, no frame, or too large
    """

    def __init__(self, path: str | Path, threads: int = 0) -> None:
        self.path = Path(path)
        self._threads = threads
        self._converter = RgbConverter(threads)
        with _opened(self.path, 1) as (container, stream):
            context = stream.codec_context
            if context.width * context.height > MAX_FRAME_PIXELS:
                raise FrameError(
                    Reason.TOO_LARGE, f"{path} has {context.width} x {context.height} pixels."
                )
            self.table, first = scan_packets(container, stream)
            self._time_base = positive(stream.time_base)
            facts = _facts(container, stream)
        total, (rotation, size) = len(self.table.pts), first
        if not self.table.regular:
            total, (rotation, size) = self._count()
        if total == 0 or size == (0, 0):
            raise FrameError(Reason.DECODE_ERROR, f"{path}: no frame can be decoded.")
        width, height = size[::-1] if rotation in (90, 270) else size
        self._numbers = range(total)
        self._info = VideoInfo(
            frame_count=total, width=width, height=height, rotation=rotation, **facts
        )

    @property
    def info(self) -> VideoInfo:
        return self._info

    @property
    def numbers(self) -> Sequence[int]:
        return self._numbers

    def _count(self) -> tuple[int, Shape]:
        """Decode everything: how many frames, and the shape of the first."""
        count, shape = 0, NO_SHAPE
        with _opened(self.path, self._threads) as (container, stream):
            for frame in _decode(container, stream):
                shape = shape_of(frame) if count == 0 else shape
                count += 1
        return count, shape

    def read(self, numbers: Iterable[int]) -> Iterator[DecodedFrame]:
        """See :class:`frame.FrameSource`."""
        wanted = sorted(set(numbers))
        inside = [n for n in wanted if 0 <= n < len(self._numbers)]
        outside = [n for n in wanted if not 0 <= n < len(self._numbers)]
        below = [n for n in outside if n < 0]
        for number in below:
            yield DecodedFrame(number, None, None, Reason.SHORT_VIDEO)
        yield from self._read_by_time(inside) if self.table.regular else self._count_to(inside)
        for number in outside[len(below) :]:
            yield DecodedFrame(number, None, None, Reason.SHORT_VIDEO)

    def _read_by_time(self, wanted: list[int]) -> Iterator[DecodedFrame]:
        """Frames by presentation time, jumping to key frames where that is cheaper."""
        runs = plan_runs(wanted, self.table.keys)
        held: dict[int, DecodedFrame] = {}
        missed: list[int] = []
        for number, frame in self._decode_runs(runs):
            if frame is None:
                missed.append(number)
            elif missed:
                held[number] = frame  # keep the promised order until the missed one is known
            else:
                yield frame
        if not missed:
            return
        if any(run.start is not None for run in runs):
            # A jump landed after the frame, or on a key frame that is none: from the start.
            log.info("%s: %d frames again without seeking", self.path.name, len(missed))
            for number, frame in self._decode_runs([Run(None, missed)]):
                if frame is not None:
                    held[number] = frame
        for number in missed:
            held.setdefault(number, DecodedFrame(number, None, None, Reason.DECODE_ERROR))
        yield from (held[number] for number in sorted(held))

    def _decode_runs(self, runs: list[Run]) -> Iterator[tuple[int, DecodedFrame | None]]:
        """(number, frame) of every wanted frame; None for one that was passed without seeing it."""
        with _opened(self.path, self._threads) as (container, stream):
            for run in runs:
                if run.start is not None:
                    key = int(self.table.pts[self.table.keys[run.start]])
                    container.seek(key, stream=stream, backward=True)
                yield from self._run(run.wanted, _decode(container, stream))

    def _run(
        self, wanted: list[int], frames: Iterator[Any]
    ) -> Iterator[tuple[int, DecodedFrame | None]]:
        pts = self.table.pts
        pending = list(reversed(wanted))
        for frame in frames:
            if frame.pts is None:
                continue
            while pending and pts[pending[-1]] < frame.pts:
                yield pending.pop(), None
            if pending and pts[pending[-1]] == frame.pts:
                number = pending.pop()
                yield number, self._picture(number, frame)
            if not pending:
                return
        while pending:
            yield pending.pop(), None

    def _count_to(self, wanted: list[int]) -> Iterator[DecodedFrame]:
        """Frames by counting a decode from the start."""
        pending = list(reversed(wanted))
        if not pending:
            return
        with _opened(self.path, self._threads) as (container, stream):
            for number, frame in enumerate(_decode(container, stream)):
                if number == pending[-1]:
                    yield self._picture(pending.pop(), frame)
                    if not pending:
                        return
        while pending:
            yield DecodedFrame(pending.pop(), None, None, Reason.DECODE_ERROR)

    def _picture(self, number: int, frame: Any) -> DecodedFrame:
        """Pixels of a decoded frame, upright; a frame that the decoder calls corrupt has none."""
        if frame.is_corrupt or frame.width * frame.height > MAX_FRAME_PIXELS:
            reason = Reason.DECODE_ERROR if frame.is_corrupt else Reason.TOO_LARGE
            return DecodedFrame(number, None, None, reason)
        rgb = self._converter.convert(frame)
        turn = turn_of(frame)
        if turn:
            rgb = np.ascontiguousarray(np.rot90(rgb, turn // 90))
        base = self._time_base
        seconds = None if base is None or frame.pts is None else float(frame.pts * base)
        return DecodedFrame(number, seconds, rgb, None)


def _decode(container: Any, stream: Any) -> Iterator[Any]:
    """Frames in presentation order; packets that cannot be decoded are skipped."""
    packets = container.demux(stream)
    while True:
        try:
            packet = next(packets)
        except StopIteration:
            return
        except MemoryError:  # of this machine, not of the file
            raise
        except STOPPED as error:
            log.info("reading stopped: %s", error)  # cut-off file: give what there is
            return
        yield from frames_of(packet)


def _facts(container: Any, stream: Any) -> dict[str, Any]:
    rate = positive(stream.average_rate) or positive(stream.guessed_rate)
    seconds, base = container_seconds(container), positive(stream.time_base)
    if seconds is None and stream.duration and base is not None:
        seconds = float(stream.duration * base)
    return {
        "fps": float(rate) if rate else None,
        "duration_seconds": seconds,
        "codec": stream.codec_context.name,
        "bit_rate": container.bit_rate or None,
        "pixel_format": stream.codec_context.pix_fmt or "",
        "declared_frame_count": stream.frames or None,
        "container": container.format.name,
    }


@dataclass(frozen=True, slots=True)
class Run:
    """One uninterrupted decode: from key frame number ``start`` (None: the first packet)."""

    start: int | None
    wanted: list[int]


def plan_runs(wanted: Sequence[int], keys: np.ndarray) -> list[Run]:
    """Cut ascending ``wanted`` positions into decodes, seeking only where that saves time.

    Between two wanted frames the decoder either goes on or jumps to the last key frame before the
    next one; each such choice is independent of the others, so the cheaper one is taken.

    Args:
        wanted: ascending positions
        keys: ascending positions of key frames
    """
    runs: list[Run] = []
    position = 0
    for number in wanted:
        key = int(np.searchsorted(keys, number, side="right")) - 1
        jump = key >= 0 and int(keys[key]) > position + _SEEK_COST
        if jump or not runs:
            runs.append(Run(key if jump else None, []))
        runs[-1].wanted.append(number)
        position = number
    return runs
