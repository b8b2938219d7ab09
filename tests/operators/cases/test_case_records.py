"""What a case keeps when files move, are replaced, lose their crops or get another detector."""

from __future__ import annotations

import json
import os
import shutil
import time
from pathlib import Path

import every_screen
import pytest
from media_forensics.detector.audit import comparable
from media_forensics.detector.audit.columns import CONTENT
from media_forensics.detector.errors import ForensicsError
from media_forensics.detector.file_facts.file_reading import OUT_OF_SCOPE
from media_forensics.detector.progress import never, silent
from media_forensics.detector.records import CropRecipe
from media_forensics.operators.cases import case_records
from media_forensics.operators.dataset import face_columns, fields
from media_forensics.operators.inspection import comparable_material, look_alikes
from media_forensics.operators.report import pdf
from media_forensics.operators.report.limits import ALWAYS
from media_forensics.operators.report.texts import LIMITS, TEXTS
from PIL import Image

pytestmark = [pytest.mark.fiftyone, pytest.mark.weights]


@pytest.fixture(scope="module")
def case(fiftyone_db, operators, tiny_checkpoint, footage, weights_dir, tmp_path_factory):
    """A case of one picture, its folder, and a call that continues it."""
    folder = tmp_path_factory.mktemp("moving")
    shutil.copy(footage["single_face.jpg"], folder / "one.jpg")
    given = {
        "detector": tiny_checkpoint,
        "dataset": "moving <b>/ü",
        "crops_dir": str(tmp_path_factory.mktemp("crops")),
    }

    def go(*names: str, **more):
        paths = [str(folder / name) for name in names]
        return operators("analyze_file")(paths, **{**given, **more})

    go("one.jpg")
    dataset = fiftyone_db.load_dataset(given["dataset"])
    yield dataset, folder, go
    dataset.delete()


@pytest.fixture(scope="module")
def other_crops(tiny_checkpoint, tmp_path_factory):
    """Another detector, whose crops are larger."""
    import torch
    from media_forensics.detector.model.checkpoints import load_detector, save_detector

    other = load_detector(tiny_checkpoint, "cpu")
    torch.nn.init.normal_(other.head.weight, 0, 1.0)
    other.key_name = "other_crops"
    other.info["crop_recipe"] = CropRecipe(scale=1.6).to_json()
    return str(save_detector(other, tmp_path_factory.mktemp("other") / "two"))


def report(operators, dataset, folder, **more):
    key = fields.detector_keys(dataset)[0]
    operators("export_report")(dataset, key=key, folder=str(folder), **more)
    return json.loads((folder / "case.json").read_text())["files"]


def test_a_file_is_itself_wherever_it_lies(case, operators, other_crops, tmp_path):
    dataset, folder, go = case
    (first,) = dataset.values("id")
    (folder / "there").mkdir()
    shutil.copy(folder / "one.jpg", folder / "there" / "same.jpg")
    (folder / "one.jpg").rename(folder / "moved.jpg")
    assert go("moved.jpg", "there/same.jpg")["known"] == 2
    shutil.copy(folder / "moved.jpg", folder / "one.jpg")
    (folder / "moved.jpg").write_bytes(b"another file")

    (found,) = report(operators, dataset, tmp_path / "a")
    states = {Path(row["path"]).name: row["state"] for row in found["places"]}
    assert states == {"one.jpg": "there", "moved.jpg": "changed", "same.jpg": "there"}
    assert "there is another file now" in (tmp_path / "a" / "file-001.html").read_text()
    (found,) = report(operators, dataset, tmp_path / "b", hash_files=False)
    assert {row["state"] for row in found["places"]} == {"unread"}

    done = go("there/same.jpg", second=other_crops)  # its faces stand beside the first's
    assert done["known"] == 1 and len(dataset) == 2 and first in dataset.values("id")
    assert len(dataset.distinct("file")) == 1 and len(dataset.distinct("video_id")) == 1
    for key in fields.detector_keys(dataset):
        assert len(dataset.exists(fields.ScoreFields(key).p_fake)) == 1
    (found,) = report(operators, dataset, tmp_path / "c")
    assert len(found["findings"]) == 2

    paths = dataset.values("filepath")
    Path(paths[0]).unlink()
    before = [row["paths"] for row in case_records.all_of(dataset)]
    assert go("there/same.jpg")["known"] == 0, "its crop was deleted"
    assert Path(paths[0]).is_file() and dataset.values("filepath") == paths
    assert first in dataset.values("id"), "links of earlier reports lead to the same face"
    assert [sorted(row["paths"]) for row in case_records.all_of(dataset)] == [
        sorted(row) for row in before
    ]


def test_what_is_wrong_is_said(case, operators, tiny_checkpoint, tmp_path):
    dataset, folder, go = case
    with pytest.raises(ForensicsError, match="Both detectors are the same checkpoint"):
        go("one.jpg", second=tiny_checkpoint)
    if os.name == "posix":
        odd = os.fsencode(str(folder)) + b"/odd\xff.jpg"
        try:
            shutil.copy(folder / "one.jpg", odd)
        except OSError:
            odd = b""  # a file system of UTF-8 names only
        if odd:
            done = go(os.fsdecode(odd), "one.jpg")
            assert [Path(path).name for path, _ in done["failed"]] == ["odd\\xff.jpg"]
            json.dumps(done).encode()
    for address in ("javascript:alert(1)", "http://", "http://a b", "http://a/?x=1"):
        with pytest.raises(ForensicsError, match="is no address"):
            report(operators, dataset, tmp_path / "r", app=address)
    assert not (tmp_path / "r").exists()


