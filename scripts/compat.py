#!/usr/bin/env python3
"""Try the plugin on the oldest and the newest FiftyOne that ``fiftyone.yml`` promises.

    python scripts/compat.py                  # or: make compat
    python scripts/compat.py 1.22.0 --pytest "-k loads"

Each goes into ``.compat/<version>`` with its own requirements; torch and the rest are read from
``.venv`` (``make install`` with ``--tests`` first). The tests say that the plugin loads and that
the loop from a corpus to errors, queues and panels works.
"""

from __future__ import annotations

import argparse
import re
import shutil
import subprocess
import sys
import venv
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
MAIN, PLACE = ROOT / ".venv", ROOT / ".compat"
TESTS = ("tests/test_plugin_loads.py", "tests/operators/test_loop.py")


def promised() -> str:
    """The version specifier of the manifest, for example ``>=1.22,<2``."""
    text = (ROOT / "fiftyone.yml").read_text()
    found = re.search(r'^fiftyone:\n  version: "([^"]+)"', text, flags=re.M)
    assert found, "fiftyone.yml promises no version"
    return found[1]


def ends(specifier: str) -> list[str]:
    """The oldest and the newest release on the index that fit, without pre-releases."""
    from packaging.specifiers import SpecifierSet
    from packaging.version import Version

    command = [sys.executable, "-m", "pip", "index", "versions", "fiftyone"]
    said = subprocess.run(command, check=True, capture_output=True, text=True).stdout
    listed = re.search(r"Available versions: (.+)", said)
    assert listed, said
    fitting = SpecifierSet(specifier).filter(Version(text) for text in listed[1].split(", "))
    ordered = sorted(fitting)
    return [str(version) for version in dict.fromkeys((ordered[0], ordered[-1]))]


def site_packages(environment: Path) -> Path:
    """The folder of an environment's packages."""
    (found,) = environment.glob("lib/python*/site-packages")
    return found


def environment_with(version: str) -> Path:
    """Python with FiftyOne ``version`` before everything of ``.venv``; made once."""
    if (site_packages(MAIN) / f"fiftyone-{version}.dist-info").exists():
        return MAIN / "bin/python"
    home = PLACE / version
    python = home / "bin/python"
    if not (home / ".done").exists():
        print(f"[compat] fiftyone {version} into {home.relative_to(ROOT)}", flush=True)
        shutil.rmtree(home, ignore_errors=True)
        venv.create(home, with_pip=True)
        constraints = home / "constraints.txt"
        constraints.write_text(_without_fiftyone((ROOT / "requirements.lock").read_text()))
        command = [python, "-m", "pip", "install", "--quiet", "-c", constraints]
        run(*command, f"fiftyone=={version}")
        packages = site_packages(home)
        mongod = packages / "fiftyone/db/bin"
        ours = site_packages(MAIN) / "fiftyone/db/bin"
        if not (mongod / "mongod").exists() and ours.exists():
            shutil.copytree(ours, mongod, dirs_exist_ok=True)
        # read after the environment's own packages, so that only what is missing comes from here
        (packages / "zz_main.pth").write_text(f"{site_packages(MAIN)}\n")
        (home / ".done").touch()
    return python


def _without_fiftyone(lock: str) -> str:
    """The locked versions, but those that belong to a FiftyOne release."""
    pins = re.findall(r"^([A-Za-z0-9._-]+==\S+)", lock, flags=re.M)
    return "\n".join(p for p in pins if not p.startswith(("fiftyone", "voxel51"))) + "\n"


def run(*command: object, **options: object) -> None:
    subprocess.run([str(part) for part in command], check=True, **options)  # type: ignore[call-overload]


def main() -> None:
    """Install and test each version; the exit status is that of the first that fails."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("versions", nargs="*", help="by default the oldest and the newest")
    parser.add_argument("--pytest", default="", help="more arguments of pytest")
    options = parser.parse_args()
    for version in options.versions or ends(promised()):
        python = environment_with(version)
        check = "import sys, importlib.metadata as m; assert m.version('fiftyone') == sys.argv[1]"
        run(python, "-c", check, version)
        print(f"[compat] tests on fiftyone {version}", flush=True)
        more = options.pytest.split()
        run(python, "-m", "pytest", "-q", *TESTS, *more, cwd=ROOT)


if __name__ == "__main__":
    try:
        main()
    except subprocess.CalledProcessError as error:
        sys.exit(error.returncode)
