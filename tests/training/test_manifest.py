from __future__ import annotations

import hashlib
import json
import random
from dataclasses import replace

import pytest
from media_forensics.detector.errors import ForensicsError
from media_forensics.training.manifest import Manifest, ManifestRow
from PIL import Image


def row(video: str, label: int = 0, split: str = "train", frame: int = 0, **more) -> ManifestRow:
    settings = {"group_id": video, "recipe_hash": "r", "method": "m", **more}
    return ManifestRow(f"/crops/{video}/{frame}.png", label, video, frame, split=split, **settings)


def good() -> list[ManifestRow]:
    rows = [row(f"r{i}", 0, "train", f, group_id=f"g{i}") for i in range(3) for f in range(2)]
    rows += [
        row(f"f{i}", 1, "train", f, group_id=f"g{i}", pair_id=f"r{i}")
        for i in range(3)
        for f in range(2)
    ]
    rows += [row("rv", 0, "val", group_id="gv"), row("fv", 1, "val", group_id="gv", pair_id="rv")]
    return rows


def test_save_and_load(tmp_path):
    rows = good()
    rows[0] = replace(rows[0], crop_landmarks=((1.0, 2.5),) * 5, weight=2.5)
    manifest = Manifest(rows)
    path = tmp_path / "sub" / "manifest.jsonl"
    manifest.save(path)
    assert hashlib.sha256(path.read_bytes()).hexdigest() == manifest.sha256
    loaded = Manifest.load(path)
    assert loaded.rows == manifest.rows
    assert loaded.sha256 == manifest.sha256
    assert [p.name for p in path.parent.iterdir()] == ["manifest.jsonl"]


def test_the_order_of_the_rows_does_not_matter():
    rows = good()
    shuffled = rows[:]
    random.Random(1).shuffle(shuffled)
    assert Manifest(shuffled).sha256 == Manifest(rows).sha256
    assert Manifest(rows[1:]).sha256 != Manifest(rows).sha256
    changed = [replace(rows[0], weight=2.0), *rows[1:]]
    assert Manifest(changed).sha256 != Manifest(rows).sha256


def test_bad_files_name_the_line(tmp_path):
    path = tmp_path / "m.jsonl"
    Manifest(good()).save(path)
    lines = path.read_text().splitlines()
    for broken in ("{", json.dumps({**json.loads(lines[2]), "splitt": "train"}), "[]", "{}"):
        path.write_text("\n".join([*lines[:2], broken]))
        with pytest.raises(ForensicsError, match="Line 3"):
            Manifest.load(path)
    with pytest.raises(ForensicsError, match="no manifest"):
        Manifest.load(tmp_path / "none.jsonl")


def test_report():
    report = Manifest(good()).check(files=False)
    assert report.crops == {"train": {"real": 6, "fake": 6}, "val": {"real": 1, "fake": 1}}
    assert report.videos["train"] == {"real": 3, "fake": 3}
    assert report.groups == {"train": 3, "val": 1}
    assert report.paired_fakes == 1.0
    assert report.paired_videos == 1.0
    assert report.recipe_hash == "r"
    assert any("interval" in text for text in report.warnings)


def test_pairing_completeness_is_a_share():
    rows = [r for r in good() if r.video_id != "r0"]
    rows = [r for r in rows if not (r.video_id == "r1" and r.frame_number == 1)]
    report = Manifest(rows).check(files=False)
    assert report.paired_videos == pytest.approx(2 / 3)
    assert report.paired_fakes == pytest.approx(3 / 6)
    assert any("33%" in text for text in report.warnings)


def test_a_leak_stops_and_lists_the_groups():
    rows = [*good(), row("r9", 0, "val", group_id="g1"), row("f9", 1, "val", group_id="g2")]
    with pytest.raises(ForensicsError, match=r"2 groups .*: g1, g2") as caught:
        Manifest(rows).check(files=False)
    assert caught.value.field == "split"


