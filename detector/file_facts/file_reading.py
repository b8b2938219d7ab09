"""Collects what a file itself says, from all readers; a reader that fails leaves one sentence."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timezone
from pathlib import Path

from ..errors import ForensicsError
from ..files.paths import given
from ..frames.pictures import is_picture
from .boxes import box_facts
from .c2pa_facts import c2pa_facts
from .fact import Fact, fact, limited
from .picture_facts import picture_facts
from .stream_facts import stream_facts
from .xmp_facts import xmp_facts

FILE = "file"
#: What is not looked for, in the words of the report.
OUT_OF_SCOPE = (
    "Sound is out of scope: no voice, cut or synchronisation is examined.",
    "Double compression is not judged: no method is built in that is simple enough to be proven "
    "here. Quantisation tables and key-frame distances are shown as they are.",
    "Tags, times and names are what the file says of itself. Whoever can write a file can write "
    "them; that they are missing means nothing.",
)


def facts_of(path: str | Path) -> list[Fact]:
    """Return what a video or picture says of itself, group by group.

    A part that cannot be read is a fact ``not read`` with the reason; nothing is raised for what a
    file holds.

    Raises:
        ForensicsError: the file is not there, or not in an allowed folder
    """
    path = given(path, "path")
    if not path.is_file():
        raise ForensicsError(f"There is no file {path}.", "Check the path.", "path")
    about = path.stat()
    changed = datetime.fromtimestamp(about.st_mtime, timezone.utc)
    found = [
        fact(FILE, "name", path.name),
        fact(FILE, "size", f"{about.st_size:,} bytes"),
        fact(FILE, "last change, by the file system", changed.strftime("%Y-%m-%d %H:%M:%S UTC")),
    ]
    if not about.st_size:
        return found
    xmp: list[bytes] = []

    def picture() -> list[Fact]:
        rows, packet = picture_facts(path)
        xmp.append(packet)
        return rows

    def inner() -> list[Fact]:
        rows, packet = box_facts(path)
        xmp.append(packet)
        return rows

    still = is_picture(path)
    readers: list[tuple[str, Callable[[], list[Fact]]]] = [
        ("picture", picture) if still else ("container", lambda: stream_facts(path)),
        ("boxes", inner),
        ("XMP", lambda: [row for packet in dict.fromkeys(xmp) for row in xmp_facts(packet)]),
        ("C2PA", lambda: c2pa_facts(path)),
    ]
    for group, read in readers:
        try:
            found += limited(read(), group)
        except (ForensicsError, OSError, ValueError, ArithmeticError, LookupError) as error:
            found.append(fact(group, "not read", error))
    return found
