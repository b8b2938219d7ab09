"""Frames that lie on disk as image files."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path

import numpy as np
from PIL import Image, ImageOps, UnidentifiedImageError

from ..files.companions import is_companion
from ..files.paths import still_allowed
from ..records import Reason
from .frame import MAX_FRAME_PIXELS, DecodedFrame, FrameError, VideoInfo

_SUFFIXES = frozenset({".png", ".jpg", ".jpeg", ".webp", ".bmp", ".tif", ".tiff"})
# What Pillow raises for cut, damaged, foreign and exploding files.
BROKEN_IMAGE = (OSError, UnidentifiedImageError, SyntaxError, ValueError, EOFError)
_SIGNATURES = (b"\x89PNG\r\n", b"\xff\xd8\xff", b"BM", b"II*\x00", b"MM\x00*")


def is_image_file(path: Path) -> bool:
    """True if the first bytes are those of a still image (PNG, JPEG, WebP, BMP, TIFF)."""
    with path.open("rb") as stream:
        head = stream.read(16)
    return head.startswith(_SIGNATURES) or (head[:4] == b"RIFF" and head[8:12] == b"WEBP")


def image_files(folder: Path) -> list[Path]:
    """Image files of a folder in the order of the numbers in their names (2 before 10).

    Raises:
        FrameError: the folder holds no image
    """
    found = [
        path
        for path in folder.iterdir()
        if path.suffix.lower() in _SUFFIXES and path.is_file() and not is_companion(path.name)
    ]
    if not found:
        raise FrameError(Reason.MISSING_FILE, f"{folder} holds no image file.")
    return sorted(found, key=lambda path: _natural_key(path.name))


def _natural_key(name: str) -> list[tuple[int, int, str]]:
    parts = re.split(r"(\d+)", name)
    return [(1, int(p), "") if p.isdigit() else (0, 0, p) for p in parts]


def read_image(path: str | Path) -> np.ndarray:
    """RGB uint8 (H, W, 3) of one image file, turned upright by its EXIF orientation.

    Raises:
        FrameError: missing, empty, unreadable, truncated or too large
        ForensicsError: outside the allowed folders by now
    """
    path = Path(path)
    still_allowed(path)
    try:
        if path.stat().st_size == 0:
            raise FrameError(Reason.EMPTY_FILE, f"{path} has zero bytes.")
        with Image.open(path) as image:
            if image.width * image.height > MAX_FRAME_PIXELS:
                raise FrameError(
                    Reason.TOO_LARGE, f"{path} has {image.width} x {image.height} pixels."
                )
            upright = ImageOps.exif_transpose(image)
            if upright.mode.startswith("I"):  # 16-bit grey: Pillow would clip, not scale
                grey = (np.asarray(upright).astype(np.uint32) >> 8).astype(np.uint8)
                return np.repeat(grey[:, :, None], 3, axis=2)
            return np.array(upright.convert("RGB"))
    except FrameError:  # ours is a ValueError too
        raise
    except FileNotFoundError as error:
        raise FrameError(Reason.MISSING_FILE, f"{path} is not there.") from error
    except Image.DecompressionBombError as error:  # larger still: Pillow does not even open it
        raise FrameError(Reason.TOO_LARGE, f"{path}: {error}") from error
    except BROKEN_IMAGE as error:
        raise FrameError(
            Reason.UNREADABLE_IMAGE, f"{path} cannot be read as an image: {error}."
        ) from error


class ImageSource:
    """Numbered image files as a :class:`frame.FrameSource`.

    Args:
        files: (frame number, path) in any order; numbers must be unique

    Raises:
        FrameError: no files, or a number twice
    """

    def __init__(self, files: Sequence[tuple[int, str]]) -> None:
        self._files = {int(number): path for number, path in files}
        if not self._files or len(self._files) != len(files):
            raise FrameError(
                Reason.UNREADABLE_IMAGE, "A frame list is empty or holds a frame number twice."
            )
        self._numbers = sorted(self._files)
        self._info: VideoInfo | None = None

    @property
    def numbers(self) -> Sequence[int]:
        return self._numbers

    @property
    def info(self) -> VideoInfo:
        """Size and format of the first file that can be opened (zeros if none can)."""
        if self._info is None:
            self._info = self._probe()
        return self._info

    def _probe(self) -> VideoInfo:
        width = height = 0
        codec = mode = ""
        for number in self._numbers:
            try:
                with Image.open(self._files[number]) as image:
                    # exif_transpose of the header only: orientations 5-8 swap the sides
                    turned = image.getexif().get(0x0112, 1) >= 5
                    width, height = image.size[::-1] if turned else image.size
                    codec, mode = (image.format or "").lower(), image.mode
                break
            except (*BROKEN_IMAGE, Image.DecompressionBombError):
                continue  # read() reports it, with its reason, for the frame itself
        return VideoInfo(
            len(self._numbers), None, width, height, None, codec, None, 0, mode, None, "images"
        )

    def read(self, numbers: Iterable[int]) -> Iterator[DecodedFrame]:
        """See :class:`frame.FrameSource`."""
        for number in sorted(set(numbers)):
            path = self._files.get(number)
            if path is None:
                yield DecodedFrame(number, None, None, Reason.MISSING_FILE)
                continue
            try:
                yield DecodedFrame(number, None, read_image(path), None)
            except FrameError as error:
                yield DecodedFrame(number, None, None, error.reason)
