"""The crop store: safe paths, exact bytes, damage, and merging shards."""

from __future__ import annotations

import json
from dataclasses import replace

import cv2
import numpy as np
import pytest
from hypothesis import given, strategies as st
from media_forensics.detector.crops.encoding import encode_image
from media_forensics.detector.crops.store import CropStore, StoredVideo, path_parts
from media_forensics.detector.errors import ForensicsError
from media_forensics.detector.faces.video_faces import FaceRow, FrameFaces, VideoFaces
from media_forensics.detector.files.atomic import replacing, write_bytes, write_json
from media_forensics.detector.records import CropRecipe

RECIPE = CropRecipe(detector_sha256="d" * 64, count=2)


def video(store: CropStore, video_id: str, frames: int = 4) -> tuple[StoredVideo, dict]:
    rng = np.random.default_rng(len(video_id))
    rows, images = [], {}
    for index in range(frames):
        path = store.crop_path(video_id, index, 0)
        images[path] = rng.integers(0, 256, (32, 32, 3), dtype=np.uint8)
        face = FaceRow(
            0,
            (1.5, 2.5, 30.25, 40.125),
            path,
            None,
            tuple((float(i), i / 3) for i in range(5)),
            0.1 + 0.2,
            matrix=((1.0, 0.1, 2.0), (-0.1, 1.0, 3.0)),
            crop_landmarks=tuple((float(i), 1.0) for i in range(5)),
        )
        rows.append(FrameFaces(index, index / 25, None, (face,), 640, 480))
    faces = VideoFaces(
        video_id,
        RECIPE.hash,
        "a" * 64,
        frames,
        25.0,
        640,
        480,
        frames=tuple(rows),
        policy="largest",
    )
    return StoredVideo(faces, None, {"size": 3, "mtime_ns": 4}), images


def test_what_is_saved_is_loaded_exactly(tmp_path):
    store = CropStore(tmp_path, RECIPE)
    stored, images = video(store, "FaceForensics++/DF/c23/000_003")
    store.save(stored, images)
    assert store.load_stored("FaceForensics++/DF/c23/000_003") == stored
    for path, image in images.items():
        found = cv2.imread(str(store.folder / path))[:, :, ::-1]
        assert np.array_equal(found, image)
    assert store.video_ids() == ["FaceForensics++/DF/c23/000_003"]
    assert store.existing_crops("FaceForensics++/DF/c23/000_003") == set(images)


def test_load_gives_the_selection_of_the_count_or_nothing(tmp_path):
    store = CropStore(tmp_path, RECIPE)
    stored, images = video(store, "a/b")
    store.save(stored, images)
    loaded = store.load("a/b")
    assert loaded is not None and len(loaded.frames) == 2 and loaded.reason is None
    assert all(face.subject for f in loaded.frames for face in f.faces)
    assert VideoFaces.from_json(json.loads(json.dumps(loaded.to_json()))) == loaded
    more = CropStore(tmp_path, replace(RECIPE, count=4))
    assert more.folder == store.folder and len(more.load("a/b").frames) == 4
    partial = replace(stored, faces=replace(stored.faces, frames=stored.faces.frames[:1]))
    store.save(partial)
    assert store.load("a/b") is None
    assert store.load("never") is None


