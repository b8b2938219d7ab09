"""Clips whose blocks are nearly all predicted, damage to them, and what a reader makes of it."""

from __future__ import annotations

import av
import numpy as np
from media_forensics.detector.frames import open_source
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


def smeared(
    path, whole: dict[int, np.ndarray], thorough: bool = False
) -> tuple[set[int], set[int]]:
    """(frames that are given and differ from the ``whole`` video's, frames without a picture)."""
    wrong, without = set(), set()
    for frame in open_source(path, thorough=thorough).read(range(N)):
        if frame.image is None:
            assert frame.reason is Reason.DECODE_ERROR
            without.add(frame.index)
        elif np.abs(frame.image.astype(int) - whole[frame.index]).mean() > 2:
            wrong.add(frame.index)
    return wrong, without
