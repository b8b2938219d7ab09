"""Reads the manipulation masks of a video from a mask video or a folder of images."""

from __future__ import annotations

import logging
from collections.abc import Iterable, Iterator
from pathlib import Path

import numpy as np

from ..errors import ForensicsError
from ..files.frame_numbers import frame_indices
from ..records import Reason
from .frame import FrameError, FrameSource
from .images import ImageSource, image_files
from .sources import open_source

log = logging.getLogger(__name__)

_THRESHOLD = 64  # of 255; above the noise that lossy compression leaves in black areas


class MaskSource:
    """Masks by frame number; an unavailable mask gives ``mask_missing``, never an error.

    Args:
        path: mask video, folder of images, or None; images are numbered as frames are, by
            :func:`.frame_numbers.frame_indices`
        threads: decoder threads
    """

    def __init__(self, path: str | None, threads: int = 0) -> None:
        self._path = path
        self._threads = threads
        self._source: FrameSource | None = None

    def _open(self) -> FrameSource | None:
        """Return the source, opened on first use; None if it cannot be opened."""
        if self._source is None and self._path is not None:
            path = Path(self._path)
            try:
                if path.is_dir():
                    self._source = ImageSource(_numbered(image_files(path)))
                else:
                    self._source = open_source(path, threads=self._threads)
            except FrameError as error:
                log.info("no masks: %s", error)
        return self._source

    def read(self, numbers: Iterable[int]) -> Iterator[np.ndarray | Reason]:
        """Yield, for each number in ascending order, bool (h, w) or ``Reason.MASK_MISSING``."""
        wanted = sorted(set(numbers))
        source = self._open()
        if source is None:
            yield from (Reason.MASK_MISSING for _ in wanted)
            return
        for frame in source.read(wanted):
            if frame.image is None:
                yield Reason.MASK_MISSING
            else:
                yield frame.image.max(axis=2) > _THRESHOLD


def _numbered(files: list[Path]) -> list[tuple[int, str]]:
    """Return (frame number, path) of each file.

    Raises:
        FrameError: the names do not tell the frames, see :func:`.frame_numbers.frame_indices`
    """
    of = {path.name: str(path) for path in files}
    try:
        return [(n, of[name]) for n, name in frame_indices(of, str(files[0].parent))]
    except ForensicsError as error:
        raise FrameError(Reason.MASK_MISSING, f"Its masks have no frames: {error}") from error