def test_a_pair_across_the_splits_leaks_whatever_the_groups_say():
    rows = [*good(), row("f9", 1, "val", group_id="other", pair_id="r1")]
    with pytest.raises(ForensicsError, match="g1, other"):
        Manifest(rows).check(files=False)


def test_a_video_or_file_on_both_sides_leaks_without_group_ids():
    rows = [replace(r, group_id="") for r in good()]
    assert any("group_id" in w for w in Manifest(rows).check(files=False).warnings)
    both = [*rows, row("r0", 0, "val", frame=5, group_id="")]
    with pytest.raises(ForensicsError, match="1 groups"):
        Manifest(both).check(files=False)
    same = replace(row("x", 0, "val", group_id=""), crop="/crops/r0/0.png")
    with pytest.raises(ForensicsError, match="1 groups"):
        Manifest([*rows, same]).check(files=False)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda rows: [], "empty"),
        (lambda rows: [r for r in rows if r.label == 0], "no fake face"),
        (lambda rows: [r for r in rows if r.split == "train"], "no validation crops"),
        (lambda rows: [r for r in rows if r.video_id != "rv"], "validation crops hold no real"),
        (
            lambda rows: [r for r in rows if r.split == "val" or r.label or r.video_id == "r0"][1:],
            "1 real training crop is too few",
        ),
        (lambda rows: [replace(rows[0], split="test"), *rows[1:]], "split 'test'"),
        (lambda rows: [replace(rows[0], label=2), *rows[1:]], "label 2"),
        (lambda rows: [replace(rows[0], weight=-1.0), *rows[1:]], "weight -1"),
        (lambda rows: [replace(rows[0], weight=float("nan")), *rows[1:]], "weight nan"),
        (lambda rows: [replace(rows[0], recipe_hash="q"), *rows[1:]], "2 different recipes"),
        (lambda rows: [*rows, rows[0]], "listed twice"),
    ],
)
def test_what_is_refused(change, message):
    with pytest.raises(ForensicsError, match=message):
        Manifest(change(good())).check(files=False)


def test_missing_crops_and_large_batches(make_manifest):
    manifest = make_manifest()
    manifest.check(batch_size=24)
    with pytest.raises(ForensicsError, match="batch of 25 is larger than the 24") as caught:
        manifest.check(batch_size=25)
    assert caught.value.field == "batch_size"
    rows = [*manifest.rows[:-1], replace(manifest.rows[-1], crop="/nowhere/1.png")]
    with pytest.raises(ForensicsError, match=r"1 of 36 crops are not on disk: /nowhere/1\.png"):
        Manifest(rows).check()


def test_the_same_file_under_two_ids_is_a_leak():
    rows = good()
    rows[0] = replace(rows[0], source_sha256="aa")
    Manifest(rows).check(files=False)
    torn = [replace(r, source_sha256="aa") if r.split == "val" else r for r in rows]
    with pytest.raises(ForensicsError, match="have the same file"):
        Manifest(torn).check(files=False)


def test_the_same_crop_under_two_paths_is_a_leak(tmp_path):
    rows = []
    for i, one in enumerate(good()):
        path = tmp_path / f"{i}.png"
        Image.new("RGB", (64, 64), (i, 0, 0)).save(path)
        rows.append(replace(one, crop=str(path)))
    Manifest(rows).check()
    last = tmp_path / f"{len(rows) - 1}.png"
    last.write_bytes((tmp_path / "0.png").read_bytes())
    with pytest.raises(ForensicsError, match="have the same crop"):
        Manifest(rows).check()
    for broken in (tmp_path / "0.png", last):  # alike in being broken only
        broken.write_bytes(b"broken")
    Manifest(rows).check()


def test_a_row_without_a_known_file_is_written_as_before():
    assert "source_sha256" not in good()[0].to_json()
    named = replace(good()[0], source_sha256="aa")
    assert ManifestRow.from_json(named.to_json()) == named
