"""Finds pictures of HEVC and H.264 whose decoder stops before the end of their data.

Damage makes an arithmetic decoder lose its place. If the picture is full before its data ends, no
decoder reports the rest. So each picture is decoded alone, as it is and with other bytes at its
end: a sound one changes, one whose end is never read does not. References are not needed for that,
because the syntax is read without them; a decoder puts grey in their place. Sound ends may by
chance give the same picture, so several are tried before one counts as unread.
"""

from __future__ import annotations

import random
import re
from collections.abc import Iterator

from .pyav import pictures_of

_TAIL = 16  # bytes that are replaced
_LEAST = 48  # bytes of a slice; shorter ones say too little to change every time
_TRIES = 12  # of 1,200 sound slices the most stubborn changed at the fifth
_MOST_SLICES = 8  # each is tried by itself
#: Codecs whose pictures can be decoded alone.
WITH_ENDS = frozenset({"hevc", "h264"})
# Types of units, ITU-T H.265 and H.264, tables 7-1: slices that decoders show, and parameters.
_SLICES = {"hevc": frozenset({*range(10), *range(16, 22)}), "h264": frozenset({1, 5})}
_PARAMETERS = {"hevc": frozenset({32, 33, 34}), "h264": frozenset({7, 8})}


class UnreadEnds:
    """Checks the packets of one stream, in their order.

    Args:
        codec: one of :data:`WITH_ENDS`
        extradata: the stream's own
        length_size: bytes of the lengths before units; 0 if start codes divide them
    """

    def __init__(self, codec: str, extradata: bytes | None, length_size: int) -> None:
        self._codec, self._extradata, self._length_size = codec, extradata, length_size
        self._parameters = b""  # of the stream itself, as a transport stream repeats them
        self._key = b""  # the last key frame

    def found_in(self, data: bytes, is_key: bool = False) -> bool:
        """Return whether a slice of the packet ``data`` ends before its data.

        Args:
            data: the next packet
            is_key: whether it is a key frame
        """
        units = list(units_of(data, self._length_size))
        own = b"".join(
            self._headed(data[start:end])
            for start, end in units
            if self._type(data[start]) in _PARAMETERS[self._codec]
        )
        self._parameters = own or self._parameters
        data = data if own else self._parameters + data
        self._key = data if is_key else self._key
        slices = [
            (start, _body_end(data, start, end))
            for start, end in units_of(data, self._length_size)
            if self._is_slice(data[start : start + 2])
        ]
        checked = [(start, end) for start, end in slices if end - start >= _LEAST]
        if not checked or len(slices) > _MOST_SLICES:
            return False
        whole = self._decoded(data, False)
        return bool(whole) and any(self._is_unread(data, *place, whole) for place in checked)

    def _is_unread(self, data: bytes, start: int, end: int, whole: tuple[int, ...]) -> bool:
        if not self._same(data, end - _TAIL, whole, False):
            return False
        # A decoder may refuse a slice without its references: then nothing in it counts.
        first = start + _LEAST - 2 * _TAIL
        after_key = self._same(data, first, whole, False)
        if after_key:
            whole = self._decoded(data, True)
            if self._same(data, first, whole, True):
                return False
        return self._same(data, end - _TAIL, whole, after_key)

    def _same(self, data: bytes, at: int, whole: tuple[int, ...], after_key: bool) -> bool:
        """Return whether the pictures stay the same, whatever bytes are at ``at``."""
        chance = random.Random(at)
        for _ in range(_TRIES):
            other = bytes(chance.randrange(4, 256) for _ in range(_TAIL))  # no start code
            if self._decoded(data[:at] + other + data[at + _TAIL :], after_key) != whole:
                return False
        return True

    def _decoded(self, data: bytes, after_key: bool) -> tuple[int, ...]:
        packets = [self._key, data] if after_key and self._key else [data]
        return pictures_of(self._codec, self._extradata, packets)

    def _type(self, first: int) -> int:
        return first >> 1 & 63 if self._codec == "hevc" else first & 31

    def _is_slice(self, header: bytes) -> bool:
        """Return whether a unit is a slice of the layer that decoders show."""
        layer = (header[0] & 1) << 5 | header[-1] >> 3 if self._codec == "hevc" else 0
        return self._type(header[0]) in _SLICES[self._codec] and not layer

    def _headed(self, unit: bytes) -> bytes:
        size = self._length_size
        return (len(unit).to_bytes(size, "big") if size else b"\0\0\1") + unit


def units_of(data: bytes, length_size: int) -> Iterator[tuple[int, int]]:
    """Yield (start, end) of each unit of a packet, without its length or start code."""
    if length_size:
        at = 0
        while at + length_size < len(data):
            start = at + length_size
            at = start + int.from_bytes(data[at:start], "big")
            if start < at <= len(data):
                yield start, at
        return
    starts = [found.end() for found in re.finditer(rb"\x00\x00\x01", data)]
    for start, following in zip(starts, [*(s - 3 for s in starts[1:]), len(data)], strict=False):
        if start < following:
            yield start, following


def _body_end(data: bytes, start: int, end: int) -> int:
    """Return the end of a unit without zeros and the words ``0x0000 03`` that only fill it."""
    while end > start and (data[end - 1] == 0 or data[end - 3 : end] == b"\0\0\3"):
        end -= 1 if data[end - 1] == 0 else 3
    return end
