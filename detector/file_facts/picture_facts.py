"""States the format of a picture file, its EXIF, its text fields and its colour profile."""

from __future__ import annotations

import io
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from PIL import ExifTags, Image, ImageCms, JpegImagePlugin

from ..frames.pictures import BROKEN_IMAGE, opened_picture
from .fact import Fact, cleaned, fact
from .jpeg_tables import jpeg_facts

PICTURE, EXIF, TEXT = "picture", "EXIF", "text fields"
_SAMPLING = {0: "4:4:4", 1: "4:2:2", 2: "4:2:0"}
_NOT_TEXT = ("exif", "icc_profile", "xmp", "photoshop", "Raw profile type exif")
_PARTS = ((0x8769, "Exif"), (0x8825, "GPS"), (0xA005, "Interop"))


def picture_facts(path: Path) -> tuple[list[Fact], bytes]:
    """Return what a picture file says, and its XMP packet (b"" if there is none).

    Raises:
        FrameError: it cannot be read as a picture
    """
    with opened_picture(path) as image:
        rows = [
            ("format", image.format),
            ("size", f"{image.width} x {image.height} pixels"),
            ("mode", image.mode),
            ("pictures in the file", getattr(image, "n_frames", 1)),
        ]
        found = [fact(PICTURE, name, value) for name, value in rows]
        if profile := image.info.get("icc_profile"):
            found.append(fact(PICTURE, "colour profile", _profile(profile)))
        if isinstance(image, JpegImagePlugin.JpegImageFile):
            sampling = _SAMPLING.get(JpegImagePlugin.get_sampling(image), "other")
            found.append(fact(PICTURE, "chroma", sampling))
            found += jpeg_facts(path, image.quantization)
        found += _exif(image)
        for name, value in image.info.items():
            if isinstance(value, str | bytes) and name not in _NOT_TEXT:
                found.append(fact(TEXT, name, value))
        xmp = image.info.get("xmp") or image.info.get("XML:com.adobe.xmp") or b""
    return found, xmp if isinstance(xmp, bytes) else str(xmp).encode()


def _exif(image: Image.Image) -> list[Fact]:
    """Return every EXIF entry by its name; numbers without one are shown as they are."""
    try:
        exif = image.getexif()
        parts: list[tuple[str, Mapping[int, Any]]] = [("", exif)]
        parts += [(name, exif.get_ifd(number)) for number, name in _PARTS]
    except (*BROKEN_IMAGE, KeyError, TypeError) as error:
        return [fact(EXIF, "damaged", error)]
    found = []
    pointers = {number for number, _ in _PARTS}
    for part, entries in parts:
        names = ExifTags.GPSTAGS if part == "GPS" else ExifTags.TAGS
        for number, value in entries.items():
            if number in pointers:
                continue
            name = names.get(number, f"0x{number:04X}")
            found.append(fact(EXIF, f"{part} {name}".strip(), _value(name, value)))
    return found


def _value(name: str, value: Any) -> str:
    """Return an entry's value; what a maker keeps to itself is only measured."""
    if isinstance(value, bytes) and (name in ("MakerNote", "PrintImageMatching") or b"\0" in value):
        text = cleaned(value.replace(b"\0", b""))
        if name == "UserComment" and text:
            return text
        return f"{len(value):,} bytes"
    return cleaned(value)


def _profile(profile: bytes) -> str:
    try:
        opened = ImageCms.ImageCmsProfile(io.BytesIO(profile))
        return ImageCms.getProfileDescription(opened)
    except (ImageCms.PyCMSError, OSError, ValueError, TypeError):
        return f"{len(profile):,} bytes that are no profile"
