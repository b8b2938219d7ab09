"""The floors of the house: a room imports only rooms below it, and nothing runs in a circle."""

from __future__ import annotations

import ast
import sys
from pathlib import Path

import house
import pytest
from house import LAYERS, ROOT

FORBIDDEN = {
    "detector": {"fiftyone"},
    "training": {"fiftyone"},
    "operators": set(),
}


def sources(folder: str) -> list[Path]:
    return sorted((ROOT / folder).rglob("*.py"))


def foreign(path: Path) -> set[str]:
    """Top-level packages that ``path`` imports anywhere, ours left out."""
    names: set[str] = set()
    for node in house.imports(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            names.update(alias.name.split(".")[0] for alias in node.names)
        elif node.level == 0 and node.module:
            names.add(node.module.split(".")[0])
    return names


@pytest.mark.parametrize("layer", LAYERS)
def test_layers_import_only_what_they_may(layer):
    assert sources(layer), f"{layer} is empty"
    for path in sources(layer):
        found = foreign(path)
        assert house.PACKAGE not in found, f"{path.relative_to(ROOT)} imports it absolutely"
        wrong = found & FORBIDDEN[layer]
        assert not wrong, f"{path.relative_to(ROOT)} imports {sorted(wrong)}"


def test_every_module_lies_in_a_room():
    homeless = [name for name in house.modules(ROOT) if house.floor(name) is None]
    assert not homeless


def test_a_room_imports_only_rooms_below_it():
    """Nobody imports panels from outside, nobody a door: also not within a function."""
    assert house.faults(ROOT) == []
    assert house.into_panels(ROOT) == []


def test_no_circle_anywhere():
    assert house.circles(ROOT) == []


def test_a_file_name_occurs_once():
    """Otherwise whoever opens a file by its name gets another: but for a few, with a reason."""
    assert sorted(house.same_names(ROOT)) == sorted(house.SAME_NAME)


def test_the_checks_above_see_what_they_look_for(tmp_path):
    files = {
        "detector/metrics/rates.py": "from ..model import towers\n",
        "detector/model/towers.py": "def f():\n    from ..metrics.rates import x\n",
        "operators/report/page.py": "from ..panels.audit import cells\n",
        "operators/panels/audit/cells.py": "from ..sphere import maps\n",
        "operators/panels/sphere/maps.py": "from ....training import loop\n",
        "training/loop.py": "from ..operators import views\n",
        "operators/views.py": "",
    }
    for name, text in files.items():
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    for package in {p.parent for p in tmp_path.rglob("*.py")}:
        (package / "__init__.py").touch()
    found = "\n".join(house.faults(tmp_path))
    assert "detector.metrics.rates:1 -> detector.model.towers imports a room that is not" in found
    assert "operators.report.page:1 -> operators.panels.audit.cells imports a room" in found
    assert "imports another panel" in found and "imports a layer above" in found
    assert [str(arrow) for arrow in house.into_panels(tmp_path)] == [
        "operators.report.page:1 -> operators.panels.audit.cells"
    ]
    assert ["detector.metrics.rates", "detector.model.towers"] in house.circles(tmp_path)


def test_importers_need_only_the_standard_library_and_records():
    allowed = set(sys.stdlib_module_names)
    for path in sources("operators/importers"):
        wrong = foreign(path) - allowed
        assert not wrong, f"{path.relative_to(ROOT)} imports {sorted(wrong)}"
    ours = {
        arrow.target
        for arrow in house.arrows(ROOT)
        if arrow.source.startswith("operators.importers")
        and not arrow.target.startswith("operators.importers")
    }
    assert ours <= IMPORTERS_MAY


#: Besides its own room, an importer knows records, errors, which files may be read, which are
#: equal, how frames are numbered, and how a missing package is named; all of it is the standard
#: library alone.
IMPORTERS_MAY = {
    "detector.records",
    "detector.errors",
    "detector.files.video_suffixes",
    "detector.files.allowed_roots",
    "detector.files.companions",
    "detector.files.frame_numbers",
    "detector.files.packages",
    "detector.files.paths",
    "detector.files.same_files",
}


def test_demo_corpus_does_not_need_fiftyone():
    for path in sources("operators/demo"):
        if path.name != "create_demo.py":  # the operator
            assert "fiftyone" not in foreign(path), path.relative_to(ROOT)


def test_no_module_is_a_drawer():
    drawers = {"utils.py", "helpers.py", "common.py", "base.py", "misc.py"}
    found = [p.relative_to(ROOT) for layer in LAYERS for p in sources(layer) if p.name in drawers]
    assert not found


def test_no_folder_holds_more_than_25_modules():
    assert {name: n for name, n in house.folders(ROOT).items() if n > 25} == {}


def test_doors_are_a_few_lines():
    for name in house.DOORS:
        path = house.modules(ROOT)[name]
        assert path.read_text(encoding="utf-8").count("\n") <= 16, name


def test_the_places_of_additions_exist():
    for files in house.PLACES.values():
        for name in files:
            path = ROOT / name
            assert path.parent.is_dir() if path.stem == "NEW" else path.is_file(), name


def test_root_init_hands_over_and_does_nothing_else():
    """Plugin entry and model source: FiftyOne runs this file again on every request."""
    first, *rest = ast.parse((ROOT / "__init__.py").read_text()).body
    assert isinstance(first, ast.Expr) and all(isinstance(node, ast.FunctionDef) for node in rest)
    names = {node.name for node in rest if isinstance(node, ast.FunctionDef)}
    entry = {"register", "download_model", "load_model"}
    assert names == {"_make_importable", *entry, "__getattr__", "__dir__"}
