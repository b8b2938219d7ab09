"""The code of the guide's pages, made small enough for tests by replacements that must all occur.

A page that changes so that a replacement no longer fits fails its test instead of running
something else than what it says.
"""

from __future__ import annotations

import ast
import re
import shlex
from pathlib import Path
from typing import Any

GUIDE = Path(__file__).resolve().parents[1] / "docs/guide"


def blocks(page: Path, kind: str) -> list[str]:
    """Fenced blocks of a page by their language (``""`` for commands)."""
    return re.findall(rf"^```{kind}\n(.*?)^```", page.read_text(), flags=re.S | re.M)


def replaced(code: str, replacements: dict[str, str]) -> str:
    """``code`` with each key replaced by its value; a key that does not occur is an error."""
    for old, new in replacements.items():
        assert old in code, f"the page no longer says {old!r}"
        code = code.replace(old, new)
    return code


def first_audit(replacements: dict[str, str]) -> tuple[str, str]:
    """Page 1's code: what makes the demo's scored faces, and what looks at them."""
    (code,) = (block for block in blocks(GUIDE / "1-first-audit.md", "python"))
    tree = ast.parse(replaced(code, replacements))
    texts = [ast.unparse(node) for node in tree.body]
    cut = next(i for i, text in enumerate(texts) if "evaluate_detector" in text)
    return "\n".join(texts[:cut]), "\n".join(texts[cut:])


def walk(page: str, replacements: dict[str, str], given: dict[str, Any] | None = None) -> dict:
    """Run the Python blocks of a page in one namespace, which is returned."""
    path = GUIDE / page
    code = replaced("\n".join(blocks(path, "python")), replacements)
    return run(code, path.name, given)


def run(code: str, name: str, given: dict[str, Any] | None = None) -> dict[str, Any]:
    """Run code as a script would; returns its names."""
    names: dict[str, Any] = {"__name__": "guide", **(given or {})}
    exec(compile(code, name, "exec"), names)
    return names


def commands(page: str, replacements: dict[str, str]) -> list[list[str]]:
    """``media-forensics`` commands of a page, as argument lists after ``python``."""
    text = replaced("\n".join(blocks(GUIDE / page, "")), replacements)
    lines = [line for line in text.splitlines() if line.startswith("media-forensics ")]
    console = ["-m", "media_forensics.operators.console"]
    return [[*console, *shlex.split(line)[1:]] for line in lines]
