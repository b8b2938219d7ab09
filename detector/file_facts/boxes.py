"""Reads the boxes of MP4, MOV and HEIF files (ISO/IEC 14496-12): brands, times, edit lists.

FFmpeg applies edit lists and hides what follows from them, and gives one of several times; the
boxes themselves say when each track was made and changed, and what a player skips.
"""

from __future__ import annotations

import os
import struct
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta, timezone
from pathlib import Path
from typing import BinaryIO

from .fact import Fact, cleaned, fact

GROUP = "boxes"
_PARENTS = frozenset({"moov", "trak", "mdia", "minf", "stbl", "edts", "udta", "moof", "traf"})
_MOST_BOXES, _DEEPEST, _MOST_BYTES = 5_000, 8, 1 << 20
_EPOCH = datetime(1904, 1, 1, tzinfo=timezone.utc)  # of MP4 times
_XMP = bytes.fromhex("be7acfcb97a942e89c71999491e3afac")
_C2PA = bytes.fromhex("d8fec3d61b0e483c92975828877ec481")


@dataclass(frozen=True, slots=True)
class Box:
    """One box: its path of four-letter names, place and size in bytes, and the start of it."""

    path: str
    offset: int
    size: int
    content: bytes

    @property
    def kind(self) -> str:
        return self.path.rsplit("/", 1)[-1]


def boxes(path: Path) -> Iterator[Box]:
    """Yield the boxes of a file in their order, parents before children; stop where it is damaged.

    Raises:
        OSError: the file cannot be read
    """
    with path.open("rb") as stream:
        end = os.fstat(stream.fileno()).st_size
        left = [_MOST_BOXES]
        yield from _children(stream, 0, end, "", left, 0)


def _children(
    stream: BinaryIO, at: int, end: int, above: str, left: list[int], depth: int
) -> Iterator[Box]:
    while at + 8 <= end and left[0] > 0:
        stream.seek(at)
        head = stream.read(16)
        if len(head) < 8:
            return
        size, kind = struct.unpack(">I4s", head[:8])
        start = at + 8
        if size == 1 and len(head) == 16:
            size, start = struct.unpack(">Q", head[8:])[0], at + 16
        elif size == 0:
            size = end - at
        if size < start - at or at + size > end + (0 if depth else 1 << 62):
            return  # damaged, or no box
        name = "".join(chr(b) if 32 <= b < 127 else "?" for b in kind)
        left[0] -= 1
        stream.seek(start)
        content = stream.read(max(0, min(at + size - start, _MOST_BYTES, end - start)))
        if name in _PARENTS or name == "mdat":
            content = b""
        yield Box(f"{above}/{name}" if above else name, at, size, content)
        if name in _PARENTS and depth < _DEEPEST:
            inner = min(at + size, end)
            yield from _children(
                stream, start, inner, f"{above}/{name}" if above else name, left, depth + 1
            )
        at += size


def box_facts(path: Path) -> tuple[list[Fact], bytes]:
    """Return what the boxes say, and the XMP packet if a box holds one (else b"").

    A file that does not begin with a box of this family gives no facts.

    Raises:
        OSError: the file cannot be read
    """
    found: list[Fact] = []
    order: list[str] = []
    xmp, track, scale = b"", 0, 0
    for number, box in enumerate(boxes(path)):
        if number == 0 and box.kind not in ("ftyp", "moov", "mdat", "free", "skip", "wide", "styp"):
            return [], b""
        if "/" not in box.path:
            order.append(box.kind)
        if box.kind == "trak":
            track += 1
        where = f"track {track}, " if "/trak" in box.path else ""
        data = box.content
        if box.kind == "ftyp" and len(data) >= 8:
            brands = ", ".join(cleaned(data[i : i + 4]) for i in range(8, min(len(data), 128), 4))
            found.append(fact(GROUP, "major brand", cleaned(data[:4])))
            found.append(fact(GROUP, "minor version", int.from_bytes(data[4:8], "big")))
            found.append(fact(GROUP, "compatible brands", brands))
        elif box.kind in ("mvhd", "mdhd", "tkhd"):
            made, changed, units = _times(data)
            scale = units if box.kind == "mvhd" else scale
            what = {"mvhd": "movie", "mdhd": "media", "tkhd": "header"}[box.kind]
            found.append(fact(GROUP, f"{where}{what} created", made))
            found.append(fact(GROUP, f"{where}{what} modified", changed))
        elif box.kind == "hdlr" and len(data) >= 24:
            name = cleaned(data[24:].lstrip(b"\x0c\x1d"), 80)
            found.append(fact(GROUP, f"{where}handler", f"{cleaned(data[8:12])} {name}".strip()))
        elif box.kind == "elst":
            found.append(fact(GROUP, f"{where}edit list", _edits(data, scale)))
        elif box.kind == "uuid" and len(data) >= 16:
            if data[:16] == _XMP:
                xmp = data[16:]
            known = {_XMP: "XMP", _C2PA: "C2PA"}.get(data[:16], "unknown")
            text = f"{data[:16].hex()} ({known}), {box.size:,} bytes"
            found.append(fact(GROUP, "user box", text))
        elif box.path.startswith("moov/udta/") and box.kind not in ("meta", "udta"):
            found.append(fact(GROUP, f"user data {box.kind}", f"{box.size:,} bytes"))
    if order:
        shown = ", ".join(order[:40]) + (f" and {len(order) - 40} more" if len(order) > 40 else "")
        found.insert(0, fact(GROUP, "order", shown))
    return found, xmp


def _times(data: bytes) -> tuple[str, str, int]:
    """Return creation and modification time in words, and the units per second (0 if unknown)."""
    wide = bool(data[:1] == b"\x01")
    form = ">QQI" if wide else ">III"
    if len(data) < 4 + struct.calcsize(form):
        return "damaged", "damaged", 0
    made, changed, units = struct.unpack_from(form, data, 4)
    return _time(made), _time(changed), units


def _time(seconds: int) -> str:
    if seconds == 0:
        return "not stated (0)"
    try:
        return (_EPOCH + timedelta(seconds=seconds)).strftime("%Y-%m-%d %H:%M:%S UTC")
    except (OverflowError, ValueError):
        return f"no date ({seconds} s after 1904)"


def _edits(data: bytes, scale: int) -> str:
    """Say what the edits of a track do: what is skipped, shown, and how long."""
    wide = bool(data[:1] == b"\x01")
    form = struct.Struct(">Qqhh" if wide else ">Iihh")
    count = int.from_bytes(data[4:8], "big")
    said = []
    for n in range(min(count, 20)):
        if 8 + (n + 1) * form.size > len(data):
            said.append("damaged")
            break
        length, start, rate, fraction = form.unpack_from(data, 8 + n * form.size)
        long = f"{length / scale:.3f} s" if scale else f"{length} units"
        what = "nothing" if start == -1 else f"from media unit {start}"
        speed = "" if (rate, fraction) == (1, 0) else f" at rate {rate + fraction / 65536:g}"
        said.append(f"{long} {what}{speed}")
    more = f"; {count - 20} more" if count > 20 else ""
    return "; ".join(said) + more or "empty"
