"""Operators write named files only where nothing of anybody else is lost, nor obeyed by a shell."""

from __future__ import annotations

import pytest
from media_forensics.detector.errors import ForensicsError
from media_forensics.operators.operator_list import module_of
from path_cases import arguments, folders, kind_of, run_of, samples

pytestmark = pytest.mark.fiftyone
__all__ = ["folders", "samples"]  # fixtures

# operator -> (argument, endings that it writes; none: a folder)
WRITES = {
    "create_demo": ("root", ()),
    "run_ablation": ("runs_dir", ()),
    "retrain_head": ("runs_dir", ()),
    "manage_runs": ("folder", ()),
    "contact_sheet": ("output_dir", ()),
    "export_scores": ("path", (".csv", ".parquet", ".tsv", ".jsonl", ".xlsx")),
    "export_report": ("folder", ()),
    "export_training_set": ("file", (".jsonl",)),
    "run_protocol": ("out", (".json", ".md")),
}
FILES = [name for name, (_, endings) in WRITES.items() if endings]
FOLDERS = ("create_demo", "manage_runs", "export_report")  # must be new or empty


def try_it(operator, value, folders, samples, **more):
    argument = WRITES[operator][0]
    kind = kind_of(operator)
    first = [samples(kind, folders.inside)] if kind else []
    given = arguments(operator, argument, str(value), folders.inside) | more
    with pytest.raises(ForensicsError) as error:
        run_of(operator)(*first, **given)
    assert error.value.field == argument, error.value
    return error.value


@pytest.mark.parametrize(
    ("operator", "ending"), [(o, ending) for o in FILES for ending in WRITES[o][1]]
)
def test_a_file_of_somebody_else_is_not_overwritten(operator, ending, folders, samples):
    victim = folders.inside / f"precious{ending}"
    more = {"overwrite": True} if operator == "export_scores" else {}
    for text in ("mine\n", "", "{}\n", "a,b\n1,2\n", "[1]"):
        victim.write_text(text)
        value = victim.with_suffix("") if operator == "run_protocol" else victim
        assert "not written by this plugin" in str(
            try_it(operator, value, folders, samples, **more)
        )
        assert victim.read_text() == text
    victim.unlink()
    victim.symlink_to(folders.inside / "new")
    assert "a link" in str(try_it(operator, value, folders, samples, **more))
    assert not (folders.inside / "new").exists()


@pytest.mark.parametrize("operator", FILES)
@pytest.mark.parametrize("name", [".bashrc", ".profile", ".ssh/x", ".config/x.desktop"])
def test_nothing_that_a_shell_obeys_is_written(operator, name, folders, samples):
    try_it(operator, folders.inside / name, folders, samples)
    left = {path.name for path in folders.inside.rglob("*")}
    assert left <= {"clip.png", "clip.mp4"}


@pytest.mark.parametrize("operator", FOLDERS)
@pytest.mark.parametrize("what", ["used", "file", "link", ".hidden"])
def test_a_folder_in_use_is_left_alone(operator, what, folders, samples):
    place = folders.inside / what
    if what == "used":
        place.mkdir()
        (place / "report.html").write_text("mine")
    elif what == "file":
        place.write_text("mine")
    elif what == "link":
        (folders.inside / "empty").mkdir()
        place.symlink_to(folders.inside / "empty")
    before = sorted(folders.inside.rglob("*"))
    try_it(operator, place, folders, samples)
    assert [p for p in sorted(folders.inside.rglob("*")) if "clip." not in p.name] == before


@pytest.mark.parametrize("name", ["results.json", "figure.png", "results.md"])
def test_an_ablation_does_not_fill_a_folder_with_other_files(name, folders, samples):
    (folders.inside / "runs/mine").mkdir(parents=True)
    victim = folders.inside / "runs/mine" / name
    victim.write_text("mine")
    assert "not empty" in str(try_it("run_ablation", folders.inside / "runs", folders, samples))
    assert victim.read_text() == "mine"


def test_what_writes_files_is_not_called_of_low_risk(fiftyone_db):
    import importlib

    import fiftyone.operators as foo
    from fiftyone.operators.types import RiskLevel

    for name in WRITES:
        module = importlib.import_module(f"media_forensics.operators.{module_of(name)}")
        (operator,) = (
            value
            for value in vars(module).values()
            if isinstance(value, type)
            and issubclass(value, foo.Operator)
            and value.__module__ == module.__name__
        )
        level = operator().config.risk_level
        assert level in (RiskLevel.MEDIUM, RiskLevel.HIGH), name
