"""The App's component: what is committed is what src/ gives, and src/ knows what Python sends."""

from __future__ import annotations

import ast
import json
import re
import subprocess
from functools import cache
from pathlib import Path

import component
import numpy as np
import pytest

ROOT = component.ROOT
FIXTURE = ROOT / "tests" / "fixtures" / "sphere_payload.json"
INTERFACE = re.compile(
    r"/\*\*(?P<comment>(?:(?!\*/).)*?)\*/\s*export interface (?P<name>\w+) \{\n(?P<body>.*?)\n\}",
    re.S,
)
FIELD = re.compile(r"^  (\w+)\??:", re.M)


@pytest.fixture(scope="module")
def tools():
    """npm's packages, or the reason why they are not here."""
    try:
        component.prepare()
    except component.Unavailable as error:
        pytest.skip(str(error))


# -- what is built --------------------------------------------------------------------------------


@pytest.mark.xdist_group("component")
def test_the_committed_component_is_what_its_source_gives(tools, tmp_path):
    first, second = component.build(tmp_path / "a"), component.build(tmp_path / "b")
    assert first.read_bytes() == second.read_bytes()
    assert first.read_bytes() == component.BUILT.read_bytes(), "run `make ui`"


@pytest.mark.xdist_group("component")
def test_its_types_hold(tools):
    component.check_types()


@pytest.mark.xdist_group("component")
def test_its_own_unit_tests_pass(tools):
    component.unit_tests()


def test_no_test_of_it_is_passed_over():
    """vitest runs ``*.test.ts`` below tests/src; each has a file of src/ beside it."""
    tests = list((ROOT / "tests" / "src").rglob("*.test.ts"))
    assert len(tests) > 4
    for path in tests:
        room = ROOT / "src" / path.parent.relative_to(ROOT / "tests" / "src")
        stem = path.name.removesuffix(".test.ts")
        assert any((room / f"{stem}{end}").is_file() for end in (".ts", ".tsx")), path


# -- what it is built with ------------------------------------------------------------------------


def test_versions_are_exact_and_no_address_is_in_the_lock():
    asked = json.loads((ROOT / "package.json").read_text())
    lock = json.loads((ROOT / "package-lock.json").read_text())
    exact = asked["devDependencies"]
    assert all(re.fullmatch(r"\d+\.\d+\.\d+", version) for version in exact.values()), exact
    assert "dependencies" not in asked, "nothing of a library goes into dist/"
    assert lock["packages"][""]["devDependencies"] == exact
    for name, package in lock["packages"].items():
        assert "resolved" not in package, name
        assert not name or package["integrity"].startswith("sha512-"), name


def test_its_tools_are_where_neither_git_nor_fiftyone_looks():
    from fiftyone.plugins import core

    ignored = subprocess.run(
        ["git", "check-ignore", "-q", f"{component.HOME.name}/"], cwd=ROOT, check=False
    )
    assert ignored.returncode == 0
    assert component.HOME.name.startswith(".")  # FiftyOne's walk passes over hidden folders
    found = list(core._iter_plugin_metadata_files(str(ROOT)))
    assert not [path for path in found if component.HOME.name in Path(path).parts]


# -- what Python sends ----------------------------------------------------------------------------


def interfaces() -> dict[str, tuple[list[str], set[str]]]:
    """Senders and fields of each interface of src/sent/."""
    found = {}
    for path in sorted((ROOT / "src" / "sent").glob("*.ts")):
        for match in INTERFACE.finditer(path.read_text()):
            comment = re.sub(r"\s*\n \*\s*", " ", match["comment"])
            senders = comment.split("Sent by: ", 1)[1].strip().split("; ")
            found[match["name"]] = senders, set(FIELD.findall(match["body"]))
    return found


@cache
def _tree(path: str) -> ast.Module:
    return ast.parse((ROOT / path).read_text())


