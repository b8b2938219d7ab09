"""Finds what encoders write into the stream itself: x264's settings, user data of MPEG-4.

Such texts survive a change of container, unlike its tags.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from .fact import Fact, cleaned, fact

GROUP = "encoder"
_MOST_BYTES = 1 << 20  # of a packet that are looked through
_SEI_USER_DATA = 5  # payload type "user data unregistered", ITU-T H.264 annex D.1.7
_VISIBLE = re.compile(rb"\x00\x00\x01\xb2([\x20-\x7e]{3,200})")  # MPEG-1, -2 and -4 part 2


def encoder_facts(codec: str, extradata: bytes, packets: list[bytes]) -> list[Fact]:
    """Return the encoder's own texts in a stream's header and its first packets.

    Args:
        codec: name of the format, for example ``h264``
        extradata: of the stream
        packets: the first packets
    """
    texts: list[str] = []
    if codec in ("h264", "hevc"):
        size = _length_size(codec, extradata)
        units = [*_header_units(codec, extradata)]
        for packet in packets:
            units += _units(packet[:_MOST_BYTES], size)
        for unit in units:
            texts += _user_data(codec, unit)
    elif codec in ("mpeg4", "mpeg2video", "mpeg1video"):
        for data in (extradata, *packets):
            texts += [cleaned(text) for text in _VISIBLE.findall(data[:_MOST_BYTES])]
    return [fact(GROUP, "in the stream", text) for text in dict.fromkeys(texts)][:20]


def _length_size(codec: str, extradata: bytes) -> int:
    """Return the bytes of a unit's length (avcC, hvcC), 0 for start codes (Annex B)."""
    if codec == "h264" and len(extradata) > 6 and extradata[0] == 1:
        return (extradata[4] & 3) + 1
    if codec == "hevc" and len(extradata) > 22 and extradata[0] == 1:
        return (extradata[21] & 3) + 1
    return 0


def _header_units(codec: str, extradata: bytes) -> Iterator[bytes]:
    """Yield the units of an hvcC header (ISO/IEC 14496-15), or those after start codes."""
    if not _length_size(codec, extradata):
        yield from _units(extradata[:_MOST_BYTES], 0)
        return
    if codec != "hevc":
        return  # an avcC header holds parameter sets only
    at = 23
    for _ in range(extradata[22]):
        if at + 3 > len(extradata):
            return
        count = int.from_bytes(extradata[at + 1 : at + 3], "big")
        at += 3
        for _ in range(count):
            size = int.from_bytes(extradata[at : at + 2], "big")
            if not size or at + 2 + size > len(extradata):
                return
            yield extradata[at + 2 : at + 2 + size]
            at += 2 + size


def _units(data: bytes, size: int) -> Iterator[bytes]:
    """Yield the network units of a packet."""
    if not size:
        yield from (part.rstrip(b"\0") for part in data.split(b"\x00\x00\x01")[1:])
        return
    at = 0
    while at + size <= len(data):
        length = int.from_bytes(data[at : at + size], "big")
        if not length:
            return
        yield data[at + size : at + size + length]
        at += size + length


def _user_data(codec: str, unit: bytes) -> Iterator[str]:
    """Yield the texts of unregistered user data in one unit, if it is an SEI unit."""
    if codec == "h264":
        kind, body = (unit[0] & 0x1F if unit else 0), unit[1:]
        wanted = (6,)
    else:
        kind, body = (unit[0] >> 1 & 0x3F if len(unit) > 1 else 0), unit[2:]
        wanted = (39, 40)
    if kind not in wanted:
        return
    body = body.replace(b"\x00\x00\x03", b"\x00\x00")
    at = 0
    while at + 2 < len(body):
        numbers = []
        for _ in range(2):  # payload type, then size, each in steps of 255
            value = 0
            while at < len(body) and body[at] == 255:
                value, at = value + 255, at + 1
            if at >= len(body):
                return
            numbers.append(value + body[at])
            at += 1
        payload = body[at : at + numbers[1]]
        at += numbers[1]
        if numbers[0] != _SEI_USER_DATA or len(payload) < 17:
            continue
        text = payload[16:].split(b"\0", 1)[0]
        shown = sum(32 <= byte < 127 for byte in text)
        if text and shown > 0.9 * len(text):
            yield cleaned(text)
        else:
            yield f"{payload[:16].hex()}: {len(payload) - 16:,} bytes that are no text"
