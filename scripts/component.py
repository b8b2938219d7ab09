"""Builds the App's component from src/ into dist/index.umd.js.

    python scripts/component.py            # build; what `make ui` does
    python scripts/component.py --check    # types, unit tests, and whether dist/ is what src/ gives

npm installs the tools (vite, TypeScript, vitest, in the exact versions of package-lock.json) into
``.ui/``. git ignores that folder, and FiftyOne skips hidden folders when it looks for plugins. No
part of the tools gets into the built file. Users of the plugin need none of this, because dist/ is
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
#: Error codes of npm if no registry answers.
OFFLINE = ("ENOTFOUND", "ECONNREFUSED", "ECONNRESET", "ETIMEDOUT", "EAI_AGAIN", "ENETUNREACH")


class Unavailable(Exception):
    """The error if the tools are not available on this machine."""


def _run(*command: object) -> None:
    done = subprocess.run([*map(str, command)], cwd=ROOT, capture_output=True, text=True)
    if done.returncode:
        said = f"{done.stdout}\n{done.stderr}".strip()
        raise RuntimeError(f"{Path(str(command[0])).name}: {said}")


def _tool(name: str) -> Path:
    return HOME / "node_modules" / ".bin" / name


def prepare() -> None:
    """Let npm install the tools into ``.ui/``, unless they are installed.

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
    """Check the types; raise RuntimeError with tsc's output if they are wrong."""
    _run(_tool("tsc"), "--project", ROOT)


def unit_tests() -> None:
    """Run the unit tests; raise RuntimeError with vitest's output if one fails."""
    _run(_tool("vitest"), "run")


def build(folder: Path) -> Path:
    """Build into ``folder`` and return the file."""
    _run(_tool("vite"), "build", "--outDir", folder, "--logLevel", "warn")
    return folder / BUILT.name


def is_current() -> bool:
    """Return whether dist/ is byte for byte what src/ gives."""
    with tempfile.TemporaryDirectory() as folder:
        return build(Path(folder)).read_bytes() == BUILT.read_bytes()


def main() -> int:
    """Build or check the component, and return the exit status."""
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
