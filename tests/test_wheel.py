"""A wheel of the tree is complete: every module, the App's component, manifests and skills."""

from __future__ import annotations

import hashlib
import json
import os
import subprocess
import sys
import zipfile
from email import message_from_bytes
from pathlib import Path

import pytest
from media_forensics.detector.weights.shipped_detectors import SHIPPED
from media_forensics.operators.python_api import operator_names

ROOT = Path(__file__).resolve().parents[1]
ROOMS = ("detector", "training", "operators", "dist", "skills")
FILES = ("__init__.py", "__init__.pyi", "fiftyone.yml", "manifest.json", "py.typed")

IMPORT_ALL = """
import importlib, json, pkgutil, sys
import media_forensics
found = [m.name for m in pkgutil.walk_packages(media_forensics.__path__, "media_forensics.")]
entry = {"ray_worker", "__main__"}
for name in found:
    if name.rsplit(".", 1)[1] not in entry:
        importlib.import_module(name)
print(json.dumps({"home": list(media_forensics.__path__), "modules": found}))
"""


def uv(*arguments: object) -> None:
    import uv as package

    command = [package.find_uv_bin(), *map(str, arguments), "--no-config"]
    done = subprocess.run(command, capture_output=True, text=True, cwd=ROOT)
    assert done.returncode == 0, done.stderr


@pytest.fixture(scope="module")
def wheel(tmp_path_factory) -> Path:
    out = tmp_path_factory.mktemp("wheel")
    uv("build", "--wheel", "--out-dir", out, "--python", sys.executable)
    (built,) = out.glob("*.whl")
    return built


def of_the_tree() -> set[str]:
    """What git knows of the package, and what it would take when asked."""
    command = ["git", "ls-files", "--cached", "--others", "--exclude-standard", *ROOMS, *FILES]
    listed = subprocess.run(command, check=True, capture_output=True, text=True, cwd=ROOT)
    return {name for name in listed.stdout.splitlines() if (ROOT / name).exists()}


def test_the_wheel_is_the_tree(wheel):
    with zipfile.ZipFile(wheel) as archive:
        inside = {n.removeprefix("media_forensics/") for n in archive.namelist()}
        inside = {name for name in inside if ".dist-info/" not in name}
        assert inside == of_the_tree()
        for name in inside - {"__init__.py"}:
            assert archive.read(f"media_forensics/{name}") == (ROOT / name).read_bytes(), name


def test_the_detector_that_comes_along_is_in_it(wheel):
    with zipfile.ZipFile(wheel) as archive:
        for known in SHIPPED.values():
            name = f"media_forensics/detector/weights/shipped/{known.name}/detector.safetensors"
            assert hashlib.sha256(archive.read(name)).hexdigest() == known.file_sha256


def test_every_folder_with_code_is_in_a_room_that_the_wheel_takes():
    """A new folder beside detector/ and operators/ has to be named in pyproject.toml."""
    apart = {"_mount", "benchmarks", "docs", "scripts", "src", "tests"}
    tracked = subprocess.run(
        ["git", "ls-files"], check=True, capture_output=True, text=True, cwd=ROOT
    ).stdout.splitlines()
    folders = {name.split("/")[0] for name in tracked if "/" in name and name[0] != "."}
    assert folders <= apart | set(ROOMS), folders - apart - set(ROOMS)


def test_its_metadata_names_requirements_extras_and_licence(wheel):
    with zipfile.ZipFile(wheel) as archive:
        (name,) = [n for n in archive.namelist() if n.endswith(".dist-info/METADATA")]
        told = message_from_bytes(archive.read(name))
    required = told.get_all("Requires-Dist") or []
    assert any(line.startswith("torch>=") for line in required)
    assert {"parts", "ray", "onnx", "umap", "tensorboard", "all"} <= set(
        told.get_all("Provides-Extra") or []
    )
    assert told["License-Expression"] == "Apache-2.0"


@pytest.mark.fiftyone
def test_an_installed_wheel_imports_whole(wheel, tmp_path):
    """Each module, from the installed files and not from the checkout."""
    place = tmp_path / "site"
    uv("pip", "install", "--no-deps", "--target", place, "--python", sys.executable, wheel)
    environment = {**os.environ, "PYTHONPATH": str(place)}
    done = subprocess.run(
        [sys.executable, "-c", IMPORT_ALL],
        capture_output=True,
        text=True,
        env=environment,
        cwd=tmp_path,
    )
    assert done.returncode == 0, done.stderr
    found = json.loads(done.stdout.splitlines()[-1])
    assert found["home"] == [str(place / "media_forensics")]
    assert len(found["modules"]) > 200
    script = place / "bin" / "media-forensics"
    if script.exists():  # Windows has it as an .exe beside its own interpreter
        command = [sys.executable, str(script)]
        said = subprocess.run(
            [*command, "--version"], capture_output=True, text=True, env=environment
        )
        assert said.stdout.startswith("media-forensics "), said.stderr
    code = "import media_forensics as mf; print({n: str(getattr(mf, n)) for n in dir(mf)})"
    said = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, env=environment, cwd=tmp_path
    )
    assert said.returncode == 0, said.stderr
    assert all(f"'{name}': '<function {name} " in said.stdout for name in operator_names())
