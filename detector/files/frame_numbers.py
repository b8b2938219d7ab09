"""Reads frame numbers from the names of pictures; names that clash are an error."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence

from ..errors import ForensicsError

LARGEST_FRAME = 2**31 - 1  # three years at 25 frames per second, and what every store can hold
_DIGITS = re.compile(r"(\d+)")
_NUMBER = re.compile(r"([A-Za-z]*)[^A-Za-z0-9]*(\d+)")  # a number, and the word before it
# How systems name a copy beside its original.
_COPY = re.compile(r"(?i)(?: ?\(\d+\)|[ _-]+(?:copy|kopie)(?: ?\(?\d+\)?)?)$")
_FRAME = frozenset({"frame", "frames", "frm"})
_PERSON = frozenset({"face", "faces", "person", "people", "actor", "track", "subject", "id"})


def natural_key(name: str) -> tuple[tuple[int, int | str], ...]:
    """Return a sort key that puts ``frame_9`` before ``frame_10``."""
    return tuple(
        (0, int(part)) if part.isdigit() and part.isascii() else (1, part)
        for part in _DIGITS.split(name)
    )


def frame_indices(names: Iterable[str], where: str) -> list[tuple[int, str]]:
    """Return (0-based frame index, name) in frame order.

    The index is the number that differs in all names (``frame_0012.png`` is 12; ``12_0.png``, the
    face 0 of frame 12, is 12). Of several, a word says which: ``frame_12_face_0``. It is the
    position in natural order if no name has a number, or if a number is larger than any frame
    number (a time stamp in nanoseconds). A few names without a number beside numbered ones
    (``folder.jpg``) are no frames and are left out.

    Args:
        names: names of the pictures in one folder
        where: the folder, for messages

    Raises:
        ForensicsError: two frames have one number, two numbers may be the frame's (``0_0.png``,
            ``10_1.png``), or half of the names or more have none
    """
    ordered = sorted(names, key=natural_key)
    stems = {name: _stem(name) for name in ordered}
    there = set(stems.values())
    for name, stem in stems.items():
        if (whole := _COPY.sub("", stem)) in there:
            stems[name] = whole  # clashes with its original
    found = {name: _NUMBER.findall(stem) for name, stem in stems.items()}
    numbers = {name: [int(number) for _, number in parts] for name, parts in found.items()}
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
    alike = len({len(numbers[name]) for name in frames}) == 1
    places = range(len(numbers[frames[0]])) if alike else (0, -1)
    columns = [tuple(numbers[name][at] for name in frames) for at in places]
    words = [{found[name][at][0].lower() for name in frames} for at in places]
    maybe = _candidates(columns, words)
    whole = {column for column in maybe if len(set(column)) == len(frames)}
    if len(whole) == 1:
        return sorted(zip(whole.pop(), frames, strict=True))
    if whole:
        raise ForensicsError(
            f"{where}: the frame may be the first or the last number of {frames[0]}, {frames[1]}.",
            "Import it with the format 'tree' and a pattern that says which, such as "
            "{label}/{video}/{frame}_*.png.",
            "root",
        )
    of: dict[int, str] = {}
    numbered = zip(maybe[0], frames, strict=True)
    first, second = next((of[n], name) for n, name in numbered if of.setdefault(n, name) != name)
    raise ForensicsError(
        f"{where} has two frames of one number: {first} and {second}.",
        "Remove one. Faces of several people in one frame need a folder each, or a manifest with a "
        "video_id each.",
        "root",
    )


def _candidates(
    columns: Sequence[tuple[int, ...]], words: Sequence[set[str]]
) -> list[tuple[int, ...]]:
    """Return the columns of numbers that may be the frame's: by their words, else all that vary."""
    named = [at for at, before in enumerate(words) if before <= _FRAME]
    if len(named) != 1:
        varying = [at for at, column in enumerate(columns) if len(set(column)) > 1]
        named = [at for at in varying if not words[at] <= _PERSON] or varying or [-1]
    return [columns[at] for at in named]


def _stem(name: str) -> str:
    return name.rpartition(".")[0] or name
