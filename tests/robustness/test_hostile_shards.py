"""Shard folders that somebody prepared: their indexes and links never reach a file outside.

Each attack has a secret file beside the stores, and a victim that must keep its bytes.
"""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from media_forensics.detector import extract_command
from media_forensics.detector.crops.store import CropStore, StoredVideo
from media_forensics.detector.embeddings.shards import Shards, ShardWriter
from media_forensics.detector.errors import ForensicsError
from media_forensics.detector.faces.video_faces import FaceRow, FrameFaces, VideoFaces
from media_forensics.detector.records import CropRecipe, Reason
from media_forensics.detector.runners.score_merge import examine
from media_forensics.detector.runners.score_parts import (
    Provenance,
    ScoreParts,
    provenance_of,
    read_part,
    score_folders,
)
from media_forensics.detector.runners.score_units import FaceFile, ScoreUnit
from media_forensics.detector.runners.score_videos import unscored
from media_forensics.detector.runners.shard_notes import noted, shard_notes
from media_forensics.detector.runners.store_merge import merge_stores

RECIPE = CropRecipe(detector_sha256="d" * 64, count=1)
VIDEO = "a/b"


@pytest.fixture
def place(tmp_path) -> Path:
    (tmp_path / "victim.png").write_bytes(b"victim")
    (tmp_path / "secret").mkdir()
    (tmp_path / "secret/key.png").write_bytes(b"secret")
    store = CropStore(tmp_path / "shard", RECIPE)
    store.prepare()
    crop = store.crop_path(VIDEO, 0, 0)
    face = FaceRow(0, (0.0, 0.0, 8.0, 8.0), crop, subject=True, crop_size=8)
    frames = (FrameFaces(0, 0.0, None, (face,), 8, 8),)
    faces = VideoFaces(VIDEO, RECIPE.hash, "a" * 64, 1, frames=frames, policy="largest")
    store.save(StoredVideo(faces), {crop: np.zeros((8, 8, 3), np.uint8)})
    return tmp_path


def index_of(root: Path) -> Path:
    return next((root / "shard").rglob("index/**/*+.json"))


def name_crop(root: Path, name: object) -> None:
    path = index_of(root)
    data = json.loads(path.read_text())
    data["faces"]["frames"][0]["faces"][0]["crop"] = name
    path.write_text(json.dumps(data))


def untouched(root: Path) -> None:
    assert (root / "victim.png").read_bytes() == b"victim"
    assert sorted(p.name for p in (root / "secret").iterdir()) == ["key.png"]
    for path in (root / "all").rglob("*"):
        assert not path.is_file() or b"secret" not in path.read_bytes(), path


NAMES = [
    "../../victim.png", "crops/../../../victim.png", "{root}/victim.png", "crops/a/b+/../x.png",
    "../{hash}/../../victim.png", "", ".", "recipe.json", "index/a/b+.json", "crops/other+/0.png",
    3, ["crops"], {"a": 1},
]  # fmt: skip


@pytest.mark.parametrize("name", NAMES, ids=str)
def test_an_index_that_names_a_file_elsewhere_is_refused(name, place):
    if isinstance(name, str):
        name = name.format(root=place, hash=RECIPE.hash)
    name_crop(place, name)
    source = place / "shard" / RECIPE.hash
    if isinstance(name, str) and not name.startswith("/"):  # a file that could be copied is there
        (source / name).parent.mkdir(parents=True, exist_ok=True)
    with pytest.raises(ForensicsError, match=r"damaged|not a crop of its video"):
        merge_stores(place / "all", [place / "shard"])
    untouched(place)
    assert CropStore(place / "shard", RECIPE).load(VIDEO) is None  # read as not there


@pytest.mark.parametrize("command", [False, True], ids=["operator", "command"])
@pytest.mark.parametrize(
    "link", ["crop", "crop folder", "crops", "index folder", "index file", "recipe folder"]
)
def test_a_link_in_a_shard_does_not_lead_out(link, command, place):
    folder = place / "shard" / RECIPE.hash
    victim = {
        "crop": folder / CropStore(place, RECIPE).crop_path(VIDEO, 0, 0),
        "crop folder": folder / "crops/a",
        "crops": folder / "crops",
        "index folder": folder / "index",
        "index file": index_of(place),
        "recipe folder": folder,
    }[link]
    moved = place / "secret" / "moved"
    victim.rename(moved)
    victim.symlink_to(moved)
    if link == "crop":
        moved.write_bytes(b"secret")
    if command:
        assert extract_command.main(["merge", str(place / "all"), str(place / "shard")]) == 2
    else:
        with pytest.raises(ForensicsError, match="outside of it"):
            merge_stores(place / "all", [place / "shard"])
    assert (place / "victim.png").read_bytes() == b"victim"
    assert not [p for p in (place / "all").rglob("*.png")]


