"""Videos are read as players show them: every turn, mirror, pixel shape, stream and range."""

from __future__ import annotations

from fractions import Fraction

import av
import av.filter
import av.logging
import numpy as np
import pytest
from cropped_clips import CUTS
from display_clips import ONE, WAYS, H, W, encode, lay_down, picture
from hypothesis import given, strategies as st
from media_forensics.detector.faces.selection import select
from media_forensics.detector.faces.video_faces import FaceRow, FrameFaces
from media_forensics.detector.frames import probe_video, read_frames
from media_forensics.detector.frames.display import Display, display_of
from media_forensics.detector.frames.tone_mapping import to_standard_range
from media_forensics.detector.records import CropRecipe
from PIL import Image


@pytest.mark.parametrize("way", WAYS)
def test_a_video_is_turned_and_mirrored_as_its_matrix_says(way, tmp_path):
    path = encode(tmp_path / "v.mp4", [picture()] * 4)
    numbers, shown = WAYS[way]
    lay_down(path, numbers)
    want = shown(picture())
    ((_, got),) = read_frames(path, [2])
    assert got.shape == want.shape
    assert np.abs(got.astype(int) - want).mean() < 6
    info = probe_video(path)
    assert (info.height, info.width) == want.shape[:2]
    assert info.mirrored == (way in ("mirrored", "flipped", "transposed", "transversed"))


@given(st.sampled_from(list(WAYS)), st.integers(1, 4 * ONE), st.integers(-9, 9))
def test_scale_and_small_angles_of_a_matrix_change_nothing(way, scale, degrees):
    (a, b, c, d), shown = WAYS[way]
    turn = np.deg2rad(degrees)
    small = np.array([[np.cos(turn), -np.sin(turn)], [np.sin(turn), np.cos(turn)]])
    (a, c), (b, d) = small @ np.array([[a, c], [b, d]]) * scale
    display = display_of([round(n) for n in (a, b, 0, c, d, 0, 0, 0, 1 << 30)], None)
    if scale > 64:
        assert np.array_equal(display.upright(picture()), shown(picture()))


@given(
    st.fractions(Fraction(1, 40), 40),
    st.integers(2, 4000),
    st.integers(2, 4000),
    st.sampled_from([0, 90, 180, 270]),
)
def test_square_pixels_keep_the_shown_shape_and_lose_no_line(aspect, width, height, rotation):
    display = display_of(None, aspect)
    if display.pixel_aspect == 1 and aspect != 1:
        assert not Fraction(1, 16) <= aspect <= 16  # a damaged header, not a shape
        return
    wide, high = display.square(width, height)
    assert wide >= width and high >= height
    assert abs(wide / high - float(aspect) * width / height) <= max(wide, high) / min(wide, high)
    turned = Display(rotation, False, display.pixel_aspect).shown(width, height)
    assert turned == ((wide, high) if rotation % 180 == 0 else (high, wide))


@pytest.mark.parametrize("aspect", [Fraction(4, 3), Fraction(8, 9), Fraction(16, 11)])
def test_stored_pixels_that_are_not_square_are_shown_square(aspect, tmp_path):
    path = encode(tmp_path / "v.mp4", [picture()] * 3, sample_aspect_ratio=aspect)
    graph = av.filter.Graph()  # the oracle: FFmpeg's own scaler, asked as players ask it
    with av.open(str(path)) as container:
        frame = next(container.decode(video=0))
        wide = round(W * aspect) if aspect > 1 else W
        high = H if aspect > 1 else round(H / aspect)
        nodes = [
            graph.add_buffer(template=container.streams.video[0]),
            graph.add("scale", f"{wide}:{high}:flags=bilinear"),
            graph.add("format", "rgb24"),
            graph.add("buffersink"),
        ]
        graph.link_nodes(*nodes).configure()
        graph.push(frame)
        want = graph.pull().to_ndarray(format="rgb24")
    ((_, got),) = read_frames(path, [0])
    assert got.shape == want.shape == (high, wide, 3)
    off = np.abs(got.astype(int) - want)  # chroma is brought to size before or after the colours
    assert off.mean() < 2 and np.quantile(off, 0.9) <= 4
    assert probe_video(path).pixel_aspect == pytest.approx(float(aspect))


@pytest.mark.parametrize("edges", [(0, 0, 20, 6), (0, 10, 0, 0), (64, 0, 0, 0), (64, 8, 8, 2)])
def test_what_the_codec_cuts_is_cut(edges, tmp_path):
    left, top, right, bottom = edges  # FFmpeg keeps left columns beyond a multiple of 64
    options = {"x264-params": "crop-rect=" + ",".join(map(str, edges))}
    path = encode(tmp_path / "v.mp4", [picture()] * 4, options=options)
    ((_, got),) = read_frames(path, [2])
    want = picture()[top : H - bottom, left : W - right]
    assert got.shape == want.shape and np.abs(got.astype(int) - want).mean() < 6
    info = probe_video(path)
    assert (info.height, info.width) == want.shape[:2]


