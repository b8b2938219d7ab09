"""Vectors on disk: what was written is read, whatever broke in between, and nothing else."""

from __future__ import annotations

import json
import multiprocessing
import os
import signal
from pathlib import Path

import numpy as np
import pytest
from media_forensics.detector.embeddings import shards as embedding_shards
from media_forensics.detector.embeddings.shards import Shards, ShardWriter
from media_forensics.detector.errors import ForensicsError

WHOSE = "a" * 64


def made(count: int, seed: int = 0, numbers: int = 7) -> tuple[list[str], np.ndarray]:
    """Ids as MongoDB makes them, in no order and with zero bytes at both ends, and unit vectors."""
    rng = np.random.default_rng(seed)
    raw = rng.integers(0, 256, (count, 12), np.uint8)
    raw[: count // 3, -2:] = 0
    raw[: count // 4, :2] = 0
    vectors = rng.normal(size=(count, numbers)).astype(np.float32)
    return [row.tobytes().hex() for row in raw], vectors / np.linalg.norm(vectors, axis=1)[:, None]


def read(folder: Path, ids: list[str]) -> np.ndarray:
    shards = Shards(folder)
    places = shards.rows_of(ids)
    out = np.full((len(ids), shards.numbers), np.nan, np.float32)
    there = np.flatnonzero(places >= 0)
    found = np.empty((len(there), shards.numbers), np.float32)
    shards.take(places[there], found)
    out[there] = found
    return out


def test_what_is_written_is_read_in_any_order(tmp_path, monkeypatch):
    monkeypatch.setattr(embedding_shards, "ROWS", 100)
    ids, vectors = made(730)
    writer = ShardWriter(tmp_path / "e", WHOSE, 7)
    for start in range(0, 730, 61):
        writer.add(ids[start : start + 61], vectors[start : start + 61])
        assert len(Shards(tmp_path / "e")) == min(730, start + 61)  # while it is being written
    writer.close()
    order = np.random.default_rng(1).permutation(730)
    found = read(tmp_path / "e", [ids[i] for i in order])
    assert np.array_equal(found, vectors[order].astype(np.float16).astype(np.float32))
    strangers, _ = made(5, seed=9)
    assert np.isnan(read(tmp_path / "e", [strangers[0], ids[3]]))[:, 0].tolist() == [True, False]
    assert len(list((tmp_path / "e").glob("*.json"))) == 1 + 6  # about.json and parts of >= 100
    assert not list((tmp_path / "e").glob("*.lock"))
    assert read(tmp_path / "e", []).shape == (0, 7)


def test_two_writers_and_a_face_written_twice(tmp_path):
    ids, vectors = made(40)
    one, two = ShardWriter(tmp_path, WHOSE, 7), ShardWriter(tmp_path, WHOSE, 7)
    one.add(ids[:30], vectors[:30])
    two.add(ids[20:], vectors[20:])
    third = ShardWriter(tmp_path, WHOSE, 7)  # leaves the parts of living writers alone
    assert not list(tmp_path.glob("part-*.json"))
    for writer in (one, two, third):
        writer.close()
    assert len(Shards(tmp_path)) == 40
    assert np.allclose(read(tmp_path, ids), vectors, atol=1e-3)


def _write_for_ever(folder: Path, began: object) -> None:
    ids, vectors = made(5000)
    writer = ShardWriter(folder, WHOSE, 7)
    for start in range(0, 5000, 10):
        writer.add(ids[start : start + 10], vectors[start : start + 10])
        began.set()


@pytest.mark.parametrize("wait", [0.0, 0.003, 0.02])
def test_a_killed_writers_rows_count_and_are_closed_by_the_next(tmp_path, wait):
    context = multiprocessing.get_context("fork")
    began = context.Event()
    child = context.Process(target=_write_for_ever, args=(tmp_path, began))
    child.start()
    assert began.wait(60)
    signal.sigtimedwait([], wait)
    os.kill(child.pid, signal.SIGKILL)
    child.join()
    ids, vectors = made(5000)
    before = read(tmp_path, ids)
    count = len(Shards(tmp_path))
    assert count >= 10
    assert np.allclose(before[:count], vectors[:count], atol=1e-3)
    assert np.isnan(before[count:]).all()
    writer = ShardWriter(tmp_path, WHOSE, 7)
    assert len(list(tmp_path.glob("part-*.json"))) == 1 and not list(tmp_path.glob("*.lock"))
    writer.add(ids[count:], vectors[count:])
    writer.close()
    assert np.allclose(read(tmp_path, ids), vectors, atol=1e-3)


def test_a_damaged_part_is_named_and_never_read(tmp_path):
    ids, vectors = made(50)
    writer = ShardWriter(tmp_path, WHOSE, 7)
    writer.add(ids, vectors)
    writer.close()
    (part,) = tmp_path.glob("part-*.vectors")
    data = part.read_bytes()
    for wrong in (data[:100] + b"\1" + data[101:], data[:-2], data + b"\0\0"):
        part.write_bytes(wrong)
        with pytest.raises(ForensicsError, match="damaged") as caught:
            Shards(tmp_path)
        assert part.name in str(caught.value)
    part.write_bytes(data)
    assert len(Shards(tmp_path)) == 50
    note = part.with_suffix(".json")
    for text in ("", "[]", "{}", "[" * 100_000, json.dumps({"rows": 50})):
        note.write_text(text)
        with pytest.raises(ForensicsError, match="damaged"):
            Shards(tmp_path)


@pytest.mark.parametrize(
    "about",
    [
        b"",
        b"\xff",
        b"[]",
        b'{"numbers": 7}',
        b'{"checkpoint_sha256": "a", "numbers": -1}',
        b'{"checkpoint_sha256": "a", "numbers": 1e9}',
        b'{"checkpoint_sha256": "a", "numbers": true}',
    ],
)
def test_a_damaged_description(tmp_path, about):
    (tmp_path / "about.json").write_bytes(about)
    for opened in (lambda: Shards(tmp_path), lambda: ShardWriter(tmp_path, WHOSE, 7)):
        with pytest.raises(ForensicsError, match="damaged"):
            opened()


def test_what_does_not_belong_together(tmp_path):
    ids, vectors = made(10)
    ShardWriter(tmp_path, WHOSE, 7).add(ids, vectors)
    for whose, numbers in (("b" * 64, 7), (WHOSE, 6)):
        with pytest.raises(ForensicsError, match="not of"):
            ShardWriter(tmp_path, whose, numbers)
    with pytest.raises(ValueError, match="got"):
        ShardWriter(tmp_path, WHOSE, 7).add(ids, vectors[:, :6])
    with pytest.raises(ForensicsError, match="not there"):
        Shards(tmp_path / "elsewhere")


def test_a_full_disk_loses_only_what_it_could_not_take(tmp_path, monkeypatch):
    ids, vectors = made(30)
    writer = ShardWriter(tmp_path, WHOSE, 7)
    writer.add(ids[:10], vectors[:10])
    real = embedding_shards._write

    def half(stream, data):
        real(stream, data[: len(data) // 2])
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(embedding_shards, "_write", half)
    with pytest.raises(ForensicsError, match="No space left"):
        writer.add(ids[10:20], vectors[10:20])
    assert len(Shards(tmp_path)) == 10
    monkeypatch.setattr(embedding_shards, "_write", real)
    writer.add(ids[10:], vectors[10:])  # there is space again
    writer.close()
    assert np.allclose(read(tmp_path, ids), vectors, atol=1e-3)


def test_a_folder_that_cannot_be_made(tmp_path):
    (tmp_path / "file").write_text("")
    ids, vectors = made(3)
    with pytest.raises(ForensicsError, match="cannot be written"):
        ShardWriter(tmp_path / "file" / "e", WHOSE, 7).add(ids, vectors)
