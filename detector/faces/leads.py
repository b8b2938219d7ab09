"""Finds the persons in a real video that its fakes manipulate.

Several people may be in a scene. A mask, or the only face of a fake, shows who of them was
manipulated. The real is cropped to the same person, found at the place of the fake's face, or to
several persons if its fakes manipulate several. If that remains unknown, the subject is marked
``ambiguous``.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from .tracks import Box, Boxed, box_at, iou, rivals, scaled

#: Reasons why a face is the subject, see :attr:`.video_faces.FaceRow.chosen_by`.
MASK, PAIR, ALL, ONLY, LARGEST = "mask", "pair", "all", "only", "largest"
FAKES, AMBIGUOUS = "fakes", "ambiguous"
_LEAST_IOU = 0.1  # minimum IoU of a face with the place of the fake's face


@dataclass(frozen=True, slots=True)
class Lead:
    """The place of the manipulated face in a fake.

    Attributes:
        video_id: of the fake
        size: (width, height) of its frames
        boxes: (frame number, x1, y1, x2, y2) of its subject, by frame
        sure: True if its mask shows who was manipulated, or there is only one person
    """

    video_id: str
    size: tuple[int, int]
    boxes: tuple[tuple[float, float, float, float, float], ...]
    sure: bool

    @property
    def by_frame(self) -> dict[int, Box]:
        """Box by frame number."""
        return {int(row[0]): (row[1], row[2], row[3], row[4]) for row in self.boxes}


def lead_from_json(data: dict) -> Lead:
    """Return a lead from the dict of ``dataclasses.asdict``."""
    boxes = tuple(tuple(row) for row in data["boxes"])
    return Lead(data["video_id"], tuple(data["size"]), boxes, data["sure"])


def joined(old: Sequence[Lead], new: Sequence[Lead]) -> tuple[Lead, ...]:
    """Return all leads, sorted by video; a new lead replaces the old one of the same fake."""
    found = {lead.video_id: lead for lead in (*old, *new)}
    return tuple(found[name] for name in sorted(found))


@dataclass(frozen=True, slots=True)
class Person:
    """The reason why a track is the subject.

    Attributes:
        chosen_by: one of the constants above
        fakes: ids of the fakes that manipulate this person; () if the choice was not by fakes
    """

    chosen_by: str
    fakes: tuple[str, ...] = ()


def persons(
    leads: Sequence[Lead],
    faces: Mapping[int, Sequence[Boxed]],
    numbers: Mapping[int, Sequence[int]],
    size: tuple[int, int],
) -> dict[int, Person]:
    """Return the tracks of a real that its fakes manipulate; empty if none is found.

    A track belongs to a fake if most of its faces are the nearest ones to the fake's face in the
    same frame.

    Args:
        leads: leads of its fakes
        faces: frame number -> faces, all at one scale
        numbers: their tracks
        size: (width, height) of that scale
    """
    found: dict[int, list[Lead]] = {}
    for lead in leads:
        for track in _tracks_at(lead, faces, numbers, size):
            found.setdefault(track, []).append(lead)
    return {
        track: Person(
            FAKES if any(lead.sure for lead in those) else AMBIGUOUS,
            tuple(lead.video_id for lead in those),
        )
        for track, those in sorted(found.items())
    }


def _tracks_at(
    lead: Lead,
    faces: Mapping[int, Sequence[Boxed]],
    numbers: Mapping[int, Sequence[int]],
    size: tuple[int, int],
) -> list[int]:
    votes: dict[int, int] = {}
    seen: dict[int, int] = {}
    boxes = lead.by_frame
    for index in sorted(faces):
        known = box_at(boxes, index)
        if known is None or not faces[index]:
            continue
        place = scaled(known, lead.size, size)
        near = [iou(tuple(face.box), place) for face in faces[index]]
        best = max(range(len(near)), key=lambda i: (near[i], -i))
        for number, track in enumerate(numbers[index]):
            seen[track] = seen.get(track, 0) + 1
            if number == best and near[best] >= _LEAST_IOU:
                votes[track] = votes.get(track, 0) + 1
    return [track for track in sorted(seen) if 2 * votes.get(track, 0) > seen[track]]


def alone(faces: Mapping[int, Sequence[Boxed]], numbers: Mapping[int, Sequence[int]]) -> bool:
    """Return whether the main person is the only relevant one."""
    return not rivals(faces, numbers)
