"""Small clips of one picture, laid down in each way that a display matrix can say."""

from __future__ import annotations

import struct

import av
import numpy as np

W, H = 96, 64
ONE = 65536
#: a, b, c, d of the eight ways to lay a picture down, and what numpy makes of the stored one.
WAYS = {
    "plain": ((1, 0, 0, 1), lambda p: p),
    "clockwise": ((0, 1, -1, 0), lambda p: np.rot90(p, 3)),
    "upside down": ((-1, 0, 0, -1), lambda p: np.rot90(p, 2)),
    "counterclockwise": ((0, -1, 1, 0), lambda p: np.rot90(p, 1)),
    "mirrored": ((-1, 0, 0, 1), lambda p: p[:, ::-1]),
    "flipped": ((1, 0, 0, -1), lambda p: p[::-1]),
    "transposed": ((0, 1, 1, 0), lambda p: p.swapaxes(0, 1)),
    "transversed": ((0, -1, -1, 0), lambda p: np.rot90(p, 2).swapaxes(0, 1)),
}


def picture() -> np.ndarray:
    """No two of its eight turns are alike."""
    image = np.full((H, W, 3), 128, np.uint8)
    image[: H // 2, : W // 2] = (220, 30, 30)
    image[: H // 2, W // 2 :] = (30, 200, 30)
    image[H // 2 :, : W // 4] = (30, 30, 220)
    return image


def encode(path, images, size=(W, H), **about):
    with av.open(str(path), "w") as container:
        stream = container.add_stream(about.pop("codec", "libx264"), rate=25)
        stream.width, stream.height = size
        stream.pix_fmt = about.pop("pix_fmt", "yuv420p")
        for name, value in about.items():
            setattr(stream.codec_context, name, value)
        for image in images:
            container.mux(stream.encode(av.VideoFrame.from_ndarray(image, format="rgb24")))
        container.mux(stream.encode(None))
    return path


def lay_down(path, numbers) -> None:
    """Write a, b, c, d into the track's display matrix."""
    data = bytearray(path.read_bytes())
    at = data.find(b"tkhd") + 44
    a, b, c, d = (n * ONE for n in numbers)
    data[at : at + 36] = struct.pack(">9i", a, b, 0, c, d, 0, 0, 0, 1 << 30)
    path.write_bytes(data)
