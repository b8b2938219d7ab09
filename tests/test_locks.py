"""The declared requirements are whole; `uv.lock` holds them for every promised system."""

from __future__ import annotations

import ast
import os
import sys
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

ROOT = Path(__file__).resolve().parents[1]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())
LOCK = tomllib.loads((ROOT / "uv.lock").read_text())
#: Packages whose import has another name.
IMPORTED_AS = {
    "PIL": "pillow",
    "bson": "pymongo",
    "cv2": "opencv-python-headless",
    "gridfs": "pymongo",
    "open_clip": "open-clip-torch",
    "sklearn": "scikit-learn",
    "umap": "umap-learn",
    "yaml": "pyyaml",
}


def names(lines: list[str]) -> set[str]:
    return {canonicalize_name(Requirement(line).name) for line in lines}


def imported(path: Path) -> set[str]:
    """Top-level modules that a file imports anywhere, `import_module("...")` included."""
    found: set[str] = set()
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            found.update(alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.level == 0:
            found.add(node.module or "")
        elif isinstance(node, ast.Call) and isinstance(node.args[:1], list) and node.args:
            called = node.func.attr if isinstance(node.func, ast.Attribute) else ""
            called = node.func.id if isinstance(node.func, ast.Name) else called
            first = node.args[0]
            if called == "import_module" and isinstance(first, ast.Constant):
                found.add(str(first.value))
    return {name.split(".")[0] for name in found} - {""}


def test_every_import_of_the_code_is_declared():
    extras = PROJECT["project"]["optional-dependencies"]
    declared = names(PROJECT["project"]["dependencies"])
    optional = names([line for name, lines in extras.items() if name != "all" for line in lines])
    known = set(sys.stdlib_module_names) | {"media_forensics"}
    windows_and_posix = {"msvcrt", "fcntl", "resource"}
    for layer in ("detector", "training", "operators", "_mount"):
        for path in sorted((ROOT / layer).rglob("*.py")):
            for module in imported(path) - known - windows_and_posix:
                package = canonicalize_name(IMPORTED_AS.get(module, module))
                where = f"{path.relative_to(ROOT)} imports {module}"
                assert package in declared | optional, f"{where}, pyproject.toml does not name it"


def test_the_extra_all_holds_every_other():
    extras = PROJECT["project"]["optional-dependencies"]
    (everything,) = map(Requirement, extras["all"])
    assert everything.name == "media-forensics" and everything.extras == extras.keys() - {"all"}


def test_requirements_txt_repeats_the_dependencies():
    """FiftyOne's `plugins requirements --install` reads it."""
    lines = (ROOT / "requirements.txt").read_text().splitlines()
    wanted = [line for line in lines if line and not line.startswith("#")]
    assert wanted == PROJECT["project"]["dependencies"]


def test_fiftyone_yml_promises_the_same_fiftyone():
    text = (ROOT / "fiftyone.yml").read_text()
    (bound,) = [r for r in PROJECT["project"]["dependencies"] if r.startswith("fiftyone>")]
    assert f'version: "{bound.removeprefix("fiftyone")}"' in text


def test_every_locked_file_comes_from_the_index_and_has_its_hash():
    packages = [p for p in LOCK["package"] if p["source"] != {"editable": "."}]
    assert len(packages) > 200 and len(LOCK["package"]) == len(packages) + 1
    for package in packages:
        assert package["source"] == {"registry": "https://pypi.org/simple"}, package["name"]
        files = [*package.get("wheels", []), *([package["sdist"]] if "sdist" in package else [])]
        assert files, package["name"]
        for file in files:
            assert file["url"].startswith("https://files.pythonhosted.org/"), file
            assert len(file["hash"].removeprefix("sha256:")) == 64, file


def test_one_cv2_is_locked():
    owners = {p["name"] for p in LOCK["package"] if "opencv" in p["name"]}
    assert owners == {"opencv-python-headless"}


def test_every_promised_system_is_locked():
    assert LOCK["requires-python"].replace(" ", "") == PROJECT["project"]["requires-python"]
    text = " ".join(LOCK["supported-markers"])
    for words in ("x86_64", "aarch64", "darwin", "win32"):
        assert words in text


def test_wheels_of_torch_are_there_for_every_promised_python_and_system():
    wheels = " ".join(
        wheel["url"].rsplit("/", 1)[1]
        for package in LOCK["package"]
        if package["name"] == "torch"
        for wheel in package["wheels"]
    )
    for python in ("cp310", "cp311", "cp312", "cp313"):
        for system in ("x86_64.whl", "aarch64.whl", "arm64.whl", "win_amd64.whl"):
            assert any(
                f"-{python}-{python}-" in name and name.endswith(system) for name in wheels.split()
            ), (python, system)


def test_torch_and_torchvision_are_of_one_release():
    """torch 2.N goes with torchvision 0.(N + 15), in every part of the lock."""
    pairs = {"torch": set(), "torchvision": set()}
    for package in LOCK["package"]:
        if package["name"] in pairs:
            pairs[package["name"]].add(int(package["version"].split(".")[1]))
    assert pairs["torch"] == {minor - 15 for minor in pairs["torchvision"]}


def test_every_requirement_is_locked_at_versions_that_it_allows():
    locked: dict[str, set[str]] = {}
    for package in LOCK["package"]:
        locked.setdefault(package["name"], set()).add(package.get("version", ""))
    groups = [*PROJECT["project"]["optional-dependencies"].values()]
    groups += [PROJECT["project"]["dependencies"], *PROJECT["dependency-groups"].values()]
    for line in (line for group in groups for line in group):
        wanted = Requirement(line)
        for version in locked[canonicalize_name(wanted.name)]:
            assert wanted.specifier.contains(version), (line, version)


def test_pytest_and_xdist_agree_on_groups(request):
    """pytest 9.2 ignored the groups of pytest-xdist 3.8: each process made each costly fixture."""
    if "PYTEST_XDIST_WORKER" not in os.environ:
        pytest.skip("run without pytest-xdist")
    assert request.node.nodeid.endswith("@tests/test_locks.py")
