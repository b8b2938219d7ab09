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

import av
import av.error
import numpy as np
from av.stream import Disposition
from av.video.reformatter import VideoReformatter

from .frames import MAX_FRAME_PIXELS, DecodedFrame, FrameError, VideoInfo
from .records import Reason

log = logging.getLogger(__name__)

# A file must not make the library open other files or addresses (playlists can), so only real
# containers and raw streams are probed, and only the file itself is read.
_OPTIONS = {
    "protocol_whitelist": "file",
    "format_whitelist": "mov,mp4,m4a,3gp,3g2,mj2,matroska,webm,avi,mpegts,mpeg,mpegvideo,flv,"
    "live_flv,ogg,asf,gif,h264,hevc,m4v,ivf,obu,mjpeg,mjpeg_2000,mxf,nut,yuv4mpegpipe,wtv,dv,rm,"
    "swf,mp3,wav,flac,aac,webp_pipe,jpeg_pipe,png_pipe,apng,av1",
}
# One packet is one shown frame, and packet times survive decoding. Not VP8 (hidden reference
# frames are packets), MPEG-4 part 2 (empty packets) or Theora (repeats).
_ONE_FRAME_PER_PACKET = frozenset(
    {"h264", "hevc", "av1", "vp9", "mpeg2video", "mpeg1video", "mjpeg", "prores", "dnxhd", "ffv1"}
)
# What demuxing a damaged file ends with; IndexError: a stream that was not there at the start.
_STOPPED = (av.error.FFmpegError, OSError, IndexError)
_SEEK_COST = 12  # frames that could be decoded in the time of one seek and decoder refill
_Shape = tuple[int, tuple[int, int]]  # rotation in degrees, coded (width, height)
_NO_SHAPE: _Shape = (0, (0, 0))


@dataclass(frozen=True, slots=True)
class PacketTable:
    """Presentation times and key frames of a stream, read from its packets.

    Attributes:
        pts: ascending presentation times in stream units, (N,)
        keys: ascending positions of key frames in ``pts``, (K,)
        regular: True if a frame is identified by its presentation time
    """

    pts: np.ndarray
    keys: np.ndarray
    regular: bool


@contextmanager
def _opened(path: Path, threads: int) -> Iterator[tuple[Any, Any]]:
    """(container, picture stream), errors turned into :class:`FrameError`."""
    try:
        container = av.open(str(path), options=dict(_OPTIONS), metadata_errors="ignore")
    except FileNotFoundError as error:
        raise FrameError(Reason.MISSING_FILE, f"{path} is not there.") from error
    except MemoryError:
        raise
    except (av.error.FFmpegError, OSError, ValueError) as error:
        raise FrameError(
            Reason.DECODE_ERROR, f"{path} cannot be opened as a video: {error}."
        ) from error
    try:
        attached = Disposition.attached_pic
        streams = [s for s in container.streams.video if not s.disposition & attached]
        if not streams:
            raise FrameError(Reason.NO_VIDEO_STREAM, f"{path} holds no picture stream.")
        stream = streams[0]
        if stream.codec_context is None or not stream.codec_context.codec:
            raise FrameError(Reason.DECODE_ERROR, f"{path}: no decoder for its picture stream.")
        if threads != 1:
            stream.thread_type = "AUTO"
        stream.codec_context.thread_count = threads
        yield container, stream
    finally:
        container.close()


class VideoSource:
    """A video file as a :class:`frames.FrameSource`.

    Args:
        path: the file
        threads: decoder threads, 0: as many as there are cores

    Raises:
        FrameError: not a video, no picture stream, no frame, or too large
    """

    def __init__(self, path: str | Path, threads: int = 0) -> None:
        self.path = Path(path)
        self._threads = threads
        self._reformatter = VideoReformatter()
        with _opened(self.path, 1) as (container, stream):
            context = stream.codec_context
            if context.width * context.height > MAX_FRAME_PIXELS:
                raise FrameError(
                    Reason.TOO_LARGE, f"{path} has {context.width} x {context.height} pixels."
                )
            self.table, first = _scan(container, stream)
            self._time_base = stream.time_base
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

    def _count(self) -> tuple[int, _Shape]:
        """Decode everything: how many frames, and the shape of the first."""
        count, shape = 0, _NO_SHAPE
        with _opened(self.path, self._threads) as (container, stream):
            for frame in _decode(container, stream):
                shape = _shape(frame) if count == 0 else shape
                count += 1
        return count, shape

    def read(self, numbers: Iterable[int]) -> Iterator[DecodedFrame]:
        """See :class:`frames.FrameSource`."""
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
        picture = self._reformatter.reformat(frame, format="rgb24", threads=self._threads)
        rgb = picture.to_ndarray()
        turn = _turn(frame)
        if turn:
            rgb = np.ascontiguousarray(np.rot90(rgb, turn // 90))
        seconds = float(frame.pts * self._time_base) if frame.pts is not None else None
        return DecodedFrame(number, seconds, rgb, None)


def _turn(frame: Any) -> int:
    """Degrees counterclockwise, in {0, 90, 180, 270}, that make the frame upright."""
    return round(frame.rotation / 90) * 90 % 360


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
        except _STOPPED as error:
            log.info("reading stopped: %s", error)  # cut-off file: give what there is
            return
        yield from _frames_of(packet)


def _shape(frame: Any) -> _Shape:
    return _turn(frame), (frame.width, frame.height)


def _scan(container: Any, stream: Any) -> tuple[PacketTable, _Shape]:
    """Read all packets, decoding only until the first frame shows its shape."""
    rows: list[tuple[int, bool, bool]] = []
    plain = stream.codec_context.name in _ONE_FRAME_PER_PACKET
    shape = _NO_SHAPE
    try:
        for packet in container.demux(stream):
            if shape == _NO_SHAPE:
                shape = next((_shape(frame) for frame in _frames_of(packet)), _NO_SHAPE)
            if packet.size == 0:  # end of stream
                continue
            if packet.pts is None or packet.is_corrupt:
                plain = False
                break
            # An edit list marks packets that are decoded (others need them) but never shown.
            rows.append((packet.pts, packet.is_keyframe, not packet.is_discard))
    except MemoryError:
        raise
    except _STOPPED as error:
        log.info("scanning stopped: %s", error)
    shown = [row for row in rows if row[2]]
    pts = np.array([row[0] for row in shown], dtype=np.int64)
    order = np.argsort(pts, kind="stable")
    keys = np.flatnonzero(np.array([row[1] for row in shown], dtype=bool)[order])
    # A stream that starts inside a group loses its first frames in the decoder.
    complete = bool(rows) and rows[0][1] and rows[0][0] == min(row[0] for row in rows)
    regular = bool(plain and complete and len(shown) and np.all(np.diff(pts[order]) > 0))
    return PacketTable(pts[order], keys, regular), shape


def _frames_of(packet: Any) -> list[Any]:
    """Frames that the decoder gives for a packet; none for one that it cannot decode."""
    try:
        return packet.decode()
    except MemoryError:
        raise
    except av.error.FFmpegError as error:
        log.debug("packet at %s: %s", packet.pts, error)
        return []


def _facts(container: Any, stream: Any) -> dict[str, Any]:
    rate = stream.average_rate or stream.guessed_rate
    seconds = container.duration / av.time_base if container.duration else None
    if seconds is None and stream.duration:
        seconds = float(stream.duration * stream.time_base)
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
