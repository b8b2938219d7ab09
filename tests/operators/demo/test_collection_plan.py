"""The choice of people, splits, methods and settings of the collection."""

from __future__ import annotations

from collections import Counter

from media_forensics.operators.demo.clips import PEOPLE
from media_forensics.operators.demo.collection_plan import (
    DATASETS,
    METHODS,
    SPLIT_OF,
    fakes_of,
)
from media_forensics.operators.demo.effects import SETTINGS

PLANS = {dataset.name: dataset for dataset in DATASETS}


def test_eight_people_are_held_out_two_in_each_dataset():
    held_out = {}
    for dataset in DATASETS:
        people = {clip.person for clip in dataset.clips}
        held_out[dataset.name] = {name for name in people if SPLIT_OF[name] == "test"}
    assert [len(people) for people in held_out.values()] == [2, 2, 2, 2]
    assert len(set.union(*held_out.values())) == 8


def test_only_training_people_are_in_two_datasets_and_no_photograph_in_two_splits():
    where, splits = {}, {}
    for dataset in DATASETS:
        for clip in dataset.clips:
            where.setdefault(clip.person, set()).add(dataset.name)
            splits.setdefault(clip.footage, set()).add(SPLIT_OF[clip.person])
    assert all(SPLIT_OF[name] == "train" for name, names in where.items() if len(names) > 1)
    assert all(len(found) == 1 for found in splits.values())


def test_the_datasets_differ_in_size_encoder_or_quality():
    assert len({(d.size, d.encoder, d.quality) for d in DATASETS}) == len(DATASETS)
    assert len({d.layout for d in DATASETS}) == len(DATASETS)


def test_each_real_has_one_fake_of_each_method_and_settings_are_even():
    for dataset in DATASETS:
        fakes = fakes_of(dataset.clips)
        counts = Counter(fake.clip.number for fake in fakes)
        assert set(counts.values()) == {len(METHODS)}
        test = [fake for fake in fakes if SPLIT_OF[fake.clip.person] == "test"]
        for method in METHODS:
            found = Counter(fake.setting for fake in test if fake.method == method)
            assert abs(found[SETTINGS[0]] - found[SETTINGS[1]]) <= 1, (dataset.name, method)


def test_faces_are_swapped_only_where_that_is_decent():
    for dataset in DATASETS:
        person = {clip.number: clip.person for clip in dataset.clips}
        for fake in fakes_of(dataset.clips):
            if fake.donor is not None:
                assert PEOPLE[fake.clip.person].swap and PEOPLE[person[fake.donor]].swap
                assert SPLIT_OF[fake.clip.person] == SPLIT_OF[person[fake.donor]]


def test_a_choice_of_clips_has_the_same_fakes_as_in_the_whole():
    for dataset in DATASETS:
        whole, some = fakes_of(dataset.clips), fakes_of(dataset.clips, dataset.clips[1:2])
        assert some == tuple(f for f in whole if f.clip == dataset.clips[1])
