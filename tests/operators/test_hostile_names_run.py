"""Every operator does its work on real data whose names are an attack; nothing it gives is live."""

from __future__ import annotations

import csv
import shutil
import sys
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import yaml
from media_forensics.detector.errors import ForensicsError
from media_forensics.operators.app.markup import disarmed
from media_forensics.operators.scoring import score_writer
from test_hostile_names_shown import EVIL, FORMULA, NAME, live, markdown_of

ROOT = Path(__file__).resolve().parents[2]
sys.path.append(str(ROOT / "tests" / "robustness"))
import killed_catalogue  # noqa: E402

pytestmark = [pytest.mark.fiftyone, pytest.mark.weights]
#: As a file may be called.
FILE = f"![x](www.{EVIL})<img src=x onerror=alert(1)>=|\x1b]0;t\x07"
#: Operators that are not run here, and why.
WITHOUT = {
    "create_demo": "its names are its own",
    "auroc": "a number",
    "eer": "a number",
}
#: Steps that take away what others need: confirmed labels, the embeddings of ``k``.
LAST = ("review_faces undo", "import_scores")
NAMES = ("video_id", "group_id", "pair_id", "source_dataset", "compression", "method")


def rename(dataset: Any) -> None:
    """Give everything of ``dataset`` that a source names a hostile name, the same everywhere."""
    for field in set(NAMES) & set(dataset.get_field_schema()):
        values = dataset.values(field)
        evil = FORMULA if field == "method" else NAME
        dataset.set_values(field, [v and (v if v == "original" else f"{evil} {v}") for v in values])


def faces(stage: Any) -> None:
    """The stage of faces, under hostile names; their files too."""
    killed_catalogue.faces(stage)
    dataset = killed_catalogue.load("faces")
    rename(dataset)
    paths = dataset.values("filepath")
    moved = [str(Path(path).with_name(f"{FILE} {Path(path).name}")) for path in paths]
    for path, new in zip(paths, moved, strict=True):
        Path(path).rename(new)
    dataset.set_values("filepath", moved)
    dataset.tag_samples(FILE)
    for own in map(killed_catalogue.load, ("mine", "sides")):
        own = own.select_group_slices() if own.media_type == "group" else own
        for field in ("clip", "actor"):
            own.set_values(field, [f"{NAME} {value}" for value in own.values(field)])
        of = dict(zip(paths, moved, strict=True))
        own.set_values("filepath", [of[path] for path in own.values("filepath")])
    with (stage.inputs / "table.csv").open(newline="") as stream:
        head, *rows = csv.reader(stream)
    with (stage.inputs / "table.csv").open("w", newline="") as stream:
        csv.writer(stream).writerows([head, *([f"{NAME} {row[0]}", row[1]] for row in rows)])


def videos(stage: Any) -> None:
    """The stage of videos, under hostile names, and a list of files with such names."""
    killed_catalogue.videos(stage)
    for name in ("clips", "clips-faces"):
        rename(killed_catalogue.load(name))
    corpus = stage.inputs / "corpus"
    rows = [["path", "label", "method"]]
    for number in range(2):
        shutil.copyfile(corpus / f"{number}.mp4", corpus / f"{FILE} {number}.mp4")
        rows.append([f"{FILE} {number}.mp4", ("real", "fake")[number], (NAME, FORMULA)[number]])
    with (corpus / "manifest.csv").open("w", newline="") as stream:
        csv.writer(stream).writerows(rows)


@pytest.fixture(scope="module", params=["faces", "videos"])
def prepared(request, fiftyone_db, tmp_path_factory):
    folder = tmp_path_factory.mktemp("hostile")
    stage = killed_catalogue.Stage(folder / "out", folder / "in")
    stage.folder.mkdir()
    stage.inputs.mkdir()
    before = set(fiftyone_db.list_datasets())
    try:
        {"faces": faces, "videos": videos}[request.param](stage)
        yield request.param, stage
    finally:
        for name in set(fiftyone_db.list_datasets()) - before:
            fiftyone_db.delete_dataset(name)


def test_every_operator_is_run_here():
    listed = yaml.safe_load((ROOT / "fiftyone.yml").read_text())["operators"]
    tried = {step.operator for step in killed_catalogue.STEPS.values()}
    assert tried | set(WITHOUT) == set(listed)


def test_nothing_that_an_operator_gives_is_live(prepared, operators, monkeypatch):
    name, stage = prepared
    given, refused = [], []
    call = killed_catalogue.call

    def watched(operator: str, samples: Any = None, /, **params: Any) -> Any:
        result = call(operator, samples, **params)
        given.append((operator, samples, params, result))
        return result

    monkeypatch.setattr(killed_catalogue, "call", watched)
    monkeypatch.setattr(score_writer, "CHUNK", score_writer.CHUNK)  # steps change it
    steps = {title: step for title, step in killed_catalogue.STEPS.items() if step.stage == name}
    for title, step in sorted(steps.items(), key=lambda item: item[0] in LAST):
        try:
            step.work(stage)
        except ForensicsError as error:
            refused.append(f"{title}: {error}")
            assert not live(disarmed(str(error))), title
    assert not refused, "\n".join(refused)
    assert {operator for operator, *_ in given} == {step.operator for step in steps.values()}
    for operator, samples, params, result in given:
        for text in texts(result):
            assert not live(text), (operator, text)
        ctx = SimpleNamespace(results=result, params=params, dataset=samples, delegated=False)
        output = operators(operator).resolve_output(ctx)
        for text in markdown_of(output.to_json() if output is not None else {}):
            assert not live(text), (operator, text)
    for path in stage.folder.rglob("*"):
        if path.suffix in (".md", ".html", ".csv"):
            harmless(path)


def texts(value: Any) -> list[str]:
    """The tables and texts of a result that the App or a terminal would draw."""
    if not isinstance(value, dict):
        return []
    return [v for k, v in value.items() if k in ("table", "text") and isinstance(v, str)]


def harmless(path: Path) -> None:
    """A page, a table or a text that does nothing when it is opened."""
    text = path.read_text()
    if path.suffix == ".md":
        assert not live(text), path
    elif path.suffix == ".html":
        assert "<img src=//" not in text and "<img src=x" not in text, path
        assert f"href='http://{EVIL}" not in text, path
    else:
        for row in csv.reader(text.splitlines()):
            assert not [cell for cell in row if cell.startswith(("=", "+", "@", "\t", "\r"))], path
