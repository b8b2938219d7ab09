#!/usr/bin/env python3
"""Tests the plugin on every Python found here, with the lowest and the newest allowed versions.

    make pythons   # the parts without torch and FiftyOne: importers, decoding, crops, metrics
    make compat    # everything: FiftyOne loads the plugin; import, faces, scores, errors, training

The versions are those that uv finds for `[project] dependencies` with ``--resolution
lowest-direct`` and ``highest`` among the wheels for that Python. Indirect requirements get the
newest version that fits. The environments are in ``.compat``. ``--markdown`` prints the table of
docs/support.md. The exit status is not 0 if anything fails.
"""

from __future__ import annotations

import argparse
import datetime
import json
import os
import platform
import re
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
PLACE = ROOT / ".compat"
OVERRIDE = PLACE / "override.txt"
BIN = "Scripts" if os.name == "nt" else "bin"
UV = ROOT / ".uv" / BIN / "uv"
VERSIONS = ((3, 10), (3, 11), (3, 12), (3, 13))
RESOLUTIONS = ("lowest-direct", "highest")
#: The requirements of the parts that need neither torch nor FiftyOne.
CORE = (
    "av",
    "filelock",
    "numpy",
    "opencv-python-headless",
    "pillow",
    "psutil",
    "scikit-learn",
    "scipy",
)
CORE_TESTS = (
    ("--noconftest", "tests/test_parts_without_torch.py", "tests/detector/metrics/test_rates.py"),
    ("--confcutdir=tests/operators/importers", "tests/operators/importers"),
)
TESTS = (
    "tests/test_plugin_loads.py",
    "tests/test_parts_without_torch.py",
    "tests/detector/faces/test_retinaface.py",
    "tests/operators/test_loop.py",
)
TOLD = ("fiftyone", "torch", "torchvision", "av", "numpy", "opencv-python-headless")


@dataclass(frozen=True)
class Outcome:
    """One environment's result: Python, resolution, package versions, and the tests' summary."""

    python: str
    resolution: str
    versions: dict[str, str]
    said: str
    passed: bool


def interpreters() -> dict[tuple[int, int], str]:
    """Return the path of each supported Python found on the PATH or in pyenv, by (3, 12)."""
    home = Path(os.environ.get("PYENV_ROOT") or Path.home() / ".pyenv")
    candidates = [sys.executable, *(str(p) for p in sorted(home.glob("versions/*/bin/python")))]
    candidates += [f"python{major}.{minor}" for major, minor in VERSIONS]
    found: dict[tuple[int, int], str] = {}
    for candidate in candidates:
        asked = [candidate, "-c", "import sys; print(*sys.version_info[:2], sys.base_prefix)"]
        try:
            told = subprocess.run(asked, capture_output=True, text=True, check=True).stdout
        except (OSError, subprocess.CalledProcessError):
            continue  # no such Python here
        major, minor, _ = told.split(maxsplit=2)
        if (key := (int(major), int(minor))) in VERSIONS:
            found.setdefault(key, candidate)
    return dict(sorted(found.items()))


def project() -> dict:
    """Return the parsed pyproject.toml, also on Python 3.10."""
    try:
        import tomllib
    except ModuleNotFoundError:
        import tomli as tomllib  # one of the tests' requirements
    return tomllib.loads((ROOT / "pyproject.toml").read_text())


def requirements(core: bool) -> tuple[list[str], list[str]]:
    """Return the declared requirements of an environment, and the tools of the tests."""
    told = project()
    wanted = told["project"]["dependencies"]
    tools = [line for line in told["dependency-groups"]["tests"] if "media-forensics" not in line]
    if core:
        wanted = [line for line in wanted if name_of(line) in CORE]
        tools = [line for line in tools if line.startswith(("pytest>", "hypothesis"))]
    else:
        tools += told["dependency-groups"]["mongod"]
    return wanted, tools


def name_of(requirement: str) -> str:
    return re.split(r"[<>=! ;\[]", requirement)[0]


def environment(python: tuple[int, int], path: str, resolution: str, core: bool) -> Path:
    """Create or update the environment of that Python and resolution; return its interpreter."""
    name = f"{python[0]}.{python[1]}-{resolution}{'-core' if core else ''}"
    home = PLACE / name
    wanted, tools = requirements(core)
    listed, others = PLACE / f"{name}.txt", PLACE / f"{name}-tools.txt"
    listed.write_text("\n".join(wanted) + "\n")
    others.write_text("\n".join(tools) + "\n")
    inside = home / BIN / "python"
    if not inside.exists():
        uv("venv", "--quiet", "--clear", "--python", path, home)
    install = ("pip", "install", "--quiet", "--python", inside, "--override", OVERRIDE)
    # The lowest version with a wheel for this Python; older ones would have to be compiled.
    wheels = [f"--only-binary={name_of(line)}" for line in wanted]
    uv(*install, *wheels, "--resolution", resolution, "--requirement", listed)
    uv(*install, "--requirement", others, *(f"{k}=={v}" for k, v in versions(inside).items()))
    return inside


