"""Which frames and faces a recipe takes, against a plain re-telling of the rule."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, strategies as st
from media_forensics.detector.faces.selection import (
    crop_wanted,
    most_tries,
    select,
    video_reason,
    with_pair,
    with_subjects,
)
from media_forensics.detector.faces.video_faces import FaceRow, FrameFaces, VideoFaces
from media_forensics.detector.frames.sampling import choose_frames, spread_order
from media_forensics.detector.records import CropRecipe, Reason

BOX = (10.0, 10.0, 110.0, 110.0)


def row(index: int, faces: int = 1, reason: str | None = None, **face) -> FrameFaces:
    found = tuple(
        FaceRow(n, tuple(v + 300 * n for v in BOX), score=0.9, **face) for n in range(faces)
    )
    if not faces:
        reason = reason or Reason.NO_FACE.value
    return FrameFaces(index, index / 25, reason, found, 640, 480)


def plain_spread(good: list[bool], count: int) -> list[int]:
    """The rule in words: take ``count``, then as many more as were missing, until enough."""
    order = spread_order(len(good))
    taken = order[:count]
    while sum(good[n] for n in taken) < count and len(taken) < len(order):
        short = count - sum(good[n] for n in taken)
        taken = order[: len(taken) + short]
    return sorted(taken)


def look_until_done(good: list[bool], recipe: CropRecipe, rows=None, numbers=None):
    """What extraction does, without pixels: look at what is missing until nothing is."""
    rows = {} if rows is None else rows
    numbers = range(len(good)) if numbers is None else numbers
    passes = 0
    while True:
        chosen = select(rows, numbers, recipe, "largest")
        if not chosen.missing:
            return chosen.frames, rows, passes
        assert not set(chosen.missing) & set(rows)
        rows |= {n: row(n, 1 if good[list(numbers).index(n)] else 0) for n in chosen.missing}
        passes += 1


flags = st.lists(st.booleans(), min_size=1, max_size=120)


@given(good=flags, count=st.integers(1, 40))
def test_spread_keeps_trying_until_there_are_enough(good, count):
    frames, _, _ = look_until_done(good, CropRecipe(count=count))
    assert [f.index for f in frames] == plain_spread(good, count)
    usable = sum(f.reason is None for f in frames)
    assert usable == min(count, sum(good))
    assert all(f.reason is None or f.reason == "no_face" for f in frames)


@given(good=flags, counts=st.lists(st.integers(1, 40), min_size=2, max_size=4))
def test_the_answer_does_not_depend_on_what_was_asked_before(good, counts):
    rows: dict[int, FrameFaces] = {}
    for count in counts:
        frames, rows, _ = look_until_done(good, CropRecipe(count=count), rows)
        alone, _, _ = look_until_done(good, CropRecipe(count=count))
        assert frames == alone


@given(good=flags, low=st.integers(1, 20), more=st.integers(0, 20))
def test_raising_the_count_keeps_every_frame(good, low, more):
    small, rows, _ = look_until_done(good, CropRecipe(count=low))
    large, _, _ = look_until_done(good, CropRecipe(count=low + more), rows)
    assert {f.index for f in small} <= {f.index for f in large}


def test_rare_faces_take_few_passes():
    good = [n % 20 == 0 for n in range(1000)]
    frames, _, passes = look_until_done(good, CropRecipe(count=32))
    assert sum(f.reason is None for f in frames) == 32
    assert passes <= 6


def test_a_long_video_without_faces_is_given_up():
    frames, rows, _ = look_until_done([False] * 5000, CropRecipe(count=32))
    assert len(frames) == len(rows) == most_tries(32) == 1024
    assert most_tries(100) == 1600
    assert video_reason(frames) == "no_face"


@pytest.mark.parametrize("mode", ["uniform", "stride"])
@given(total=st.integers(1, 90), count=st.integers(1, 40))
def test_other_modes_take_their_frames_whatever_is_on_them(mode, total, count):
    frames, _, passes = look_until_done([False] * total, CropRecipe(sampling=mode, count=count))
    assert [f.index for f in frames] == choose_frames(total, count, mode)
    assert passes == 1


def test_numbers_of_a_frame_source_are_used_not_positions():
    numbers = (3, 10, 50, 51, 200)
    frames, _, _ = look_until_done([True] * 5, CropRecipe(count=2), numbers=numbers)
    assert [f.index for f in frames] == sorted([50, 3])


def test_reasons_of_faces_and_frames():
    rows = {
        0: row(0, 2),
        1: replace(row(1, 2), faces=(replace(row(1).faces[0], reason="too_small"),)),
        2: row(2, 0),
        3: FrameFaces(3, reason="decode_error"),
    }
    rows[4] = replace(row(4), faces=(row(4, 2).faces[1],))  # only the other person
    frames = {f.index: f for f in with_subjects(rows, "largest")}
    assert [f.reason for f in frames[0].faces] == [None, "not_subject"]
    assert [f.subject for f in frames[0].faces] == [True, False]
    assert frames[1].reason == "too_small" and frames[1].faces[0].subject
    assert (frames[2].reason, frames[3].reason) == ("no_face", "decode_error")
    assert frames[4].reason == "not_subject"
    assert [crop_wanted(f) for f in frames[0].faces] == [True, False]
    assert video_reason(list(frames.values())) is None


def test_mask_reasons_win_over_not_subject():
    rows = {
        0: row(0, 1, mask_overlap=0.4),
        1: row(1, 1, reason="mask_empty"),
        2: row(2, 1, reason="mask_missing"),
        3: row(3, 1, mask_overlap=0.0),
    }
    frames = with_subjects(rows, "mask")
    assert [f.reason for f in frames] == [None, "mask_empty", "mask_missing", "not_subject"]


def test_crops_of_faces_that_are_no_longer_the_subject_are_not_named():
    stored = row(0, 2, crop="crops/x")
    frame = with_subjects({0: stored}, "largest")[0]
    assert [f.crop for f in frame.faces] == ["crops/x", None]


def paired(frames: dict[int, int | None], width: int = 640) -> VideoFaces:
    """A real whose subject is person 0 or 1 (None: no face) at each frame."""
    made = []
    for index, who in frames.items():
        faces = () if who is None else (replace(row(index, 2).faces[who], subject=True),)
        made.append(FrameFaces(index, None, None, faces, width, 480))
    return VideoFaces("real", "h", width=width, height=480, frames=tuple(made))


def test_pair_follows_the_subject_of_the_real():
    rows = {n: row(n, 2) for n in (0, 5, 10, 15, 20)}
    real = paired({0: 1, 10: 1, 20: None})
    found = with_pair(rows, real, (640, 480))
    frames = with_subjects(found, "pair")
    # 5 lies between two samples of the real, 15 beyond the last one with a subject
    assert [[f.subject for f in frame.faces] for frame in frames] == [
        [False, True],
        [False, True],
        [False, True],
        [False, False],
        [False, False],
    ]
    assert [f.reason for f in frames] == [None, None, None, "no_pair", "no_pair"]


def test_pair_scales_between_resolutions_and_recovers_when_the_real_appears():
    rows = {0: row(0, 2), 1: row(1, 0)}
    lost = with_pair(rows, None, (640, 480))
    assert [lost[n].reason for n in (0, 1)] == ["no_pair", "no_face"]
    doubled = paired({0: 0}, width=1280)
    doubled = replace(
        doubled,
        height=960,
        frames=tuple(
            replace(
                f,
                width=1280,
                height=960,
                faces=tuple(replace(x, box=tuple(np.multiply(x.box, 2))) for x in f.faces),
            )
            for f in doubled.frames
        ),
    )
    found = with_pair(lost, doubled, (640, 480))
    assert found[0].reason is None and found[0].faces[0].pair_overlap == pytest.approx(1.0)
    assert found[1].reason == "no_face"


def test_the_reason_of_a_video_is_the_most_frequent_one():
    frames = [FrameFaces(0, reason="no_face"), FrameFaces(1, reason="too_small")]
    assert video_reason(frames) == "no_face"  # a tie goes by name
    assert video_reason([*frames, FrameFaces(2, reason="too_small")]) == "too_small"
    assert video_reason([*frames, FrameFaces(2)]) is None
    assert video_reason([]) == "no_face"
