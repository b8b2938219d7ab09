"""Scenes of two people: a real shows whom its fakes manipulate, whatever runs in which order."""

from __future__ import annotations

import json
from dataclasses import replace

import numpy as np
import pytest
from loop_scenes import beside, changed, clip
from media_forensics.detector.crops.store import CropStore
from media_forensics.detector.records import CropRecipe, VideoRecord
from media_forensics.detector.runners.extract import extract_videos, in_order
from media_forensics.detector.runners.leading import paired_first
from media_forensics.detector.runners.store_merge import merge_stores

COUNT, HEIGHT = 16, 288
RECIPE = CropRecipe(count=6, size=128, score_threshold=0.8)
pytestmark = pytest.mark.weights


@pytest.fixture(scope="module")
def scene(clips, footage, tmp_path_factory, weights_dir) -> dict[str, VideoRecord]:
    """Two real clips side by side, the left person larger, and fakes of either by name."""
    folder = tmp_path_factory.mktemp("scene")
    left = clip(footage["WolfgangLanger_Pexels.mp4"], 0, HEIGHT, COUNT)
    right = clip(footage["carphone_pristine.mp4"], 0, HEIGHT * 3 // 4, COUNT)
    pictures = [beside(a, b) for a, b in zip(left, right, strict=True)]
    middle = left[0].shape[1]
    make = {"real": pictures}
    for name, side in (("left", slice(0, middle)), ("right", slice(middle, None))):
        make[name] = [changed(picture, side) for picture in pictures]
        mask = np.zeros_like(pictures[0])
        mask[:, side] = 255
        make[f"mask_{name}"] = [mask] * COUNT
    paths = {
        name: clips.make(folder / f"{name}.mp4", COUNT, pictures=shown, options={"crf": "12"})
        for name, shown in make.items()
    }
    alone = clips.make(folder / "alone.mp4", COUNT, pictures=left, options={"crf": "12"})

    def fake(name: str, mask: str | None) -> VideoRecord:
        masks = None if mask is None else str(paths[mask])
        return VideoRecord(
            f"s/{name}_{mask}", str(paths[name]), 1, "s", pair_id="s/real", mask_path=masks
        )

    return {
        "real": VideoRecord("s/real", str(paths["real"]), 0, "s"),
        "left": fake("left", "mask_left"),
        "right": fake("right", "mask_right"),
        "unknown": fake("right", None),
        "alone": VideoRecord("t/real", str(alone), 0, "t"),
        "fake_alone": VideoRecord("t/fake", str(alone), 1, "t", pair_id="t/real"),
    }


def run(records, root, recipe=RECIPE, **options) -> dict:
    found = extract_videos(list(records), recipe, root, device="cpu", **options)
    return {result.video_id: result for result in found}


def sides(result) -> set[str]:
    """On which side of the picture the crops of a video were cut."""
    middle = result.width * 0.6  # the left clip is much wider
    return {"left" if sum(f.box[::2]) / 2 < middle else "right" for _, f in result.crops}


def why(result) -> set[str]:
    return {face.chosen_by for _, face in result.crops}


@pytest.mark.parametrize("policy", ["auto", "pair", "mask"])
@pytest.mark.parametrize("side", ["left", "right"])
def test_the_real_shows_the_masked_person_of_its_fake(scene, tmp_path, side, policy):
    recipe = replace(RECIPE, subject=policy)
    found = run([scene["real"], scene[side]], tmp_path, recipe)
    fake, real = found[scene[side].video_id], found["s/real"]
    assert sides(fake) == sides(real) == {side}
    assert why(fake) == {"mask"} and why(real) == {"fakes"}
    assert {f.index for f, _ in real.crops} == {f.index for f, _ in fake.crops}


def test_fakes_of_different_people_give_rows_for_each(scene, tmp_path):
    found = run([scene["left"], scene["real"], scene["right"]], tmp_path)
    real = found["s/real"]
    assert sides(real) == {"left", "right"} and len({f.track for _, f in real.crops}) == 2
    for side in ("left", "right"):
        mine = [f for _, f in real.crops if f.shown_for == (scene[side].video_id,)]
        assert len(mine) == RECIPE.count
        assert sides(replace(real, frames=_only(real, mine))) == {side}


def _only(real, faces) -> tuple:
    return tuple(
        replace(frame, faces=tuple(f for f in frame.faces if f in faces)) for frame in real.frames
    )


def test_without_a_mask_several_people_are_ambiguous_and_one_is_not(scene, tmp_path):
    found = run([scene[n] for n in ("real", "unknown", "alone", "fake_alone")], tmp_path)
    fake, real = found[scene["unknown"].video_id], found["s/real"]
    assert sides(fake) == sides(real) == {"left"}  # the same person, whoever was manipulated
    assert why(fake) == {"largest"} and why(real) == {"ambiguous"}
    assert why(found["t/fake"]) == {"only"} and why(found["t/real"]) == {"fakes"}


def test_a_real_without_fakes_shows_the_largest_person(scene, tmp_path):
    real = run([scene["real"]], tmp_path)["s/real"]
    assert sides(real) == {"left"} and why(real) == {"largest"} and real.leads == ()


def test_pair_follows_the_person_that_a_masked_fake_has_named(scene, tmp_path):
    recipe = replace(RECIPE, subject="pair")
    found = run([scene["unknown"], scene["real"], scene["right"]], tmp_path, recipe)
    assert [sides(result) for result in found.values()] == [{"right"}] * 3
    assert found[scene["unknown"].video_id].policy == "pair"


def choices(found: dict) -> dict:
    """What was chosen, without the numbers that another number of threads may round otherwise."""
    return {
        name: [
            (f.index, face.face_index, face.track, face.chosen_by, face.shown_for)
            for f, face in result.crops
        ]
        for name, result in found.items()
    }


def test_order_pool_shards_and_merge_change_nothing(scene, tmp_path):
    records = [scene[n] for n in ("real", "right", "left", "unknown", "alone", "fake_alone")]
    want = run(records, tmp_path / "a")
    assert run(records[::-1], tmp_path / "b") == want
    assert choices(run(records, tmp_path / "pool", workers=1)) == choices(want)
    shards = [tmp_path / f"shard{n}" for n in range(2)]
    parts = [run(records, folder, shard=(n, 2)) for n, folder in enumerate(shards)]
    assert {**parts[0], **parts[1]} == want
    merged = tmp_path / "merged"
    merge_stores(merged, [str(folder) for folder in shards])
    stored = json.loads((merged / want["s/real"].recipe_hash / "recipe.json").read_text())
    recipe = replace(RECIPE, detector_sha256=stored["detector_sha256"])
    store = CropStore(merged, recipe)
    assert {name: store.load(name) for name in want} == want


def test_a_fake_that_comes_later_brings_its_person(scene, tmp_path):
    first = run([scene["real"], scene["left"]], tmp_path)["s/real"]
    later = run([scene["real"], scene["right"]], tmp_path)["s/real"]
    at_once = run([scene[n] for n in ("real", "left", "right")], tmp_path / "fresh")["s/real"]
    assert sides(first) == {"left"} and later == at_once
    again = run([scene["real"]], tmp_path)["s/real"]  # alone: what its fakes have said stays
    assert again == at_once


def test_who_leads_comes_first(scene):
    records = [scene[n] for n in ("real", "unknown", "right", "alone")]
    order = [r.video_id for r in in_order(records, RECIPE)]
    assert order.index("s/real") > max(order.index(scene[n].video_id) for n in ("unknown", "right"))
    pair = replace(RECIPE, subject="pair")
    parts = paired_first(records, records, pair)
    assert [[task.record.video_id for task in part] for part in parts] == [
        [scene["right"].video_id],
        ["s/real"],
        [scene["unknown"].video_id, "t/real"],
    ]
    (follower, _) = parts[2]
    assert follower.real == scene["real"] and follower.fakes == (scene["right"],)
