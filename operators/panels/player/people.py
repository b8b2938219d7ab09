"""Makes the scores of a video's persons into what the player draws below its pictures."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import fiftyone as fo

from ..person_scores import Person, Timeline
from ..stored_heat import HEATMAPS

#: number, p_fake, sample id, box [x, y, w, h] relative to the frame, field of a stored heatmap
Point = tuple[int, float | None, str, Sequence[float] | None, str]


@dataclass(frozen=True)
class Track:
    """One person along the frames.

    Attributes:
        track: number of the person, -1 if unknown
        subject: whether the label is of this person
        points: one of each frame in which the person has a face, by frame number
    """

    track: int
    subject: bool
    points: Sequence[Point]


def tracks(faces: fo.Dataset, video_id: str, key: str, people: Sequence[Person]) -> list[Track]:
    """Return the persons of a video with boxes and heatmaps of their faces."""
    schema = faces.get_field_schema()
    heat = [f"{key}_{kind}" for kind in HEATMAPS if f"{key}_{kind}" in schema]
    names = ["id", *(["face_box"] if "face_box" in schema else []), *(f"{n}.id" for n in heat)]
    columns = dict(zip(names, faces.match({"video_id": video_id}).values(names), strict=True))
    row_of = {face: row for row, face in enumerate(columns["id"])}

    def point(frame: int, score: float, face: str) -> Point:
        row = row_of.get(face)
        box = None if row is None else columns.get("face_box", [None] * len(row_of))[row]
        map_ = next((n for n in heat if row is not None and columns[f"{n}.id"][row]), "")
        known = None if score != score else round(float(score), 4)
        return int(frame), known, face, [round(v, 4) for v in box] if box else None, map_

    return [
        Track(
            person.track,
            person.subject,
            [point(*row) for row in zip(person.frames, person.p_fake, person.ids, strict=True)],
        )
        for person in people
    ]


def reals(faces: fo.Dataset, key: str, timeline: Timeline) -> list[Track]:
    """Return the person of the paired real, if there is one."""
    if timeline.real is None or not timeline.pair_id:
        return []
    return tracks(faces, timeline.pair_id, key, [timeline.real])
