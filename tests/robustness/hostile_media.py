"""Videos and pictures that are cut, damaged, mislabelled, absurd, or merely unusual.

Every builder gives ``{name: bytes}``. Names begin with what was done: ``cut``, ``flip``, ``word``,
``wrong``, ``bomb``, ``odd``. A clip's pictures show their frame number, so that a frame under a
wrong number is seen as such.
"""

from __future__ import annotations

import io
import struct
import zlib
from collections.abc import Iterator
from pathlib import Path

import av
import numpy as np
from PIL import Image

FRAMES, WIDTH, HEIGHT, BITS = 24, 80, 48, 5


# ------------------------------------------------------------------------------ clips
def picture(number: int, width: int = WIDTH, height: int = HEIGHT) -> np.ndarray:
    """Five vertical bars, bright where the bit of ``number`` is set."""
    image = np.full((height, width, 3), 16, np.uint8)
    for bit in range(BITS):
        if number >> bit & 1:
            image[:, bit * width // BITS : (bit + 1) * width // BITS] = 235
    return image


def shown(image: np.ndarray) -> int:
    """The number that :func:`picture` drew."""
    width = image.shape[1]
    columns = image.mean(axis=(0, 2))
    middle = [columns[int((bit + 0.5) * width / BITS)] for bit in range(BITS)]
    return sum(1 << bit for bit, value in enumerate(middle) if value > 128)


def clip(path: Path, codec: str, pix_fmt: str = "yuv420p", **options: str) -> bytes:
    """Bytes of a clip of :data:`FRAMES` numbered pictures."""
    with av.open(str(path), "w", options=options) as output:
        stream = output.add_stream(codec, rate=25)
        stream.width, stream.height, stream.pix_fmt = WIDTH, HEIGHT, pix_fmt
        stream.codec_context.gop_size = 8
        for number in range(FRAMES):
            output.mux(stream.encode(av.VideoFrame.from_ndarray(picture(number), format="rgb24")))
        output.mux(stream.encode())
    return path.read_bytes()


def base_clips(folder: Path) -> dict[str, bytes]:
    """One clip a container."""
    return {
        "a.mp4": clip(folder / "a.mp4", "libx264"),
        "fast.mp4": clip(folder / "fast.mp4", "libx264", movflags="faststart"),
        "a.mkv": clip(folder / "a.mkv", "libx264"),
        "a.avi": clip(folder / "a.avi", "mjpeg", "yuvj420p"),
        "a.webm": clip(folder / "a.webm", "libvpx"),
        "a.ts": clip(folder / "a.ts", "libx264"),
        "a.gif": clip(folder / "a.gif", "gif", "rgb8"),
    }


# ------------------------------------------------------------------------- structure
_BOXES = {b"moov", b"trak", b"mdia", b"minf", b"stbl", b"edts", b"dinf", b"udta"}


def mp4_boxes(
    data: bytes, start: int = 0, end: int | None = None
) -> Iterator[tuple[str, int, int]]:
    """(type, first byte, byte after the last) of every box, containers before their content."""
    end = len(data) if end is None else end
    while start + 8 <= end:
        size, kind = struct.unpack(">I4s", data[start : start + 8])
        size = size or end - start
        if size < 8 or start + size > end:
            return
        yield kind.decode("latin-1"), start, start + size
        if kind in _BOXES:
            yield from mp4_boxes(data, start + 8, start + size)
        start += size


def riff_chunks(data: bytes) -> Iterator[tuple[str, int, int]]:
    """The same of an AVI."""

    def walk(start: int, end: int) -> Iterator[tuple[str, int, int]]:
        while start + 8 <= end:
            kind, size = struct.unpack("<4sI", data[start : start + 8])
            stop = min(start + 8 + size + size % 2, end)
            yield kind.decode("latin-1"), start, stop
            if kind in (b"RIFF", b"LIST"):
                yield from walk(start + 12, stop)
            start = stop

    return walk(0, len(data))


def boundaries(name: str, data: bytes) -> list[int]:
    """Offsets at which a structure begins or ends."""
    if name.endswith(".mp4"):
        cuts = {edge for _, start, end in mp4_boxes(data) for edge in (start, start + 8, end)}
    elif name.endswith(".avi"):
        cuts = {edge for _, start, end in riff_chunks(data) for edge in (start, start + 8, end)}
    elif name.endswith(".ts"):
        cuts = set(range(0, len(data), 188))
    else:  # no parser here: evenly, which meets headers, indexes and pictures alike
        cuts = set(range(0, len(data), max(1, len(data) // 24)))
    return sorted(cut for cut in cuts if 0 < cut < len(data))


def thinned(items: list, most: int) -> list:
    """At most ``most`` of ``items``, evenly."""
    if len(items) <= most:
        return items
    return [items[i] for i in np.linspace(0, len(items) - 1, most, dtype=int)]


def cut_videos(clips: dict[str, bytes], full: bool) -> dict[str, bytes]:
    """Each clip cut at its structural boundaries."""
    out = {}
    for name, data in clips.items():
        for cut in thinned(boundaries(name, data), 10_000 if full else 14):
            out[f"cut {cut} {name}"] = data[:cut]
    return out


def flipped(data: bytes, rng: np.random.Generator, bits: int) -> bytes:
    """``data`` with ``bits`` random bits turned over."""
    array = np.frombuffer(data, np.uint8).copy()
    array[rng.integers(0, len(array), bits)] ^= (1 << rng.integers(0, 8, bits)).astype(np.uint8)
    return array.tobytes()


def flipped_videos(clips: dict[str, bytes], full: bool) -> dict[str, bytes]:
    """Random bits turned over; the seed is in the name."""
    out = {}
    for name, data in clips.items():
        for seed in range(150 if full else 4):
            rng = np.random.default_rng(seed)
            out[f"flip {seed} {name}"] = flipped(data, rng, int(2 ** (seed % 8)))
    return out


_TABLES = ("mvhd", "tkhd", "mdhd", "stsd", "stts", "stss", "ctts", "stsc", "stsz", "stco", "elst")


def absurd_tables(clips: dict[str, bytes], full: bool) -> dict[str, bytes]:
    """Sizes, counts, times and offsets of an MP4's tables replaced by absurd ones."""
    data = clips["a.mp4"]
    places = [
        (kind, offset)
        for kind, start, end in mp4_boxes(data)
        if kind in _TABLES
        for offset in range(start + 8, min(end - 3, start + 8 + 4 * 24), 4)
    ]
    values = (0, 1, 0x7FFFFFFF, 0x80000000, 0xFFFFFFFF, 0x00010000)
    todo = [(kind, offset, value) for kind, offset in places for value in values]
    out = {}
    for kind, offset, value in thinned(todo, 100_000 if full else 60):
        changed = data[:offset] + struct.pack(">I", value) + data[offset + 4 :]
        out[f"word {kind} {offset} {value:x}.mp4"] = changed
    return out


def wrong_files(clips: dict[str, bytes]) -> dict[str, bytes]:
    """Things that are no video, under a video's name, and files that name other files."""
    tone = io.BytesIO()
    with av.open(tone, "w", format="wav") as output:
        stream = output.add_stream("pcm_s16le", rate=8000, layout="mono")
        frame = av.AudioFrame.from_ndarray(np.zeros((1, 800), np.int16), "s16", "mono")
        frame.sample_rate = 8000
        output.mux(stream.encode(frame))
        output.mux(stream.encode())
    rng = np.random.default_rng(0)
    huge = b"YUV4MPEG2 W99999 H99999 F25:1\nFRAME\n"
    return {
        "wrong zero.mp4": bytes(64),
        "wrong one.mp4": b"\0",
        "wrong empty.mp4": b"",
        "wrong random.mp4": rng.bytes(5000),
        "wrong text.mp4": b"this is not a video\n" * 50,
        "wrong html.mp4": b"<html><script>alert(1)</script></html>",
        "wrong zip.mp4": b"PK\x03\x04" + rng.bytes(200),
        "wrong elf.mp4": b"\x7fELF" + rng.bytes(200),
        "wrong pdf.mp4": b"%PDF-1.7\n" + rng.bytes(200),
        "wrong sound.mp4": tone.getvalue(),
        "wrong playlist.mp4": b"#EXTM3U\n#EXTINF:1,\nfile:///etc/passwd\n#EXT-X-ENDLIST\n",
        "wrong playlist http.mp4": b"#EXTM3U\n#EXTINF:1,\nhttp://127.0.0.1:9/x.ts\n",
        "wrong concat.mp4": b"ffconcat version 1.0\nfile /etc/passwd\n",
        "wrong sdp.mp4": b"v=0\nc=IN IP4 127.0.0.1\nm=video 9 RTP/AVP 96\n",
        "wrong dash.mp4": b'<?xml version="1.0"?><MPD><BaseURL>file:///etc/passwd</BaseURL></MPD>',
        "wrong svg.png": b"<svg><image href='/etc/passwd'/></svg>",
        "wrong twice.mp4": clips["a.mp4"] * 2,
        "wrong head.mp4": clips["a.mkv"][:200] + clips["a.mp4"],
        "wrong name.mp4": clips["a.mkv"],
        "wrong name.avi": clips["a.webm"],
        "wrong picture.mp4": encoded(Image.fromarray(picture(3)), "PNG"),
        "bomb y4m.mp4": huge + bytes(100),
        "bomb gif.mp4": b"GIF89a" + struct.pack("<HH", 65535, 65535) + clips["a.gif"][10:],
    }


# --------------------------------------------------------------------------- pictures
def encoded(image: Image.Image, kind: str, **options: object) -> bytes:
    """Bytes of ``image``."""
    buffer = io.BytesIO()
    image.save(buffer, kind, **options)
    return buffer.getvalue()


def png(width: int, height: int, depth: int, colour: int, rows: bytes, *extra: bytes) -> bytes:
    """A PNG from its parts; ``rows`` are compressed here, ``extra`` are whole chunks."""
    head = struct.pack(">IIBBBBB", width, height, depth, colour, 0, 0, 0)
    parts = [chunk(b"IHDR", head), *extra, chunk(b"IDAT", zlib.compress(rows, 9))]
    return b"\x89PNG\r\n\x1a\n" + b"".join([*parts, chunk(b"IEND", b"")])


def chunk(kind: bytes, data: bytes) -> bytes:
    """One PNG chunk with its checksum."""
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))


def odd_pictures() -> dict[str, bytes]:
    """Unusual pictures that are all right: each must be read, in its own brightness."""
    grey = Image.fromarray(np.full((40, 40), 128, np.uint8))
    rgb = Image.merge("RGB", (grey, grey, grey))
    palette = grey.convert("P")
    deep = np.full((40, 40), 128 * 257, np.uint16)
    rows = b"".join(b"\0" + struct.pack(">120H", *[128 * 257] * 120) for _ in range(40))
    steps = [Image.fromarray(picture(i, 40, 40)) for i in (0, 31)]
    exif = Image.Exif()
    exif[0x0112] = 6
    return {
        "odd grey.png": encoded(grey, "PNG"),
        "odd grey16.png": encoded(Image.fromarray(deep), "PNG"),
        "odd rgb16.png": png(40, 40, 16, 2, rows),
        "odd alpha.png": encoded(Image.merge("RGBA", (grey, grey, grey, grey)), "PNG"),
        "odd greyalpha.png": encoded(Image.merge("LA", (grey, grey)), "PNG"),
        "odd palette.png": encoded(palette, "PNG", transparency=3),
        "odd one bit.png": encoded(grey.convert("1"), "PNG"),
        "odd cmyk.jpg": encoded(rgb.convert("CMYK"), "JPEG", quality=95),
        "odd ycck.jpg": encoded(rgb, "JPEG", quality=95, progressive=True),
        "odd turned.jpg": encoded(rgb, "JPEG", exif=exif),
        "odd grey16.tif": encoded(Image.fromarray(deep), "TIFF"),
        "odd lzw.tif": encoded(rgb, "TIFF", compression="tiff_lzw"),
        "odd lossless.webp": encoded(rgb, "WEBP", lossless=True),
        "odd animated.webp": encoded(steps[0], "WEBP", save_all=True, append_images=steps[1:]),
        "odd animated.png": encoded(steps[0], "PNG", save_all=True, append_images=steps[1:]),
        "odd animated.gif": encoded(steps[0], "GIF", save_all=True, append_images=steps[1:]),
        "odd one pixel.png": encoded(Image.new("RGB", (1, 1), (128, 128, 128)), "PNG"),
        "odd long.png": encoded(Image.new("RGB", (4000, 1), (128, 128, 128)), "PNG"),
    }


def hostile_pictures(full: bool) -> dict[str, bytes]:
    """Cut, damaged and exploding pictures."""
    rng = np.random.default_rng(1)
    image = Image.fromarray(rng.integers(0, 255, (48, 48, 3), np.uint8))
    base = {
        "p.png": encoded(image, "PNG"),
        "p.jpg": encoded(image, "JPEG"),
        "p.webp": encoded(image, "WEBP"),
        "p.bmp": encoded(image, "BMP"),
        "p.tif": encoded(image, "TIFF"),
    }
    out = {}
    for name, data in base.items():
        for cut in thinned(
            list(range(1, len(data) - 32, 7 if full else 97)), 10_000 if full else 8
        ):
            out[f"cut {cut} {name}"] = data[:cut]
        for seed in range(200 if full else 8):
            out[f"flip {seed} {name}"] = flipped(data, np.random.default_rng(seed), 2 ** (seed % 6))
    nan = np.full((40, 40), np.nan, np.float32)
    nan[:20] = np.inf
    zeros = zlib.compress(bytes(40_000_000), 9)
    row = b"\0" + bytes(3 * 40)
    long_text = chunk(b"zTXt", b"Comment\0\0" + zeros)
    jpeg = bytearray(base["p.jpg"])
    at = jpeg.index(b"\xff\xc0")
    jpeg[at + 5 : at + 9] = struct.pack(">HH", 65500, 65500)
    return out | {
        "bomb 30000.png": png(30_000, 30_000, 1, 0, bytes(3751 * 64)),
        "bomb 12000.png": png(12_000, 12_000, 1, 0, bytes(1501 * 64)),
        "bomb max.png": png(2**31 - 1, 2**31 - 1, 8, 2, b""),
        "bomb text.png": png(40, 40, 8, 2, row * 40, long_text),
        "bomb profile.png": png(40, 40, 8, 2, row * 40, chunk(b"iCCP", b"x\0\0" + zeros)),
        "bomb 65500.jpg": bytes(jpeg),
        "wrong nothing.png": b"",
        "wrong text.png": b"not a picture",
        "wrong zero by zero.png": png(0, 0, 8, 2, b""),
        "wrong rows.png": png(40, 40, 8, 2, row),
        "wrong nan.tif": encoded(Image.fromarray(nan), "TIFF"),
        "wrong pickle.png": b"cos\nsystem\n(S'false'\ntR.",
    }
