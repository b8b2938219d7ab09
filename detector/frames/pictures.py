"""Turns a picture file into what viewers show: upright, sRGB, 8 bits per channel."""

from __future__ import annotations

import io
import logging
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np
from PIL import Image, ImageCms, ImageOps, UnidentifiedImageError

from ..errors import ForensicsError
from ..files import packages
from ..files.paths import still_allowed
from ..records import Reason
from .frame import MAX_FRAME_PIXELS, FrameError
from .picture_range import transfer_of
from .tone_mapping import to_standard_range

log = logging.getLogger(__name__)

SUFFIXES = frozenset(
    {".png", ".apng", ".jpg", ".jpeg", ".jfif", ".jpe", ".webp", ".bmp", ".tif", ".tiff"}
    | {".heic", ".heif", ".avif"}
)
# Raised by Pillow for truncated, damaged, foreign and oversized files.
BROKEN_IMAGE = (OSError, UnidentifiedImageError, SyntaxError, ValueError, EOFError)
_SIGNATURES = (b"\x89PNG\r\n", b"\xff\xd8\xff", b"BM", b"II*\x00", b"MM\x00*")
# ISO/IEC 23008-12: picture containers begin like video containers.
_AVIF = frozenset({b"avif", b"avis"})
_HEIF = frozenset({b"heic", b"heix", b"heim", b"heis", b"hevm", b"hevs", b"mif1", b"msf1", b"mif2"})
# Formats whose further pictures are frames or pages. In a JPEG (MPO) they are depth and previews.
_SEQUENCES = frozenset({"PNG", "WEBP", "AVIF", "TIFF", "GIF", "HEIF"})
#: Entry of an opened picture's ``info``: its high dynamic range, or "".
TRANSFER = "transfer"
_REDUCED, _SUBFILE_TYPE = 1, 254  # TIFF: a reduced copy of another page


def is_picture(path: Path) -> bool:
    """Return whether the first bytes mark PNG, JPEG, WebP, BMP, TIFF, HEIF or AVIF."""
    with path.open("rb") as stream:
        head = stream.read(16)
    return (
        head.startswith(_SIGNATURES)
        or (head[:4] == b"RIFF" and head[8:12] == b"WEBP")
        or (head[4:8] == b"ftyp" and head[8:12] in _AVIF | _HEIF)
    )


@contextmanager
def opened_picture(path: str | Path) -> Iterator[Image.Image]:
    """Yield the picture file opened by Pillow, not yet decoded.

    Raises:
        FrameError: missing, empty, unreadable, truncated, too large, or HEIF without the package
            that reads it
        ForensicsError: the path is no longer in an allowed folder
    """
    path = Path(path)
    still_allowed(path)
    try:
        if path.is_file() and path.stat().st_size == 0:
            raise FrameError(Reason.EMPTY_FILE, f"{path} has zero bytes.")
        _know_heif(path)
        with Image.open(path) as image:
            if image.width * image.height > MAX_FRAME_PIXELS:
                raise FrameError(
                    Reason.TOO_LARGE, f"{path} has {image.width} x {image.height} pixels."
                )
            image.info[TRANSFER] = transfer_of(path)
            yield image
    except FrameError:  # also a ValueError, which BROKEN_IMAGE would catch
        raise
    except FileNotFoundError as error:
        raise FrameError(Reason.MISSING_FILE, f"{path} is not there.") from error
    except Image.DecompressionBombError as error:  # so large that Pillow refuses to open it
        raise FrameError(Reason.TOO_LARGE, f"{path}: {error}") from error
    except BROKEN_IMAGE as error:
        raise FrameError(
            Reason.UNREADABLE_IMAGE, f"{path} cannot be read as an image: {error}."
        ) from error


def frames_of_picture(image: Image.Image) -> list[int]:
    """Return the positions of an opened file's pictures that are separate frames or pages."""
    count = getattr(image, "n_frames", 1)
    if count == 1 or image.format not in _SEQUENCES:
        return [0]
    found = []
    # An APNG may begin with a picture for viewers that know no animation.
    for at in range(bool(getattr(image, "default_image", False)), count):
        image.seek(at)
        tags = getattr(image, "tag_v2", {})
        if not int(tags.get(_SUBFILE_TYPE, 0)) & _REDUCED:
            found.append(at)
    return found or [0]


def as_shown(image: Image.Image) -> np.ndarray:
    """Return the picture as RGB uint8 (H, W, 3): upright by its EXIF orientation, in sRGB.

    Colour profiles are applied (CMYK and wide gamuts too), a high dynamic range is mapped to the
    standard one; alpha is dropped. Of 16-bit values the
    upper byte is kept. 32-bit integers and floats define no white. They are divided by the smallest
    of 1 (floats only), 255, 65535 and 2^32 - 1 that holds their largest value.
    """
    transfer = image.info.get(TRANSFER)
    upright = ImageOps.exif_transpose(image)
    if upright.mode.startswith("I") or upright.mode == "F":
        grey = _eight_bits(np.asarray(upright), upright.mode)
        return np.repeat(grey[:, :, None], 3, axis=2)
    if upright.mode == "P" and "transparency" in upright.info:
        upright = upright.convert("RGBA")
    if transfer:
        return to_standard_range(np.array(upright.convert("RGB"), np.uint16) * 257, transfer)
    profile = upright.info.get("icc_profile")
    if profile:
        found = _in_srgb(upright, profile)
        if found is not None:
            return np.array(found)
    return np.array(upright.convert("RGB"))


def _eight_bits(values: np.ndarray, mode: str) -> np.ndarray:
    if mode.startswith("I;16") or values.dtype == np.uint16:
        return (values.astype(np.uint32) >> 8).astype(np.uint8)
    numbers = np.nan_to_num(values.astype(np.float64), nan=0.0, posinf=0.0, neginf=0.0)
    largest = float(numbers.max(initial=0.0))
    whites = (1.0, 255.0, 65535.0, 4294967295.0) if mode == "F" else (255.0, 65535.0, 4294967295.0)
    white = next((w for w in whites if largest <= w), largest)
    return np.clip(numbers * (255.0 / white), 0, 255).round().astype(np.uint8)


def _in_srgb(image: Image.Image, profile: bytes) -> Image.Image | None:
    """Return the picture converted to sRGB by its profile; None if sRGB already or unreadable."""
    try:
        source = ImageCms.ImageCmsProfile(io.BytesIO(profile))
        if "srgb" in ImageCms.getProfileDescription(source).lower():
            return None
        plain = image if image.mode in ("RGB", "CMYK", "L") else image.convert("RGB")
        return ImageCms.profileToProfile(
            plain, source, ImageCms.createProfile("sRGB"), outputMode="RGB"
        )
    except (ImageCms.PyCMSError, OSError, ValueError, TypeError) as error:
        log.info("a colour profile is not honoured: %s", error)
        return None


def _know_heif(path: Path) -> None:
    """Register the HEIF reader with Pillow if the file is HEIF.

    Raises:
        FrameError: the file is HEIF and the package is not installed
    """
    with path.open("rb") as stream:
        head = stream.read(12)
    if head[4:8] != b"ftyp" or head[8:12] not in _HEIF:
        return
    try:
        heif = packages.load(packages.HEIF, "pillow_heif", "path")
    except ForensicsError as error:
        raise FrameError(Reason.UNREADABLE_IMAGE, f"{path}: {error.message}", error.hint) from error
    heif.register_heif_opener()
