"""What a broken file does not hold, and what is predicted from damage, has a reason."""

from __future__ import annotations

import av
import numpy as np
import pytest
from media_forensics.detector.frames import open_source, probe_video
from media_forensics.detector.frames.damage import damage_map
from media_forensics.detector.records import Reason

W, H, N = 192, 128, 60


def moving(number: int) -> np.ndarray:
    """A textured picture that shifts: nearly every block is predicted from the frame before."""
    rng = np.random.default_rng(3)
    coarse = rng.integers(0, 256, (H // 8 + 16, W // 8 + 16, 3)).astype(np.uint8)
    whole = np.kron(coarse, np.ones((8, 8, 1), np.uint8))
    return np.ascontiguousarray(whole[number : number + H, 2 * number % 96 :][:, :W])


def encode(path, codec, gop, options=None, audio=False):
    with av.open(str(path), "w") as container:
        stream = container.add_stream(codec, rate=25, options=options or {})
        stream.width, stream.height, stream.pix_fmt = W, H, "yuv420p"
        stream.codec_context.gop_size = gop
        for number in range(N):
            frame = av.VideoFrame.from_ndarray(moving(number), format="rgb24")
            container.mux(stream.encode(frame))
        container.mux(stream.encode(None))
    return path


def spoil(path, packets, length=40, seed=0):
    """Random bytes in the middle of the given packets (by their place in the file)."""
    with av.open(str(path)) as container:
        found = [(p.pos, p.size) for p in container.demux(video=0) if p.size]
    data, rng = bytearray(path.read_bytes()), np.random.default_rng(seed)
    for packet in packets:
        at, size = found[packet]
        start, n = at + size // 3, min(length, size // 2)
        data[start : start + n] = rng.integers(0, 256, n, dtype=np.uint8).tobytes()
    path.write_bytes(data)


def pictures(path) -> dict[int, np.ndarray]:
    return {f.index: f.image for f in open_source(path).read(range(N)) if f.image is not None}


def smeared(path, whole: dict[int, np.ndarray]) -> tuple[set[int], set[int]]:
    """(frames that are given and differ from the ``whole`` video's, frames without a picture)."""
    wrong, without = set(), set()
    for frame in open_source(path).read(range(N)):
        if frame.image is None:
            assert frame.reason is Reason.DECODE_ERROR
            without.add(frame.index)
        elif np.abs(frame.image.astype(int) - whole[frame.index]).mean() > 2:
            wrong.add(frame.index)
    return wrong, without


@pytest.mark.parametrize("threads", [0, 1])
@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize(
    ("codec", "ending", "options"),
    [
        ("libx264", "mp4", {"crf": "18"}),
        ("libx264", "mkv", {"crf": "18", "x264-params": "open-gop=1"}),
        ("libx265", "mp4", {"crf": "6", "x265-params": "log-level=none"}),
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
    if codec == "libx265" and not without:
        return  # FFmpeg's decoder noticed nothing, at any level of its log: docs/faces.md says so
    assert not wrong
    # the groups before and after are whole
    assert without and without <= set(range(18, 42))
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
