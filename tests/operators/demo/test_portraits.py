"""The portraits: people of their own, for training and validation only."""

from __future__ import annotations

from media_forensics.detector.weights.portrait_catalogue import PORTRAITS
from media_forensics.operators.demo.clips import CLIPS, PEOPLE
from media_forensics.operators.demo.collection_plan import DATASETS, SPLIT_OF, TAKE
from media_forensics.operators.demo.portraits import PORTRAIT_CLIPS, PORTRAIT_PEOPLE


def test_each_portrait_is_one_person_with_two_windows():
    assert {clip.footage for clip in PORTRAIT_CLIPS} == set(PORTRAITS)
    assert {clip.person for clip in PORTRAIT_CLIPS} == set(PORTRAIT_PEOPLE)
    assert len(PORTRAIT_CLIPS) == 2 * len(PORTRAIT_PEOPLE) == 2 * len(PORTRAITS)
    assert not set(PORTRAIT_PEOPLE) & set(PEOPLE)
    numbers = [clip.number for clip in (*CLIPS, *PORTRAIT_CLIPS)]
    assert len(set(numbers)) == len(numbers) and max(numbers) < TAKE  # the rest are takes


def test_they_are_in_no_dataset_of_the_demo_and_never_held_out():
    seen = {clip.person for dataset in DATASETS for clip in dataset.clips}
    assert not seen & set(PORTRAIT_PEOPLE)
    splits = [SPLIT_OF[name] for name in PORTRAIT_PEOPLE]
    assert set(splits) == {"train", "val"} and splits.count("val") == 5
    assert not any(person.swap for person in PORTRAIT_PEOPLE.values())
