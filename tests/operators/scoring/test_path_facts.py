"""Folders that say different methods, compressions or labels are not of one video."""

from __future__ import annotations

import pytest
from media_forensics.operators.scoring.path_facts import contradict, facts, facts_of_each

FF = "manipulated_sequences/FaceSwap/c23/videos"


@pytest.mark.parametrize(
    ("one", "other", "apart"),
    [
        (FF, "x/FaceSwap", False),
        (FF, "x/FS/frames", False),
        (FF, "x", False),
        (FF, "data/raw/FaceSwap", False),
        (FF, "manipulated_sequences/FaceSwap/raw/videos", True),
        (FF, "x/Deepfakes", True),
        (FF, "x/c40", True),
        (FF, "x/original", True),
        ("Celeb-real", "YouTube-real", True),
        ("original_sequences/youtube/c23", "real", False),
        ("real", "fake", True),
    ],
)
def test_what_folders_say(one, other, apart):
    said = facts(one.split("/")[::-1]), facts(other.split("/")[::-1])
    assert contradict(*said) is contradict(*said[::-1]) is apart


def upwards(*paths):
    return [path.split("/")[::-1] for path in paths]


def test_of_two_folders_the_nearer_counts():
    (path,) = upwards("data/deepfakes/FF/manipulated_sequences/Face2Face/c23/videos")
    assert facts(path) == {"method": "face2face", "label": "fake", "compression": "c23"}


def test_a_folder_of_all_files_does_not_say_their_label():
    one, other = upwards("/data/deepfakes/dfdc/train_0/a.mp4", "/data/deepfakes/dfdc/train_0/b.mp4")
    assert all("label" not in found for found in facts_of_each([one, other]))
    real, fake = upwards("/data/deepfakes/x/real/a.mp4", "/data/deepfakes/x/fake/a.mp4")
    assert [found["label"] for found in facts_of_each([real, fake])] == ["real", "fake"]
    mine = upwards("/d/FF/Deepfakes/c23/000_003.mp4", "/d/FF/Deepfakes/c23/001_870.mp4")
    assert {found["method"] for found in facts_of_each(mine)} == {"deepfakes"}
