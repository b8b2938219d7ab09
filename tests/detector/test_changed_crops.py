"""A crop that was replaced or cut: seen when it is scored, made again by the next extraction."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import numpy as np
import pytest
from media_forensics.detector.crops import contact_sheet
from media_forensics.detector.crops.store import CropStore
from media_forensics.detector.records import CropRecipe, Reason, VideoRecord
from media_forensics.detector.runners.extract import extract_videos
from media_forensics.detector.runners.score_units import (
    read_score_list,
    units_of_store,
    write_score_list,
)
from media_forensics.detector.runners.score_videos import score_units
from media_forensics.detector.scoring.crop_files import read_crop
from media_forensics.detector.scoring.crop_scores import score_crops

pytestmark = pytest.mark.weights
RECIPE = CropRecipe(count=3, max_side=320)


@pytest.fixture
def made(footage, weights_dir, tmp_path):
    """A store with one video, its record, its result, and its folder."""
    record = VideoRecord(
        video_id="v/0", path=str(footage["single_face.mp4"]), label=0, source_dataset="v"
    )
    root = tmp_path / "crops"

    def extract():
        (result,) = extract_videos([record], RECIPE, root, device="cpu")
        return result

    result = extract()
    return root, record, result, extract


def store_of(root: Path) -> CropStore:
    recipe = json.loads(next(root.glob("*/recipe.json")).read_text())
    return CropStore(root, CropRecipe.from_json({**recipe, "count": 3}))


def damage(path: Path, how: str) -> None:
    data = path.read_bytes()
    if how == "replaced":
        other = sorted(p for p in path.parent.iterdir() if p != path)[0]
        shutil.copyfile(other, path)
    elif how == "cut":
        path.write_bytes(data[: len(data) // 2])
    elif how == "empty":
        path.write_bytes(b"")
    elif how == "one bit":
        path.write_bytes(data[:-20] + bytes([data[-20] ^ 1]) + data[-19:])
    else:
        path.unlink()


HOW = ["replaced", "cut", "empty", "one bit", "gone"]


@pytest.mark.parametrize("how", HOW)
def test_a_changed_crop_has_a_reason_and_is_made_again(how, made, tiny_detector):
    root, record, result, extract = made
    store = store_of(root)
    _, face = result.crops[1]
    path = store.folder / face.crop
    before = path.read_bytes()
    damage(path, how)
    (scored,) = score_units(tiny_detector, units_of_store([record], store), precision="fp32")
    wanted = {"gone": "missing_file", "empty": "empty_file"}.get(how, "changed_crop")
    assert scored.reasons == (None, wanted, None)
    assert np.isnan(scored.p_fake).tolist() == [False, True, False]
    again = extract()
    assert again == result and path.read_bytes() == before
    (scored,) = score_units(tiny_detector, units_of_store([record], store), precision="fp32")
    assert scored.reasons == (None, None, None)


@pytest.mark.parametrize("how", HOW)
def test_a_merge_does_not_copy_a_changed_crop(how, made, tmp_path):
    root, _, result, _ = made
    store = store_of(root)
    victim = result.crops[0][1].crop
    damage(store.folder / victim, how)
    target = CropStore(tmp_path / "all", store.recipe)
    assert target.merge(root) == 1
    assert not (target.folder / victim).exists()
    others = [face.crop for _, face in result.crops[1:]]
    assert all((target.folder / crop).is_file() for crop in others)


def test_a_contact_sheet_does_not_show_another_crop(made):
    root, _, result, _ = made
    folder = store_of(root).folder
    row, face = result.crops[1]
    (before,) = contact_sheet._crop_tiles(row, folder, 64)
    damage(folder / face.crop, "replaced")
    (after,) = contact_sheet._crop_tiles(row, folder, 64)
    assert np.median(after) == contact_sheet._DARK != np.median(before)


def test_the_hash_goes_into_lists_of_work_and_back(made, tmp_path):
    root, record, result, _ = made
    units = units_of_store([record], store_of(root))
    hashes = [face.sha256 for face in units[0].faces]
    assert hashes == [face.crop_sha256 for _, face in result.crops] and all(hashes)
    write_score_list(tmp_path / "faces.jsonl", units, "r")
    assert read_score_list(tmp_path / "faces.jsonl") == (units, "r")


def test_a_store_of_before_has_no_hashes_and_is_taken_as_it_is(made, tiny_detector):
    root, record, result, extract = made
    store = store_of(root)
    index = next(root.rglob("index/**/*+.json"))
    data = json.loads(index.read_text())
    for frame in data["faces"]["frames"]:
        for face in frame["faces"]:
            del face["crop_sha256"]
    index.write_text(json.dumps(data))
    loaded = store.load("v/0")
    assert loaded is not None and {face.crop_sha256 for _, face in loaded.crops} == {None}
    (scored,) = score_units(tiny_detector, units_of_store([record], store), precision="fp32")
    assert scored.reasons == (None, None, None)
    assert [face.crop for _, face in extract().crops] == [face.crop for _, face in result.crops]
    path = store.folder / result.crops[0][1].crop
    path.write_bytes(b"")  # what can be seen without a hash
    extract()
    assert path.stat().st_size > 0


def test_scores_do_not_depend_on_whether_the_hash_is_known(made, tiny_detector):
    root, _, result, _ = made
    paths = [str(store_of(root).folder / face.crop) for _, face in result.crops]
    hashes = [face.crop_sha256 for _, face in result.crops]
    plain = [b.p_fake for b in score_crops(tiny_detector, paths)]
    checked = [b.p_fake for b in score_crops(tiny_detector, paths, hashes=hashes)]
    assert np.array_equal(np.concatenate(plain), np.concatenate(checked))
    assert read_crop(paths[0], "0" * 64) is Reason.CHANGED_CROP
