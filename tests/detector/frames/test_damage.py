"""What a broken file does not hold, and what is predicted from damage, has a reason."""

from __future__ import annotations

import av
import pytest
from damaged_clips import N, encode, pictures, smeared, spoil
from media_forensics.detector.frames import open_source, probe_video
from media_forensics.detector.frames.damage import damage_map
from media_forensics.detector.records import Reason


@pytest.mark.parametrize("threads", [0, 1])
@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize(
    ("codec", "ending", "options"),
    [
        ("libx264", "mp4", {"crf": "18"}),
        ("libx264", "mkv", {"crf": "18", "x264-params": "open-gop=1"}),
        ("libx265", "mp4", {"crf": "6", "x265-params": "log-level=none:ctu=16"}),
        ("mpeg2video", "ts", {"b": "6M"}),
        ("mpeg4", "avi", {"b": "6M"}),
    ],
)
def test_damage_travels_to_what_is_predicted_from_it(
    codec, ending, options, seed, threads, tmp_path
):
    path = encode(tmp_path / f"v.{ending}", codec, 20, options)
    whole = pictures(path)
    assert len(whole) == N
    spoil(path, [24, 27], 1000, seed)
    wrong, without = smeared(path, whole)
    assert not wrong
    # the groups before and after are whole; those of HEVC and open groups hold leading pictures
    assert without and without <= set(range(16, 42))
    again = [
        f.index for f in open_source(path, threads=threads).read([50, 30, 3]) if f.image is None
    ]
    assert set(again) == without & {50, 30, 3}


def test_a_whole_video_is_read_without_a_second_decode(tmp_path, monkeypatch):
    path = encode(tmp_path / "v.mp4", "libx264", 20)

    def never(_path):
        raise AssertionError("a whole video was taken for a damaged one")

    monkeypatch.setattr("media_forensics.detector.frames.video.damage_map", never)
    assert len(pictures(path)) == N
    monkeypatch.undo()
    assert not damage_map(path).times


@pytest.mark.parametrize("share", [0.3, 0.6, 0.9])
@pytest.mark.parametrize(("ending", "options"), [("mp4", {"movflags": "faststart"}), ("mkv", {})])
def test_a_missing_tail_is_missing(ending, options, share, tmp_path):
    whole = encode(tmp_path / "whole.mp4", "libx264", 10)
    path = tmp_path / f"v.{ending}"
    with av.open(str(whole)) as source, av.open(str(path), "w", options=options) as target:
        stream = target.add_stream_from_template(source.streams.video[0])
        for packet in source.demux(video=0):
            if packet.dts is not None:
                packet.stream = stream
                target.mux(packet)
    assert probe_video(path).missing_frames == 0
    data = path.read_bytes()
    path.write_bytes(data[: int(len(data) * share)])
    source = open_source(path)
    info = source.info
    if ending == "mkv" and share == 0.9:  # less than a second is within what players differ by
        assert info.missing_frames == 0
        return
    assert abs(info.frame_count + info.missing_frames - N) <= 2 * (ending == "mkv")
    assert len(source.numbers) == info.frame_count + info.missing_frames
    reasons = {f.index: f.reason for f in source.read(source.numbers)}
    assert all(reasons[i] is Reason.SHORT_VIDEO for i in source.numbers[info.frame_count :])
    assert reasons[0] is None


@pytest.mark.parametrize(("ending", "codec"), [("avi", "mpeg4"), ("wmv", "wmv2")])
def test_a_missing_tail_is_missing_where_the_length_is_estimated_anew(ending, codec, tmp_path):
    """FFmpeg takes the length of these from what is left; their headers say the whole."""
    path = encode(tmp_path / f"v.{ending}", codec, 10, {"b": "1M"})
    assert probe_video(path).missing_frames == 0
    data = path.read_bytes()
    path.write_bytes(data[: len(data) // 2])
    source = open_source(path)
    assert source.info.missing_frames > 20 and abs(len(source.numbers) - N) <= 1
    assert [f.reason for f in source.read([N - 5])] == [Reason.SHORT_VIDEO]