def versions(inside: Path) -> dict[str, str]:
    """Return the versions for the table, which the tests' tools must not change."""
    code = (
        "import importlib.metadata as m, json, sys\n"
        "there = {d.metadata['Name']: d.version for d in m.distributions()}\n"
        "print(json.dumps({k: there[k] for k in sys.argv[1:] if k in there}))"
    )
    told = subprocess.run(
        [str(inside), "-c", code, *TOLD], check=True, capture_output=True, text=True
    )
    return json.loads(told.stdout)


def uv(*arguments: object) -> None:
    command = [str(UV), *map(str, arguments)]
    subprocess.run(command, check=True, cwd=ROOT, env={**os.environ, "UV_NO_CONFIG": "1"})


def tried(python: tuple[int, int], path: str, resolution: str, core: bool) -> Outcome:
    """Create the environment and run the tests in it."""
    name = f"Python {python[0]}.{python[1]}, {resolution}"
    print(f"[compat] {name}", flush=True)
    exact = subprocess.run(
        [path, "-c", "import platform; print(platform.python_version())"],
        check=True,
        capture_output=True,
        text=True,
    ).stdout.strip()
    began = time.monotonic()
    try:
        inside = environment(python, path, resolution, core)
    except subprocess.CalledProcessError:
        return Outcome(exact, resolution, {}, "cannot be installed", False)
    said, passed = [], True
    for arguments in CORE_TESTS if core else (TESTS,):
        command = [str(inside), "-m", "pytest", "-q", "-p", "no:cacheprovider", *arguments]
        done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True)
        closing = (done.stdout.strip().splitlines() or ["no tests ran"])[-1].strip("= ")
        said.append(re.sub(r" in [\d.]+s.*", "", closing))
        if done.returncode != 0:
            passed = False
            print(done.stdout[-6000:], done.stderr[-2000:], flush=True)
    print(f"[compat] {name}: {'; '.join(said)} ({time.monotonic() - began:.0f} s)", flush=True)
    return Outcome(exact, resolution, versions(inside), "; ".join(said), passed)


def table(outcomes: list[Outcome]) -> str:
    """Return the outcomes as Markdown, with the date and the system."""
    lines = [
        "| Python | versions | fiftyone | torch | av | numpy | result |",
        "|---|---|---|---|---|---|---|",
    ]
    for one in outcomes:
        cells = [one.versions.get(name, "-") for name in ("fiftyone", "torch", "av", "numpy")]
        which = "lowest" if one.resolution == "lowest-direct" else "newest"
        lines.append(f"| {' | '.join([one.python, which, *cells, one.said])} |")
    today = datetime.date.today().isoformat()
    return f"{today}, {platform.system()} {platform.machine()}:\n\n" + "\n".join(lines)


def main() -> int:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--core", action="store_true", help="only the parts without torch")
    parser.add_argument("--python", action="append", help="for example 3.12; by default all here")
    parser.add_argument("--resolution", choices=RESOLUTIONS, help="by default both")
    parser.add_argument("--markdown", action="store_true", help="print the table at the end")
    options = parser.parse_args()
    here = interpreters()
    for major, minor in VERSIONS:
        if (major, minor) not in here:
            print(f"[compat] Python {major}.{minor} is not here: not tried", flush=True)
    PLACE.mkdir(exist_ok=True)
    OVERRIDE.write_text("\n".join(project()["tool"]["uv"]["override-dependencies"]) + "\n")
    chosen = [
        (version, path, resolution, options.core)
        for version, path in here.items()
        if not options.python or "{}.{}".format(*version) in options.python
        for resolution in ([options.resolution] if options.resolution else RESOLUTIONS)
    ]
    # The parts without torch are small: two environments at a time.
    with ThreadPoolExecutor(2 if options.core else 1) as pool:
        outcomes = list(pool.map(lambda one: tried(*one), chosen))
    if options.markdown:
        print(table(outcomes))
    bad = [one for one in outcomes if not one.passed]
    print(f"[compat] {len(outcomes) - len(bad)} of {len(outcomes)} environments pass", flush=True)
    return 1 if bad or not outcomes else 0


if __name__ == "__main__":
    sys.exit(main())
