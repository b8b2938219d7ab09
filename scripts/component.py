"""Builds the App's component: src/ into dist/index.umd.js.

    python scripts/component.py            # build; what `make ui` does
    python scripts/component.py --check    # types, unit tests, and whether dist/ is what src/ gives

The tools (vite, TypeScript, vitest, in the exact versions of package-lock.json) are put into
``.ui/`` by npm: git ignores it, and FiftyOne passes over hidden folders when it looks for plugins.
Nothing of them gets into the built file. Who only uses the plugin needs none of this: dist/ is
committed.
"""

from __future__ import annotations

import argparse
import hashlib
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
HOME = ROOT / ".ui"
BUILT = ROOT / "dist" / "index.umd.js"
LOCK = ("package.json", "package-lock.json")
#: What npm says where no registry answers.
OFFLINE = ("ENOTFOUND", "ECONNREFUSED", "ECONNRESET", "ETIMEDOUT", "EAI_AGAIN", "ENETUNREACH")


class Unavailable(Exception):
    """The tools cannot be had on this machine."""


def _run(*command: object) -> None:
    done = subprocess.run([*map(str, command)], cwd=ROOT, capture_output=True, text=True)
    if done.returncode:
        said = f"{done.stdout}\n{done.stderr}".strip()
        raise RuntimeError(f"{Path(str(command[0])).name}: {said}")


def _tool(name: str) -> Path:
    return HOME / "node_modules" / ".bin" / name


def prepare() -> None:
    """Have npm put the tools into ``.ui/``, unless they are there.

    Raises:
        Unavailable: there is no npm, or no registry answers
        RuntimeError: npm failed otherwise
    """
    texts = b"".join((ROOT / name).read_bytes() for name in LOCK)
    wanted, stamp = hashlib.sha256(texts).hexdigest(), HOME / "installed"
    if stamp.is_file() and stamp.read_text() == wanted:
        return
    npm = shutil.which("npm")
    if npm is None:
        raise Unavailable("no npm on this machine; Node 20.19 or newer brings it")
    HOME.mkdir(exist_ok=True)
    for name in LOCK:
        shutil.copyfile(ROOT / name, HOME / name)
    try:
        _run(npm, "ci", "--prefix", HOME, "--no-audit", "--no-fund", "--ignore-scripts")
    except RuntimeError as error:
        if any(word in str(error) for word in OFFLINE):
            raise Unavailable("npm is here, but reaches no registry") from error
        raise
    stamp.write_text(wanted)


def check_types() -> None:
    """Fails with what tsc says."""
    _run(_tool("tsc"), "--project", ROOT)


def unit_tests() -> None:
    """Fails with what vitest says."""
    _run(_tool("vitest"), "run")


def build(folder: Path) -> Path:
    """Build into ``folder`` and return the file."""
    _run(_tool("vite"), "build", "--outDir", folder, "--logLevel", "warn")
    return folder / BUILT.name


def is_current() -> bool:
    """Whether dist/ is, byte for byte, what src/ gives."""
    with tempfile.TemporaryDirectory() as folder:
        return build(Path(folder)).read_bytes() == BUILT.read_bytes()


def main() -> int:
    """Build, or check."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--check", action="store_true", help="build nothing, compare with dist/")
    chosen = parser.parse_args()
    try:
        prepare()
        check_types()
        if not chosen.check:
            build(BUILT.parent)
            return 0
        unit_tests()
    except Unavailable as error:
        print(f"The component is not built: {error}.", file=sys.stderr)
        return 0 if chosen.check else 1
    except RuntimeError as error:
        print(error, file=sys.stderr)
        return 1
    if is_current():
        return 0
    print("dist/index.umd.js is not what src/ gives: run `make ui`.", file=sys.stderr)
    return 1


if __name__ == "__main__":
    sys.exit(main())
