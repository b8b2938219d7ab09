"""Reads exact frames of a video file and decodes only as much as needed.

A cheap first pass reads presentation times and key frames from the packets, without decoding. If
they identify every frame (``PacketTable.regular``), a frame's index is the rank of its presentation
time. The decoder can then seek to the key frame before a wanted frame, and a damaged frame does not
shift the numbers of later frames. Otherwise (no times, hidden frames, a stream that starts inside a
group) frames are counted by decoding from the start.
"""

from __future__ import annotations

import logging
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from ..errors import is_shortage
from ..records import Reason
from .damage import DamageMap, damage_map
from .display import Display, display_of
from .frame import MAX_FRAME_PIXELS, DecodedFrame, FrameError, VideoInfo
from .opening import opened
from .packet_table import STOPPED, Shape, frames_of, scan_packets, shape_of
from .pyav import (
    RgbConverter,
    codec_of,
    container_seconds,
    display_matrix,
    pixel_aspect,
    positive,
)
from .second_reading import SILENT, same, second_frames
from .tone_mapping import TRANSFERS, to_standard_range
from .unread_ends import WITH_ENDS

log = logging.getLogger(__name__)

_SEEK_COST = 12  # frames decoded in the time of one seek and decoder refill


class DamagedError(Exception):
    """Raised at the first sign of damage in a video that was assumed to be intact."""


