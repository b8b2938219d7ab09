"""Tells what the packets of a picture stream say about its frames, without decoding them.

The presentation times and key frames found here are what :mod:`.video` seeks by, where they
identify every frame; where they do not, it counts.
"""

from __future__ import annotations

import logging
from dataclasses import dataclass
from typing import Any

import numpy as np

from .pyav import FFmpegError

log = logging.getLogger(__name__)

# One packet is one shown frame, and packet times survive decoding. Not VP8 (hidden reference
# frames are packets), MPEG-4 part 2 (empty packets) or Theora (repeats).
_ONE_FRAME_PER_PACKET = frozenset(
    {"h264", "hevc", "av1", "vp9", "mpeg2video", "mpeg1video", "mjpeg", "prores", "dnxhd", "ffv1"}
)
# Codecs whose frames may be shown in another order than they are stored in.
_REORDERED = frozenset({"h264", "hevc", "mpeg2video", "mpeg1video"})
# What demuxing a damaged file ends with; IndexError: a stream that was not there at the start.
STOPPED = (FFmpegError, OSError, IndexError)
Shape = tuple[int, tuple[int, int]]  # rotation in degrees, coded (width, height)
NO_SHAPE: Shape = (0, (0, 0))


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


def scan_packets(container: Any, stream: Any) -> tuple[PacketTable, Shape]:
    """Read all packets, decoding only until the first frame shows its shape."""
    rows: list[tuple[int, bool, bool]] = []
    plain = stream.codec_context.name in _ONE_FRAME_PER_PACKET
    shape = NO_SHAPE
    try:
        for packet in container.demux(stream):
            if shape == NO_SHAPE:
                shape = next((shape_of(frame) for frame in frames_of(packet)), NO_SHAPE)
            if packet.size == 0:  # end of stream
                continue
            if packet.pts is None or packet.is_corrupt:
                plain = False
                break
            # An edit list marks packets that are decoded (others need them) but never shown.
            rows.append((packet.pts, packet.is_keyframe, not packet.is_discard))
    except MemoryError:
        raise
    except STOPPED as error:
        log.info("scanning stopped: %s", error)
    shown = [row for row in rows if row[2]]
    pts = np.array([row[0] for row in shown], dtype=np.int64)
    order = np.argsort(pts, kind="stable")
    keys = np.flatnonzero(np.array([row[1] for row in shown], dtype=bool)[order])
    # A stream that starts inside a group loses its first frames in the decoder.
    complete = bool(rows) and rows[0][1] and rows[0][0] == min(row[0] for row in rows)
    regular = bool(plain and complete and len(shown) and np.all(np.diff(pts[order]) > 0))
    regular = regular and not (np.all(np.diff(order) > 0) and _hides_its_order(container, stream))
    return PacketTable(pts[order], keys, regular), shape


def _hides_its_order(container: Any, stream: Any) -> bool:
    """Whether ascending packet times may be times of decoding: AVI, for one, stores no others."""
    context = stream.codec_context
    reordered = context.name in _REORDERED
    return reordered and (container.format.name == "avi" or bool(context.has_b_frames))


def frames_of(packet: Any) -> list[Any]:
    """Frames that the decoder gives for a packet; none for one that it cannot decode."""
    try:
        return packet.decode()
    except MemoryError:
        raise
    except FFmpegError as error:
        log.debug("packet at %s: %s", packet.pts, error)
        return []


def turn_of(frame: Any) -> int:
    """Degrees counterclockwise, in {0, 90, 180, 270}, that make the frame upright."""
    return round(frame.rotation / 90) * 90 % 360


def shape_of(frame: Any) -> Shape:
    return turn_of(frame), (frame.width, frame.height)
