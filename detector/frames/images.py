"""Reads frames that are stored as image files."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path

import numpy as np

from ..files.companions import is_unseen
from ..files.frame_numbers import natural_key
from ..records import Reason
from .frame import DecodedFrame, FrameError, VideoInfo
from .pictures import (
    BROKEN_IMAGE,
    SUFFIXES,
    TRANSFER,
    as_shown,
    frames_of_picture,
    opened_picture,
)


def image_files(folder: Path) -> list[Path]:
    """Return the image files of a folder in the order of the numbers in their names (2 before 10).

    Raises:
        FrameError: the folder holds no image
    """
    found = [
        path
        for path in folder.iterdir()
        if path.suffix.lower() in SUFFIXES and path.is_file() and not is_unseen(path.name)
    ]
    if not found:
        raise FrameError(Reason.MISSING_FILE, f"{folder} holds no image file.")
    return sorted(found, key=lambda path: natural_key(path.name))


def read_image(path: str | Path) -> np.ndarray:
    """Return one image file as RGB uint8 (H, W, 3), as viewers show it.

    See :func:`.pictures.as_shown`. A file with several pictures gives its first.

    Raises:
        FrameError: missing, empty, unreadable, truncated or too large
        ForensicsError: the path is no longer in an allowed folder
    """
    with opened_picture(path) as image:
        return as_shown(image)


class ImageSource:
    """Numbered image files as a :class:`frame.FrameSource`.

    Args:
        files: (frame number, path) in any order; numbers must be unique

    Raises:
        FrameError: no files, or a frame number occurs twice
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
        """Size and format of the first readable file (zeros if there is none)."""
        if self._info is None:
            self._info = self._probe()
        return self._info

    def _probe(self) -> VideoInfo:
        width = height = 0
        codec = mode = transfer = ""
        for number in self._numbers:
            try:
                with opened_picture(self._files[number]) as image:
                    # The header's part of exif_transpose: orientations 5-8 swap the sides. For
                    # TIFF, Pillow has already done so.
                    turned = image.format != "TIFF" and image.getexif().get(0x0112, 1) >= 5
                    width, height = image.size[::-1] if turned else image.size
                    codec, mode = (image.format or "").lower(), image.mode
                    transfer = image.info[TRANSFER]
                break
            except FrameError:
                continue  # read() reports the reason for that frame
        return VideoInfo(
            *(len(self._numbers), None, width, height, None, codec, None, 0, mode, None, "images"),
            transfer=transfer,
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


class PictureSequence:
    """The frames or pages of one picture file as a :class:`frame.FrameSource`.

    The formats are WebP, PNG, AVIF, HEIF, TIFF and GIF.

    Args:
        path: the file

    Raises:
        FrameError: the file cannot be opened
    """

    def __init__(self, path: str | Path) -> None:
        self.path = Path(path)
        with opened_picture(self.path) as image:
            transfer = image.info[TRANSFER]
            self._places = frames_of_picture(image)
            image.seek(0)
            width, height = image.size
            codec = (image.format or "").lower()
            self._info = VideoInfo(
                *(len(self._places), None, width, height, None, codec, None, 0, image.mode),
                transfer=transfer,
            )

    @property
    def numbers(self) -> Sequence[int]:
        return range(len(self._places))

    @property
    def info(self) -> VideoInfo:
        return self._info

    def read(self, numbers: Iterable[int]) -> Iterator[DecodedFrame]:
        """See :class:`frame.FrameSource`."""
        wanted = sorted(set(numbers))
        with opened_picture(self.path) as image:
            for number in wanted:
                if not 0 <= number < len(self._places):
                    yield DecodedFrame(number, None, None, Reason.SHORT_VIDEO)
                    continue
                try:
                    image.seek(self._places[number])
                    image.info[TRANSFER] = self._info.transfer
                    shown = as_shown(image)
                except BROKEN_IMAGE:
                    yield DecodedFrame(number, None, None, Reason.UNREADABLE_IMAGE)
                    continue
                yield DecodedFrame(number, None, shown, None)
