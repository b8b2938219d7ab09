"""Finds detectors by name: published files, those that come along, the user's registered ones.

A published file is identified by repository, commit, size and sha256. Values that its authors do
not state are recorded at the first download (:mod:`.hub_files`). It is fetched only on request.
A user's registration is one line in ``detectors.json`` in the cache folder: a name and a path.
:mod:`.shipped_detectors` has those that come along.
"""

from __future__ import annotations

import json
import os
import re
import shlex
from dataclasses import dataclass
from pathlib import Path

from ..errors import ForensicsError
from ..files.atomic import write_json
from ..files.cache import cache_dir
from ..files.paths import given
from .hub_files import HubFile, check_file, fetch_file
from .shipped_detectors import SHIPPED, shipped_path


@dataclass(frozen=True, slots=True)
class PublishedDetector:
    """One published checkpoint file.

    Attributes:
        name: the name that users write
        repository, file: location on the Hugging Face hub
        revision: its commit; "" for the newest at the first download, which is then recorded
        config: a second file that is read with it, or ""
        size: bytes, 0 if only known to be about 1.2 GB
        sha256: of the file; "" if the authors state none and the hub's digest is compared
        license, paper: in one line each
    """

    name: str
    repository: str
    revision: str
    file: str
    size: int
    sha256: str
    license: str
    paper: str
    config: str = ""

    @property
    def path(self) -> Path:
        """Path of the checkpoint in the plugin's cache."""
        return cache_dir() / "weights" / self.name / self.file

    @property
    def files(self) -> tuple[str, ...]:
        """Names of all files that are fetched."""
        return (self.file, self.config) if self.config else (self.file,)

    @property
    def command(self) -> str:
        """Shell command that fetches the files."""
        return f"python -m media_forensics.detector.weights {self.name}"

    @property
    def elsewhere(self) -> str:
        """Shell command that fetches the files on a machine without the plugin."""
        pinned = ["--revision", self.revision] if self.revision else []
        return shlex.join(["hf", "download", self.repository, *self.files, *pinned])

    def part(self, file: str) -> HubFile:
        """Return one of :attr:`files` as a file of the hub."""
        whole = file == self.file
        return HubFile(
            self.repository,
            file,
            self.revision,
            self.sha256 if whole else "",
            self.size if whole else 0,
        )


_GEND = "Yermakov et al. 2025, GenD, arXiv 2508.06248"
PUBLISHED = {
    detector.name: detector
    for detector in (
        PublishedDetector(
            "clip_ln_l14",
            "yermandy/deepfake-detection",
            "9a6857ec642deb57373c5437be803a199468b8c6",
            "model.ckpt",
            0,
            "",
            "MIT; trained on FaceForensics++ (research only)",
            "Yermakov et al. 2025, arXiv 2503.19683",
        ),
        PublishedDetector(
            "gend_clip_l14",
            "yermandy/GenD_CLIP_L_14",
            "891ce014a0308386c4d7d25b3dcf436a22db5504",
            "model.safetensors",
            1_215_928_160,
            "d76f0bdfd74a29fe1b1c1b84a80ac92486993e426878e8c7a3944281fbb96833",
            "MIT; trained on FaceForensics++ (research only)",
            _GEND,
            "config.json",
        ),
        PublishedDetector(
            "gend_pe_l14",
            "yermandy/GenD_PE_L",
            "",
            "model.safetensors",
            0,
            "",
            "MIT; trained on FaceForensics++ (research only)",
            _GEND,
            "config.json",
        ),
        PublishedDetector(
            "gend_dinov3_l16",
            "yermandy/GenD_DINOv3_L",
            "",
            "model.safetensors",
            0,
            "",
            "MIT; DINOv3 license; trained on FaceForensics++ (research only)",
            _GEND,
            "config.json",
        ),
    )
}


def register_detector(name: str, path: str | Path) -> None:
    """Make the checkpoint at ``path`` loadable as ``name``, replacing an earlier registration.

    Raises:
        ForensicsError: a name of ours, not a lower-case word, or nothing at ``path``
    """
    taken = [*PUBLISHED, *SHIPPED]
    if name in taken or not re.fullmatch(r"[a-z][a-z0-9_]{0,40}", name):
        raise ForensicsError(
            f"{name!r} cannot be registered.",
            "Use a lower-case word of letters, digits and underscores that is not a known "
            f"detector ({', '.join(taken)}).",
            "name",
        )
    target = given(path, "path").resolve()
    if not target.exists():
        raise ForensicsError(f"There is no checkpoint at {target}.", "Check the path.", "path")
    write_json(_registry(), {**registered_detectors(), name: str(target)})


