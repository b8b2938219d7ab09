"""Folders that say different methods, compressions or labels are not of one video."""

from __future__ import annotations

import pytest
from media_forensics.operators.scoring.path_facts import contradict, facts

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
    said = facts(one.split("/")), facts(other.split("/"))
    assert contradict(*said) is contradict(*said[::-1]) is apart
