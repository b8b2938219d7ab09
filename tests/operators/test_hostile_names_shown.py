"""Names that are an attack, in every form, panel, table and file that shows them."""

from __future__ import annotations

import csv
import json
import re
from types import SimpleNamespace
from typing import Any

import pytest
from markdown_it import MarkdownIt
from media_forensics.detector.crops import coverage
from media_forensics.detector.errors import ForensicsError
from media_forensics.detector.runners import merge_report
from media_forensics.detector.scoring import score_tables
from media_forensics.detector.text import terminal
from media_forensics.detector.text.csv_cells import cell, from_cell
from media_forensics.detector.text.markdown import hover
from media_forensics.operators.app.markup import disarmed

pytestmark = pytest.mark.fiftyone
EVIL = "evil.example"
NAME = (
    f"![x](http://{EVIL}/p.png)<img src=//{EVIL}/q onerror=alert(1)>"
    f"<a href='http://{EVIL}'>a</a> www.{EVIL} |\x1b]0;title\x07"
)
FORMULA = f'=HYPERLINK("http://{EVIL}")'
# What the App draws with: CommonMark, tables, and bare addresses; here with HTML on top.
RENDER = MarkdownIt("commonmark", {"html": True}).enable("table")
BARE = re.compile(rf"(?<!\\)://\S*{EVIL}|www\.{EVIL}")
PLUGIN = "@mediaforensics/deepfake"


def live(markdown: str) -> list[str]:
    """What a page would do with ``markdown`` that leads to the attacker."""
    found = BARE.findall(markdown)

    def look(tokens: list[Any]) -> None:
        for token in tokens:
            if token.type in ("html_inline", "html_block"):
                found.append(token.content)
            target = token.attrGet("href") or token.attrGet("src") or ""
            if EVIL in str(target):
                found.append(str(target))
            look(token.children or [])

    look(RENDER.parse(markdown))
    return found


def markdown_of(value: Any, within: str = "") -> list[str]:
    """Every text of a form's or panel's JSON that the App draws as Markdown."""
    out: list[str] = []
    if isinstance(value, list):
        for item in value:
            out += markdown_of(item, within)
    elif isinstance(value, dict):
        kind = str(value.get("name") or within)
        view = value.get("view") if isinstance(value.get("view"), dict) else {}
        if view and "Markdown" in str(view.get("name")):
            texts = [value.get("default"), (value.get("type") or {}).get("default")]
            out += [text for text in texts if isinstance(text, str)]
        for name, item in value.items():
            if name in ("label", "description", "caption") and isinstance(item, str):
                out.append(item)
            elif not (name == "choices" and kind in ("DropdownView", "AutocompleteView")):
                out += markdown_of(item, kind)
    return out


def strings(value: Any) -> list[str]:
    """Every text in plain values."""
    if isinstance(value, dict):
        return [text for item in value.values() for text in strings(item)]
    if isinstance(value, list | tuple):
        return [text for item in value for text in strings(item)]
    return [value] if isinstance(value, str) else []


@pytest.fixture(scope="module")
def faces(fiftyone_db, faces_of):
    """Scored faces whose every name is hostile."""
    dataset = faces_of(240, embeddings=4).dataset
    methods = [NAME, FORMULA, "@SUM(1)", "-1+1|cmd"]
    kinds = dataset.values("ground_truth.label")
    dataset.set_values(
        "method", ["original" if k == "real" else methods[i % 4] for i, k in enumerate(kinds)]
    )
    for field in ("source_dataset", "compression", "split"):
        dataset.set_values(field, [f"{value} {NAME}" for value in dataset.values(field)])
    dataset.set_values("video_id", [f"{NAME} {value}" for value in dataset.values("video_id")])
    dataset.set_values("filepath", [f"/nowhere/{NAME} {n}.png" for n in range(len(dataset))])
    dataset.tag_samples(NAME.replace("\x1b", "").replace("\x07", ""))
    return dataset


def our_operators() -> list[Any]:
    import fiftyone.operators as foo

    found = foo.list_operators(type="operator")
    return [op for op in found if op.uri.startswith(PLUGIN)]


def context(faces, params: dict[str, Any]) -> Any:
    from fiftyone.operators.executor import ExecutionContext, Executor

    request = {"dataset_name": faces.name, "view": [], "params": params}
    return ExecutionContext(request, executor=Executor())


FORMS = (
    {},
    {"key": "det"},
    {"key": NAME, "detector": NAME, "name": NAME, "path": f"/{NAME}", "folder": f"/{NAME}"},
    {"root": f"/{NAME}", "file": f"/{NAME}", "weights": f"/{NAME}", "faces_name": NAME},
    {"action": NAME, "new_key": NAME, "checkpoint": f"/{NAME}", "crops_dir": f"/{NAME}"},
    {"root": f"/{NAME}", "format": NAME, "pattern": NAME, "threshold": NAME, "scores": NAME},
)


def test_no_form_shows_a_live_name(faces, fiftyone_db):
    shown = 0
    for op in our_operators():
        for params in FORMS:
            try:
                form = op.resolve_input(context(faces, dict(params)))
            except (ForensicsError, ValueError, TypeError, KeyError):
                continue  # FiftyOne shows the error itself, as text
            for text in markdown_of(form.to_json() if form is not None else {}):
                assert not live(text), (op.uri, params, text)
                shown += EVIL in text
    assert shown >= 10, "the forms hold the names"


def test_a_form_that_is_not_served_by_us_would_have_been_live(fiftyone_db):
    from fiftyone.operators import types

    inputs = types.Object()
    inputs.view("notice", types.Notice(label=NAME))
    assert any(live(text) for text in markdown_of(types.Property(inputs).to_json()))


