"""Views of a fake beside its real: who is in them, in which order, and what is without pairs."""

from __future__ import annotations

from collections import defaultdict
from itertools import pairwise

import pytest
from media_forensics.operators.dataset import saved_views

pytestmark = pytest.mark.fiftyone


@pytest.fixture
def faces(faces_of):
    """Every fake video names the real of its group, if it has one."""
    dataset = faces_of(400, seed=2).dataset
    names = ["id", "video_id", "group_id", "ground_truth.label"]
    rows = list(zip(*dataset.values(names), strict=True))
    real_of = {group: video for _, video, group, label in rows if label == "real"}
    pairs = {i: real_of.get(group) for i, _, group, label in rows if label == "fake"}
    dataset.set_values("pair_id", pairs, key_field="id")
    return dataset


def test_a_real_is_on_a_tile_with_the_fakes_of_the_same_frame(faces):
    saved_views.save_pairs(faces)
    names = ["video_id", "pair_id", "frame_number", "ground_truth.label", "id"]
    wanted = defaultdict(set)
    rows = list(zip(*faces.values(names), strict=True))
    reals = {pair for _, pair, *_ in rows if pair}
    for video, pair, frame, _, face in rows:
        if pair or video in reals:
            wanted[pair or video, frame].add(face)
    groups = faces.load_saved_view(saved_views.PAIRS)
    found = {
        (group.first().video_id, group.first().frame_number): {s.id for s in group}
        for group in groups.iter_dynamic_groups()
    }
    assert found == wanted and len(found) > 50
    assert set(groups.values("ground_truth.label")) == {"real"}  # the tile is the real
    beside = faces.load_saved_view(saved_views.BESIDE)
    seen = list(zip(*beside.values(names), strict=True))
    assert len(seen) == sum(map(len, wanted.values()))
    for before, after in pairwise(seen):
        if after[3] == "fake":  # it follows its real, or another fake of it
            assert before[1:3] == after[1:3]
    assert faces.count("pair_id") < len(faces)  # nothing was written on the samples


def test_without_pairs_there_are_no_such_views(faces):
    saved_views.save_pairs(faces)
    faces.set_values("pair_id", [None] * len(faces))
    saved_views.save_pairs(faces)
    assert not set(faces.list_saved_views()) & {saved_views.PAIRS, saved_views.BESIDE}
