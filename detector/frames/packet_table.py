"""Reads frame times and key frames from the packets of a picture stream, without decoding.

:mod:`.video` seeks by these times if they identify every frame; otherwise it counts frames.
"""

from __future__ import annotations

import logging
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from ..errors import is_shortage
from .cut_off import frames_before
from .display import Display, display_of
from .pyav import (
    FFmpegError,
    codec_of,
    container_seconds,
    display_matrix,
    pixel_aspect,
    positive,
)
from .tone_mapping import TRANSFERS

log = logging.getLogger(__name__)

# For these codecs one packet is one shown frame, and packet times survive decoding. That is not so
# for VP8 (hidden reference frames are packets), MPEG-4 part 2 (empty packets) and Theora (repeats).
_ONE_FRAME_PER_PACKET = frozenset(
    {"h264", "hevc", "av1", "vp9", "mpeg2video", "mpeg1video", "mjpeg", "prores", "dnxhd", "ffv1"}
)
# Codecs that may show frames in another order than the stored one.
_REORDERED = frozenset({"h264", "hevc", "mpeg2video", "mpeg1video"})
# Errors that end demuxing of a damaged file. IndexError: a stream that appeared after the start.
STOPPED = (FFmpegError, OSError, IndexError)
# It also says "cannot allocate memory" of damaged pictures (seen with two threads).
_DAV1D = "libdav1d"
# Container whose header may state the number of frames, and does so correctly.
_COUNTED = "mov"
_LEAST_MISSING_SECONDS = 1.0


@dataclass(frozen=True, slots=True)
class Shape:
    """How the first decoded frame is shown, and the format of its pixels.

    Attributes:
        display: how the stored picture is shown
        width, height: as stored, in pixels
        transfer: ``pq`` or ``hlg`` for high dynamic range, else ""
        interlaced: True if the frame holds two fields of different times
    """

    display: Display
    width: int
    height: int
    transfer: str
    interlaced: bool


@dataclass(frozen=True, slots=True)
class PacketTable:
    """Presentation times and key frames of a stream, read from its packets.

    Attributes:
        pts: ascending presentation times in stream units, (N,)
        keys: ascending positions of key frames in ``pts``, (K,)
        regular: True if a frame is identified by its presentation time
        declared: number of shown frames that the container declares, 0 if it declares none
    """

    pts: np.ndarray
    keys: np.ndarray
    regular: bool
    declared: int = 0


def scan_packets(container: Any, stream: Any) -> tuple[PacketTable, Shape | None]:
    """Read all packets, and decode only until the first frame gives its shape."""
    rows: list[tuple[int, bool, bool]] = []
    plain = codec_of(stream) in _ONE_FRAME_PER_PACKET
    shape: Shape | None = None
    ends = 0.0  # seconds; end of the longest stream
    try:
        for packet in container.demux():
            if packet.pts is not None and packet.time_base:
                ends = max(ends, float((packet.pts + (packet.duration or 0)) * packet.time_base))
            if packet.stream_index != stream.index:
                continue
            if shape is None:
                shape = next((shape_of(frame, stream) for frame in frames_of(packet) or ()), None)
            if packet.size == 0:  # end of stream
                continue
            if packet.pts is None or packet.is_corrupt:
                plain = False
                break
            # An edit list marks packets that are decoded for others but never shown.
            rows.append((packet.pts, packet.is_keyframe, not packet.is_discard))
    except MemoryError:
        raise
    except STOPPED as error:
        log.info("scanning stopped: %s", error)
    shown = [row for row in rows if row[2]]
    pts = np.array([row[0] for row in shown], dtype=np.int64)
    order = np.argsort(pts, kind="stable")
    keys = np.flatnonzero(np.array([row[1] for row in shown], dtype=bool)[order])
    # In a stream that starts inside a group, the decoder drops the first frames.
    complete = bool(rows) and rows[0][1] and rows[0][0] == min(row[0] for row in rows)
    regular = bool(plain and complete and len(shown) and np.all(np.diff(pts[order]) > 0))
    regular = regular and not (np.all(np.diff(order) > 0) and _hides_its_order(container, stream))
    declared = _declared(container, stream, rows, ends)
    return PacketTable(pts[order], keys, regular, declared), shape


def _declared(container: Any, stream: Any, rows: list[tuple[int, bool, bool]], ends: float) -> int:
    """Return how many frames should be shown, 0 if unknown.

    Takes the count from the container's header where there is one, also of a cut-off AVI or ASF.
    Otherwise takes the declared
    length, if every stream (sound included) ends more than a second before it.
    """
    hidden = sum(not shown for _, _, shown in rows)
    if stream.frames and _COUNTED in container.format.name:
        return stream.frames - hidden
    length, rate = container_seconds(container), positive(stream.average_rate)
    name, fps = container.format.name, float(rate or 0)
    if before := frames_before(Path(container.name), name, stream.frames, fps):
        return before - hidden
    if length is None or rate is None or not rows:
        return 0
    short = length + (container.start_time or 0) / 1e6 - ends
    return len(rows) - hidden + round(short * rate) if short > _LEAST_MISSING_SECONDS else 0


def _hides_its_order(container: Any, stream: Any) -> bool:
    """Return whether ascending packet times may be decoding times (AVI stores only those)."""
    hides = container.format.name == "avi" or bool(stream.codec_context.has_b_frames)
    return codec_of(stream) in _REORDERED and hides


def frames_of(packet: Any, context: Any = None) -> list[Any] | None:
    """Return the frames that the decoder gives for a packet; None if it cannot decode the packet.

    Args:
        packet: a packet of a stream
        context: the decoder; by default that of the packet's stream

    Raises:
        MemoryError: too little memory for the decoder or its threads
    """
    try:
        return packet.decode() if context is None else context.decode(packet)
    except FFmpegError as error:  # among them PyAV's MemoryError
        decoder = packet.stream.codec_context if context is None else context
        if is_shortage(error) and decoder.codec.name != _DAV1D:
            raise MemoryError(str(error)) from error
        log.debug("packet at %s: %s", packet.pts, error)
        return None


def shape_of(frame: Any, stream: Any) -> Shape:
    """Return how ``frame`` is shown and the format of its pixels."""
    return Shape(
        display_of(display_matrix(frame), pixel_aspect(stream)),
        frame.width,
        frame.height,
        TRANSFERS.get(int(frame.color_trc), ""),
        bool(frame.interlaced_frame),
    )
