"""What differs between the releases of PyAV is known in one place, and files open with each."""

from __future__ import annotations

import ast
import hashlib
import io
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import pytest
from media_forensics.detector.frames import pyav
from media_forensics.detector.frames.sources import open_source, probe_video, read_frames

ROOT = Path(__file__).resolve().parents[3]
CONTAINERS = ("mp4", "mkv", "avi", "mov", "webm")


def imported(path: Path) -> set[str]:
    """First names of everything that a module imports, at any depth."""
    found: set[str] = set()
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            found |= {alias.name.split(".")[0] for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.level == 0 and node.module:
            found.add(node.module.split(".")[0])
    return found


def test_two_modules_import_av():
    folders = ("detector", "training", "operators", "scripts")
    files = [path for folder in folders for path in (ROOT / folder).rglob("*.py")]
    users = [str(path.relative_to(ROOT)) for path in files if "av" in imported(path)]
    assert sorted(users) == ["detector/frames/preview.py", "detector/frames/pyav.py"]


@pytest.mark.parametrize("ending", CONTAINERS)
def test_undecodable_metadata_does_not_keep_a_file_from_opening(ending, clips, tmp_path):
    plain = clips.make(tmp_path / "plain.mp4", 20)
    path = tmp_path / f"broken.{ending}"
    # copied with a title, a language and a handler whose bytes are then spoiled
    title = "TITLETITLETITLE"
    with av.open(str(plain)) as source, av.open(str(path), "w") as output:
        output.metadata["title"] = title
        codec = {"webm": "libvpx-vp9"}.get(ending, "libx264")
        stream = output.add_stream(codec, rate=25)
        stream.width, stream.height, stream.pix_fmt = 160, 96, "yuv420p"
        stream.metadata["title"] = title
        for frame in source.decode(video=0):
            frame.pict_type = 0
            output.mux(stream.encode(frame))
        output.mux(stream.encode())
    data = path.read_bytes()
    assert title.encode() in data
    path.write_bytes(data.replace(title.encode(), b"TI\xff\xfe\xc3(\x80\xf8\x88\x80\x80\x80LE\xe9"))
    assert probe_video(path).frame_count == 20
    assert [clips.number(image) for _, image in read_frames(path, [0, 7, 19])] == [0, 7, 19]


def test_a_cover_is_no_picture_stream(clips, tmp_path):
    from PIL import Image

    plain = clips.make(tmp_path / "plain.mp4", 5)
    cover = io.BytesIO()
    Image.fromarray(clips.picture(1, 40, 30)).save(cover, "PNG")
    path = tmp_path / "cover.mp4"
    with av.open(str(plain)) as source, av.open(str(path), "w") as output:
        art = output.add_stream("png", rate=1)
        art.width, art.height, art.pix_fmt = 40, 30, "rgb24"
        art.disposition = av.stream.Disposition.attached_pic.value
        stream = output.add_stream("libx264", rate=25)
        stream.width, stream.height, stream.pix_fmt = 160, 96, "yuv420p"
        packet = av.Packet(cover.getvalue())
        packet.stream, packet.pts, packet.dts = art, 0, 0
        output.mux(packet)
        for frame in source.decode(video=0):
            frame.pict_type = 0
            output.mux(stream.encode(frame))
        output.mux(stream.encode())
    with av.open(str(path)) as container:
        kinds = [stream.codec_context.name for stream in container.streams.video]
    assert sorted(kinds) == ["h264", "png"]
    info = probe_video(path)
    assert (info.codec, info.frame_count) == ("h264", 5)


def test_a_rate_that_is_unset_is_none():
    for unset in (None, Fraction(0)):
        assert pyav.positive(unset) is None
    assert pyav.positive(Fraction(30000, 1001)) == Fraction(30000, 1001)
    if hasattr(av, "AVRational"):  # from 19.0 on
        assert pyav.positive(av.AVRational(1, 0)) is pyav.positive(av.AVRational(0, 0)) is None
        assert pyav.positive(av.AVRational(25, 1)) == 25


@pytest.mark.parametrize("threads", [0, 1, 3])
def test_pixels_do_not_depend_on_the_threads(threads, clips, tmp_path):
    path = clips.make(tmp_path / "a.mp4", 6, size=(640, 360))
    with av.open(str(path)) as container:
        reference = [frame.to_ndarray(format="rgb24") for frame in container.decode(video=0)]
    for frame in open_source(path, threads=threads).read(range(6)):
        assert np.array_equal(frame.image, reference[frame.index])


def test_equal_pictures_give_equal_bytes(clips):
    stir = np.random.default_rng(0)

    def encoded() -> str:
        # what lies in freed memory must not matter (x264 on AVX-512 reads some of it)
        [stir.integers(0, 255, stir.integers(1000, 400_000), dtype=np.uint8) for _ in range(20)]
        buffer = io.BytesIO()
        with pyav.H264Writer(buffer, "mp4", (96, 160), 25, 23) as output:
            for number in range(30):
                output.add(clips.picture(number, 160, 96))
        with pyav.open_media(io.BytesIO(buffer.getvalue())) as source:
            shown = [clips.number(f.to_ndarray(format="rgb24")) for f in source.decode(video=0)]
        assert shown == list(range(30))
        return hashlib.sha256(buffer.getvalue()).hexdigest()

    assert len({encoded() for _ in range(12)}) == 1


def test_an_encoder_that_was_stopped_raises_what_stopped_it(clips, tmp_path):
    path = tmp_path / "a.mp4"
    with (
        pytest.raises(RuntimeError, match="stop"),
        pyav.H264Writer(path, "mp4", (96, 160), 25, 23) as output,
    ):
        output.add(clips.picture(0, 160, 96))
        raise RuntimeError("stop")
    path.unlink(missing_ok=True)  # on Windows only a closed file can be removed
