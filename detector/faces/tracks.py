"""Links the faces of a video to tracks of one person each, and chooses the subject's track.

Sampled frames are often seconds apart, so linking uses only overlap, distance and size of boxes. It
bridges gaps (a turned head, a missed detection). It cannot distinguish two people who take the same
place after a cut.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np

Box = tuple[float, float, float, float]

_MIN_IOU = 0.1  # boxes with at least this overlap may be one face
_MAX_SHIFT = 0.8  # as may boxes with centres nearer than this, in mean box sides
_MIN_SIZE_RATIO = 0.5  # minimum ratio of the two boxes' sides
_SHORT_GAP = 8  # after more sampled frames without the face, a link needs _LONG_GAP_IOU
_LONG_GAP_IOU = 0.3
_RIVAL = 0.2  # minimum weight of a rival, as a share of the main person's weight


class Boxed(Protocol):
    """An object with a box (x1, y1, x2, y2) in pixels."""

    @property
    def box(self) -> Any: ...


@dataclass(slots=True)
class _Track:
    number: int
    box: Box
    last: int  # position, among the sampled frames, of the track's last frame


def iou(first: Box, second: Box) -> float:
    """Return the intersection over union of two xyxy boxes, 0 if either is empty."""
    width = min(first[2], second[2]) - max(first[0], second[0])
    height = min(first[3], second[3]) - max(first[1], second[1])
    if width <= 0 or height <= 0:
        return 0.0
    both = width * height
    union = _area(first) + _area(second) - both
    return both / union if union > 0 else 0.0


def _area(box: Box) -> float:
    return max(0.0, box[2] - box[0]) * max(0.0, box[3] - box[1])


def affinity(first: Box, second: Box, gap: int = 1) -> float | None:
    """Return how well two boxes, ``gap`` sampled frames apart, fit as one face; None: not at all.

    The value is ``IoU + (1 - shift) * size ratio / 2``; shift is the distance of the centres in
    mean sides.
    """
    side_a, side_b = _area(first) ** 0.5, _area(second) ** 0.5
    if side_a <= 0 or side_b <= 0:
        return None
    ratio = min(side_a, side_b) / max(side_a, side_b)
    overlap = iou(first, second)
    dx = (first[0] + first[2] - second[0] - second[2]) / 2
    dy = (first[1] + first[3] - second[1] - second[3]) / 2
    shift = (dx * dx + dy * dy) ** 0.5 / ((side_a + side_b) / 2)
    near = overlap >= _MIN_IOU or shift < _MAX_SHIFT
    if gap > _SHORT_GAP:
        near = overlap >= _LONG_GAP_IOU
    if not near or ratio < _MIN_SIZE_RATIO:
        return None
    return overlap + max(0.0, 1.0 - shift) * ratio / 2


def link_tracks(faces_per_frame: Mapping[int, Sequence[Boxed]]) -> dict[int, list[int]]:
    """Give each face the number of its track.

    Frame by frame in order of the index, the faces are assigned to the existing tracks so that the
    sum of :func:`affinity` is largest (Hungarian method). A face that fits no track starts one.

    Args:
        faces_per_frame: frame index -> faces

    Returns:
        frame index -> track number of each face, in the given order; numbers count from 0 in order
        of first appearance; two faces of one frame never share a track
    """
    tracks: list[_Track] = []
    numbers: dict[int, list[int]] = {}
    for position, index in enumerate(sorted(faces_per_frame)):
        boxes = [tuple(face.box) for face in faces_per_frame[index]]
        chosen = _assign(tracks, boxes, position)
        row: list[int] = []
        for box, track in zip(boxes, chosen, strict=True):
            if track is None:
                track = _Track(len(tracks), box, position)
                tracks.append(track)
            track.box, track.last = box, position
            row.append(track.number)
        numbers[index] = row
    return numbers


def _assign(tracks: list[_Track], boxes: list[Any], position: int) -> list[_Track | None]:
    """Return the track of each box of one frame, or None."""
    if not tracks or not boxes:
        return [None] * len(boxes)
    gains = np.zeros((len(boxes), len(tracks)))
    for i, box in enumerate(boxes):
        for j, track in enumerate(tracks):
            gains[i, j] = affinity(track.box, box, position - track.last) or 0.0
    if len(boxes) == 1:  # the usual case needs no solver
        best = int(np.argmax(gains[0]))
        return [tracks[best] if gains[0, best] > 0 else None]
    from scipy.optimize import linear_sum_assignment

    rows, columns = linear_sum_assignment(gains, maximize=True)
    chosen: list[_Track | None] = [None] * len(boxes)
    for i, j in zip(rows.tolist(), columns.tolist(), strict=True):
        if gains[i, j] > 0:
            chosen[i] = tracks[j]
    return chosen


def main_track(
    faces_per_frame: Mapping[int, Sequence[Boxed]], numbers: Mapping[int, Sequence[int]]
) -> int | None:
    """Return the track with the largest sum of box sides over its frames (ties: the earlier one).

    This weighs size by presence. A face that fills the picture once does not beat a person who is
    present throughout, and a bystander does not beat a close-up of equal length.
    """
    weight = _weights(faces_per_frame, numbers)
    return min(weight, key=lambda number: (-weight[number], number)) if weight else None


def rivals(
    faces_per_frame: Mapping[int, Sequence[Boxed]], numbers: Mapping[int, Sequence[int]]
) -> list[int]:
    """Return the tracks besides the main one with a fifth of its weight that share a frame with it.

    A person who never shares a frame with the main person may be that person after a cut.
    """
    weight = _weights(faces_per_frame, numbers)
    main = main_track(faces_per_frame, numbers)
    if main is None:
        return []
    together = {n for row in numbers.values() if main in row for n in row}
    return [n for n in sorted(together - {main}) if weight[n] >= _RIVAL * weight[main]]


def _weights(
    faces_per_frame: Mapping[int, Sequence[Boxed]], numbers: Mapping[int, Sequence[int]]
) -> dict[int, float]:
    weight: dict[int, float] = {}
    for index, faces in faces_per_frame.items():
        for face, number in zip(faces, numbers[index], strict=True):
            weight[number] = weight.get(number, 0.0) + _area(tuple(face.box)) ** 0.5
    return weight


def scaled(box: Box, size: Sequence[int | None], to: Sequence[int | None]) -> Box:
    """Convert a box from a picture of ``size`` (width, height) to one of size ``to``."""
    sx = (to[0] or 1) / (size[0] or to[0] or 1)
    sy = (to[1] or 1) / (size[1] or to[1] or 1)
    return (box[0] * sx, box[1] * sy, box[2] * sx, box[3] * sy)


def box_at(boxes: Mapping[int, Box], index: int) -> Box | None:
    """Return a track's box at frame ``index``, interpolated linearly; None outside its frames."""
    if index in boxes:
        return boxes[index]
    before = [i for i in boxes if i < index]
    after = [i for i in boxes if i > index]
    if not before or not after:
        return None
    low, high = max(before), min(after)
    share = (index - low) / (high - low)
    pairs = zip(boxes[low], boxes[high], strict=True)
    x1, y1, x2, y2 = ((1 - share) * a + share * b for a, b in pairs)
    return (x1, y1, x2, y2)


