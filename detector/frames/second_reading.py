"""Decodes a stream a second time so that damage shows which its decoder hides.

Arithmetic decoders (HEVC, VP8, VP9, AV1) read damaged bytes as other pictures, mostly without an
error. The second reading differs in what only a damaged stream reacts to. Bytes that follow the
end of each picture's data are never reached (but for some zeros, which decoders read there anyhow),
unless damage made the decoder lose its place. Rows of
HEVC that are coded in parallel (WPP) each start at a stated byte, where a decoder that reads them
one after the other arrives only if none is damaged. Pictures that differ are damaged. What ends in
fewer bytes than there are is found in HEVC by :mod:`.unread_ends`; in the others it stays hidden.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from .opening import opened
from .packet_table import STOPPED, frames_of
from .pyav import codec_of, picture_digest, with_bytes
from .unread_ends import WITH_ENDS, UnreadEnds

#: Codecs whose decoders notice little of the damage.
SILENT = frozenset({"hevc", "vp8", "vp9", "av1"})
_BEHIND = bytes(range(0x41, 0x71))  # no start code, no marker of a VP9 superframe
#: VP8, VP9 and AV1 (section 8.2.2) read zeros behind the end, so encoders may leave zeros out.
_ZEROS_BEHIND = bytes(8) + _BEHIND
_FRAME, _TILES = 6, 4  # AV1, section 6.2.2: types of units that end in a picture's data


def second_frames(path: Path, start: int | None, unread: set[int | None]) -> Iterator[Any]:
    """Yield the frames of a silent codec from the key frame before ``start``, in stream units.

    The decoder's errors are not raised: a packet that it refuses gives no frame.

    Args:
        path: the file
        start: presentation time; None for the beginning
        unread: gets the times of packets whose end the decoder does not reach, as they are read
    """
    with opened(path, 1) as (container, stream):
        codec = codec_of(stream)
        if codec == "hevc":  # rows in parallel; threads of dav1d lose whole frames behind damage
            stream.codec_context.thread_type = "SLICE"
            stream.codec_context.thread_count = 2
        size = _length_size(codec, stream.codec_context.extradata)
        extra = stream.codec_context.extradata
        ends = UnreadEnds(codec, extra, size) if codec in WITH_ENDS else None
        if start is not None:
            container.seek(start, stream=stream, backward=True)
        for packet in _packets(container, stream):
            if ends is not None and ends.found_in(bytes(packet), packet.is_keyframe):
                unread.add(packet.pts)
            longer = with_bytes(packet, lambda data: lengthened(data, codec, size))
            yield from frames_of(longer, stream.codec_context) or ()


def same(frame: Any, other: Any | None) -> bool:
    """Return whether two frames have one time and the same pixels."""
    if other is None or frame.pts != other.pts:
        return False
    return picture_digest(frame) == picture_digest(other)


def disagreeing(path: Path) -> set[int | None]:
    """Return the presentation times of a file's frames that two readings decode differently.

    ``None`` stands for frames without a time.
    """
    with opened(path, 1) as (container, stream):
        read = (f for p in _packets(container, stream) for f in frames_of(p) or ())
        first = [(frame.pts, picture_digest(frame)) for frame in read]
    unread: set[int | None] = set()
    second = [(frame.pts, picture_digest(frame)) for frame in second_frames(path, None, unread)]
    if any(time is None for time, _ in [*first, *second]):
        return {None} if first != second or unread else set()
    return {time for time, _ in set(first) ^ set(second)} | unread


def _packets(container: Any, stream: Any) -> Iterator[Any]:
    packets = container.demux(stream)
    while True:
        try:
            packet = next(packets, None)
        except MemoryError:
            raise
        except STOPPED:
            return
        if packet is None:
            return
        yield packet


def lengthened(data: bytes, codec: str, length_size: int) -> bytes:
    """Return the packet ``data`` with bytes behind each picture's data, where no decoder reads.

    Args:
        data: a packet
        codec: one of :data:`SILENT`; the data of others are returned as they are
        length_size: bytes of the lengths before units of HEVC; 0 if start codes divide them
    """
    if codec not in SILENT:
        return data
    if codec == "hevc":
        return _hevc_started(data) if length_size == 0 else _hevc_sized(data, length_size)
    if codec == "av1":
        return _av1(data)
    return _vp9(data) if codec == "vp9" else data + _ZEROS_BEHIND


def _length_size(codec: str, extradata: bytes | None) -> int:
    """Return the size of lengths of units (ISO/IEC 14496-15, 5.3.3.1, 8.3.3.1), or 0."""
    data, at = extradata or b"", 21 if codec == "hevc" else 4
    started = data.startswith((b"\0\0\1", b"\0\0\0\1")) or len(data) <= at
    return 0 if started else (data[at] & 3) + 1


def _hevc_sized(data: bytes, length_size: int) -> bytes:
    out, at = b"", 0
    while at + length_size < len(data):
        end = at + length_size + int.from_bytes(data[at : at + length_size], "big")
        unit = _hevc_unit(data[at + length_size : end])
        if end > len(data) or len(unit) >> (8 * length_size):
            return data
        out += len(unit).to_bytes(length_size, "big") + unit
        at = end
    return out + data[at:]


def _hevc_started(data: bytes) -> bytes:
    head, *units = re.split(rb"(?<=\x00\x00\x01)", data)
    if not units:
        return data
    ends = [re.search(rb"\x00*\x01?$", unit) for unit in units]
    for place, (unit, end) in enumerate(zip(units, ends, strict=True)):
        last = place == len(units) - 1
        cut = len(unit) if last or end is None else end.start()
        units[place] = _hevc_unit(unit[:cut]) + unit[cut:]
    return head + b"".join(units)


def _hevc_unit(unit: bytes) -> bytes:
    picture = len(unit) > 2 and unit[0] >> 1 < 32
    return unit + _BEHIND if picture else unit


def _vp9(data: bytes) -> bytes:
    """Lengthen each frame of a superframe (VP9, annex B) and write its index anew."""
    mark = data[-1] if data else 0
    count, size = (mark & 7) + 1, (mark >> 3 & 3) + 1
    index = data[-2 - size * count :]
    if mark >> 5 != 0b110 or len(index) < 2 + size * count or index[0] != mark:
        return data + _ZEROS_BEHIND if len(data) > 2 else data
    out, at, sizes = b"", 0, b""
    for number in range(count):
        length = int.from_bytes(index[1 + size * number : 1 + size * (number + 1)], "little")
        frame = data[at : at + length]
        frame += _ZEROS_BEHIND if length > 2 else b""  # a shorter one repeats a frame
        out, at, sizes = out + frame, at + length, sizes + len(frame).to_bytes(4, "little")
    mark = bytes([mark | 3 << 3])
    return out + mark + sizes + mark


def _av1(data: bytes) -> bytes:
    """Lengthen each unit with tiles (AV1, section 5.3) and write its size anew."""
    out, at = b"", 0
    while at < len(data):
        head = data[at : at + 2 if data[at] & 4 else at + 1]
        if not data[at] & 2:  # no size: it fills the packet
            behind = _ZEROS_BEHIND if data[at] >> 3 & 15 in (_FRAME, _TILES) else b""
            return out + data[at:] + behind
        start, size, shift = at + len(head), 0, 0
        while start < len(data) and shift < 35:
            size |= (data[start] & 127) << shift
            start, shift = start + 1, shift + 7
            if not data[start - 1] & 128:
                break
        unit = data[start : start + size]
        if data[at] >> 3 & 15 in (_FRAME, _TILES):
            unit += _ZEROS_BEHIND
        out += head + _leb128(len(unit)) + unit
        at = start + size
    return out


def _leb128(value: int) -> bytes:
    out = bytearray()
    while True:
        value, low = value >> 7, value & 127
        out.append(low | (128 if value else 0))
        if not value:
            return bytes(out)
