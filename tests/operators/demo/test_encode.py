"""The encoder: what comes back, and that metadata tells nothing."""

from __future__ import annotations

import av
import numpy as np
import pytest
from media_forensics.operators.demo.encode import write_clip, write_mask

pytestmark = pytest.mark.weights


def decode(path, layout="rgb24"):
    with av.open(str(path)) as container:
        stream = container.streams.video[0]
        frames = [frame.to_ndarray(format=layout) for frame in container.decode(stream)]
        about = (stream.codec_context.name, stream.codec_context.pix_fmt, stream.average_rate)
        return frames, about, dict(container.metadata)


def psnr(a, b):
    return 10 * np.log10(255**2 / np.mean((a.astype(float) - b) ** 2))


def test_round_trip(rendered, tmp_path):
    frames = rendered(33).frames
    qualities = []
    for crf in (23, 40):
        path = tmp_path / f"{crf}.mp4"
        write_clip(path, frames, crf, "REAL")
        found, about, metadata = decode(path)
        assert len(found) == len(frames) and found[0].shape == frames[0].shape
        assert about == ("h264", "yuv420p", 25)
        assert metadata["comment"].startswith("REAL")
        qualities.append(np.mean([psnr(a, b) for a, b in zip(found, frames, strict=True)]))
    assert qualities[0] > 36 > qualities[1] > 26


def test_bytes_depend_on_the_pictures_only(rendered, tmp_path):
    frames = rendered(33).frames[:10]
    for name, comment in (("a", "REAL footage"), ("b", "REAL footage"), ("c", "SYNTHETIC: face")):
        write_clip(tmp_path / f"{name}.mp4", frames, 23, comment)
    a, b, c = ((tmp_path / f"{name}.mp4").read_bytes() for name in "abc")
    assert a == b and len(a) == len(c) and a != c


def test_masks_come_back_binary(rendered, tmp_path):
    masks = np.zeros((50, 384, 384), np.uint8)
    for i, mask in enumerate(masks):
        mask[100 + i : 200 + i, 120:260] = 255
    write_mask(tmp_path / "mask.mp4", masks, "SYNTHETIC")
    found = np.array(decode(tmp_path / "mask.mp4", "gray")[0]) > 127
    wanted = masks > 0
    overlap = (found & wanted).sum(axis=(1, 2)) / (found | wanted).sum(axis=(1, 2))
    assert overlap.min() > 0.98


def test_a_failed_clip_leaves_nothing(tmp_path):
    def frames():
        yield np.zeros((64, 64, 3), np.uint8)
        raise RuntimeError("the camera broke")

    with pytest.raises(RuntimeError, match="camera broke"):
        write_clip(tmp_path / "clip.mp4", frames(), 23, "REAL")
    assert not list(tmp_path.iterdir())
    with pytest.raises(ValueError, match="longer"):
        write_clip(tmp_path / "clip.mp4", frames(), 23, "x" * 200)