@pytest.mark.parametrize("way", ["clockwise", "mirrored", "transposed", "transversed"])
def test_pixels_are_made_square_before_the_picture_is_turned(way, tmp_path):
    path = encode(tmp_path / "v.mp4", [picture()] * 3, sample_aspect_ratio=Fraction(4, 3))
    lay_down(path, WAYS[way][0])
    ((_, got),) = read_frames(path, [1])
    wide = np.asarray(Image.fromarray(picture()).resize((W * 4 // 3, H), Image.Resampling.BILINEAR))
    want = WAYS[way][1](wide)
    assert got.shape == want.shape and np.abs(got.astype(int) - want).mean() < 8
    info = probe_video(path)
    assert (info.height, info.width) == want.shape[:2]


def test_frames_of_a_stream_that_changes_its_size_are_read_in_their_own(tmp_path):
    parts = []
    for size, grey in (((W, H), 60), ((128, 96), 180)):
        images = [np.full((size[1], size[0], 3), grey, np.uint8)] * 5
        parts.append(encode(tmp_path / "part.ts", images, size=size).read_bytes())
    (tmp_path / "v.ts").write_bytes(b"".join(parts))
    shapes = [image.shape[:2] for _, image in read_frames(tmp_path / "v.ts", range(10))]
    assert shapes == [(H, W)] * 5 + [(96, 128)] * 5


def test_1080_rows_are_coded_as_1088_and_read_as_1080(tmp_path):
    tall = np.full((1080, 160, 3), 40, np.uint8)
    tall[-4:] = 220
    ((_, got),) = read_frames(encode(tmp_path / "v.mp4", [tall] * 2, size=(160, 1080)), [1])
    assert got.shape == tall.shape
    assert got[-2:].min() > 200 and got[:-12].max() < 60


@pytest.mark.parametrize("ending", CUTS)
def test_what_only_the_container_cuts_is_kept(ending, tmp_path):
    path = encode(tmp_path / f"v.{ending}", [picture()] * 4)
    ((_, whole),) = read_frames(path, [2])
    CUTS[ending](path)
    level = av.logging.get_level()
    av.logging.set_level(av.logging.INFO)
    try:
        with av.open(str(path)) as container:  # FFmpeg reads the cut and leaves it to its caller
            assert "Frame Cropping: 0/16/8/16" in container.dumps_format()
    finally:
        av.logging.set_level(level)
    ((_, got),) = read_frames(path, [2])
    assert np.array_equal(got, whole)
    info = probe_video(path)
    assert (info.width, info.height, info.pixel_aspect) == (W, H, 1)


def test_a_small_picture_beside_the_video_is_not_taken_for_it(tmp_path):
    path = tmp_path / "v.mkv"
    with av.open(str(path), "w") as container:
        streams = []
        for size, grey in (((32, 32), 10), ((W, H), 200)):
            stream = container.add_stream("libx264", rate=25)
            (stream.width, stream.height), stream.pix_fmt = size, "yuv420p"
            streams.append((stream, np.full((size[1], size[0], 3), grey, np.uint8)))
        streams[1][0].disposition = av.stream.Disposition.default
        for _ in range(5):
            for stream, image in streams:
                frame = av.VideoFrame.from_ndarray(image, format="rgb24")
                container.mux(stream.encode(frame))
        for stream, _ in streams:
            container.mux(stream.encode(None))
    info = probe_video(path)
    assert (info.width, info.height, info.frame_count) == (W, H, 5)
    ((_, got),) = read_frames(path, [0])
    assert abs(float(got.mean()) - 200) < 4


@pytest.mark.parametrize(("name", "transfer"), [("pq", 16), ("hlg", 18)])
def test_a_high_dynamic_range_is_mapped_and_named(name, transfer, tmp_path):
    grey = np.full((H, W, 3), 148 if name == "pq" else 191, np.uint8)  # diffuse white (BT.2408)
    path = encode(
        tmp_path / "v.mkv",
        [grey] * 3,
        codec="libx265",
        pix_fmt="yuv420p10le",
        color_trc=transfer,
        color_primaries=9,
        colorspace=9,
    )
    ((_, got),) = read_frames(path, [1])
    assert probe_video(path).transfer == name
    # 203 cd/m2 are white of the standard range; the roll-off takes some of it
    assert 215 <= got.mean() <= 255
    assert got.reshape(-1, 3).std(axis=0).max() < 2  # grey stays grey


@pytest.mark.parametrize("transfer", ["pq", "hlg"])
def test_tone_mapping_is_monotonic_and_keeps_black_and_the_peak(transfer):
    ramp = np.repeat(np.arange(0, 65536, 64, dtype=np.uint16)[None, :, None], 3, axis=2)
    out = to_standard_range(ramp, transfer)[0].astype(int)
    assert (np.diff(out, axis=0) >= 0).all()
    assert out[0].tolist() == [0, 0, 0] and out[-1].min() >= 254
    assert (np.ptp(out, axis=1) <= 1).all()


def test_one_person_in_a_picture_that_changes_its_size_stays_one_person():
    def row(index, scale):
        box = (100 * scale, 80 * scale, 200 * scale, 180 * scale)
        face = FaceRow(0, box)
        return FrameFaces(index, None, None, (face,), round(640 * scale), round(360 * scale))

    rows = {i: row(i, 1 if i < 4 else 0.4) for i in range(8)}
    recipe = CropRecipe(sampling="uniform", count=8)
    frames = select(rows, range(8), recipe, "largest").frames
    assert {face.track for frame in frames for face in frame.faces} == {0}
    assert all(face.subject for frame in frames for face in frame.faces)
