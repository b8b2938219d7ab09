"""Videos encoded again: the right frames, as an encoder of one's own gives them, and why not."""

from __future__ import annotations

import hashlib

import numpy as np
import pytest
from media_forensics.detector.crops.align import warp
from media_forensics.detector.errors import ForensicsError
from media_forensics.detector.frames.frame import FrameError
from media_forensics.detector.frames.recompression import LEAD, TAIL, recompressed, spans
from media_forensics.detector.frames.sources import read_frames
from media_forensics.detector.records import Reason
from media_forensics.detector.scoring.recompressed_scores import (
    SourceFace,
    by_kind,
    score_recompressed,
)

MATRIX = ((0.5, 0.0, -10.0), (0.0, 0.5, 2.0))


def difference(first, second) -> float:
    """Root mean square over all pixels."""
    return float(np.sqrt(np.mean((first.astype(float) - second.astype(float)) ** 2)))


def whole_clip_encoded(path, crf):
    """Every frame after encoding the whole clip's own planes in one go, no RGB in between."""
    import io

    import av

    buffer = io.BytesIO()
    with av.open(str(path)) as source, av.open(buffer, "w", format="mp4") as output:
        rate = source.streams.video[0].average_rate
        stream = output.add_stream("libx264", rate=rate)
        stream.width, stream.height = source.streams.video[0].width, source.streams.video[0].height
        stream.pix_fmt, stream.options = "yuv420p", {"crf": str(crf), "preset": "medium"}
        for number, frame in enumerate(source.decode(video=0)):
            frame.pts, frame.time_base = number, 1 / rate
            frame.pict_type = 0
            output.mux(stream.encode(frame))
        output.mux(stream.encode())
    buffer.seek(0)
    with av.open(buffer) as source:
        return [frame.to_ndarray(format="rgb24") for frame in source.decode(video=0)]


def with_square_pixels(path, copy):
    """The same planes without loss, and without the clip's pixel aspect ratio of 12 : 11."""
    import av

    with av.open(str(path)) as source, av.open(str(copy), "w") as output:
        stream = output.add_stream("ffv1", rate=source.streams.video[0].average_rate)
        stream.width, stream.height = source.streams.video[0].width, source.streams.video[0].height
        stream.pix_fmt = "yuv420p"
        for frame in source.decode(video=0):
            frame.pict_type = 0
            output.mux(stream.encode(frame))
        output.mux(stream.encode())
    return copy


def test_spans_hold_what_a_frame_is_predicted_from():
    assert spans([0], 10) == [range(10)]
    assert spans([100, 500], 1000) == [
        range(100 - LEAD, 101 + TAIL),
        range(500 - LEAD, 501 + TAIL),
    ]
    assert spans([130, 100, 100], 140) == [range(100 - LEAD, 140)]
    assert spans([], 10) == []


@pytest.mark.weights
def test_frames_are_those_of_an_independent_encode(footage, tmp_path):
    clip = with_square_pixels(footage["carphone_pristine.mp4"], tmp_path / "clip.mkv")
    numbers = [3, 40, 119]
    original = {i: image for i, image in read_frames(clip, numbers)}
    found = {frame.index: frame for frame in recompressed(clip, numbers, (23, 40))}
    assert list(found) == numbers and all(f.reason is None for f in found.values())
    for crf in (23, 40):
        other = whole_clip_encoded(clip, crf)
        for number in numbers:
            ours = found[number].images[crf]
            assert ours.shape == original[number].shape and ours.dtype == np.uint8
            lost = difference(other[number], original[number])
            assert difference(ours, original[number]) == pytest.approx(lost, rel=0.25)
            near = [difference(ours, image) for image in other]
            assert np.argmin(near) == number  # no other frame is as near
    for number in numbers:
        weak, strong = (difference(found[number].images[c], original[number]) for c in (23, 40))
        assert 0 < weak < 0.6 * strong


def test_numbers_stay_with_their_frames_whatever_the_sides(clips, tmp_path):
    path = clips.make(tmp_path / "odd.mkv", 90, "ffv1", size=(161, 97), pix_fmt="yuv444p")
    wanted = [88, 0, 30, 95, -1]
    found = {frame.index: frame for frame in recompressed(path, wanted, (35,))}
    assert sorted(found) == sorted(wanted)
    assert found[95].reason is found[-1].reason is Reason.SHORT_VIDEO and not found[95].images
    for number in (0, 30, 88):
        image = found[number].images[35]
        assert image.shape == (97, 161, 3) and clips.number(image) == number
    again = {frame.index: frame for frame in recompressed(path, wanted, (23, 35))}
    assert np.array_equal(again[30].images[35], found[30].images[35])


