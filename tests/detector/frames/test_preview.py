"""Previews for browsers: the same frames at exactly the same times."""

from __future__ import annotations

from fractions import Fraction

import pytest
from media_forensics.detector.errors import ForensicsError
from media_forensics.detector.frames.frame_times import frame_times
from media_forensics.detector.frames.preview import (
    LONGEST,
    PREVIEWS,
    encoders,
    preview_size,
    write_preview,
)
from media_forensics.detector.frames.sources import open_source
from numbered_clips import RATE_23_976, code_of, uneven, write


def test_this_pyav_writes_both_formats():
    assert encoders() == list(PREVIEWS)


@pytest.mark.parametrize("codec", PREVIEWS)
def test_frames_keep_their_times_and_pictures(codec, tmp_path):
    clips = {
        "film.mkv": (*RATE_23_976, "libx265", "yuv420p10le"),
        "uneven.mp4": (*uneven(30), "libx264", "yuv420p"),
        "old.avi": (Fraction(1, 25), range(30), "mpeg4", "yuv420p"),
        "prores.mov": (Fraction(1, 25), range(30), "prores_ks", "yuv422p10le"),
    }
    quiet = {"x265-params": "log-level=none"}
    for name, (base, pts, encoder, layout) in clips.items():
        options = quiet if encoder == "libx265" else {}
        path = write(tmp_path / name, base, pts, encoder, pix_fmt=layout, options=options)
        times = frame_times(path)
        for span in (range(30), range(11, 20)):
            target = tmp_path / f"{name}.{span.start}.{codec}.mp4"
            facts = write_preview(path, target, codec, times, span)
            found = frame_times(target)
            assert (facts.frames, facts.lost) == (len(span), 0)
            first = int(times.pts[span.start])
            want = [(int(times.pts[i]) - first) * times.base for i in span]
            assert [int(t) * found.base for t in found.pts] == want, name
            frames = open_source(target).read(range(len(span)))
            assert [code_of(frame.image) for frame in frames] == list(span), name


def test_sizes_are_even_and_limited():
    assert preview_size(160, 96) == (160, 96)
    assert preview_size(161, 97) == (160, 96)
    width, height = preview_size(3840, 2160)
    assert (width, height) == (LONGEST, 720)
    assert preview_size(1080, 1920)[1] == LONGEST


def test_an_unknown_format_is_refused(tmp_path):
    path = write(tmp_path / "v.mp4", *RATE_23_976)
    with pytest.raises(ForensicsError, match="cannot be 'gif'"):
        write_preview(path, tmp_path / "p.mp4", "gif", frame_times(path), range(3))
