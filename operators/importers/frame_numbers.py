"""Reads frame numbers from the names of pictures; names that clash are an error."""

from __future__ import annotations

import re
from collections.abc import Iterable

from ...detector.errors import ForensicsError
from .names import LARGEST_FRAME, natural_key

_DIGITS = re.compile(r"\d+")


def frame_indices(names: Iterable[str], where: str) -> list[tuple[int, str]]:
    """Return (0-based frame index, name) in frame order.

    The index is the last number in the name (``frame_0012.png`` is 12). If names share it and are
    otherwise alike, it is the last number that differs in all of them (``12_0.png``, the face 0 of
    frame 12, is 12). It is the position in natural order if no name has a number, or if a number is
    larger than any frame number (a time stamp in nanoseconds). A few names without a number beside
    numbered ones (``folder.jpg``) are no frames and are left out.

    Args:
        names: names of the pictures in one folder
        where: the folder, for messages

    Raises:
        ForensicsError: two frames have one number, or half of the names or more have none
    """
    ordered = sorted(names, key=natural_key)
    numbers = {name: [int(n) for n in _DIGITS.findall(_stem(name))] for name in ordered}
    frames = [name for name in ordered if numbers[name]]
    if not frames:
        return list(enumerate(ordered))
    if len(frames) <= len(ordered) - len(frames):
        bare = next(name for name in ordered if not numbers[name])
        raise ForensicsError(
            f"{where}: {frames[0]} has a frame number and {bare} has none.",
            "Number all frames, or remove what is no frame.",
            "root",
        )
    if any(numbers[name][-1] > LARGEST_FRAME for name in frames):
        return list(enumerate(frames))
    alike = len({_DIGITS.sub("#", _stem(name)) for name in frames}) == 1
    for at in range(-1, -1 - len(numbers[frames[0]]) if alike else -2, -1):
        found = {numbers[name][at]: name for name in frames}
        if len(found) == len(frames):
            return sorted(found.items())
    of: dict[int, str] = {}
    first, second = next(
        (of[n], name) for name in frames if of.setdefault(n := numbers[name][-1], name) != name
    )
    raise ForensicsError(
        f"{where} has two frames of one number: {first} and {second}.",
        "Remove one. Faces of several people in one frame need a folder each, or a manifest with a "
        "video_id each.",
        "root",
    )


def _stem(name: str) -> str:
    return name.rpartition(".")[0] or name
