"""Tests mirror the tree: each module has its own test file, or the list says whose covers it."""

from __future__ import annotations

from pathlib import Path

import house

ROOT = house.ROOT
LIST = ROOT / "tests" / "tested_elsewhere.txt"


def entries() -> dict[str, str]:
    """Module file -> test file, as listed."""
    lines = [line for line in LIST.read_text().splitlines() if not line.startswith("#")]
    return dict(line.split(" ") for line in lines)


def names() -> list[str]:
    """Every module file but doors and ``__init__.py``."""
    doors = {f"{name.replace('.', '/')}.py" for name in house.DOORS}
    found = (str(path.relative_to(ROOT)) for path in house.modules(ROOT).values())
    return [name for name in found if not name.endswith("__init__.py") and name not in doors]


def own_test(name: str) -> Path:
    """Where the test file of a module lies."""
    path = Path(name)
    return ROOT / "tests" / path.parent / f"test_{path.name}"


def test_every_module_has_a_test_or_says_whose_test_covers_it():
    listed = entries()
    missing = [n for n in names() if not own_test(n).is_file() and n not in listed]
    assert not missing, "write their tests, or add them to tests/tested_elsewhere.txt"


def test_the_list_is_true():
    known = set(names())
    for name, test in entries().items():
        assert name in known, f"{name} is not there any more"
        assert (ROOT / test).is_file(), f"{test}, which is to cover {name}, is not there"
        assert not own_test(name).is_file(), f"{name} has a test of its own now"
