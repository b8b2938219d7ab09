"""FiftyOne itself loads the plugin from a symlink of the checkout: everything is registered."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

ROOT = Path(__file__).resolve().parents[1]

LOAD = """
import json
import fiftyone.plugins as fop
import fiftyone.operators as foo
from fiftyone.plugins.context import build_plugin_contexts
name = "@mediaforensics/deepfake"
contexts = [c for c in build_plugin_contexts() if c.name == name]
errors = [str(e) for c in contexts for e in c.errors]
ours = [o for o in foo.list_operators() if o.plugin_name == name]
panels = [o.name for o in foo.list_operators(type="panel") if o.plugin_name == name]
rows = {
    o.name: {
        "label": o.config.label,
        "description": o.config.description,
        "risk": str(getattr(o.config, "risk_level", None)),
        "unlisted": o.config.unlisted,
        "run_name": type(o).resolve_run_name is not foo.Operator.resolve_run_name,
        "callable": callable(o),
    }
    for o in ours
}
skills = {s.name: [s.description, s.category, s.content] for s in fop.list_skills(plugin=name)}
found = {"contexts": len(contexts), "errors": errors, "rows": rows, "panels": panels}
print(json.dumps({**found, "skills": skills}))
"""


@pytest.fixture(scope="module")
def loaded(tmp_path_factory, fiftyone_db) -> dict:
    plugins = tmp_path_factory.mktemp("plugins")
    (plugins / "deepfake").symlink_to(ROOT, target_is_directory=True)
    environment = {**os.environ, "FIFTYONE_PLUGINS_DIR": str(plugins)}
    environment.pop("PYTHONPATH", None)
    done = subprocess.run(
        [sys.executable, "-c", LOAD], capture_output=True, text=True, env=environment, cwd=plugins
    )
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout.splitlines()[-1])


@pytest.fixture(scope="module")
def manifest() -> dict:
    return yaml.safe_load((ROOT / "fiftyone.yml").read_text())


@pytest.mark.fiftyone
def test_loads_once_and_without_errors(loaded):
    assert loaded["contexts"] == 1
    assert loaded["errors"] == []


@pytest.mark.fiftyone
def test_every_operator_and_panel_of_the_manifest_is_registered(loaded, manifest):
    assert set(manifest["operators"]) | set(manifest["panels"]) == set(loaded["rows"])
    assert set(manifest["panels"]) == set(loaded["panels"])


@pytest.mark.fiftyone
def test_operators_say_what_they_do_and_how_risky_it_is(loaded, manifest):
    for name in manifest["operators"]:
        row = loaded["rows"][name]
        assert row["label"] and row["label"] != name, name
        assert row["description"], name
        if not row["unlisted"]:
            assert row["risk"] not in ("None", "RiskLevel.DANGEROUS"), name
            assert row["run_name"], f"{name} has no resolve_run_name"
            assert row["callable"], f"{name} cannot be called from Python"


@pytest.mark.fiftyone
def test_every_skill_of_the_manifest_is_found_and_names_operators_that_exist(loaded, manifest):
    assert sorted(loaded["skills"]) == sorted(manifest["skills"])
    for name, (description, category, content) in loaded["skills"].items():
        assert len(description) > 80 and "Use when" in description, name
        assert category, name
        named = set(re.findall(r"mf\.(\w+)\(", content))
        assert named and named <= set(loaded["rows"]), name


@pytest.mark.fiftyone
def test_the_risks_in_the_security_page_are_those_of_the_operators(loaded, manifest):
    text = (ROOT / "docs/security.md").read_text()
    section = text.partition("## Risk levels")[2].partition("\n## ")[0]
    said = dict(re.findall(r"^\| `(\w+)` \| (\w+) \|$", section, re.M))
    rows = loaded["rows"]
    listed = [name for name in manifest["operators"] if not rows[name]["unlisted"]]
    assert said == {name: rows[name]["risk"].rpartition(".")[2].lower() for name in listed}
