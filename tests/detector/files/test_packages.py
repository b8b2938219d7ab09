"""A package that is not installed is one sentence with the command, wherever it is needed."""

from __future__ import annotations

import ast
import subprocess
import sys
from pathlib import Path

import pytest
from media_forensics.detector.errors import ForensicsError
from media_forensics.detector.files import installation, packages
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

ROOT = Path(__file__).resolve().parents[3]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
OPTIONAL = {module for part in packages.PARTS.values() if part.extra for module, _ in part.packages}

#: Runs code as on a machine where one package was never installed.
HIDDEN = """
import sys
class Hidden:
    def find_spec(self, name, path=None, target=None):
        if name.split(".")[0] == {module!r}:
            raise ModuleNotFoundError(f"No module named {{name!r}}", name=name)
sys.meta_path.insert(0, Hidden())
from media_forensics.detector.errors import ForensicsError
try:
    {code}
except ForensicsError as error:
    print(error)
"""
NEEDED = {
    "ray": "from media_forensics.detector.runners.ray_cluster import require_ray; require_ray()",
    "pyarrow": "from media_forensics.detector.scoring.score_tables import write_scores;"
    " write_scores('scores.parquet', {{'a': [1]}})",
    "openpyxl": "open('a.xlsx', 'wb').close();"
    " from media_forensics.detector.scoring.score_tables import read_scores; read_scores('a.xlsx')",
    "pillow_heif": "open('a.heic', 'wb').write(bytes(4) + b'ftypheic' + bytes(64));"
    " from media_forensics.detector.frames import open_source; open_source('a.heic')",
    "cryptography": "from media_forensics.detector.files.minisign import SecretKey;"
    " SecretKey(bytes(8), bytes(32)).public",
    "c2pa": "from media_forensics.detector.files import packages;"
    " packages.load(packages.C2PA, 'c2pa')",
    "umap": "from media_forensics.detector.files import packages; packages.require(packages.UMAP)",
    "tensorboard": "from media_forensics.training.event_files import EventFiles;"
    " EventFiles(None, 0)",
    "onnx": "from media_forensics.training.export import export_detector;"
    " export_detector('here', 'there', 'onnx')",
    "onnxscript": "from media_forensics.training.export import export_detector;"
    " export_detector('here', 'there', 'onnx')",
    "onnxruntime": "from media_forensics.training.export import export_detector;"
    " export_detector('here', 'there', 'onnx')",
}


def test_every_optional_package_has_a_case():
    assert set(NEEDED) == OPTIONAL


@pytest.mark.parametrize("module", sorted(OPTIONAL))
def test_a_hidden_package_is_named_with_its_command(module, tmp_path):
    code = HIDDEN.format(module=module, code=NEEDED[module].replace("{{", "{").replace("}}", "}"))
    done = subprocess.run(
        [sys.executable, "-c", code],
        capture_output=True,
        text=True,
        cwd=tmp_path,
        env={"PYTHONPATH": str(ROOT / "_mount"), "PATH": ""},
    )
    assert done.returncode == 0, done.stderr[-2000:]
    part = next(p for p in packages.PARTS.values() if p.extra and module in p.modules)
    pip = dict(part.packages)[module]
    assert f"the package {packages.pip_name(pip)}" in done.stdout
    assert f"Run: pip install '{pip}'" in done.stdout


def test_the_table_repeats_what_is_declared():
    declared = {canonicalize_name(Requirement(line).name) for line in PROJECT["dependencies"]}
    for part in packages.PARTS.values():
        pips = [pip for _, pip in part.packages]
        if part.extra:
            assert set(pips) == set(PROJECT["optional-dependencies"][part.extra])
        else:
            assert {canonicalize_name(pip) for pip in pips} <= declared


def test_no_module_imports_an_optional_package_by_itself():
    for folder in ("detector", "training", "operators"):
        for path in sorted((ROOT / folder).rglob("*.py")):
            for node in ast.walk(ast.parse(path.read_text())):
                names = []
                if isinstance(node, ast.Import):
                    names = [alias.name for alias in node.names]
                elif isinstance(node, ast.ImportFrom) and node.level == 0:
                    names = [node.module or ""]
                elif isinstance(node, ast.Call) and isinstance(node.func, ast.Name | ast.Attribute):
                    called = getattr(node.func, "id", getattr(node.func, "attr", ""))
                    if called in ("import_module", "__import__") and node.args:
                        names = [str(getattr(node.args[0], "value", ""))]
                wrong = {name.split(".")[0] for name in names} & OPTIONAL
                assert not wrong, f"{path.relative_to(ROOT)} imports {wrong}: use packages.load"


def test_a_cv2_without_its_libraries_is_one_sentence(tmp_path, monkeypatch):
    (tmp_path / "cv2").mkdir()
    text = "raise ImportError('libGL.so.1: cannot open shared object file')"
    (tmp_path / "cv2" / "__init__.py").write_text(text)
    code = HIDDEN.format(
        module="nothing",
        code="from media_forensics.detector.files.installation import require_cv2; require_cv2()",
    )
    done = subprocess.run(
        [sys.executable, "-c", f"import sys; sys.path.insert(0, {str(tmp_path)!r})\n{code}"],
        capture_output=True,
        text=True,
        env={"PYTHONPATH": str(ROOT / "_mount"), "PATH": ""},
    )
    assert done.returncode == 0, done.stderr[-2000:]
    assert "cv2 cannot be imported (libGL.so.1" in done.stdout
    assert "pip install opencv-python-headless" in done.stdout


def test_what_is_installed_is_installed():
    installation.require_installed(packages.PICTURES, packages.MODELS)


@pytest.mark.parametrize("module", packages.PARTS[packages.MODELS].modules)
def test_a_missing_requirement_names_fiftyones_own_command(module, monkeypatch):
    monkeypatch.setitem(sys.modules, module, None)
    with pytest.raises(ForensicsError, match="Finding and scoring faces needs") as told:
        installation.require_installed(packages.MODELS)
    assert told.value.hint.startswith("Run: fiftyone plugins requirements @mediaforensics/deepfake")
