"""When frames are shown: the times of the table are those of the frames that are read."""

from __future__ import annotations

from fractions import Fraction

import numpy as np
import pytest
from media_forensics.detector.frames.frame import FrameError
from media_forensics.detector.frames.frame_times import frame_times
from media_forensics.detector.frames.sources import open_source
from numbered_clips import RATE_23_976, RATE_25, code_of, picture, uneven, write
from PIL import Image

CLIPS = {
    "constant.mp4": (*RATE_25, "libx264"),
    "film.mp4": (*RATE_23_976, "libx264"),
    "uneven.mp4": (*uneven(30), "libx264"),
    "hidden.webm": (Fraction(1, 1000), [40 * i for i in range(30)], "libvpx"),
    "late.mp4": (Fraction(1, 12800), [25600 + 512 * i for i in range(12)], "libx264"),
}


@pytest.mark.parametrize("name", CLIPS)
def test_each_frame_has_the_time_that_it_was_written_with(name, tmp_path):
    base, times, codec = CLIPS[name]
    path = write(tmp_path / name, base, times, codec)
    found = frame_times(path)
    assert found.stated and len(found.pts) == len(times)
    exact = [int(pts) * found.base for pts in found.pts]
    assert [t - exact[0] for t in exact] == [(t - times[0]) * base for t in times]
    for frame in open_source(path).read(range(len(times))):
        assert frame.pts_seconds == pytest.approx(found.seconds[frame.index], abs=1e-9)
        assert code_of(frame.image) == frame.index


def test_a_file_without_times_says_so_and_has_even_ones(tmp_path):
    path = tmp_path / "raw.h264"
    write(path, *RATE_25, container={"format": "h264"})
    found = frame_times(path)
    assert not found.stated and len(found.pts) == 30
    assert (np.diff(found.seconds) > 0).all()


def test_a_picture_is_no_video(tmp_path):
    Image.fromarray(picture(1)).save(tmp_path / "one.png")
    with pytest.raises(FrameError, match="is a picture"):
        frame_times(tmp_path / "one.png")
