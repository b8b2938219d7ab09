"""docs/speed.md names every test that is skipped where there is no GPU."""

from __future__ import annotations

import ast
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
HEAD = "## What CI does not run"


def needs_gpu(node: ast.AST) -> bool:
    """Whether a decorator or a mark asks for a GPU."""
    return "cuda.is_available" in ast.unparse(node)


def gpu_tests(tree: ast.Module) -> set[str]:
    """Tests that a ``skipif`` keeps for machines with a GPU: all, where the module has it."""
    functions = [n for n in ast.walk(tree) if isinstance(n, ast.FunctionDef)]
    tests = {f.name for f in functions if f.name.startswith("test_")}
    marks = [
        node.value
        for node in tree.body
        if isinstance(node, ast.Assign) and ast.unparse(node.targets[0]) == "pytestmark"
    ]
    if any(map(needs_gpu, marks)):
        return tests
    named = {  # mark = pytest.mark.skipif(not torch.cuda.is_available(), ...)
        ast.unparse(node.targets[0])
        for node in tree.body
        if isinstance(node, ast.Assign) and needs_gpu(node.value)
    }
    return {
        f.name
        for f in functions
        if f.name in tests
        and any(needs_gpu(d) or ast.unparse(d) in named for d in f.decorator_list)
    }


def test_the_list_of_tests_that_need_a_gpu_is_true():
    found = set()
    for path in sorted((ROOT / "tests").rglob("test_*.py")):
        found |= gpu_tests(ast.parse(path.read_text(encoding="utf-8")))
    text = (ROOT / "docs" / "speed.md").read_text(encoding="utf-8").partition(HEAD)[2]
    listed = {line[3:-1] for line in text.splitlines() if line.startswith("* `test_")}
    assert found == listed, f"name them in docs/speed.md, {HEAD!r}"
