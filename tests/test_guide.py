"""The guide's calls exist: operators, arguments, commands and links (they are not run here)."""

from __future__ import annotations

import ast
import importlib.util
import inspect
import re
from importlib import import_module
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
PAGES = [ROOT / "README.md", ROOT / "CONTRIBUTING.md", *sorted((ROOT / "docs/guide").glob("*.md"))]
PAGES += [ROOT / "docs/security.md", ROOT / "docs/robustness.md"]
TO_ALL = {"delegate", "progress", "should_stop"}


def blocks(page: Path, kind: str) -> list[str]:
    """Fenced blocks of a page by their language (``""`` for commands)."""
    return re.findall(rf"^```{kind}\n(.*?)^```", page.read_text(), flags=re.S | re.M)


def operator_calls(code: str) -> list[tuple[str, list[str], int]]:
    """(operator, keyword arguments, positional ones) of every ``op("name")(...)``."""
    found = []
    for node in ast.walk(ast.parse(code)):
        inner = node.func if isinstance(node, ast.Call) else None
        if isinstance(inner, ast.Call) and ast.unparse(inner.func) == "op":
            name = ast.literal_eval(inner.args[0])
            found.append((name, [k.arg for k in node.keywords], len(node.args)))
    return found


@pytest.mark.fiftyone
def test_every_call_of_the_guide_has_its_arguments(fiftyone_db):
    seen = set()
    for page in PAGES:
        for code in blocks(page, "python"):
            for name, keywords, positional in operator_calls(code):
                run = import_module(f"media_forensics.operators.{name}").run
                parameters = inspect.signature(run).parameters
                open_ended = any(p.kind is p.VAR_KEYWORD for p in parameters.values())
                unknown = set(keywords) - set(parameters) - TO_ALL
                if open_ended:
                    from media_forensics.operators.importers.contract import ImportOptions

                    unknown -= set(ImportOptions.__dataclass_fields__)
                assert not unknown, f"{page.name}: {name} has no {sorted(unknown)}"
                assert positional == 1, f"{page.name}: {name}"
                seen.add(name)
    assert len(seen) >= 9


def test_there_are_five_pages_and_each_has_something_to_do():
    pages = sorted((ROOT / "docs/guide").glob("*.md"))
    assert [page.name[0] for page in pages] == list("12345")
    assert all(blocks(page, "python") for page in pages)


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_commands_and_links_lead_somewhere(page):
    targets = set(re.findall(r"^([a-z]+):", (ROOT / "Makefile").read_text(), flags=re.M))
    for block in blocks(page, ""):
        for target in re.findall(r"^make ([a-z]+)", block, flags=re.M):
            assert target in targets, target
        for module in re.findall(r"python -m (media_forensics[\w.]+)", block):
            assert importlib.util.find_spec(module), module
    for link in re.findall(r"\]\((?!http)([^)#]+)\)", page.read_text()):
        assert (page.parent / link).exists(), f"{page.name}: {link}"
