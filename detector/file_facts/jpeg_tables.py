"""Reads the markers of a JPEG and compares its quantisation tables with the standard ones.

The standard tables are those of ITU-T T.81, annex K; libjpeg (IJG, ``jcparam.c``) scales them by a
quality of 1 to 100. A camera or an editor with tables of its own matches none of them.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np

from .fact import Fact, cleaned, fact

GROUP = "JPEG"
_MOST_MARKERS = 200
_LUMINANCE = (
    *(16, 11, 10, 16, 24, 40, 51, 61, 12, 12, 14, 19, 26, 58, 60, 55),
    *(14, 13, 16, 24, 40, 57, 69, 56, 14, 17, 22, 29, 51, 87, 80, 62),
    *(18, 22, 37, 56, 68, 109, 103, 77, 24, 35, 55, 64, 81, 104, 113, 92),
    *(49, 64, 78, 87, 103, 121, 120, 101, 72, 92, 95, 98, 112, 100, 103, 99),
)
_CHROMINANCE = (
    *(17, 18, 24, 47, 99, 99, 99, 99, 18, 21, 26, 66, 99, 99, 99, 99),
    *(24, 26, 56, 99, 99, 99, 99, 99, 47, 66, 99, 99, 99, 99, 99, 99),
    *(99,) * 32,
)


def standard(base: Sequence[int], quality: int) -> np.ndarray:
    """Return (64,) the table that libjpeg makes of ``base`` at a quality of 1 to 100."""
    scale = 5000 // quality if quality < 50 else 200 - 2 * quality
    return np.clip((np.array(base, np.int64) * scale + 50) // 100, 1, 255)


def estimate(tables: Mapping[int, Sequence[int]]) -> tuple[int, float]:
    """Return the quality whose standard tables are nearest, and the mean difference to them.

    Args:
        tables: 64 numbers each, by number; the first is taken for luminance, others for chrominance

    Returns:
        quality, 1 to 100, and 0.0 if the tables are exactly the standard ones
    """
    pairs = [
        (np.asarray(table, np.int64), _LUMINANCE if n == 0 else _CHROMINANCE)
        for n, table in enumerate(tables.values())
        if len(table) == 64
    ]
    if not pairs:
        return 0, float("inf")
    gaps = {
        quality: float(np.mean([np.abs(t - standard(b, quality)).mean() for t, b in pairs]))
        for quality in range(100, 0, -1)
    }
    quality = min(gaps, key=gaps.__getitem__)
    return quality, gaps[quality]


def jpeg_facts(path: Path, tables: Mapping[int, Sequence[int]]) -> list[Fact]:
    """Return the markers of a JPEG and what its tables say.

    Args:
        path: the file
        tables: as Pillow gives them

    Raises:
        OSError: the file cannot be read
    """
    found = [fact(GROUP, "markers", ", ".join(markers(path)))]
    if not tables:
        return found
    quality, gap = estimate(tables)
    if quality and gap == 0:
        said = f"the standard tables at quality {quality}"
    elif quality:
        said = (
            f"not the standard tables; the nearest quality is {quality} (mean difference {gap:.2f})"
        )
    else:
        said = "damaged"
    found.append(fact(GROUP, "quantisation", said))
    for number, table in list(tables.items())[:4]:
        found.append(fact(GROUP, f"table {number}", " ".join(str(int(v)) for v in table)))
    return found


def markers(path: Path) -> list[str]:
    """Return the names of a JPEG's segments up to its first scan, with what they call themselves.

    Raises:
        OSError: the file cannot be read
    """
    names = {0xDB: "DQT", 0xC4: "DHT", 0xDA: "SOS", 0xDD: "DRI", 0xFE: "COM"}
    names |= {0xC0: "SOF0 baseline", 0xC1: "SOF1 extended", 0xC2: "SOF2 progressive"}
    found = []
    with path.open("rb") as stream:
        if stream.read(2) != b"\xff\xd8":
            return ["no JPEG"]
        while len(found) < _MOST_MARKERS:
            head = stream.read(4)
            if len(head) < 4 or head[0] != 0xFF:
                found.append("damaged")
                break
            code, size = head[1], int.from_bytes(head[2:], "big")
            content = stream.read(max(0, size - 2))
            name = names.get(code, f"APP{code - 0xE0}" if 0xE0 <= code < 0xF0 else f"{code:02X}")
            if name.startswith("APP"):
                own = cleaned(content[:32].split(b"\0", 1)[0], 32)
                name += f" {own}" if own else ""
            found.append(name)
            if code == 0xDA:
                break
    return found
