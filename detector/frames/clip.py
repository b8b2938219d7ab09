"""Limits a source to a range of frames, under the frame numbers of the whole source."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace

from .frame import DecodedFrame, FrameSource, VideoInfo


class Clip:
    """The frames ``first`` to ``last`` of ``source``.

    Args:
        source: the whole source
        first, last: 0-based frame numbers, both included; frames beyond the end are ignored
    """

    def __init__(self, source: FrameSource, first: int, last: int) -> None:
        self._source = source
        self._numbers = [n for n in source.numbers if first <= n <= last]

    @property
    def info(self) -> VideoInfo:
        """Properties of the whole source, with the number of frames of the range."""
        return replace(self._source.info, frame_count=len(self._numbers))

    @property
    def numbers(self) -> Sequence[int]:
        """All frame numbers of the range, ascending."""
        return self._numbers

    def read(self, numbers: Iterable[int]) -> Iterator[DecodedFrame]:
        """Yield one frame per number, ascending, in one pass."""
        return self._source.read(numbers)
