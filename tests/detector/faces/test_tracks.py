"""Linking faces into tracks and choosing the subject, on boxes whose people are known."""

from __future__ import annotations

import itertools
from dataclasses import dataclass

import numpy as np
import pytest
from hypothesis import given, strategies as st
from media_forensics.detector.faces.tracks import (
    affinity,
    box_at,
    choose_subject,
    iou,
    link_tracks,
    main_track,
)


@dataclass(frozen=True)
class Seen:
    box: tuple[float, float, float, float]
    person: int = 0


def at(x: float, y: float, side: float, person: int = 0) -> Seen:
    return Seen((x - side / 2, y - side / 2, x + side / 2, y + side / 2), person)


def people(frames: dict[int, list[Seen]], numbers: dict[int, list[int]]) -> dict[int, set[int]]:
    """track -> people in it"""
    found: dict[int, set[int]] = {}
    for index, faces in frames.items():
        for face, number in zip(faces, numbers[index], strict=True):
            found.setdefault(number, set()).add(face.person)
    return found


boxes = st.builds(at, st.floats(0, 600), st.floats(0, 400), st.floats(5, 200), st.integers(0, 3))
videos = st.dictionaries(st.integers(0, 500), st.lists(boxes, max_size=5), max_size=12)


@given(boxes, boxes)
def test_iou_counted_on_a_grid(one, two):
    a, b = (np.round(np.array(x.box)).astype(int) for x in (one, two))
    grid = np.zeros((2, 900, 900), bool)
    for layer, box in zip(grid, (a, b), strict=True):
        layer[box[1] + 150 : box[3] + 150, box[0] + 150 : box[2] + 150] = True
    union = (grid[0] | grid[1]).sum()
    wanted = (grid[0] & grid[1]).sum() / union if union else 0.0
    assert iou(tuple(a), tuple(b)) == pytest.approx(wanted)


@given(videos)
def test_every_face_has_a_track_and_no_frame_has_one_twice(frames):
    numbers = link_tracks(frames)
    assert set(numbers) == set(frames)
    for index, row in numbers.items():
        assert len(row) == len(frames[index]) == len(set(row))
    seen: list[int] = []
    for index in sorted(frames):
        for number in numbers[index]:
            if number not in seen:
                assert number == len(seen)  # numbered in order of appearance
                seen.append(number)


@given(videos, st.randoms(use_true_random=False))
def test_the_order_of_the_frames_does_not_matter(frames, rng):
    keys = list(frames)
    rng.shuffle(keys)
    assert link_tracks({k: frames[k] for k in keys}) == link_tracks(frames)


def test_linking_is_the_best_assignment():
    rng = np.random.default_rng(0)
    for _ in range(60):
        one = [at(*rng.uniform(0, 200, 2), rng.uniform(60, 120)) for _ in range(4)]
        two = [at(*rng.uniform(0, 200, 2), rng.uniform(60, 120)) for _ in range(4)]
        gain = [[affinity(a.box, b.box) or 0.0 for a in one] for b in two]
        best = max(
            sum(gain[i][j] for i, j in enumerate(order))
            for order in itertools.permutations(range(4))
        )
        second = link_tracks({0: one, 1: two})[1]
        got = sum(gain[i][n] for i, n in enumerate(second) if n < 4)
        assert got == pytest.approx(best)


def test_two_people_side_by_side_stay_apart():
    rng = np.random.default_rng(1)
    frames = {}
    for index in range(0, 300, 9):
        jitter = rng.normal(0, 12, 4)
        row = [
            at(150 + jitter[0], 150 + jitter[1], 100, 1),
            at(420 + jitter[2], 160 + jitter[3], 90, 2),
        ]
        frames[index] = row if index % 2 else row[::-1]  # detectors do not keep an order
    found = people(frames, link_tracks(frames))
    assert sorted(map(sorted, found.values())) == [[1], [2]]


def test_a_walk_across_the_picture_is_one_track():
    frames = {i: [at(60 + 3 * i, 200 + 20 * np.sin(i / 10), 100)] for i in range(0, 200, 8)}
    assert set(itertools.chain(*link_tracks(frames).values())) == {0}


@pytest.mark.parametrize("gap", [1, 4, 7, 20])
def test_gaps_are_bridged(gap):
    frames: dict[int, list[Seen]] = {i: [at(200, 200, 100)] for i in range(5)}
    frames |= {5 + i: [] for i in range(gap)}
    frames |= {5 + gap + i: [at(212, 196, 95)] for i in range(5)}
    assert set(itertools.chain(*link_tracks(frames).values())) == {0}


def test_after_a_long_gap_a_link_must_overlap_well():
    def tracks(x: float) -> set[int]:
        frames: dict[int, list[Seen]] = {0: [at(200, 200, 100)]}
        frames |= {i: [] for i in range(1, 15)}
        frames[15] = [at(x, 200, 100)]
        return set(itertools.chain(*link_tracks(frames).values()))

    assert tracks(230) == {0}
    assert tracks(275) == {0, 1}


def test_a_face_of_another_size_is_another_face():
    frames = {0: [at(200, 200, 160)], 1: [at(200, 200, 40)]}
    assert link_tracks(frames) == {0: [0], 1: [1]}


def test_the_main_track_weighs_size_and_presence():
    steady = {i: [at(100, 100, 60, 1)] for i in range(20)}
    for i in (3, 4):
        steady[i] = [*steady[i], at(400, 200, 200, 2)]  # somebody passes close to the camera
    numbers = link_tracks(steady)
    assert main_track(steady, numbers) == numbers[0][0]
    background = {i: [at(100, 100, 40, 1), at(400, 200, 120, 2)] for i in range(20)}
    numbers = link_tracks(background)
    assert main_track(background, numbers) == numbers[0][1]
    assert main_track({0: []}, {0: []}) is None


def test_largest_does_not_jump_between_people():
    # Person 2 is larger in a third of the frames; largest-per-frame would mix the two.
    frames = {
        i: [at(150, 150, 100, 1), at(420, 150, 120 if i % 3 == 0 else 70, 2)] for i in range(30)
    }
    numbers = link_tracks(frames)
    chosen = choose_subject("largest", frames, numbers)
    picked = {f.person for i in frames for f, c in zip(frames[i], chosen[i], strict=True) if c}
    assert picked == {1}
    assert all(sum(row) == 1 for row in chosen.values())


def test_mask_and_pair_take_the_largest_overlap_and_nothing_without_one():
    frames = {0: [at(10, 10, 5), at(50, 50, 5)], 1: [at(10, 10, 5)], 2: [], 3: [at(1, 1, 2)]}
    overlap = {0: [0.2, 0.7], 1: [0.0], 2: [], 3: [None]}
    for policy in ("mask", "pair"):
        chosen = choose_subject(policy, frames, link_tracks(frames), overlap)
        assert chosen == {0: [False, True], 1: [False], 2: [], 3: [False]}
    everything = choose_subject("all", frames, link_tracks(frames))
    assert everything == {0: [True, True], 1: [True], 2: [], 3: [True]}
    with pytest.raises(ValueError, match="policy"):
        choose_subject("first", frames, link_tracks(frames))


def test_boxes_between_samples_are_interpolated():
    known = {10: (0.0, 0.0, 10.0, 10.0), 20: (10.0, 20.0, 30.0, 40.0)}
    assert box_at(known, 10) == known[10]
    assert box_at(known, 15) == (5.0, 10.0, 20.0, 25.0)
    assert box_at(known, 9) is None and box_at(known, 21) is None and box_at({}, 3) is None
