"""A case: its files, known ones, a second detector, records, a rename, and its report to a PDF."""

from __future__ import annotations

import json
import re
import shutil
from html.parser import HTMLParser
from pathlib import Path

import every_screen
import numpy as np
import pytest
import stock_keys
from media_forensics.detector.audit import comparable
from media_forensics.detector.errors import ForensicsError
from media_forensics.operators.cases import case_records
from media_forensics.operators.console import main
from media_forensics.operators.dataset import fields, stored_runs
from media_forensics.operators.inspection import comparable_material
from media_forensics.operators.report import pdf
from PIL import Image

pytestmark = [pytest.mark.fiftyone, pytest.mark.weights]
NAME = "analyses of a <b>case"
BAD = "<b>bad<i>.mp4"


@pytest.fixture(scope="module")
def files(footage, tmp_path_factory) -> Path:
    """A folder of a clip and a picture of real people, and a file that is no video."""
    folder = tmp_path_factory.mktemp("case")
    for name in ("single_face.mp4", "single_face.jpg"):
        shutil.copy(footage[name], folder / name)
    (folder / BAD).write_bytes(b"\0\0\0\x18ftypisom" + bytes(range(256)) * 8)
    return folder


@pytest.fixture(scope="module")
def analyses(fiftyone_db, operators, tiny_checkpoint, files, weights_dir, tmp_path_factory):
    """The folder analyzed into a case, and then each of its files once more."""
    given = {
        "detector": tiny_checkpoint,
        "count": 6,
        "dataset": NAME,
        "crops_dir": str(tmp_path_factory.mktemp("crops")),
    }
    named = [str(files / name) for name in ("single_face.jpg", "single_face.mp4")]
    found = [operators("analyze_file")(path, **given) for path in (str(files), named)]
    dataset = fiftyone_db.load_dataset(NAME)
    yield dataset, found, given
    dataset.reload()
    dataset.delete()


def test_known_files_are_listed_and_not_computed_again(analyses):
    dataset, (first, again), _ = analyses
    assert (first["known"], again["known"]) == (0, 2) and again["failed"] == []
    assert "were in the case already" in again["text"]
    assert [Path(one["path"]).name for one in first["files"]] == [
        BAD, "single_face.jpg", "single_face.mp4",
    ]  # fmt: skip
    assert first["files"][0]["headline"] == "no verdict"
    assert again["files"][1]["score"] == first["files"][2]["score"]
    records = case_records.all_of(dataset)
    assert len(records) == 3
    assert any(row["group"] == "encoder" for row in records[2]["facts"])
    assert "Case" in dataset.list_workspaces()
    persons = first["files"][2]["persons"]
    assert all(person["verdict"] for person in persons)
    assert len(first["files"][2]["comparable"]) == len(persons)
    assert "none comparable is audited here" in first["files"][2]["comparable"][0]


def test_scores_stand_under_a_key_with_their_provenance(analyses, tiny_checkpoint):
    dataset, found, _ = analyses
    (key,) = fields.detector_keys(dataset)
    names = fields.ScoreFields(key)
    config = fields.scores_config(dataset, key)
    first = found[0]["files"][2]
    assert config.checkpoint_sha256 == first["detector_sha256"]
    assert config.detector == tiny_checkpoint
    assert dataset.values(names.p_fake) == pytest.approx(dataset.values("p_fake"), abs=1e-6)
    assert all(vector is not None for vector in dataset.values(names.embedding))
    assert dataset.distinct("ground_truth.label") == []
    one = dataset.match({"file_path": first["path"]})
    assert len(one) == 6, "analyzed twice, kept once"
    assert one.distinct(names.video_p_fake) == pytest.approx([first["score"]], abs=1e-6)


def test_every_screen_opens_on_it(analyses, client):
    dataset, *_ = analyses
    (key,) = fields.detector_keys(dataset)
    shown = every_screen.open_all(dataset, client, ({}, {"key": key}))
    assert shown["hypersphere"]["state"].get("empty") is None
    from media_forensics.operators.panels.timeline.timeline import TimelinePanel

    panel = client(TimelinePanel(), dataset)
    panel.selected = [dataset.first().id]
    panel.send("on_load")
    assert panel.state["empty"] is None and panel.data["plot"]


