"""Cuts that a container asks for: a clean aperture in MP4, cropping in Matroska.

PyAV writes neither, so they are put into files that it wrote.
"""

from __future__ import annotations

import struct
from pathlib import Path

from display_clips import H, W

_TRACKS, _TRACK, _VIDEO, _VOID = b"\x16\x54\xae\x6b", b"\xae", b"\xe0", b"\xec"
_SEGMENT = b"\x18\x53\x80\x67"
#: PixelCropTop, PixelCropBottom, PixelCropLeft, PixelCropRight, DisplayWidth, DisplayHeight
_NUMBERS = (b"\x54\xbb", b"\x54\xaa", b"\x54\xcc", b"\x54\xdd", b"\x54\xb0", b"\x54\xba")
#: Rows at the top and bottom and columns at the left and right to cut.
EDGES = (8, 16, 0, 16)


def cut_mp4(path: Path) -> None:
    """Add a ``clap`` box: the size, and how far its middle is from the picture's, in halves."""
    top, bottom, left, right = EDGES
    size = (W - left - right, 1, H - top - bottom, 1)
    data = bytearray(path.read_bytes())
    box = struct.pack(">I4s4IiIiI", 40, b"clap", *size, left - right, 2, top - bottom, 2)
    moov = data.find(b"moov")
    assert moov > data.find(b"mdat") > 0  # what moves has no offsets into it
    entry = data.find(b"avc1", moov) - 4
    at = entry + int.from_bytes(data[entry : entry + 4], "big")
    for name in (b"moov", b"trak", b"mdia", b"minf", b"stbl", b"stsd", b"avc1"):
        start = data.find(name, moov) - 4
        length = int.from_bytes(data[start : start + 4], "big") + len(box)
        data[start : start + 4] = length.to_bytes(4, "big")
    data[at:at] = box
    path.write_bytes(data)


def cut_matroska(path: Path) -> None:
    """Add the rows and columns to cut, and the size that is shown."""
    top, bottom, left, right = EDGES
    numbers = (*EDGES, W - left - right, H - top - bottom)
    data = bytearray(path.read_bytes())
    added = b"".join(
        name + b"\x82" + number.to_bytes(2, "big")
        for name, number in zip(_NUMBERS, numbers, strict=True)
    )
    at, end = _element(data, 0, len(data), _SEGMENT)[1:]
    void = _element(data, at, end, _VOID)
    for name in (_TRACKS, _TRACK, _VIDEO):
        size, at, end = _element(data, at, end, name)
        _resize(data, size, at, end - at + len(added))
    data[end:end] = added
    _resize(data, void[0], void[1], void[2] - void[1] - len(added))
    del data[void[1] : void[1] + len(added)]  # so that nothing behind the tracks moves
    path.write_bytes(data)


def _element(data: bytearray, at: int, end: int, wanted: bytes) -> tuple[int, int, int]:
    """Where the first such element's size, body and end are."""
    while at < end:
        size = at + _length(data[at])
        body = size + _length(data[size])
        number = int.from_bytes(data[size:body], "big") & ((1 << 7 * (body - size)) - 1)
        if bytes(data[at:size]) == wanted:
            return size, body, body + number
        at = body + number
    raise LookupError(wanted.hex())


def _length(first: int) -> int:
    """Bytes of a number of EBML, by its first byte."""
    return 9 - first.bit_length()


def _resize(data: bytearray, size: int, body: int, number: int) -> None:
    width = body - size
    assert number < (1 << 7 * width) - 1
    data[size:body] = (number | 1 << 7 * width).to_bytes(width, "big")


CUTS = {"mp4": cut_mp4, "mkv": cut_matroska}
