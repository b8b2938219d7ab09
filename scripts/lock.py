#!/usr/bin/env python3
"""Write the locks: every package of the tested set, with its sha256 as PyPI gives it.

    python scripts/lock.py             # keeps the versions that are locked, adds what is missing
    python scripts/lock.py --upgrade   # the newest that the requirements allow

``requirements.lock`` is all that ``requirements.txt`` needs, ``requirements-test.lock`` what the
tests need beside it. Both are whole: ``install.py`` installs them without asking for requirements.
The tool (uv) is fetched into ``.lock``, an environment of its own.
"""

from __future__ import annotations

import argparse
import os
import re
import subprocess
import tempfile
import venv
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
TOOLS = ROOT / ".lock"
BASE, TESTS = ROOT / "requirements.lock", ROOT / "requirements-test.lock"
PLATFORM = ("--python-version", "3.11.7", "--python-platform", "x86_64-manylinux_2_28")
HEADER = """# {what} on Linux x86-64 with Python 3.11 (3.11.5 or newer), with hashes.
# Made by scripts/lock.py; installed with `pip install --no-deps --require-hashes -r {name}`.
"""


def uv() -> Path:
    """The tool that resolves, installed when it is missing."""
    binary = TOOLS / ("Scripts" if os.name == "nt" else "bin") / "uv"
    if not binary.exists():
        venv.create(TOOLS, with_pip=True)
        subprocess.run([str(binary.with_name("pip")), "install", "--quiet", "uv"], check=True)
    return binary


def compile_lock(sources: list[Path], out: Path, upgrade: bool) -> dict[str, str]:
    """Resolve ``sources``; name -> its lines. What ``out`` names already keeps its version."""
    command = [uv(), "pip", "compile", "--quiet", "--no-config", "--no-annotate", "--no-header"]
    command += ["--generate-hashes", "--index-url", "https://pypi.org/simple", *PLATFORM]
    command += ["--upgrade"] if upgrade else []
    command += ["--output-file", out, *sources]
    subprocess.run([str(part) for part in command], check=True, stdout=subprocess.DEVNULL)
    return blocks(out.read_text())


def blocks(text: str) -> dict[str, str]:
    """Package name -> its requirement and hashes."""
    parts = re.split(r"^(?=[A-Za-z0-9])", text, flags=re.M)
    return {part.split("==")[0]: part for part in parts if "==" in part}


def main() -> None:
    """Write both files; the second holds only what the first does not."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--upgrade", action="store_true", help="take the newest allowed versions")
    upgrade = parser.parse_args().upgrade
    known = "".join(path.read_text() for path in (BASE, TESTS) if path.exists())
    wanted = [ROOT / "requirements.txt", ROOT / "requirements-test.txt"]
    with tempfile.TemporaryDirectory() as folder:
        whole, part = Path(folder) / "whole.lock", Path(folder) / "part.lock"
        whole.write_text(known)
        everything = compile_lock(wanted, whole, upgrade)
        part.write_text(whole.read_text())  # the same versions in both
        base = compile_lock(wanted[:1], part, upgrade=False)
    extra = {name: text for name, text in everything.items() if name not in base}
    for path, what, found in (
        (BASE, "What the plugin needs", base),
        (TESTS, "What the tests need beside requirements.lock,", extra),
    ):
        text = HEADER.format(what=what, name=path.name)
        path.write_text(text + "".join(found[name] for name in sorted(found)))
    print(f"{BASE.name}: {len(base)} packages, {TESTS.name}: {len(extra)} more")


if __name__ == "__main__":
    main()