def test_a_link_in_the_target_does_not_lead_out(place):
    target = CropStore(place / "all", RECIPE)
    target.prepare()
    (target.folder / "crops").symlink_to(place / "secret")
    with pytest.raises(ForensicsError, match="outside of it"):
        merge_stores(place / "all", [place / "shard"])
    assert [p.name for p in (place / "secret").iterdir()] == ["key.png"]


def unit() -> ScoreUnit:
    return ScoreUnit(VIDEO, "sha", (FaceFile(0, 0, "x.png"),))


@pytest.mark.parametrize("name", ["../../x", "/etc/x", "a/b", "..", "a\0", 3, None, "x" * 500])
@pytest.mark.parametrize("field", ["recipe_hash", "checkpoint_sha256"])
def test_the_record_of_scores_cannot_name_another_folder(field, name, tmp_path):
    about = replace(Provenance("r" * 16, "c" * 64, "probe", "fp32"), **{field: name})
    with pytest.raises(ForensicsError, match="not the hash"):
        ScoreParts(tmp_path / "scores", about)
    shard = tmp_path / "shard"
    shard.mkdir()
    values = {"recipe_hash": "r", "checkpoint_sha256": "c", "detector": "d", "precision": "fp32"}
    (shard / "about.json").write_text(json.dumps({**values, field: name}))
    with pytest.raises(ForensicsError):
        provenance_of(shard)
    assert sorted(p.name for p in tmp_path.iterdir()) == ["shard"]


@pytest.mark.parametrize("suffix", [".parquet", ".npy", "folder", "about.json"])
def test_parts_of_scores_that_are_links_out_are_refused(suffix, tmp_path):
    pytest.importorskip("pyarrow", reason="scores on disk are Parquet")
    parts = ScoreParts(tmp_path / "shard", Provenance("r" * 16, "c" * 64, "probe", "fp32"))
    parts.prepare()
    part = parts.write([unscored(unit(), Reason.MISSING_FILE, 4)])
    others = {"folder": parts.folder, "about.json": parts.folder / "about.json"}
    victim = others[suffix] if suffix in others else part.with_suffix(suffix)
    moved = tmp_path / "elsewhere"
    victim.rename(moved)
    victim.symlink_to(moved)
    with pytest.raises(ForensicsError, match="outside of it"):
        [provenance_of(folder) for folder in score_folders(tmp_path / "shard")]
        list(read_part(part))
    if suffix in (".parquet", ".npy"):  # a merge names it among the damaged
        report = examine(score_folders(tmp_path / "shard"), [unit()])
        assert report.damaged and report.gaps


@pytest.mark.parametrize("suffix", [".ids", ".vectors", ".json"])
def test_embeddings_that_are_links_out_are_refused(suffix, tmp_path):
    writer = ShardWriter(tmp_path / "e", "a" * 64, 3)
    writer.add(["0" * 24], np.ones((1, 3), np.float32))
    writer.close()
    victim = next((tmp_path / "e").glob(f"part-*{suffix}"))
    victim.rename(tmp_path / "elsewhere")
    victim.symlink_to(tmp_path / "elsewhere")
    with pytest.raises(ForensicsError, match="outside of it"):
        Shards(tmp_path / "e")


def test_a_note_of_a_run_cannot_name_a_file_to_be_removed(tmp_path):
    (tmp_path / "victim.json").write_text("{}")
    (tmp_path / "shard/running").mkdir(parents=True)
    note = {"work": "w", "host": "h", "pid": 1, "token": "../../victim", "ended": True}
    (tmp_path / "shard/running/x.json").write_text(json.dumps(note))
    for text in ("[", "3", '{"a": 1}', "[" * 100_000):
        (tmp_path / "shard/running/y.json").write_text(text)
        assert shard_notes(tmp_path / "shard") == []
    with noted(tmp_path / "shard", "w"):
        pass
    assert (tmp_path / "victim.json").exists()