def test_a_damaged_or_foreign_index_counts_as_missing(tmp_path):
    store = CropStore(tmp_path, RECIPE)
    stored, images = video(store, "a/b")
    store.save(stored, images)
    path = next((store.folder / "index").rglob("*.json"))
    whole = path.read_bytes()
    path.write_bytes(whole[: len(whole) // 2])
    assert store.load_stored("a/b") is None
    path.write_bytes(whole.replace(b'"format":1', b'"format":99'))
    assert store.load_stored("a/b") is None


names = st.text(st.characters(codec="utf-8", exclude_characters="\0"), min_size=1, max_size=60)


@given(st.lists(names, min_size=1, max_size=8, unique=True))
def test_paths_stay_inside_and_never_collide(ids):
    parts = [path_parts(video_id) for video_id in ids]
    assert len(set(parts)) == len(ids)
    for row in parts:
        for part in row:
            assert part not in ("", ".", "..") and "/" not in part and "+" not in part
            assert not part.startswith(".") and len(part.encode()) <= 200
            assert part.isascii()


@pytest.mark.parametrize(
    "ids",
    [
        ["a", "a/b", "a/b/c", "a.json", "a+.json", "a+"],
        ["../x", "..", ".", "/etc/passwd", "a//b", "a/b"],
        ["x" * 300, "x" * 301, "ä" * 90, "a b", "a%20b", "000001_00.png", "a/000001_00.png"],
    ],
)
def test_awkward_ids_live_side_by_side(ids, tmp_path):
    store = CropStore(tmp_path / "root", RECIPE)
    for video_id in ids:
        store.save(*video(store, video_id, 1))
    assert store.video_ids() == sorted(ids)
    assert all(p.is_relative_to(store.folder) for p in (tmp_path).rglob("*.png"))
    store.forget(ids[0])
    assert store.video_ids() == sorted(ids[1:])
    for video_id in ids[1:]:
        assert len(store.existing_crops(video_id)) == 1
    with pytest.raises(ForensicsError):
        path_parts("")


@pytest.mark.parametrize("name", ["png", "jpeg", "webp"])
def test_formats(name, tmp_path):
    image = cv2.resize(
        np.random.default_rng(0).integers(0, 256, (8, 8, 3), dtype=np.uint8), (64, 64)
    )
    data = encode_image(image, name)
    found = cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_COLOR)[:, :, ::-1]
    gap = np.abs(found.astype(int) - image)
    assert gap.max() == 0 if name == "png" else gap.mean() < 6
    assert data == encode_image(image, name)
    with pytest.raises(ForensicsError, match="format"):
        CropStore(tmp_path, replace(RECIPE, image_format="bmp"))


def test_merging_shards(tmp_path):
    one, two = CropStore(tmp_path / "1", RECIPE), CropStore(tmp_path / "2", RECIPE)
    one.save(*video(one, "a", 2))
    one.save(*video(one, "b", 2))
    two.save(*video(two, "b", 4))
    two.save(*video(two, "c", 3))
    target = CropStore(tmp_path / "all", RECIPE)
    assert target.merge(tmp_path / "1") == 2
    assert target.merge(tmp_path / "2") == 2
    assert target.merge(tmp_path / "2") == 0
    assert target.video_ids() == ["a", "b", "c"]
    assert len(target.load_stored("b").faces.frames) == 4
    assert len(target.existing_crops("b")) == 4
    with pytest.raises(ForensicsError, match="holds no crops"):
        target.merge(tmp_path / "nowhere")


def test_a_folder_that_cannot_be_written_is_an_error_before_work(tmp_path):
    (tmp_path / "file").write_text("x")
    with pytest.raises(ForensicsError, match="cannot be written") as caught:
        CropStore(tmp_path / "file", RECIPE).prepare()
    assert caught.value.field == "crops_dir"


def test_atomic_writes(tmp_path):
    path = tmp_path / "deep" / "x.json"
    write_json(path, {"b": 1, "a": [1.5, None]})
    assert path.read_text() == '{"a":[1.5,null],"b":1}'
    with pytest.raises(RuntimeError), replacing(path) as temporary:
        temporary.write_text("half")
        raise RuntimeError
    assert path.read_text() == '{"a":[1.5,null],"b":1}'
    write_bytes(path, b"new")
    assert path.read_bytes() == b"new"
    assert [p.name for p in path.parent.iterdir()] == ["x.json"]
    with pytest.raises(ValueError):
        write_json(path, {"a": float("nan")})
    assert path.read_bytes() == b"new"