class VideoSource:
    """A video file as a :class:`frame.FrameSource`.

    Args:
        path: the file
        threads: decoder threads, 0: as many as there are cores
        thorough: see :func:`.open_source`

    Raises:
        FrameError: not a video, no picture stream, no frame, or too large
    """

    def __init__(self, path: str | Path, threads: int = 0, thorough: bool = False) -> None:
        self.path = Path(path)
        self._threads = threads
        self._converter = RgbConverter(threads)
        self._damage: DamageMap | None = None
        with opened(self.path, 1) as (container, stream):
            context = stream.codec_context
            if context.width * context.height > MAX_FRAME_PIXELS:
                raise FrameError(
                    Reason.TOO_LARGE, f"{path} has {context.width} x {context.height} pixels."
                )
            self.table, shape = scan_packets(container, stream)
            self._time_base = positive(stream.time_base)
            self._pixel_aspect = pixel_aspect(stream)
            facts = _facts(container, stream)
        self._total = len(self.table.pts)
        if not self.table.regular:
            self._total, shape = self._count()
        if self._total == 0 or shape is None:
            raise FrameError(Reason.DECODE_ERROR, f"{path}: no frame can be decoded.")
        self._hides = facts["codec"] in (SILENT | WITH_ENDS if thorough else SILENT)
        width, height = shape.display.shown(shape.width, shape.height)
        # Frames that are declared but missing have numbers and no pictures.
        missing = max(0, self.table.declared - self._total)
        self._numbers = range(self._total + missing)
        self._info = VideoInfo(
            frame_count=self._total,
            width=width,
            height=height,
            rotation=shape.display.rotation,
            mirrored=shape.display.mirrored,
            pixel_aspect=float(shape.display.pixel_aspect),
            transfer=shape.transfer,
            interlaced=shape.interlaced,
            missing_frames=missing,
            **facts,
        )

    @property
    def info(self) -> VideoInfo:
        return self._info

    @property
    def numbers(self) -> Sequence[int]:
        return self._numbers

    def _count(self) -> tuple[int, Shape | None]:
        """Decode everything and return the number of frames and the shape of the first."""
        count, shape = 0, None
        with opened(self.path, self._threads) as (container, stream):
            for frame in _decode(container, stream):
                shape = shape_of(frame, stream) if count == 0 else shape
                count += 1
        return count, shape

    def read(self, numbers: Iterable[int]) -> Iterator[DecodedFrame]:
        """Yield the frames; see :class:`frame.FrameSource`."""
        wanted = sorted(set(numbers))
        inside = [n for n in wanted if 0 <= n < self._total]
        outside = [n for n in wanted if not 0 <= n < self._total]
        below = [n for n in outside if n < 0]
        for number in below:
            yield DecodedFrame(number, None, None, Reason.SHORT_VIDEO)
        yield from self._read_whole(inside)
        for number in outside[len(below) :]:
            yield DecodedFrame(number, None, None, Reason.SHORT_VIDEO)

    def _read_whole(self, wanted: list[int]) -> Iterator[DecodedFrame]:
        """Yield frames; at the first sign of damage, find the damaged ones and give no picture."""
        left = list(wanted)
        read = self._read_by_time if self.table.regular else self._count_to
        try:
            if left and self._damage is None and self._hides:
                self._look_twice(left)
            for frame in read(left):
                left = left[1:]
                yield frame
        except DamagedError:
            try:
                self._damage = damage_map(self.path)
            except OSError as error:
                if is_shortage(error):
                    raise MemoryError(str(error)) from error
                log.warning("%s", error)
                yield from (DecodedFrame(n, None, None, Reason.DECODE_ERROR) for n in left)
                return
            yield from read(left)

    def _read_by_time(self, wanted: list[int]) -> Iterator[DecodedFrame]:
        """Yield frames by presentation time, seeking to key frames where that is cheaper."""
        runs = plan_runs(wanted, self.table.keys)
        held: dict[int, DecodedFrame] = {}
        missed: list[int] = []
        for number, frame in self._decode_runs(runs):
            if frame is None:
                missed.append(number)
            elif missed:
                held[number] = frame  # keep the order until the missed frame is read
            else:
                yield frame
        if not missed:
            return
        if any(run.start is not None for run in runs):
            # A seek landed after the frame or on a false key frame: decode from the start.
            log.info("%s: %d frames again without seeking", self.path.name, len(missed))
            for number, frame in self._decode_runs([Run(None, missed)]):
                if frame is not None:
                    held[number] = frame
        if self._damage is None and not set(missed) <= set(held):
            raise DamagedError  # a packet gave no frame, and no error
        for number in missed:
            held.setdefault(number, DecodedFrame(number, None, None, Reason.DECODE_ERROR))
        yield from (held[number] for number in sorted(held))

    def _decode_runs(self, runs: list[Run]) -> Iterator[tuple[int, DecodedFrame | None]]:
        """Yield (number, frame) of every wanted frame; None if decoding passed it without it."""
        with self._reading() as (container, stream):
            for run in runs:
                self._seek(run, container, stream)
                yield from self._run(run.wanted, self._decoded(container, stream))

    def _seek(self, run: Run, container: Any, stream: Any) -> int | None:
        """Go to the key frame of a run and return its time; None for a run from the start."""
        if run.start is None:
            return None
        key = int(self.table.pts[self.table.keys[run.start]])
        container.seek(key, stream=stream, backward=True)
        return key

    def _look_twice(self, wanted: list[int]) -> None:
        """Raise :class:`DamagedError` if two readings of the wanted frames, or of those that lead
        to them, differ.

        This comes before any frame is given: a decoder that hides damage may notice it later.
        """
        regular = self.table.regular
        with self._reading() as (container, stream):
            for run in plan_runs(wanted, self.table.keys) if regular else [Run(None, wanted)]:
                unread: set[int | None] = set()
                second = second_frames(self.path, self._seek(run, container, stream), unread)
                last = run.wanted[-1]
                for number, frame in enumerate(self._decoded(container, stream)):
                    if not same(frame, next(second, None)) or unread:
                        raise DamagedError
                    if frame.pts >= self.table.pts[last] if regular else number == last:
                        break

    def _reading(self) -> Any:
        whole = self._damage is None
        # with threads, dav1d also loses sound frames behind damage
        return opened(self.path, self._threads if whole else 1, strict=whole)

    def _decoded(self, container: Any, stream: Any) -> Iterator[Any]:
        """Yield frames in presentation order and raise at a sign of unknown damage."""
        whole = self._damage is None
        for frame in _decode(container, stream, stop=whole):
            if whole and frame.is_corrupt:
                raise DamagedError
            yield frame

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
                damaged = self._damage is not None and frame.pts in self._damage.times
                yield number, self._picture(number, frame, damaged)
            if not pending:
                return
        while pending:
            yield pending.pop(), None

    def _count_to(self, wanted: list[int]) -> Iterator[DecodedFrame]:
        """Yield frames by counting while decoding from the start."""
        pending = list(reversed(wanted))
        if not pending:
            return
        damaged = self._damage.positions if self._damage else frozenset()
        with self._reading() as (container, stream):
            for number, frame in enumerate(self._decoded(container, stream)):
                if number == pending[-1]:
                    yield self._picture(pending.pop(), frame, number in damaged)
                    if not pending:
                        return
        while pending:
            yield DecodedFrame(pending.pop(), None, None, Reason.DECODE_ERROR)

    def _picture(self, number: int, frame: Any, damaged: bool) -> DecodedFrame:
        """Return a decoded frame as players show it; without a picture if it is damaged."""
        if damaged or frame.is_corrupt:
            return DecodedFrame(number, None, None, Reason.DECODE_ERROR)
        display = self._display(frame)
        width, height = size = display.square(frame.width, frame.height)
        if width * height > MAX_FRAME_PIXELS:
            return DecodedFrame(number, None, None, Reason.TOO_LARGE)
        transfer = TRANSFERS.get(int(frame.color_trc), "")
        rgb = self._converter.convert(frame, size, deep=bool(transfer))
        if transfer:
            rgb = to_standard_range(rgb, transfer)
        if display.mirrored or display.rotation:
            rgb = display.upright(rgb)
        base = self._time_base
        seconds = None if base is None or frame.pts is None else float(frame.pts * base)
        return DecodedFrame(number, seconds, rgb, None)

    def _display(self, frame: Any) -> Display:
        return display_of(display_matrix(frame), self._pixel_aspect)


