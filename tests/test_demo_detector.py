"""``make demo-detector``: its settings are the record's, and its first steps give the same bits."""

from __future__ import annotations

import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from media_forensics.detector.model.backbone import _block
from media_forensics.detector.model.checkpoints import read_record
from media_forensics.detector.records import VideoRecord
from media_forensics.detector.weights.known_detectors import find_detector
from media_forensics.detector.weights.offline_assets import fetch_footage
from media_forensics.operators.demo.collection import build_collection
from media_forensics.operators.demo.collection_plan import SPLIT_OF

SCRIPTS = str(Path(__file__).resolve().parents[1] / "scripts")
CLIPS = (12, 14, 24, 124)  # three training people, and one for validation (24)


@pytest.fixture(scope="module")
def scripts():
    sys.path.insert(0, SCRIPTS)
    try:
        import demo_detector
        import demo_head
        import demo_material
    finally:
        sys.path.remove(SCRIPTS)
    return demo_detector, demo_material, demo_head


def test_no_held_out_person_is_in_the_material(scripts):
    _, material, _ = scripts
    plans = material.plans()
    people = {clip.person for plan in plans for clip in plan.clips}
    assert people == {name for name, split in SPLIT_OF.items() if split != "test"}
    numbers = [number for plan in plans for number in plan.numbers]
    assert len(numbers) == len(set(numbers))  # no camera path twice
    records = material.material_records(Path("somewhere"), plans)
    assert len({record.video_id for record in records}) == len(records)
    fakes = [record for record in records if record.label == 1]
    assert len(fakes) == 4 * (len(records) - len(fakes))
    assert {record.pair_id for record in fakes} == {r.video_id for r in records if r.label == 0}


def test_the_record_has_the_settings_of_the_script(scripts):
    detector, _, head = scripts
    record = read_record(find_detector(detector.KEY))
    assert record["training"]["config"] == head.CONFIG.to_json()
    assert record["training"]["skipped_blocks"] == head.SKIPPED
    assert record["made"]["seed"] == head.CONFIG.seed


@pytest.mark.weights
def test_the_blocks_that_are_off_pass_the_class_token_on(scripts, weights_dir):
    _, _, head = scripts
    detector = head.untrained("demo")
    visual = detector.backbone.visual
    block = visual.transformer.resblocks[-head.SKIPPED - 1]
    tokens = torch.randn(3, 257, 384, generator=torch.Generator().manual_seed(0))
    with torch.no_grad():
        read = _block(block, tokens, False)
        after = read
        for later in visual.transformer.resblocks[-head.SKIPPED :]:
            after = _block(later, after, False)
    step = after - read
    assert torch.allclose(step, step[:1, :1].expand_as(step), atol=1e-5)  # the same for all
    assert not torch.allclose(read[0], read[1])


@pytest.mark.weights
def test_the_first_steps_give_the_same_bits(scripts, weights_dir, footage, tmp_path, capsys):
    detector, material, head = scripts
    plans = material.plans(CLIPS, takes=1)[:1]
    portrait = fetch_footage(keys=[clip.footage for clip in plans[0].clips if clip.number == 124])
    build_collection(tmp_path / "clips", plans=plans, footage={**footage, **portrait})
    records = material.material_records(tmp_path / "clips", plans)
    assert len(records) == 20 and {r.split for r in records} == {"train", "val"}
    faces = material.Faces(tmp_path / "crops", 2)
    assert faces.extract(records) == 0
    manifest = faces.manifest(records)
    config = replace(head.CONFIG, folds=3)
    first = head.train(manifest, faces, tmp_path / "a", "demo", config)
    assert len(first) == head.FIRST_STEPS and first == head.repeated(manifest, "demo")
    losses = [step["loss"] for step in first]
    assert losses == sorted(losses, reverse=True)
    assert read_record(tmp_path / "a")["training"]["out_of_fold"]["n_real"] == 3
    assert detector.check(first, faces.material_sha256(manifest)) == 1  # of other material
    assert "other bits; made with" in capsys.readouterr().out


def test_figures_and_threshold_come_from_the_videos(scripts):
    detector, _, _ = scripts
    records = [
        VideoRecord(
            f"{person}/{kind}",
            "",
            int(kind != "none"),
            "set",
            group_id=f"person {person}",
            attributes={"manipulation": "swap" * (kind != "none") or "none", "setting": kind},
        )
        for person in range(6)
        for kind in ("none", "visible", "subtle")
    ]
    score = {"none": 0.4, "visible": 0.9, "subtle": 0.3}
    p_fake = np.array([score[record.attributes["setting"]] for record in records])
    found = detector.figures(records, p_fake, np.log(p_fake / (1 - p_fake)), 0.5)
    assert found["visible"]["auroc"]["value"] == 1 and found["subtle"]["auroc"]["value"] == 0
    assert found["swap, visible"]["n_fake"] == 6 and found["all"]["groups"] == 6
    assert found["all"]["fpr"]["value"] == 0 and found["all"]["fnr"]["value"] == 0.5
    assert "swap, subtle" in detector.lines(found)
