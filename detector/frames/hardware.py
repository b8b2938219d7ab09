"""Decodes a file on a GPU (NVDEC) where that gives the frames of the software decoder.

Both decoders read the first frames of each file; unless their pictures are equal, pixel for pixel,
the software decoder reads the rest, and the source says why. Only H.264 in 8-bit 4:2:0 qualifies:
damage in other formats is found by decoding twice (``second_reading.py``), which software does
anyway. NVDEC does not report damaged pixels within a frame, which the software decoder finds. So
this decoder is a choice of its own, part of the crop recipe.
"""

from __future__ import annotations

import logging
from collections.abc import Iterator
from contextlib import AbstractContextManager
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from ..device import CUDA
from .decoders import SOFTWARE
from .frame import DecodedFrame, FrameError
from .opening import opened
from .pyav import FFmpegError, in_planes
from .video import DamagedError, Run, VideoSource

log = logging.getLogger(__name__)

CHECKED = 8  # first frames of each file that both decoders read
_CODEC, _LAYOUT = "h264", "yuv420p"
_ERRORS = (FFmpegError, FrameError, DamagedError, OSError, RuntimeError, ValueError)


class HardwareSource(VideoSource):
    """A video file that a GPU decodes, if its first frames are the software decoder's.

    Args:
        path: the file
        threads, thorough: of the software decoder, see :class:`.video.VideoSource`

    Attributes:
        why_not: why the software decoder reads the file, "" if the GPU does
    """

    def __init__(self, path: str | Path, threads: int = 0, thorough: bool = False) -> None:
        self.why_not = SOFTWARE
        super().__init__(path, threads, thorough)
        self.why_not = self._unsuited() or self._differs()
        used = f"{SOFTWARE}: {self.why_not}" if self.why_not else CUDA
        self._info = replace(self._info, decoder=used)
        if self.why_not:
            log.info("%s is decoded in software: %s", self.path.name, self.why_not)

    def _unsuited(self) -> str:
        """Return why the file is not one for the GPU, without decoding it."""
        if not self.table.regular:
            return "its frames can only be counted by decoding"
        if self._hides:
            return "it is read twice to find damage"
        if (self._info.codec, self._info.pixel_format) != (_CODEC, _LAYOUT):
            return f"it is not {_CODEC} in {_LAYOUT}"
        return ""

    def _differs(self) -> str:
        """Decode the first frames twice and return how they differ, "" if they are equal."""
        wanted = list(range(min(CHECKED, len(self.table.pts))))
        try:
            exact = self._first(wanted)
            self.why_not = ""
            found = self._first(wanted)
        except _ERRORS as error:
            said = (str(error).strip().splitlines() or [type(error).__name__])[0]
            return f"the GPU does not decode it ({said})"
        gap = max((_gap(a, b) for a, b in zip(exact, found, strict=True)), default=0)
        return f"the GPU's frames differ by up to {gap} grey levels" if gap else ""

    def _first(self, wanted: list[int]) -> list[np.ndarray | None]:
        runs = self._decode_runs([Run(None, wanted)])
        return [None if frame is None else frame.image for _, frame in runs]

    def _on_gpu(self) -> bool:
        return not self.why_not and self._damage is None

    def _reading(self) -> AbstractContextManager[tuple[Any, Any]]:
        if self._on_gpu():
            return opened(self.path, 1, strict=True, hardware=CUDA)
        return super()._reading()

    def _decoded(self, container: Any, stream: Any) -> Iterator[Any]:
        try:
            yield from super()._decoded(container, stream)
        except RuntimeError as error:  # PyAV's, if the GPU gives up; the software decoder goes on
            if not self._on_gpu():
                raise
            log.warning("%s: the GPU stopped decoding: %s", self.path, error)
            raise DamagedError from error

    def _picture(self, number: int, frame: Any, damaged: bool) -> DecodedFrame:
        return super()._picture(number, in_planes(frame), damaged)


def _gap(a: np.ndarray | None, b: np.ndarray | None) -> int:
    """Return the largest difference of two pictures, 255 if only one exists or sizes differ."""
    if a is None and b is None:
        return 0
    if a is None or b is None or a.shape != b.shape:
        return 255
    return int(np.abs(a.astype(np.int16) - b).max())