def _decode(container: Any, stream: Any, stop: bool = False) -> Iterator[Any]:
    """Yield frames in presentation order, skipping packets that cannot be decoded.

    Raises:
        DamagedError: with ``stop``, at a packet that cannot be decoded
    """
    packets = container.demux(stream)
    while True:
        try:
            packet = next(packets)
        except StopIteration:
            return
        except MemoryError:  # the machine's fault, not the file's
            raise
        except STOPPED as error:
            log.info("reading stopped: %s", error)  # truncated file: keep what was decoded
            return
        frames = frames_of(packet)
        if frames is None and stop:
            raise DamagedError
        yield from frames or ()


def _facts(container: Any, stream: Any) -> dict[str, Any]:
    rate = positive(stream.average_rate) or positive(stream.guessed_rate)
    seconds, base = container_seconds(container), positive(stream.time_base)
    if seconds is None and stream.duration and base is not None:
        seconds = float(stream.duration * base)
    return {
        "fps": float(rate) if rate else None,
        "duration_seconds": seconds,
        "codec": codec_of(stream),
        "bit_rate": container.bit_rate or None,
        "pixel_format": stream.codec_context.pix_fmt or "",
        "declared_frame_count": stream.frames or None,
        "container": container.format.name,
    }


@dataclass(frozen=True, slots=True)
class Run:
    """One uninterrupted decode from key frame number ``start`` (None: from the first packet)."""

    start: int | None
    wanted: list[int]


def plan_runs(wanted: Sequence[int], keys: np.ndarray) -> list[Run]:
    """Split ascending ``wanted`` positions into decodes, seeking only where that saves time.

    Between two wanted frames the decoder either goes on or seeks to the last key frame before the
    next one. The choices are independent of each other, so each takes the cheaper way.

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