def _constants(tree: ast.Module) -> dict[str, str]:
    """Names of a module's texts."""
    found = {}
    for node in tree.body:
        if not isinstance(node, ast.Assign):
            continue
        for target in node.targets:
            pairs = [(target, node.value)]
            if isinstance(target, ast.Tuple) and isinstance(node.value, ast.Tuple):
                pairs = list(zip(target.elts, node.value.elts, strict=True))
            for name, value in pairs:
                if isinstance(name, ast.Name) and isinstance(value, ast.Constant):
                    found[name.id] = value.value
    return found


def _keys(node: ast.Dict, constants: dict[str, str]) -> set[str]:
    names = {key.value for key in node.keys if isinstance(key, ast.Constant)}
    return names | {constants[key.id] for key in node.keys if isinstance(key, ast.Name)}


def _dicts(node: ast.AST, inside: str | None = None) -> list[ast.Dict]:
    """The outermost dicts below ``node``; of ``inside`` those that are the value of that key."""
    found: list[ast.Dict] = []
    for child in ast.iter_child_nodes(node):
        if not isinstance(child, ast.Dict):
            found += _dicts(child, inside)
        elif inside is None:
            found.append(child)
        else:
            named = zip(child.keys, child.values, strict=True)
            found += [
                value
                for key, value in named
                if isinstance(key, ast.Constant) and key.value == inside
                if isinstance(value, ast.Dict)
            ]
            found += _dicts(child, inside)
    return found


def sent(sender: str) -> set[str]:
    """Keys that ``path name [key]`` sends: fields of a dataclass, or keys of a function's dicts."""
    path, name, *inside = sender.split(" ")
    tree = _tree(path)
    node: ast.AST = tree
    for part in name.split("."):
        kinds = (ast.FunctionDef, ast.ClassDef)
        (node,) = [n for n in ast.walk(node) if isinstance(n, kinds) and n.name == part]
    if isinstance(node, ast.ClassDef):
        fields = [n.target for n in node.body if isinstance(n, ast.AnnAssign)]
        return {field.id for field in fields if isinstance(field, ast.Name)}
    constants = _constants(tree)
    dicts = _dicts(node, inside[0] if inside else None)
    return set().union(*(_keys(found, constants) for found in dicts))


@pytest.mark.parametrize("name", interfaces())
def test_an_interface_has_the_fields_that_python_sends(name):
    senders, fields = interfaces()[name]
    assert fields == set().union(*map(sent, senders))


def test_the_comparison_sees_a_field_that_is_missing():
    assert len(interfaces()) > 15
    senders, fields = interfaces()["Row"]
    assert fields - {"lost"} != set().union(*map(sent, senders))


def test_the_payload_that_the_unit_tests_read_is_what_python_sends():
    from media_forensics.operators.panels.sphere import payload

    known = json.loads(FIXTURE.read_text())
    means = known["means"]
    xyz = np.array(means["xyz"])
    label = np.array([-1 if code == 2 else code for code in means["label"]])
    p_fake = np.array([np.nan if p is None else p for p in means["p_fake"]])
    found = payload.payload(xyz, label, p_fake, means["threshold"], means["boundary"])
    assert found == known["payload"]
    assert payload.errors(label, p_fake, means["threshold"]).tolist() == means["error"]


def test_every_handler_that_the_component_calls_is_given_by_its_panel():
    """``on_...`` names of src/ against the views that the panels define."""
    given = {
        keyword.arg
        for path in (ROOT / "operators" / "panels").rglob("*.py")
        for node in ast.walk(ast.parse(path.read_text()))
        if isinstance(node, ast.Call)
        for keyword in node.keywords
        if keyword.arg
    }
    sources = [*(ROOT / "src").rglob("*.ts"), *(ROOT / "src").rglob("*.tsx")]
    used = {name for path in sources for name in re.findall(r"\bon\.(on_\w+)", path.read_text())}
    assert len(used) > 12 and used <= given
