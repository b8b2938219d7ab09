"""Still pictures as viewers show them: phones' formats, turns, profiles, depths, sequences."""

from __future__ import annotations

import io
import struct
import zlib

import av
import numpy as np
import pytest
from media_forensics.detector.frames import open_source, probe_video, read_frames
from media_forensics.detector.frames.images import image_files, read_image
from media_forensics.detector.frames.pictures import as_shown
from media_forensics.detector.frames.tone_mapping import to_standard_range
from media_forensics.detector.records import Reason
from PIL import Image, ImageCms

W, H = 96, 64


def scene() -> Image.Image:
    y, x = np.mgrid[0:H, 0:W]
    return Image.fromarray(np.stack([x * 2, y * 3, (x + y)], 2).astype(np.uint8))


def difference(path, want) -> float:
    ((_, got),) = read_frames(path, [0])
    want = np.asarray(want)
    assert got.shape == want.shape
    return float(np.abs(got.astype(int) - want).mean())


def test_a_phones_tiles_are_one_picture(tmp_path):
    heif = pytest.importorskip("pillow_heif", reason="needs pillow-heif")
    heif.register_heif_opener()
    large = scene().resize((768, 512))
    large.save(tmp_path / "tiled.heic", tile_size=256, quality=95)
    info = probe_video(tmp_path / "tiled.heic")
    assert (info.width, info.height, info.frame_count, info.codec) == (768, 512, 1, "heif")
    assert difference(tmp_path / "tiled.heic", large) < 4


@pytest.mark.parametrize("ending", ["avif", "webp", "png", "jpg", "tif"])  # not HEIF: it has irot
def test_every_orientation_of_exif(ending, tmp_path):
    upright = np.asarray(scene())
    turns = {
        1: lambda p: p,
        2: lambda p: p[:, ::-1],
        3: lambda p: p[::-1, ::-1],
        4: lambda p: p[::-1],
        5: lambda p: p.swapaxes(0, 1),
        6: lambda p: np.rot90(p, 1),
        7: lambda p: np.rot90(p, 2).swapaxes(0, 1),
        8: lambda p: np.rot90(p, 3),
    }
    for orientation, stored in turns.items():
        exif = Image.Exif()
        exif[0x0112] = orientation
        path = tmp_path / f"{orientation}.{ending}"
        picture = Image.fromarray(np.ascontiguousarray(stored(upright)))
        options = {"quality": 95} if ending in ("jpg", "avif", "webp") else {}
        picture.save(path, exif=exif, **options)
        assert difference(path, upright) < 5, orientation
        info = probe_video(path)
        assert (info.width, info.height) == (W, H), orientation


@pytest.mark.parametrize("kind", ["webp", "png", "avif", "tiff"])
def test_sequences_are_read_frame_by_frame(kind, tmp_path):
    path = tmp_path / f"a.{kind}"
    frames = [Image.new("RGB", (W, H), (40 * n, 0, 200 - 40 * n)) for n in range(5)]
    options = {} if kind == "tiff" else {"duration": 40}
    frames[0].save(path, save_all=True, append_images=frames[1:], **options)
    source = open_source(path)
    assert list(source.numbers) == [0, 1, 2, 3, 4] and source.info.frame_count == 5
    found = {f.index: f for f in source.read([4, 0, 2, 9])}
    for n in (0, 2, 4):
        assert np.abs(found[n].image.reshape(-1, 3).mean(0) - frames[n].getpixel((0, 0))).max() < 6
    assert found[9].reason is Reason.SHORT_VIDEO


@pytest.mark.parametrize(
    ("values", "want"),
    [
        (np.array([[0.0, 0.5, 1.0]], np.float32), [0, 128, 255]),
        (np.array([[0.0, 100.0, 255.0]], np.float32), [0, 100, 255]),
        (np.array([[0.0, 32768.0, 65535.0]], np.float32), [0, 128, 255]),
        (np.array([[np.nan, 0.25, np.inf]], np.float32), [0, 64, 0]),
        (np.array([[0, 32768, 65535]], np.uint16), [0, 128, 255]),
        (np.array([[0, 2**30, 2**31 - 1]], np.int32), [0, 64, 127]),
    ],
)
def test_depths_beyond_eight_bits_keep_black_and_white(values, want, tmp_path):
    path = tmp_path / "deep.tif"
    Image.fromarray(values).save(path)
    ((_, got),) = read_frames(path, [0])
    assert got.shape == (1, 3, 3) and got[0, :, 0].tolist() == want


