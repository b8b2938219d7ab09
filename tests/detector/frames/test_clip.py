"""A part of a real video gives the frames of the whole, under their own numbers."""

from __future__ import annotations

import numpy as np
from media_forensics.detector.crops.known_sources import opened
from media_forensics.detector.frames.clip import Clip
from media_forensics.detector.frames.sources import open_source
from media_forensics.detector.records import VideoRecord
from media_forensics.detector.runners.video_list import read_video_list, write_video_list


def test_a_clip_has_the_numbers_and_pictures_of_its_part(footage):
    whole = open_source(footage["carphone_distorted.mp4"])
    part = Clip(whole, 5, 9)
    assert list(part.numbers) == [5, 6, 7, 8, 9] and part.info.frame_count == 5
    (got,), (want,) = part.read([7]), whole.read([7])
    assert got.index == 7 and np.array_equal(got.image, want.image)
    assert list(Clip(whole, 3, 10**6).numbers) == list(whole.numbers)[3:]
    assert not Clip(whole, 10**6, 10**6 + 1).numbers


def test_a_record_of_a_clip_opens_its_part_also_from_a_list(footage, tmp_path):
    path = str(footage["carphone_distorted.mp4"])
    record = VideoRecord("a/b", path, 0, "a", clip=(2, 4))
    write_video_list(tmp_path / "list.jsonl", [record])
    (read,) = read_video_list(tmp_path / "list.jsonl")
    assert tuple(read.clip) == (2, 4)
    assert list(opened(read, 0, "software").numbers) == [2, 3, 4]