def test_what_is_no_video_is_refused(tmp_path):
    with pytest.raises(FrameError) as error:
        list(recompressed(tmp_path / "gone.mp4", [0], (23,)))
    assert error.value.reason is Reason.MISSING_FILE
    (tmp_path / "a.png").write_bytes(b"no picture")
    with pytest.raises(FrameError):
        list(recompressed(tmp_path / "a.png", [0], (23,)))


def test_every_face_has_a_score_or_a_reason(clips, tiny_detector, tmp_path):
    path = clips.make(tmp_path / "clip.mp4", 60)
    sha256 = hashlib.sha256(path.read_bytes()).hexdigest()
    broken = tmp_path / "broken.mp4"
    broken.write_bytes(path.read_bytes()[:200])
    faces = [
        SourceFace(str(path), sha256, 50, MATRIX, 32),
        SourceFace(str(tmp_path / "gone.mp4"), sha256, 1, MATRIX, 32),
        SourceFace(str(path), sha256, 5, MATRIX, 32),
        SourceFace(None, "", 5, MATRIX, 32),
        SourceFace(str(path), "0" * 64, 5, MATRIX, 32),
        SourceFace(str(tmp_path), "", 5, MATRIX, 32),
        SourceFace(str(path), sha256, 70, MATRIX, 32),
        SourceFace(str(path), sha256, 5, None, 32),
        SourceFace(str(broken), "", 5, MATRIX, 32),
        SourceFace(str(path), sha256, 5, ((0.3, 0.1, 0.0), (-0.1, 0.3, 9.0)), 32),
    ]
    names = ["video_h264_23", "video_h264_40"]
    batches = list(score_recompressed(tiny_detector, faces, names, batch_size=2))
    order = [i for batch in batches for i in batch.indices]
    assert sorted(order) == list(range(len(faces)))
    reasons = dict(zip(order, [r for batch in batches for r in batch.reasons], strict=True))
    assert [reasons[i] for i in range(len(faces))] == [
        None,
        Reason.MISSING_FILE,
        None,
        Reason.MISSING_FILE,
        Reason.CHANGED_FILE,
        Reason.NO_VIDEO_STREAM,
        Reason.SHORT_VIDEO,
        Reason.ALIGN_FAILED,
        Reason.DECODE_ERROR,
        None,
    ]
    frames = {frame.index: frame.images for frame in recompressed(path, [5, 50], (23, 40))}
    for name, crf in zip(names, (23, 40), strict=True):
        scores = np.concatenate([batch.p_fake[name] for batch in batches])
        found = dict(zip(order, scores, strict=True))
        assert all(np.isnan(found[i]) == (reasons[i] is not None) for i in order)
        for i in (0, 2, 9):
            crop = warp(frames[faces[i].index][crf], np.array(faces[i].matrix), 32)
            assert found[i] == pytest.approx(tiny_detector.score([crop]).p_fake[0], abs=1e-5)


def test_a_video_beyond_its_time_and_a_stop_end_cleanly(clips, tiny_detector, tmp_path):
    path = str(clips.make(tmp_path / "clip.mp4", 30))
    faces = [SourceFace(path, "", index, MATRIX, 32) for index in range(6)]
    late = list(score_recompressed(tiny_detector, faces, ["video_h264_40"], 4, seconds=-1))
    assert [r for batch in late for r in batch.reasons] == [Reason.TIME_LIMIT] * 6
    stopped = score_recompressed(tiny_detector, faces, ["video_h264_40"], should_stop=lambda: True)
    assert list(stopped) == []


def test_names_are_told_apart():
    assert by_kind(["jpeg_40", "video_h264_40"]) == (["jpeg_40"], ["video_h264_40"])
    with pytest.raises(ForensicsError, match="no corruption 'video_h264_99'"):
        by_kind(["video_h264_99"])
    with pytest.raises(ForensicsError, match="No corruption"):
        by_kind([])
