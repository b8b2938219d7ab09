"""The report on a real database: its numbers, its escaping, and that it needs nothing else."""

from __future__ import annotations

import base64
import csv
import hashlib
import io
import json
import re
import subprocess
from html.parser import HTMLParser
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import stock_keys
from media_forensics.detector.errors import Cancelled, ForensicsError
from media_forensics.operators.console import main
from media_forensics.operators.dataset import fields
from media_forensics.operators.report.export_report import run
from media_forensics.operators.report.tables import csv_text
from media_forensics.operators.report.thumbnails import thumbnail
from PIL import Image

pytestmark = pytest.mark.fiftyone


class Page(HTMLParser):
    """Tags with their attributes, and all text."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.text = ""
        self.open: list[str] = []
        self.feed(text)

    def handle_starttag(self, tag, attrs):
        self.tags.append((tag, dict(attrs)))
        if tag not in ("meta", "img", "br"):
            self.open.append(tag)

    def handle_startendtag(self, tag, attrs):
        self.tags.append((tag, dict(attrs)))

    def handle_endtag(self, tag):
        assert self.open.pop() == tag

    def handle_data(self, data):
        self.text += data + "\n"


def videos_of(table: dict, threshold: float) -> pd.DataFrame:
    frame = pd.DataFrame(table)
    found = frame.groupby("video_id").agg(
        p=("p_fake", "mean"), label=("label", "first"), faces=("label", "size")
    )
    found["wrong"] = np.where(found.label == "real", found.p >= threshold, found.p < threshold)
    return found


def test_numbers_files_and_hashes(faces_of, tmp_path):
    made = faces_of(1600)
    key = tmp_path / "me.key"
    key.write_text(stock_keys.SECRET)
    done = run(
        made.dataset, key="det", folder=str(tmp_path / "r"), threshold=0.4, sign_with=str(key)
    )
    folder = Path(done["folder"])
    assert main(["verify", str(folder), "--key", stock_keys.PUBLIC]) == 0
    want = videos_of(made.table, 0.4)
    data = json.loads((folder / "report.json").read_text())
    total = data["tables"][0]["total"]
    real = want[(want.label == "real") & want.p.notna()]
    assert (total["fpr"]["hits"], total["fpr"]["trials"]) == (real.wrong.sum(), len(real))
    assert data["threshold"]["source"] == "hand" and data["threshold"]["value"] == 0.4
    rows = list(csv.DictReader((folder / "videos.csv").open()))
    assert {r["video_id"] for r in rows} == set(want.index)
    for row in rows:
        score = want.p[row["video_id"]]
        assert float(row["p_fake"]) == pytest.approx(score, abs=1e-6)
        assert row["verdict"] == ("called fake" if score >= 0.4 else "called real")
        assert int(row["faces"]) == want.faces[row["video_id"]]
    for line in (folder / "SHA256SUMS").read_text().splitlines():
        digest, name = line.split("  ")
        assert hashlib.sha256((folder / name).read_bytes()).hexdigest() == digest
        assert done["files"][name] == digest
    page = Page((folder / "report.html").read_text())
    assert not page.open
    text = " ".join(page.text.split())
    assert f"{len(real)} real videos called fake" in text
    assert "By compression" in text and "By sharpness" in text
    rates = list(csv.DictReader((folder / "rates.csv").open()))
    assert float(rates[0]["fpr"]) == pytest.approx(total["fpr"]["rate"], abs=1e-6)
    assert len([r for r in rates if r["table"] == "By dataset and method"]) == 1 + 7


def test_the_page_needs_and_runs_nothing(faces_of, tmp_path):
    made = faces_of(400, seed=1)
    hostile = "<script>alert(1)</script>\"'><img src=x onerror=alert(2)>"
    ids = made.dataset.values("id")
    videos = made.dataset.values("video_id")
    target = [i for i, v in zip(ids, videos, strict=True) if v == videos[0]]
    made.dataset.set_values("method", dict.fromkeys(target, hostile), key_field="id")
    made.dataset.set_values("video_id", dict.fromkeys(target, hostile), key_field="id")
    done = run(
        made.dataset,
        key="det",
        folder=str(tmp_path / "r"),
        title="Case </title><script>x</script>",
        note="=1+1 & <b>bold</b>",
        threshold=0.0,
    )
    text = Path(done["html"]).read_text()
    page = Page(text)
    tags = {tag for tag, _ in page.tags}
    assert not tags & {"script", "link", "iframe", "object", "form", "a", "b"}
    for tag, attributes in page.tags:
        assert not [name for name in attributes if name.startswith("on")], (tag, attributes)
        for name in ("src", "href", "xlink:href", "srcset", "action"):
            assert (attributes.get(name) or "data:").startswith("data:")
    assert not re.search(r"url\(|@import|https?://", text)
    policy = dict(page.tags)["meta"]
    assert any("default-src 'none'" in str(a) for t, a in page.tags if t == "meta"), policy
    assert hostile in page.text  # shown as text
    assert "@media print" in text and "color-scheme: light" in text


def test_examples_are_the_worst_faces_and_can_be_blurred(faces_of, tmp_path):
    made = faces_of(320, seed=2)
    crops = {}
    rng = np.random.default_rng(0)
    for n, sample_id in enumerate(made.dataset.values("id")):
        path = tmp_path / f"{n}.png"
        if n < 300:  # the others are missing
            noise = rng.integers(0, 255, (64, 64, 3), np.uint8)
            Image.fromarray(noise).save(path)
        crops[sample_id] = str(path)
    made.dataset.set_values("filepath", crops, key_field="id")
    folder = tmp_path / "r"
    run(made.dataset, key="det", folder=str(folder), examples=5)
    shown = json.loads((folder / "report.json").read_text())["examples"]
    frame = pd.DataFrame(made.table)
    frame["path"] = [crops[i] for i in made.dataset.values("id")]
    wrong = frame[(frame.label == "real") & (frame.p_fake >= 0.5)]
    want = wrong.sort_values("p_fake", ascending=False).drop_duplicates("video_id").head(5)
    got = [e for e in shown if e["kind"] == "Reals called fake"]
    assert [e["p_fake"] for e in got] == list(want.p_fake)
    for example, path in zip(got, want.path, strict=True):
        there = Path(path).exists()
        digest = hashlib.sha256(Path(path).read_bytes()).hexdigest() if there else None
        assert example["crop_sha256"] == digest
        assert (example["no_picture"] == "missing_file") is not there

    def detail(blur: bool) -> float:
        uri = thumbnail(crops[made.dataset.first().id], "", blur).uri
        picture = Image.open(io.BytesIO(base64.b64decode(uri.split(",")[1])))
        return float(np.abs(np.diff(np.asarray(picture, float), axis=0)).mean())

    assert detail(True) < detail(False) / 10
    (tmp_path / "bad.png").write_bytes(b"no picture")
    assert thumbnail(tmp_path / "bad.png", "").reason == "unreadable_image"
    other = thumbnail(crops[made.dataset.first().id], "0" * 64)
    assert other.uri is None and other.reason == "changed_crop" and other.sha256 != "0" * 64


def test_a_case_without_labels_states_no_rate(faces_of, tmp_path):
    made = faces_of(160, seed=3)
    made.dataset.clear_sample_field("ground_truth")
    done = run(made.dataset, key="det", folder=str(tmp_path / "r"))
    text = Path(done["html"]).read_text()
    data = json.loads((tmp_path / "r" / "report.json").read_text())
    assert data["tables"][0]["total"]["fpr"] is None
    assert "Error rates</h2>" not in text and "states no error rate" in text
    assert {v["label"] for v in data["videos"]} == {""}
    assert {e["kind"] for e in data["examples"]} == {"Without a ground truth, highest scores"}


def test_files_without_faces_and_unscored_ones_stay(fiftyone_db, faces_of, tmp_path):
    fo = fiftyone_db
    made = faces_of(80, seed=4)
    names = sorted(set(made.table["video_id"]))
    clip = tmp_path / "clip.mp4"
    clip.write_bytes(b"bytes of a clip")
    videos = fo.Dataset()
    fields.declare_common_fields(videos)
    videos.add_samples(
        [
            fo.Sample(str(clip), video_id=names[0], ground_truth=fo.Classification(label="real")),
            fo.Sample(
                str(tmp_path / "gone.mp4"),
                video_id="alpha/original/nothing",
                source_dataset="alpha",
                method="original",
                reason="no_face",
                ground_truth=fo.Classification(label="real"),
            ),
        ],
        progress=False,
    )
    fields.set_description(videos, kind="videos", faces_dataset=made.dataset.name)
    fields.set_description(made.dataset, video_dataset=videos.name)
    done = run(videos, key="det", folder=str(tmp_path / "r"))
    rows = {r["video_id"]: r for r in csv.DictReader((tmp_path / "r" / "videos.csv").open())}
    assert set(rows) == {names[0], "alpha/original/nothing"}
    lost = rows["alpha/original/nothing"]
    assert (lost["verdict"], lost["reason"], lost["p_fake"]) == ("not scored", "no_face", "")
    assert lost["file_reason"] == "missing_file" and done["not_scored"] == 1
    assert rows[names[0]]["sha256"] == hashlib.sha256(b"bytes of a clip").hexdigest()
    text = Path(done["html"]).read_text()
    assert "not scored: no_face" in text and "1 could not be scored" in text
    fo.delete_dataset(videos.name)


def test_wrong_input_writes_nothing(faces_of, tmp_path):
    made = faces_of(80, seed=5)
    full = tmp_path / "full"
    full.mkdir()
    (full / "mine.txt").write_text("mine")
    for field, params in (
        ("key", {"key": "other"}),
        ("level", {"level": "frame"}),
        ("threshold", {"threshold": 1.5}),
        ("folder", {"folder": str(full)}),
        ("breakdowns", {"breakdowns": ["nothing"]}),
        ("examples", {"examples": -1}),
    ):
        with pytest.raises(ForensicsError) as caught:
            run(made.dataset, **({"key": "det", "folder": str(tmp_path / "r")} | params))
        assert caught.value.field == field
    with pytest.raises(Cancelled):
        run(made.dataset, key="det", folder=str(tmp_path / "r"), should_stop=lambda: True)
    assert sorted(p.name for p in tmp_path.iterdir()) == ["full"]
    assert (full / "mine.txt").read_text() == "mine"


def test_a_spreadsheet_runs_no_cell():
    text = csv_text(["a", "b"], [["=1+1", -0.5], ["@x", None], ["plain, quoted", 3]])
    assert list(csv.reader(io.StringIO(text))) == [
        ["a", "b"],
        ["'=1+1", "-0.500000"],
        ["'@x", ""],
        ["plain, quoted", "3"],
    ]


def test_written_numbers_say_where_the_threshold_is_from(faces_of, tmp_path):
    made = faces_of(1600, seed=6)
    run(made.dataset, key="det", folder=str(tmp_path / "r"), threshold_from="oracle_eer")
    data = json.loads((tmp_path / "r" / "report.json").read_text())
    assert not data["threshold"]["honest"]
    assert any("chosen on the very units that are judged" in text for text in data["limits"])
    subprocess.run(
        ["sha256sum", "--check", "--quiet", "SHA256SUMS"], cwd=tmp_path / "r", check=True
    )


def test_files_outside_the_allowed_folders_are_not_read(faces_of, tmp_path, monkeypatch):
    made = faces_of(80, seed=7)
    secret = tmp_path / "secret"
    secret.mkdir()
    Image.new("RGB", (32, 32), (200, 0, 0)).save(secret / "face.png")
    ids = made.dataset.values("id")
    made.dataset.set_values("filepath", [str(secret / "face.png")] * len(ids))
    made.dataset.set_values("video_path", [str(secret / "face.png")] * len(ids))
    monkeypatch.setenv("MEDIA_FORENSICS_ROOTS", str(tmp_path / "in"))
    done = run(made.dataset, key="det", folder=str(tmp_path / "in" / "r"))
    data = json.loads((tmp_path / "in" / "r" / "report.json").read_text())
    assert {v["sha256"] for v in data["videos"]} == {None}
    assert all("this server allows" in v["file_reason"] for v in data["videos"])
    assert data["examples"] and {e["crop_sha256"] for e in data["examples"]} == {None}
    assert "<img" not in Path(done["html"]).read_text()
