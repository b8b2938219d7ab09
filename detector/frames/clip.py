"""A part of a source, from one frame to another, under the frame numbers of the whole."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace

from .frame import DecodedFrame, FrameSource, VideoInfo


class Clip:
    """The frames ``first`` to ``last`` of ``source``.

    Args:
        source: the whole
        first, last: 0-based frame numbers, both included; what lies beyond the end is not there
    """

    def __init__(self, source: FrameSource, first: int, last: int) -> None:
        self._source = source
        self._numbers = [n for n in source.numbers if first <= n <= last]

    @property
    def info(self) -> VideoInfo:
        """Of the whole, with the number of frames of the part."""
        return replace(self._source.info, frame_count=len(self._numbers))

    @property
    def numbers(self) -> Sequence[int]:
        """Every frame number of the part, ascending."""
        return self._numbers

    def read(self, numbers: Iterable[int]) -> Iterator[DecodedFrame]:
        """One frame per number, ascending, in one pass."""
        return self._source.read(numbers)
