from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from media_forensics.detector.errors import ForensicsError
from media_forensics.detector.model.backbone import load_backbone
from media_forensics.training.batches.crop_cache import CropCache
from media_forensics.training.batches.data import (
    PixelLoader,
    TrainingCrops,
    plain_batches,
)
from PIL import Image


@pytest.fixture
def crops(make_manifest, tiny_config, tiny_tower):
    manifest = make_manifest(landmarks=True)
    preprocess = load_backbone(tiny_tower, "cpu").preprocess

    def make(**settings) -> TrainingCrops:
        return TrainingCrops(manifest.train, tiny_config(**settings), preprocess, CropCache(1.0))

    return make


def test_pictures_depend_on_epoch_and_row_only(crops):
    data = crops(self_blend_probability=0.5)
    one, two, later = data[(0, 3)], data[(0, 3)], data[(1, 3)]
    torch.testing.assert_close(one.pictures[0][0], two.pictures[0][0])
    assert (one.pictures[0][0] != later.pictures[0][0]).any()


@pytest.mark.parametrize("workers", [0, 2])
def test_workers_change_nothing(crops, workers):
    data = crops(self_blend_probability=0.5)
    batches = [[0, 5, 7, 2], [1, 3]]
    loader = PixelLoader(data, workers, pin=False)
    next(loader.batches(3, [[4], [5], [6], [7], [8], [9]]))  # left after the first one
    loaded = list(loader.batches(4, batches))
    assert len(loaded) == len(batches)
    for batch, wanted in zip(loaded, batches, strict=True):
        drawn = [data[(4, i)] for i in wanted]
        pixels = torch.stack([p for d in drawn for p, _ in d.pictures])
        torch.testing.assert_close(batch.pixels, pixels)
        assert batch.rows == tuple(d.row for d in drawn for _ in d.pictures)
        assert batch.labels.tolist() == [label for d in drawn for _, label in d.pictures]


def test_self_blends_come_with_their_real_and_only_from_reals(crops):
    data = crops(self_blend_probability=1.0, augmentation="none")
    labels = [row.label for row in data.rows]
    for index, label in enumerate(labels):
        drawn = data[(0, index)]
        assert [y for _, y in drawn.pictures] == ([0, 1] if label == 0 else [1])
    real, fake = (p for p, _ in data[(0, labels.index(0))].pictures)
    assert (real != fake).any()
    again = data[(1, labels.index(0))].pictures[1][0]
    assert (again != fake).any()  # fresh each epoch


def test_how_often_self_blends_come(crops):
    data = crops(self_blend_probability=0.3)
    index = next(i for i, row in enumerate(data.rows) if row.label == 0)
    share = np.mean([len(data[(epoch, index)].pictures) == 2 for epoch in range(300)])
    assert 0.2 < share < 0.4


def test_no_landmarks_no_self_blend(crops):
    data = crops(self_blend_probability=1.0)
    data.rows = tuple(replace(row, crop_landmarks=None) for row in data.rows)
    assert all(len(data[(0, i)].pictures) == 1 for i in range(len(data.rows)))


def test_unreadable_crops_are_left_out_with_their_reason(crops, tmp_path):
    data = crops()
    Path(data.rows[2].crop).write_bytes(b"not a picture")
    Path(data.rows[3].crop).write_bytes(b"")
    batch = next(PixelLoader(data, 0, pin=False).batches(0, [[1, 2, 3]]))
    assert batch.rows == (1,)
    assert [index for index, _ in batch.unreadable] == [2, 3]
    assert all(data.rows[i].crop in reason for i, reason in batch.unreadable)
    with pytest.raises(ForensicsError, match="No crop of a batch"):
        next(PixelLoader(data, 0, pin=False).batches(0, [[2, 3]]))


def test_plain_batches_are_the_preprocessed_crops_in_order(crops):
    data = crops()
    Path(data.rows[4].crop).write_bytes(b"broken")
    batches = list(plain_batches(data.rows, data.preprocess, data.cache, batch_size=5))
    assert [i for b in batches for i in b.rows] == [i for i in range(len(data.rows)) if i != 4]
    assert [i for b in batches for i, _ in b.unreadable] == [4]
    for batch in batches:
        for pixels, label, index in zip(batch.pixels, batch.labels, batch.rows, strict=True):
            image = Image.open(data.rows[index].crop)
            torch.testing.assert_close(pixels, data.preprocess.to_pixels(image))
            assert label == data.rows[index].label
