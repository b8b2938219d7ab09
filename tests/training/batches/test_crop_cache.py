"""Decoded crops are kept once for all processes, and never before they are whole."""

from __future__ import annotations

import os
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from media_forensics.detector.files.hashes import file_sha256
from media_forensics.training.batches import crop_cache
from media_forensics.training.batches.crop_cache import CropCache
from PIL import Image


def test_cache_holds_what_the_file_holds_up_to_its_limit(make_manifest):
    rows = make_manifest().train
    cache = CropCache(5 * 40 * 40 * 3 / 2**30)
    assert cache.fill(rows) == 5
    for row in rows:
        np.testing.assert_array_equal(cache.read(row), np.asarray(Image.open(row.crop)))
    assert CropCache(1.0).fill(rows) == len(rows)


def test_cached_crops_survive_their_files(make_manifest):
    rows = make_manifest().train
    cache = CropCache(1.0)
    cache.fill(rows)
    Path(rows[0].crop).unlink()
    assert cache.read(rows[0]).shape == (40, 40, 3)
    with pytest.raises(OSError, match="none"):
        cache.read(replace(rows[0], crop="/nowhere/none.png"))


def test_a_crop_that_extraction_did_not_write_is_not_learnt_from(make_manifest):
    row, other = make_manifest().train[:2]
    known = replace(row, crop_sha256=file_sha256(Path(row.crop)))
    assert CropCache(1.0).read(known).shape == (40, 40, 3)
    changed = replace(row, crop_sha256=file_sha256(Path(other.crop)))
    cache = CropCache(1.0)
    assert cache.fill([known, changed]) == 1
    with pytest.raises(OSError, match="changed_crop"):
        cache.read(changed)


@pytest.mark.skipif(not hasattr(os, "fork"), reason="spawned workers decode for themselves")
def test_what_a_worker_decodes_the_others_have(make_manifest):
    rows = make_manifest().train
    cache = CropCache(1.0)
    cache.reserve(rows)  # decodes nothing
    worker = os.fork()
    if not worker:
        cache.read(rows[1])
        os._exit(0)
    assert os.waitpid(worker, 0)[1] == 0
    wanted = np.asarray(Image.open(rows[1].crop))
    for row in rows[:2]:
        Path(row.crop).unlink()
    np.testing.assert_array_equal(cache.read(rows[1]), wanted)
    with pytest.raises(OSError, match="missing_file"):
        cache.read(rows[0])


def test_a_crop_that_is_being_written_is_decoded(make_manifest):
    row = make_manifest().train[0]
    cache = CropCache(1.0)
    assert cache.fill([row]) == 1
    wanted = cache.read(row).copy()
    cache._pixels[0, 7] ^= 1  # as if its other half were still to come
    np.testing.assert_array_equal(cache.read(row), wanted)
    np.testing.assert_array_equal(cache._kept(0), wanted)


def test_sizes_that_differ_and_memory_that_is_missing(make_manifest, monkeypatch):
    rows = make_manifest().train
    Image.new("RGB", (24, 30), (9, 8, 7)).save(rows[2].crop)
    Image.new("RGB", (90, 90)).save(rows[3].crop)
    monkeypatch.setattr(crop_cache, "_SAMPLE", 1)  # the largest is not among them
    cache = CropCache(1.0)
    assert cache.fill(rows) == len(rows) - 1
    assert cache.read(rows[2]).shape == (30, 24, 3) and cache.read(rows[3]).shape == (90, 90, 3)

    def full(*_):
        raise OSError(12, "Cannot allocate memory")

    monkeypatch.setattr(crop_cache.mmap, "mmap", full)
    cache = CropCache(1.0)
    assert cache.fill(rows) == 0 and cache.read(rows[0]).shape == (40, 40, 3)
