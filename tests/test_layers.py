"""operators -> training -> detector, and never the other way; what each layer may import."""

from __future__ import annotations

import ast
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
LAYERS = ("detector", "training", "operators")
FORBIDDEN = {
    "detector": {"fiftyone", "training", "operators"},
    "training": {"fiftyone", "operators"},
    "operators": set(),
}


def sources(folder: str) -> list[Path]:
    return sorted((ROOT / folder).rglob("*.py"))


def imported(path: Path) -> set[str]:
    """Top-level names that ``path`` imports anywhere; our own layers by their folder name."""
    names: set[str] = set()
    package = path.relative_to(ROOT).parent.parts
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            names.update(alias.name.split(".")[0] for alias in node.names)
            assert not any(a.name.split(".")[0] == "media_forensics" for a in node.names), (
                f"{path.relative_to(ROOT)} imports media_forensics absolutely"
            )
        elif isinstance(node, ast.ImportFrom):
            if node.level == 0:
                assert node.module and node.module.split(".")[0] != "media_forensics", (
                    f"{path.relative_to(ROOT)} imports media_forensics absolutely"
                )
                names.add(node.module.split(".")[0])
                continue
            base = package[: len(package) - node.level + 1]
            target = [*base, *(node.module or "").split(".")]
            target = [part for part in target if part]
            names.update([target[0]] if target else [alias.name for alias in node.names])
    return names


@pytest.mark.parametrize("layer", LAYERS)
def test_layer_imports_only_downwards(layer):
    assert sources(layer), f"{layer} is empty"
    for path in sources(layer):
        wrong = imported(path) & FORBIDDEN[layer]
        assert not wrong, f"{path.relative_to(ROOT)} imports {sorted(wrong)}"


def test_importers_need_only_the_standard_library_and_records():
    allowed = set(sys.stdlib_module_names) | {"operators", "detector", "__future__"}
    for path in sources("operators/importers"):
        wrong = imported(path) - allowed
        assert not wrong, f"{path.relative_to(ROOT)} imports {sorted(wrong)}"


def test_demo_corpus_does_not_need_fiftyone():
    for path in sources("operators/demo"):
        assert "fiftyone" not in imported(path), path.relative_to(ROOT)


def test_no_module_is_a_drawer():
    drawers = {"utils.py", "helpers.py", "common.py", "base.py", "misc.py"}
    found = [p.relative_to(ROOT) for layer in LAYERS for p in sources(layer) if p.name in drawers]
    assert not found


def test_root_init_hands_over_and_does_nothing_else():
    """Plugin entry and model source: FiftyOne runs this file again on every request."""
    first, *rest = ast.parse((ROOT / "__init__.py").read_text()).body
    assert isinstance(first, ast.Expr) and all(isinstance(node, ast.FunctionDef) for node in rest)
    names = {node.name for node in rest if isinstance(node, ast.FunctionDef)}
    entry = {"register", "download_model", "load_model"}
    assert names == {"_make_importable", *entry, "__getattr__", "__dir__"}
