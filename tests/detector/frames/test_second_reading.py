"""A second reading agrees with the first where a stream is whole, and only there."""

from __future__ import annotations

import av
import numpy as np
import pytest
from damaged_clips import N, encode, pictures, smeared
from media_forensics.detector.frames import open_source
from media_forensics.detector.frames.second_reading import disagreeing, lengthened
from media_forensics.detector.records import Reason

QUIET = "log-level=none"
STREAMS = [
    ("libx265", "mp4", {"x265-params": QUIET}),
    ("libx265", "ts", {"x265-params": f"{QUIET}:slices=2"}),
    ("libx265", "mkv", {"x265-params": f"{QUIET}:wpp=0:repeat-headers=1"}),
    ("libvpx-vp9", "webm", {"cpu-used": "8", "auto-alt-ref": "1", "lag-in-frames": "10"}),
    ("libvpx", "webm", {"cpu-used": "8", "deadline": "realtime", "auto-alt-ref": "1"}),
    ("libsvtav1", "mp4", {"preset": "12"}),
]


@pytest.mark.parametrize(("codec", "ending", "options"), STREAMS)
def test_two_readings_of_a_whole_stream_agree(codec, ending, options, tmp_path):
    path = encode(tmp_path / f"v.{ending}", codec, 20, options)
    name = open_source(path).info.codec
    with av.open(str(path)) as container:
        extra = container.streams.video[0].codec_context.extradata or b""
        size = 4 if name == "hevc" and not extra.startswith(b"\0\0") else 0
        packets = [bytes(packet) for packet in container.demux(video=0) if packet.size]
    assert all(len(lengthened(data, name, size)) > len(data) for data in packets if len(data) > 8)
    assert disagreeing(path) == set()
    assert len(pictures(path)) == N


@pytest.mark.parametrize(
    ("codec", "frame", "end"),
    [
        ("vp8", b"\x10\x02\x00\x9d", 4),
        ("vp9", b"\x82\x49\x83\x42", 4),
        ("av1", b"\x32\x02\x10\x20", 4),  # a unit of type "frame" with its size
    ],
)
def test_zeros_come_first_behind_the_end(codec, frame, end):
    """Decoders read zeros there, and newer encoders of AV1 leave such zeros out."""
    longer = lengthened(frame, codec, 0)
    assert longer[end : end + 8] == bytes(8) and any(longer[end + 8 :])


@pytest.mark.parametrize(
    ("codec", "ending", "options", "most"),
    [
        ("libx265", "mp4", {"crf": "12", "x265-params": f"{QUIET}:ctu=16"}, 0),
        ("libx265", "ts", {"crf": "20", "x265-params": f"{QUIET}:ctu=16:wpp=0"}, 1),
        ("libx264", "mp4", {"crf": "20"}, 2),
    ],
)
def test_nearly_all_damage_that_decoders_hide_is_found(codec, ending, options, most, tmp_path):
    """One burst at a random place: in HEVC without parallel rows most of these give no sign."""
    path = encode(tmp_path / f"v.{ending}", codec, 20, options)
    sound = path.read_bytes()
    whole = {f.index: f.image for f in open_source(path, thorough=True).read(range(N))}
    assert all(image is not None for image in whole.values())
    smears, missed = 0, 0
    for seed in range(12):
        data, rng = bytearray(sound), np.random.default_rng(seed)
        at, length = (
            int(rng.integers(len(data) * 0.1, len(data) * 0.9)),
            int(rng.choice([1, 8, 40])),
        )
        data[at : at + length] = rng.integers(0, 256, length, dtype=np.uint8).tobytes()
        path.write_bytes(data)
        wrong, without = smeared(path, whole, thorough=True)
        smears += bool(wrong or without)
        missed += bool(wrong)
    assert smears >= 6 and missed <= most


def test_frames_of_av1_keep_their_numbers_behind_damage(tmp_path):
    path = encode(tmp_path / "v.mp4", "libsvtav1", 20, {"preset": "12"})
    whole = pictures(path)
    with av.open(str(path)) as container:
        places = [(packet.pos, packet.size) for packet in container.demux(video=0) if packet.size]
    data = bytearray(path.read_bytes())
    at, size = places[20]
    data[at : at + size] = bytes(size)
    path.write_bytes(data)
    found = {frame.index: frame for frame in open_source(path).read(range(N))}
    assert all(found[i].reason is Reason.DECODE_ERROR for i in range(20, 40))
    assert all(np.array_equal(found[i].image, whole[i]) for i in (0, 19, 40, N - 1))
    assert open_source(path).info.codec == "av1"