def test_later_knowledge_reaches_known_files(case, faces_of, tmp_path):
    dataset, _, go = case
    sha256 = dataset.first()[fields.SOURCE_SHA256]
    made = faces_of(60)
    made.dataset.set_values(fields.SOURCE_SHA256, [sha256] + [f"{n:064x}" for n in range(59)])
    video = made.dataset.first()["video_id"]
    assert go("one.jpg")["known"] == 1
    (record,) = [row for row in case_records.all_of(dataset) if row["copies"]]
    assert record["copies"] == [f"{made.dataset.name}: {video} (the same bytes)"]


def test_what_a_file_cannot_be_compared_with_is_said(case, fiftyone_db, footage, tmp_path):
    dataset, _, go = case
    twin, torn = tmp_path / "twin.jpg", tmp_path / "torn.mp4"
    shutil.copy(footage["single_face.jpg"], twin)
    torn.write_bytes(bytes(100))
    other = fiftyone_db.Dataset("compared", persistent=False)
    try:
        other.add_samples(
            fiftyone_db.Sample(str(twin), video_id=file.stem, video_path=str(file))
            for file in (twin, torn)
        )
        done = go("one.jpg", compare_with=["compared"])
        assert "compared: 1 of 2 videos have no frame to compare" in done["text"]
        found = [row for row in case_records.all_of(dataset) if row["unread"]]
        assert found and set(found[0]["unread"]) == {"compared"}
        assert "compared: twin (1 of 1 frames, 0 of 64 bits apart)" in found[0]["copies"]

        shutil.copy(twin, torn)  # now it can be read, and under the other name is another picture
        shutil.copy(footage["multi_face.jpg"], twin)
        assert go("one.jpg", compare_with=["compared"])["known"] == 1
        assert not any(row["unread"] for row in case_records.all_of(dataset))
        compared = look_alikes.compared_with([other], silent, never)
        mine = tuple(int(value, 16) for value in found[0]["hashes"])
        assert [text.split(" (")[0] for text in compared.looks_of(mine)] == ["compared: torn"]
        assert compared.unread_for((), {}).keys() == {look_alikes.OWN}
    finally:
        other.delete()


def test_the_file_itself_is_no_material_for_its_rates(faces_of):
    made = faces_of(200)
    videos = made.dataset.values("video_id")
    mine = f"{7:064x}"
    hashes = [mine if video == videos[0] else f"{9:064x}" for video in videos]
    made.dataset.set_values(fields.SOURCE_SHA256, hashes)
    source = face_columns.source_of(made.dataset)
    columns = face_columns.columns_of(source, "det", repr(face_columns.state_token(source, "det")))
    units = comparable_material.at_level(columns, "video")
    assert CONTENT in units.texts
    everything = comparable.like(units, comparable.Like(None, None))
    rest = comparable.like(units, comparable.Like(None, None, sha256=mine))
    assert everything.sum() - rest.sum() == 1


def test_material_says_what_makes_it_less_comparable(faces_of):
    units = None
    recipe = CropRecipe(subject="all", count=8)
    one = comparable_material.Material("d", "k", units, CropRecipe(), "mean", True)
    assert one.cautions(recipe, "mean") == "", "which faces are taken changes no crop"
    other = comparable_material.Material("d", "k", units, CropRecipe(scale=2.0), "max", False)
    for words in ("not known here", "another recipe", "by the rule max, this file's by mean"):
        assert words in other.cautions(recipe, "mean")


def test_every_language_has_all_texts():
    assert all(texts.keys() == TEXTS["en"].keys() for texts in TEXTS.values())
    for language in TEXTS.keys() - {"en"}:
        assert len(LIMITS[language]) == len((*OUT_OF_SCOPE, *ALWAYS))


@pytest.mark.skipif(os.name != "posix", reason="the browser is a shell script here")
def test_a_browser_that_hangs_is_ended_with_all_it_started(tmp_path, monkeypatch):
    browser = tmp_path / "chromium"
    browser.write_text(f"#!/bin/sh\nsleep 60 &\necho $! > {tmp_path}/child\nwait\n")
    browser.chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}:/bin:/usr/bin")
    monkeypatch.setattr(pdf, "_SECONDS", 0.5)
    with pytest.raises(ForensicsError, match="did not end within"):
        pdf.pdf_of("<p>")
    child = int((tmp_path / "child").read_text())
    state = Path(f"/proc/{child}/status")
    while state.exists() and "State:\tZ" not in state.read_text():
        time.sleep(0.05)  # a killed process needs a processor to end


def test_a_case_without_any_face_has_a_report_from_the_app_too(
    case, operators, fiftyone_db, tmp_path
):
    _, _, go = case
    Image.new("RGB", (64, 64)).save(tmp_path / "black.png")
    go(str(tmp_path / "black.png"), dataset="faceless")
    empty = fiftyone_db.load_dataset("faceless")
    try:
        op = operators("export_report")
        shown = every_screen.form_of(op, empty, {"language": "de"})
        assert "pdf" in str(shown) and "no_scores" not in str(shown)
        operators("export_report")(empty, folder=str(tmp_path / "r"))
        assert (tmp_path / "r" / "case.html").is_file()
        assert not (tmp_path / "r" / "report.html").exists()
    finally:
        empty.delete()
    dataset, _, _ = case
    with pytest.raises(ForensicsError, match="No detector '' has scored"):
        operators("export_report")(dataset, folder=str(tmp_path / "n"))
