"""The installer ends in one sentence for everything that goes wrong with a machine."""

from __future__ import annotations

import importlib.util
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]


def load():
    spec = importlib.util.spec_from_file_location("install", ROOT / "scripts/install.py")
    assert spec and spec.loader
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


install = load()

# What uv 0.13 and pip said when each was tried on a machine.
SAID = {
    "cause: failed to lookup address information: Temporary failure in name resolution": "connect",
    "Failed to establish a new connection: [Errno -3] Temporary failure": "connect this machine",
    "failed to write to file `x/_C_stable.so`: No space left on device (os error 28)": "free 8 GB",
    "failed to create directory `x/.venv`: Read-only file system (os error 30)": "writable",
    "The lockfile at `uv.lock` needs to be updated, but `--locked` was provided": "make lock",
    "Hash mismatch for `psutil==7.2.2`": "not the one that uv.lock names",
    "Failed to build `rtree==1`\n command `gcc` failed": "install a compiler",
    "something else": "its last lines say why",
}


@pytest.mark.parametrize("said", SAID)
def test_what_uv_says_becomes_what_to_do(said):
    sentence = install.advice(said)
    assert SAID[said] in sentence and "\n" not in sentence


@pytest.mark.parametrize("version", [(3, 9, 18), (3, 6, 15), (3, 14, 0)])
def test_a_python_that_cannot_run_it_is_named(version):
    with pytest.raises(SystemExit, match=r"this is 3\..*PYTHON=python3\.12 make install"):
        install.check_python(version)
    for fine in ((3, 10, 0), (3, 13, 9)):
        install.check_python(fine)


def old_pythons() -> list[str]:
    home = Path(os.environ.get("PYENV_ROOT") or Path.home() / ".pyenv")
    return sorted(str(path) for path in home.glob("versions/3.[6-9].*/bin/python"))


def test_an_old_python_reads_the_script_and_gets_the_sentence():
    if not (old := old_pythons()):
        pytest.skip("no Python 3.6 to 3.9 of pyenv on this machine")
    for python in old:
        done = subprocess.run(
            [python, str(ROOT / "scripts/install.py")], capture_output=True, text=True
        )
        assert done.returncode == 1
        assert re.fullmatch(r"\[install\] Python 3\.10 to 3\.13 is needed.*\n", done.stderr)


@pytest.fixture
def checkout(tmp_path) -> Path:
    """The files that the installer reads, without an environment."""
    place = tmp_path / "checkout"
    (place / "scripts").mkdir(parents=True)
    shutil.copy(ROOT / "scripts/install.py", place / "scripts")
    shutil.copy(ROOT / "uv.lock", place)
    return place


def test_without_a_connection_it_says_so(checkout):
    closed = {name: "http://127.0.0.1:9" for name in ("HTTPS_PROXY", "https_proxy", "ALL_PROXY")}
    done = subprocess.run(
        [sys.executable, "scripts/install.py"],
        cwd=checkout,
        capture_output=True,
        text=True,
        env={**os.environ, **closed, "PIP_NO_CACHE_DIR": "1", "PIP_CONFIG_FILE": os.devnull},
    )
    assert done.returncode == 1, done.stdout + done.stderr
    assert "no connection to the package index" in done.stderr.splitlines()[-1]


def test_the_locked_uv_has_a_version_and_hashes():
    version, requirement = install.locked_uv()
    assert re.fullmatch(r"\d+\.\d+\.\d+", version)
    assert requirement.count("--hash=sha256:") > 4
    assert len(re.findall(r"\buv==", requirement)) == 1


def test_a_home_that_cannot_be_written_to_puts_the_cache_into_the_checkout(tmp_path, monkeypatch):
    monkeypatch.delenv("UV_CACHE_DIR", raising=False)
    (tmp_path / "file").touch()
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "file"))  # no folder can be made in a file
    assert install.environment()["UV_CACHE_DIR"] == str(ROOT / ".cache" / "uv")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "home"))
    assert "UV_CACHE_DIR" not in install.environment()
    assert install.environment()["UV_NO_CONFIG"] == "1"