#: Those that run on these synthetic faces; the table of evaluations is tried in test_markup.py.
RUNS = (
    ("find_hard_examples", {"key": "det"}),
    ("review_faces", {"action": "confirmed"}),
    ("map_embeddings", {"key": "det"}),
    ("contact_sheet", {"limit": 2}),
    ("manage_runs", {"action": "list"}),
    ("run_protocol", {"key": "det", "detector": "none"}),
)


@pytest.mark.parametrize(("name", "params"), RUNS, ids=[name for name, _ in RUNS])
def test_no_result_shows_a_live_name(name, params, faces, operators):
    op = operators(name)
    try:
        result = op(faces, **params)
    except ForensicsError as error:
        assert not live(disarmed(str(error)))
        return
    tables = [v for k, v in (result or {}).items() if k in ("table", "text") and isinstance(v, str)]
    assert not [found for text in tables for found in live(text)]
    ctx = SimpleNamespace(results=result, params=params, dataset=faces, delegated=False)
    output = op.resolve_output(ctx)
    for text in markdown_of(output.to_json() if output is not None else {}):
        assert not live(text), text


PANELS = ("error_audit", "hypersphere", "timeline", "review", "player", "training_runs")


@pytest.mark.parametrize("name", PANELS)
def test_no_panel_shows_a_live_name(name, faces, client):
    import fiftyone.operators as foo

    panel = client(foo.get_operator(f"{PLUGIN}/{name}"), faces)
    panel.current = faces.first().id
    panel.selected = [faces.first().id]
    for event in ("on_load", "on_change_dataset", "on_change_current_sample", "on_refresh"):
        if hasattr(panel.panel, event):
            panel.send(event)
    for text in markdown_of(panel.schema):
        assert not live(text), text
    for text in strings(traces(panel.data)):
        assert "<img" not in text and "<a " not in text, text


def traces(value: Any) -> list[Any]:
    """Every Plotly trace in a panel's data."""
    if isinstance(value, dict):
        mine = [value] if value.get("type") in ("scatter", "scattergl", "bar") else []
        return mine + [trace for item in value.values() for trace in traces(item)]
    return [t for item in value for t in traces(item)] if isinstance(value, list) else []


def test_a_report_and_its_tables_hold_no_live_name(faces, operators, tmp_path):
    folder = tmp_path / "report"
    try:
        operators("export_report")(faces, key="det", folder=str(folder), examples=0)
    except TypeError:
        operators("export_report")(faces, key="det", folder=str(folder))
    page = next(folder.glob("*.html")).read_text()
    assert EVIL in page and "<img src=//" not in page and f"href='http://{EVIL}" not in page
    for file in folder.rglob("*.csv"):
        with file.open(newline="") as stream:
            for row in csv.reader(stream):
                for text in row:
                    assert not text.startswith(("=", "+", "@", "\t", "\r")), (file.name, text)


def test_exported_scores_are_no_formulas_and_come_back(tmp_path):
    names = [FORMULA, "+1", "-1+1", "@SUM(1)", " =1", "'=x", "''+x", "plain", "\t=2", "\uff1d1"]
    names.append(NAME)
    columns = {"video_id": names, "p_fake": [0.5] * len(names), "reason": [None] * len(names)}
    path = score_tables.write_scores(tmp_path / "scores.csv", columns)
    with path.open(newline="") as stream:
        rows = list(csv.DictReader(stream))
    for row in rows:
        assert not row["video_id"].lstrip().startswith(("=", "+", "-", "@", "\uff1d")), row
        assert float(row["p_fake"]) == 0.5
    table = score_tables.read_scores(path)
    assert [key[0] for key in table.keys] == [name.strip() for name in names]
    negative = {"video_id": ["a"], "p_fake": [-2.5]}
    text = score_tables.write_scores(tmp_path / "numbers.csv", negative).read_text()
    assert "-2.5" in text and "'" not in text


@pytest.mark.parametrize("text", [FORMULA, "'", "''=", "'a", "-", "", "a=b", "\r", "\uff0b", NAME])
def test_a_cell_is_undone(text):
    assert from_cell(cell(text)) == text


def test_tables_of_commands_are_neither_live_nor_move_the_terminal(capsys):
    summary = coverage.Coverage().to_json()
    row = {"source_dataset": NAME, "label": "fake", "method": FORMULA, "videos": 1}
    row |= {"without_face": 0, "faces": 1, "frames_tried": 1, "frames_usable": 1}
    text = coverage.coverage_table({**summary, "groups": [row], "face_reasons": {NAME: 2}})
    assert not live(text) and EVIL in text
    report = merge_report.MergeReport(units=1, complete=0, gaps=(NAME,))
    assert not live(report.table()) and EVIL in report.table()
    terminal.say(text)
    said = capsys.readouterr().out
    assert "\x1b" not in said and "\x07" not in said and "\\x1b" in said


@pytest.mark.parametrize("sign", ["\x1b[2J", "\x9b1m", "\u202e", "\u2066", "\x00", "\r", "\ud800"])
def test_signs_that_move_a_terminal_are_printed_as_escapes(sign):
    shown = terminal.printable(f"a{sign}b\tc\n")
    assert shown.startswith("a\\") and shown.endswith("b\tc\n") and sign not in shown


def test_a_hover_shows_a_tag_as_text():
    assert "<" not in hover(NAME) and "&lt;img" in hover(NAME)
    assert json.dumps(hover("Deepfakes")) == '"Deepfakes"'
