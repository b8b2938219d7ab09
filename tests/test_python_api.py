"""``import media_forensics as mf``: every operator is a function, and nothing heavy is imported."""

from __future__ import annotations

import inspect
import json
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest
import yaml
from media_forensics.operators import python_api
from media_forensics.operators.operator_list import OPERATORS, name_of

ROOT = Path(__file__).resolve().parents[1]
MANIFEST = yaml.safe_load((ROOT / "fiftyone.yml").read_text())
METRICS = {"auroc", "eer"}
IMPORT = """
import json, sys
before = set(sys.modules)
import media_forensics as mf
offered = dir(mf)
new = {name.split(".")[0] for name in set(sys.modules) - before}
print(json.dumps([mf.__version__, offered, sorted(new - set(sys.stdlib_module_names)),
                  mf.__file__, mf.extract_faces.__name__, hasattr(mf, "no_such_thing")]))
"""


@pytest.fixture(params=["checkout", "installed"])
def search_path(request, tmp_path) -> str:
    """Where the package is found: by ``_mount``, or with the root folder as the package itself."""
    if request.param == "checkout":
        return str(ROOT / "_mount")
    (tmp_path / "media_forensics").symlink_to(ROOT, target_is_directory=True)
    return str(tmp_path)


@pytest.mark.fiftyone
def test_importing_the_package_imports_nothing_else(search_path, fiftyone_db):
    done = subprocess.run(
        [sys.executable, "-c", IMPORT],
        capture_output=True,
        text=True,
        env={**os.environ, "PYTHONPATH": search_path},
    )
    assert done.returncode == 0, done.stderr
    version, offered, new, file, name, absent = json.loads(done.stdout.splitlines()[-1])
    assert version == MANIFEST["version"]
    assert {*MANIFEST["operators"]} - METRICS <= {*offered}
    assert new == ["media_forensics"]
    assert Path(file).parent.parent == Path(search_path)
    assert name == "extract_faces" and absent is False


def test_no_operator_is_forgotten():
    assert set(python_api.operator_names()) == set(MANIFEST["operators"]) - METRICS


@pytest.mark.fiftyone
@pytest.mark.parametrize("name", sorted(set(MANIFEST["operators"]) - METRICS))
def test_a_function_is_what_get_operator_gives(name, operators):
    import media_forensics as mf

    function, operator = getattr(mf, name), operators(name)
    assert inspect.signature(function) == inspect.signature(operator)
    assert not any(
        p.kind is p.VAR_KEYWORD and p.name == "params"
        for p in inspect.signature(function).parameters.values()
    )
    assert function.__doc__ and function.__doc__.startswith(inspect.getdoc(type(operator).__call__))
    assert "Args:" in function.__doc__ or "Returns:" in function.__doc__
    assert function.__name__ == name and getattr(mf, name) is function


@pytest.mark.fiftyone
def test_both_give_the_same_result(fiftyone_db, operators, tmp_path):
    import media_forensics as mf
    from media_forensics.detector.errors import ForensicsError

    for root in (tmp_path, tmp_path / "nowhere"):
        said = []
        for call in (mf.import_dataset, operators("import_dataset")):
            with pytest.raises(ForensicsError) as caught:
                call(str(root), name="nothing")
            said.append(str(caught.value))
        assert said[0] == said[1]


@pytest.mark.weights
def test_both_evaluate_alike(demo_dataset, operators):
    import media_forensics as mf

    ours = mf.evaluate_detector(demo_dataset, key="probe", replicates=50)
    assert ours == operators("evaluate_detector")(demo_dataset, key="probe", replicates=50)


@pytest.mark.fiftyone
def test_a_queue_without_the_plugin_is_refused(fiftyone_db, tmp_path):
    code = (
        "import fiftyone as fo, media_forensics as mf\n"
        "try: mf.evaluate_detector(fo.Dataset(), key='k', delegate=True)\n"
        "except ValueError as error: print(type(error).__name__, error)"
    )
    done = subprocess.run(
        [sys.executable, "-c", code],
        capture_output=True,
        text=True,
        env={
            **os.environ,
            "PYTHONPATH": str(ROOT / "_mount"),
            "FIFTYONE_PLUGINS_DIR": str(tmp_path),
        },
    )
    assert "ForensicsError FiftyOne does not know" in done.stdout, done.stderr


def test_the_types_name_every_operator():
    text = (ROOT / "__init__.pyi").read_text()
    wanted = [(m, c) for m, c in OPERATORS if name_of(m) in python_api.operator_names()]
    assert re.findall(r"^from \.operators\.([\w.]+) import (\w+)$", text, flags=re.M) == sorted(
        wanted
    )
    assert re.findall(r"^(\w+): (\w+)$", text, flags=re.M)[1:] == [
        (name_of(m), c) for m, c in wanted
    ]