def test_a_colour_profile_is_honoured_and_srgb_left_alone():
    """Display P3 has no file here: a profile with swapped primaries shows that it is read."""
    plain = scene()
    data = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    with io.BytesIO() as stream:
        plain.save(stream, "PNG", icc_profile=data)
        same = as_shown(Image.open(io.BytesIO(stream.getvalue())))
    assert np.array_equal(same, np.asarray(plain))
    lab = ImageCms.profileToProfile(
        plain, ImageCms.createProfile("sRGB"), ImageCms.createProfile("LAB"), outputMode="LAB"
    )
    assert lab.mode == "LAB"  # Pillow's own engine is there


def test_cmyk_and_alpha_give_three_channels(tmp_path):
    scene().convert("CMYK").save(tmp_path / "a.jpg", quality=95)
    assert difference(tmp_path / "a.jpg", scene()) < 12
    glass = scene().convert("RGBA")
    glass.putalpha(90)
    glass.save(tmp_path / "b.png")
    assert difference(tmp_path / "b.png", scene()) == 0


def test_a_heif_without_its_package_names_it(tmp_path, monkeypatch):
    from media_forensics.detector.files import packages
    from media_forensics.detector.frames.frame import FrameError

    (tmp_path / "a.heic").write_bytes(b"\0\0\0\x18ftypheic" + bytes(100))
    there = packages._is_there
    monkeypatch.setattr(packages, "_is_there", lambda m: m != "pillow_heif" and there(m))
    with pytest.raises(FrameError, match="needs the package pillow-heif") as caught:
        open_source(tmp_path / "a.heic")
    assert "pip install" in caught.value.hint and caught.value.reason is Reason.UNREADABLE_IMAGE


def test_browsers_names_of_jpeg_and_png_are_pictures(tmp_path):
    """Windows and Chrome save a JPEG as ``.jfif``; a file's name and an importer's agree."""
    from media_forensics.detector.frames.pictures import SUFFIXES
    from media_forensics.operators.importers.suffixes import IMAGE_SUFFIXES

    assert SUFFIXES == IMAGE_SUFFIXES
    for ending, kind in (("jfif", "JPEG"), ("jpe", "JPEG"), ("apng", "PNG")):
        Image.new("RGB", (32, 16), (90, 120, 60)).save(tmp_path / f"a.{ending}", kind)
    assert len(image_files(tmp_path)) == 3
    assert {read_image(path).shape for path in image_files(tmp_path)} == {(16, 32, 3)}


def test_a_picture_before_an_animation_and_several_pictures_of_a_phone(tmp_path):
    frames = [Image.new("RGB", (W, H), (40 * n, 0, 200 - 40 * n)) for n in range(4)]
    frames[0].save(tmp_path / "a.png", save_all=True, append_images=frames[1:], default_image=True)
    source = open_source(tmp_path / "a.png")
    assert list(source.numbers) == [0, 1, 2]  # browsers show these
    assert difference(tmp_path / "a.png", frames[1]) == 0
    heif = pytest.importorskip("pillow_heif", reason="needs pillow-heif")
    several = heif.from_pillow(frames[0])
    several.add_from_pillow(frames[3])
    several.save(str(tmp_path / "b.heic"), quality=95)
    assert [f.image is None for f in open_source(tmp_path / "b.heic").read([0, 1])] == [False] * 2


def with_range(path, transfer: int) -> None:
    """A PNG with ``cICP``, or an AVIF with ``colr``, that says the transfer characteristics."""
    large = scene().resize((2 * W, 2 * H))
    if path.suffix == ".png":
        large.save(path)
        data, body = path.read_bytes(), b"cICP" + bytes([9, transfer, 0, 1])
        chunk = struct.pack(">I", 4) + body + struct.pack(">I", zlib.crc32(body))
        path.write_bytes(data[:33] + chunk + data[33:])  # behind the signature and IHDR
        return
    with av.open(str(path), "w", format="avif") as container:
        stream = container.add_stream("libsvtav1", rate=1, options={"preset": "10", "crf": "10"})
        stream.width, stream.height, stream.pix_fmt = 2 * W, 2 * H, "yuv420p10le"
        stream.codec_context.color_trc, stream.codec_context.color_primaries = transfer, 9
        frame = av.VideoFrame.from_image(large).reformat(format="yuv420p10le")
        frame.color_trc = transfer
        container.mux(stream.encode(frame))
        container.mux(stream.encode(None))


@pytest.mark.parametrize("ending", ["png", "avif"])
@pytest.mark.parametrize(("transfer", "name"), [(16, "pq"), (18, "hlg"), (1, ""), (13, "")])
def test_a_high_dynamic_range_of_pictures_is_mapped_and_named(ending, transfer, name, tmp_path):
    path = tmp_path / f"a.{ending}"
    with_range(path, transfer)
    assert probe_video(path).transfer == name
    with Image.open(path) as opened:
        stored = np.asarray(opened.convert("RGB"))
    want = to_standard_range(stored.astype(np.uint16) * 257, name) if name else stored
    assert difference(path, want) == 0
