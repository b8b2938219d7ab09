"""Finds out whether a picture file has a high dynamic range (PQ or HLG).

PNG says it in ``cICP``, HEIF and AVIF in the ``colr`` of their primary picture; the code points are
those of ITU-T H.273. Pillow hands none of them on, and would show such a picture grey and flat.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from .tone_mapping import TRANSFERS

_HEAD = 1 << 18  # bytes; both stand before the pixels
_PNG = b"\x89PNG\r\n\x1a\n"


def transfer_of(path: Path) -> str:
    """Return ``pq``, ``hlg``, or "" for the standard range and for files that say nothing."""
    with path.open("rb") as stream:
        head = stream.read(_HEAD)
    if head.startswith(_PNG):
        code = next((body[1] for name, body in _chunks(head) if name == b"cICP" and body[1:]), 0)
    else:
        code = _of_primary(head) if head[4:8] == b"ftyp" else 0
    return TRANSFERS.get(code, "")


def _chunks(head: bytes) -> Iterator[tuple[bytes, bytes]]:
    at = len(_PNG)
    while at + 8 <= len(head) and head[at + 4 : at + 8] != b"IDAT":
        length = int.from_bytes(head[at : at + 4], "big")
        yield head[at + 4 : at + 8], head[at + 8 : at + 8 + length]
        at += 12 + length


def _boxes(data: bytes) -> Iterator[tuple[bytes, bytes]]:
    """Yield (type, content) of the boxes in ``data`` (ISO/IEC 14496-12, 4.2)."""
    at = 0
    while at + 8 <= len(data):
        size, start = int.from_bytes(data[at : at + 4], "big"), at + 8
        if size == 1:
            size, start = int.from_bytes(data[at + 8 : at + 16], "big"), at + 16
        end = at + size if size else len(data)
        if end < start:
            return
        yield data[at + 4 : at + 8], data[start:end]
        at = end


def _of_primary(head: bytes) -> int:
    """Return the transfer characteristics of the primary picture, 0 if it has none of its own."""
    meta = dict(_boxes(dict(_boxes(head)).get(b"meta", b"")[4:]))
    places = dict(_boxes(meta.get(b"iprp", b"")))
    properties = list(_boxes(places.get(b"ipco", b"")))
    first = meta.get(b"pitm", b"\0" * 6)
    primary = int.from_bytes(first[4:], "big")
    for item, indices in _associations(places.get(b"ipma", b"")):
        if item != primary:
            continue
        for index in indices:
            kind, body = properties[index - 1] if 0 < index <= len(properties) else (b"", b"")
            if kind == b"colr" and body[:4] == b"nclx":
                return int.from_bytes(body[6:8], "big")
    return 0


def _associations(box: bytes) -> Iterator[tuple[int, list[int]]]:
    """Yield (item, 1-based places of its properties) of ``ipma`` (ISO/IEC 23008-12, 9.3)."""
    wide, long = len(box) > 3 and box[3] & 1, len(box) > 3 and box[0] > 0
    at, size = 8, 2 if wide else 1
    while at < len(box):
        item = int.from_bytes(box[at : at + (4 if long else 2)], "big")
        at += 4 if long else 2
        count = box[at] if at < len(box) else 0
        cells = box[at + 1 : at + 1 + count * size]
        steps = range(0, len(cells), size)
        mask = 0x7FFF if wide else 0x7F
        yield item, [int.from_bytes(cells[i : i + size], "big") & mask for i in steps]
        at += 1 + count * size