def unregister_detector(name: str) -> None:
    """Remove a registration, but not its files. An unknown name does nothing."""
    write_json(_registry(), {k: v for k, v in registered_detectors().items() if k != name})


def registered_detectors() -> dict[str, str]:
    """Return the path of each checkpoint registered on this machine, by name.

    Raises:
        ForensicsError: the registry file is damaged
    """
    try:
        text = _registry().read_text()
    except FileNotFoundError:
        return {}
    try:
        found = json.loads(text)
        return {str(name): str(path) for name, path in found.items()}
    except (json.JSONDecodeError, AttributeError) as error:
        raise ForensicsError(
            f"{_registry()} is not a table of detectors ({error}).", "Delete it and register again."
        ) from error


def named_detectors() -> list[tuple[str, str]]:
    """Return (name, label) of every detector that has a name on this machine."""
    published = [
        (name, f"{name} (published; {'here' if known.path.exists() else 'not downloaded'})")
        for name, known in PUBLISHED.items()
    ]
    shipped = [(name, f"{name} (comes along; a demonstration, no evidence)") for name in SHIPPED]
    return [*published, *shipped, *((n, f"{n} (registered)") for n in registered_detectors())]


def absolute_source(source: str | Path, field: str = "detector") -> str:
    """Return ``source`` as text; a path that exists or begins with ``~`` or ``/`` is made absolute.

    Raises:
        ForensicsError: an invalid path, or one outside the allowed folders
    """
    text = os.fspath(source)
    if "\0" in text or text.startswith("~") or Path(text).is_absolute() or Path(text).exists():
        return str(given(text, field)) if text.strip() else text
    return text


def absolute_tower(name: str, field: str = "backbone") -> str:
    """Return the tower name with its path made absolute.

    For the forms of a name see :func:`detector.model.towers.load_tower`.

    Raises:
        ForensicsError: an invalid path, or one outside the allowed folders
    """
    kind, _, rest = name.partition(":")
    if kind == "local-dir" and rest:
        return f"{kind}:{given(rest, field)}"
    model, colon, weights = rest.partition(":")
    if kind == "open_clip" and weights:
        return f"{kind}:{model}{colon}{absolute_source(weights, field)}"
    return name


def find_detector(source: str | Path, allow_download: bool = False) -> Path:
    """Return the file or folder of a detector given by path, published name or registered name.

    Args:
        source: path or name; a name of :data:`SHIPPED`, then an existing path takes precedence
        allow_download: fetch a missing published file from the Hugging Face hub

    Raises:
        ForensicsError: not found; for a published detector the message names the file, its origin,
            its size and the command that fetches it
    """
    name = str(source)
    if name in SHIPPED:
        return shipped_path(name)
    path = Path(absolute_source(source))
    if path.is_absolute():
        given(path, "detector")
        if path.exists():
            return path
    if name in PUBLISHED:
        return _published_path(PUBLISHED[name], allow_download)
    registered = registered_detectors()
    if name in registered:
        place = given(registered[name], "detector")
        if place.exists():
            return place
        raise ForensicsError(
            f"The detector {name!r} no longer exists: {registered[name]}.",
            "Restore the files, or register it again.",
            "detector",
        )
    raise ForensicsError(
        f"There is no detector {name!r}.",
        "Give a folder or file on this machine, or one of: "
        f"{', '.join([*PUBLISHED, *SHIPPED, *registered])}.",
        "detector",
    )


def fetch_published(known: PublishedDetector, folder: Path) -> None:
    """Fetch the files of a published detector that ``folder`` lacks, and check all of them.

    Raises:
        ForensicsError: the hub refuses the files or sends other ones
    """
    for file in known.files:
        if not (folder / file).is_file():
            fetch_file(known.part(file), folder)
    check_published(known, folder)


def check_published(known: PublishedDetector, folder: Path) -> None:
    """Compare the files of a published detector with their known digests.

    Raises:
        ForensicsError: one of them is another file
    """
    for file in known.files:
        if (folder / file).is_file():
            check_file(known.part(file), folder)


def _published_path(known: PublishedDetector, allow_download: bool) -> Path:
    if allow_download:
        fetch_published(known, known.path.parent)
    elif not known.path.is_file():
        size = f"{known.size / 1e6:.0f} MB" if known.size else "about 1.2 GB"
        raise ForensicsError(
            f"The published detector {known.name} is not on this machine: {known.file}, {size}, "
            f"from the Hugging Face repository {known.repository} ({known.license}).",
            f"Allow the download or run `{known.command}`; or run `{known.elsewhere}` on another "
            f"machine and copy the files into {known.path.parent}.",
            "detector",
        )
    else:
        check_published(known, known.path.parent)
    return known.path


def _registry() -> Path:
    return cache_dir() / "detectors.json"