def test_report_heatmaps_and_words_on_it(analyses, operators, tmp_path):
    dataset, *_ = analyses
    (key,) = fields.detector_keys(dataset)
    operators("export_report")(dataset, key=key, folder=str(tmp_path / "r"))
    assert "states no error rate" in (tmp_path / "r" / "report.html").read_text()
    done = operators("explain_faces")(dataset, key=key, limit=2, device="cpu")
    assert done["explained"] == 2
    with pytest.raises(ForensicsError, match="Nothing here has a ground truth"):
        operators("evaluate_detector")(dataset, key=key)


class Page(HTMLParser):
    """Tags, addresses and ids of a page, and its text."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.tags, self.links, self.ids = set(), [], set()
        self.text = ""
        self.feed(text)

    def handle_starttag(self, tag, attrs):
        self.tags.add(tag)
        given = dict(attrs)
        self.links += [given["href"]] if "href" in given else []
        self.ids |= {given["id"]} if "id" in given else set()
        assert not [name for name in given if name.startswith("on")]

    def handle_data(self, data):
        self.text += data


def test_the_report_has_a_page_for_each_file_links_definitions_and_a_seal(
    analyses, operators, files, tmp_path, monkeypatch
):
    dataset, *_ = analyses
    (key,) = fields.detector_keys(dataset)
    (tmp_path / "me.key").write_text(stock_keys.SECRET)
    report = tmp_path / "case"
    moved = files / "single_face.jpg"
    moved.rename(files / "renamed.jpg")
    try:
        done = operators("export_report")(
            dataset,
            key=key,
            folder=str(report),
            organisation="Lab <i>x</i>",
            language="de",
            app="http://forensics:5151",
            pdf=pdf.engine() is not None,
            sign_with=str(tmp_path / "me.key"),
        )
    finally:
        (files / "renamed.jpg").rename(moved)
    assert main(["verify", str(report), "--key", stock_keys.PUBLIC]) == 0
    assert done["html"].endswith("case.html")
    if pdf.engine() is not None:
        assert (report / "case.pdf").read_bytes().startswith(b"%PDF")
    pages = {path.name: Page(path.read_text()) for path in report.glob("*.html")}
    numbers = {f"file-{n:03}.html" for n in (1, 2, 3)}
    assert set(pages) == {"case.html", "report.html", *numbers}
    ids = set(dataset.values("id"))
    linked = set()
    for name, page in pages.items():
        assert not page.tags & {"script", "iframe", "i", "form", "link"}, name
        for address in page.links:
            if address.startswith("#"):
                assert address[1:] in page.ids, (name, address)
            elif address.startswith("http"):
                place, sample = address.split("?id=")
                assert place.endswith("/datasets/analyses%20of%20a%20%3Cb%3Ecase")
                linked.add(sample)
            else:
                assert (report / address).is_file(), address
    assert linked and linked <= ids
    overview = pages["case.html"]
    assert "Für Lab <i>x</i>" in overview.text and BAD in overview.text
    assert "Fehlerraten" in overview.text and "Ton wird nicht untersucht" in overview.text
    clip = pages["file-003.html"]
    assert "key frames" in clip.text and "Person" in clip.text and "svg" in clip.tags
    assert "keine Datei mehr" in pages["file-002.html"].text
    found = json.loads((report / "case.json").read_text())
    assert [len(row["findings"]) for row in found["files"]] == [1, 1, 1]
    with pytest.raises(ForensicsError, match="no texts in the language 'xx'"):
        operators("export_report")(dataset, key=key, folder=str(tmp_path / "n"), language="xx")
    monkeypatch.setattr(pdf.shutil, "which", lambda name: None)
    with pytest.raises(ForensicsError, match="A PDF needs Chromium"):
        operators("export_report")(dataset, key=key, folder=str(tmp_path / "n"), pdf=True)
    assert not (tmp_path / "n").exists()


def test_rates_come_from_audited_material_that_is_like_the_person(analyses, faces_of):
    _, (first, _), _ = analyses
    made = faces_of(1600)
    for name, values in (("eye_distance", np.arange(1600) % 60 + 20.0), ("sharpness", None)):
        values = np.linspace(5, 200, 1600) if values is None else values
        made.dataset.set_values(name, values.tolist())
    sha256 = first["files"][2]["detector_sha256"]
    stored_runs.put(
        made.dataset, "scores_det", method=fields.SCORES_METHOD, checkpoint_sha256=sha256,
        detector="x", rule="mean", recipe_hash="other",
    )  # fmt: skip
    try:
        (material,) = comparable_material.audited(sha256).material
        assert material.dataset == made.dataset.name
        units = material.units
        eyes, sharp = (units.numbers[name] for name in comparable.MEASURES)
        texts = units.texts["compression"].texts()
        named = max(set(texts.tolist()), key=texts.tolist().count)
        wanted = comparable.Like(float(np.nanmedian(eyes)), float(np.nanmedian(sharp)), named)
        chosen = comparable.like(units, wanted) & units.scored
        want = (
            (eyes >= wanted.eye_distance / 1.5) & (eyes <= wanted.eye_distance * 1.5)
            & (sharp >= wanted.sharpness / 2) & (sharp <= wanted.sharpness * 2)
            & (texts == named) & units.scored
        )  # fmt: skip
        assert chosen.any() and (chosen == want).all() and not chosen.all()
        row = comparable.rates(units, wanted, 0.4)
        real = chosen & (units.label == 0)
        assert (row.fpr.hits, row.fpr.trials) == (
            int((units.p_fake[real] >= 0.4).sum()),
            real.sum(),
        )
        assert re.match(
            r"[\d,]+ of [\d,]+ real videos called fake: ", comparable.words(row, "video")
        )
        assert comparable.rates(units, comparable.Like(1e6, None), 0.4) is None
        assert comparable.rates(units, comparable.Like(None, None, "c99"), 0.4) is None
    finally:
        stored_runs.drop(made.dataset, "scores_det")


def test_a_second_detector_scores_the_same_faces_and_a_rename_loses_nothing(
    analyses, operators, files, tiny_checkpoint, tmp_path, fiftyone_db
):
    import torch
    from media_forensics.detector.model.checkpoints import load_detector, save_detector

    dataset, _, given = analyses
    other = load_detector(tiny_checkpoint, "cpu")
    torch.nn.init.normal_(other.head.weight, 0, 1.0)
    other.key_name = "tiny_two"
    second = str(save_detector(other, tmp_path / "two"))
    before = len(dataset)
    renamed = "renamed case"
    copy = tmp_path / "copy.jpg"
    Image.open(files / "single_face.jpg").save(copy, quality=60)

    def rename(done: int, total: int, text: str) -> None:
        if text == "files" and dataset.name == NAME:
            fiftyone_db.load_dataset(NAME).name = renamed

    named = [str(files / "single_face.mp4"), str(files / "single_face.jpg"), str(copy)]
    done = operators("analyze_file")(named, second=second, progress=rename, **given)
    dataset.reload()
    assert dataset.name == renamed == done["dataset"] and not fiftyone_db.dataset_exists(NAME)
    assert done["known"] == 2 and len(done["files"]) == 6
    keys = fields.detector_keys(dataset)
    assert len(keys) == 2 and len(dataset) == before + len(dataset.match({"file_path": str(copy)}))
    for key in keys:
        assert None not in dataset.values(fields.ScoreFields(key).p_fake)
    (one, two) = (row["score"] for row in done["files"][:2])
    assert one != two
    operators("export_report")(dataset, key=keys[0], folder=str(tmp_path / "r"))
    found = json.loads((tmp_path / "r" / "case.json").read_text())["files"]
    assert [len(row["findings"]) for row in found] == [1, 2, 2, 2]
    assert [[n for n, _ in row["near"]] for row in found if row["near"]] == [[4], [2]] or any(
        4 in [n for n, _ in row["near"]] for row in found
    )