def choose_subject(
    policy: str,
    faces_per_frame: Mapping[int, Sequence[Boxed]],
    numbers: Mapping[int, Sequence[int]],
    overlap: Mapping[int, Sequence[float | None]] | None = None,
) -> dict[int, list[bool]]:
    """Return which faces are the subject, frame by frame.

    Args:
        policy: ``all``: every face; ``largest``: the faces of :func:`main_track`; ``mask`` and
            ``pair``: in each frame the face with the largest ``overlap`` above 0
        faces_per_frame: frame index -> faces
        numbers: their tracks, from :func:`link_tracks`
        overlap: for ``mask``, the share of the mask inside the box; for ``pair``, the IoU with the
            box of the paired real's subject

    Raises:
        ValueError: unknown policy
    """
    if policy == "all":
        return {index: [True] * len(faces) for index, faces in faces_per_frame.items()}
    if policy == "largest":
        main = main_track(faces_per_frame, numbers)
        return {index: [n == main for n in numbers[index]] for index in faces_per_frame}
    if policy not in ("mask", "pair"):
        raise ValueError(f"unknown subject policy {policy!r}")
    chosen: dict[int, list[bool]] = {}
    for index, faces in faces_per_frame.items():
        values = [value or 0.0 for value in (overlap or {}).get(index, [])] or [0.0] * len(faces)
        best = max(range(len(faces)), key=lambda i: (values[i], -i), default=None)
        chosen[index] = [i == best and values[i] > 0 for i in range(len(faces))]
    return chosen
