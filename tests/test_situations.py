"""The list of situations names tests that are there, and its count is right."""

from __future__ import annotations

import ast
import re
from collections import Counter
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
PAGE = (ROOT / "docs/situations.md").read_text()
ROWS = [line for line in PAGE.splitlines() if "::test_" in line]


def test_every_row_names_a_test():
    for row in ROWS:
        path, name = re.findall(r"`(tests/\S+\.py)::(test_\w+)`", row)[0]
        tree = ast.parse((ROOT / path).read_text())
        assert name in {n.name for n in ast.walk(tree) if isinstance(n, ast.FunctionDef)}, row


def test_the_count_is_that_of_the_rows():
    kinds = Counter(row.split("|")[3].strip() for row in ROWS)
    found = re.search(r"Of (\d+) situations, (\d+) are right and (\d+) are named", PAGE)
    assert found is not None and set(kinds) == {"right", "named"}
    assert tuple(map(int, found.groups())) == (len(ROWS), kinds["right"], kinds["named"])
