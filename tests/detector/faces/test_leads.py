"""Persons of a real by the places of its fakes' faces, without pixels."""

from __future__ import annotations

import json
from dataclasses import asdict, replace

from media_forensics.detector.faces.leads import (
    AMBIGUOUS,
    FAKES,
    LARGEST,
    ONLY,
    Lead,
    joined,
    lead_from_json,
    persons,
)
from media_forensics.detector.faces.selection import lead_of, with_subjects
from media_forensics.detector.faces.tracks import rivals
from media_forensics.detector.faces.video_faces import FaceRow, FrameFaces, VideoFaces

LEFT, RIGHT = (10.0, 10.0, 90.0, 90.0), (200.0, 20.0, 260.0, 80.0)


def rows(*boxes, frames=range(6)) -> dict[int, FrameFaces]:
    faces = tuple(FaceRow(n, box, score=0.9) for n, box in enumerate(boxes))
    return {n: FrameFaces(n, n / 25, None, faces, 320, 180) for n in frames}


def lead(box, name: str = "fake", sure: bool = True, size=(320, 180), frames=range(6)) -> Lead:
    return Lead(name, size, tuple((float(n), *box) for n in frames), sure)


def chosen(leads, *boxes) -> list[tuple]:
    found = with_subjects(rows(*boxes), "largest", leads)
    assert len({tuple((f.subject, f.chosen_by, f.shown_for) for f in r.faces) for r in found}) == 1
    return [(f.subject, f.chosen_by) for f in found[0].faces]


def test_the_person_at_the_place_of_the_fakes_face():
    assert chosen([lead(RIGHT)], LEFT, RIGHT) == [(False, ""), (True, FAKES)]
    assert chosen([lead(LEFT)], LEFT, RIGHT) == [(True, FAKES), (False, "")]
    half = tuple(v / 2 for v in RIGHT)
    assert chosen([lead(half, size=(160, 90))], LEFT, RIGHT) == [(False, ""), (True, FAKES)]


def test_two_people_and_who_is_not_known():
    both = [lead(LEFT, "a"), lead(RIGHT, "b", sure=False)]
    assert chosen(both, LEFT, RIGHT) == [(True, FAKES), (True, AMBIGUOUS)]
    found = with_subjects(rows(LEFT, RIGHT), "largest", both)
    assert [face.shown_for for face in found[0].faces] == [("a",), ("b",)]
    assert chosen([lead((120.0, 100.0, 160.0, 150.0))], LEFT, RIGHT) == [
        (True, AMBIGUOUS),
        (False, ""),
    ]
    assert chosen([], LEFT, RIGHT) == [(True, LARGEST), (False, "")]
    assert chosen([], LEFT) == [(True, ONLY)]


def test_frames_that_the_fake_lacks_are_interpolated_or_do_not_vote():
    sparse = lead(RIGHT, frames=(0, 4))
    faces = {n: row.faces for n, row in rows(LEFT, RIGHT).items()}
    numbers = {key: [0, 1] for key in faces}
    assert list(persons([sparse], faces, numbers, (320, 180))) == [1]
    assert persons([lead(RIGHT, frames=(90, 91))], faces, numbers, (320, 180)) == {}


def test_who_may_be_meant_beside_the_main_person():
    faces = {n: row.faces for n, row in rows(LEFT, RIGHT).items()}
    assert rivals(faces, {key: [0, 1] for key in faces}) == [1]
    small = {n: row.faces for n, row in rows(LEFT, (200.0, 20.0, 212.0, 32.0)).items()}
    assert rivals(small, {key: [0, 1] for key in small}) == []
    assert rivals({}, {}) == []


def test_a_lead_is_the_subject_of_the_fake_and_comes_back_from_json():
    frames = with_subjects(rows(LEFT, RIGHT), "largest")
    fake = VideoFaces("f", "r", width=320, height=180, frames=frames)
    found = lead_of(fake)
    assert found == lead(LEFT, "f", sure=False)
    assert lead_of(replace(fake, frames=with_subjects(rows(LEFT), "largest"))).sure
    assert lead_of(replace(fake, frames=())) is None
    assert lead_from_json(json.loads(json.dumps(asdict(found)))) == found
    whole = replace(fake, leads=(found,))
    assert VideoFaces.from_json(json.loads(json.dumps(whole.to_json()))) == whole


def test_what_is_newly_known_of_a_fake_replaces_what_was():
    old, new = lead(LEFT, "a"), lead(RIGHT, "a")
    assert joined((old, lead(LEFT, "b")), (new,)) == (new, lead(LEFT, "b"))
