"""Seals a folder with the sha256 of every file, and tells in words what no longer agrees.

``SHA256SUMS`` is what ``sha256sum --check`` reads. A signature of it in ``SHA256SUMS.minisig``
therefore covers the whole folder. No link is followed, neither in the folder nor out of it.
"""

from __future__ import annotations

import hashlib
import os
import re
import stat
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from ..errors import ForensicsError
from . import minisign

SUMS = "SHA256SUMS"
SIGNATURE = "SHA256SUMS.minisig"
_LINE = re.compile(r"([0-9a-f]{64}) [ *](.+)")
_MOST_BYTES = 1 << 26  # of SHA256SUMS
_MOST_FILES = 200_000
_CHUNK = 1 << 20


@dataclass(frozen=True, slots=True)
class Verified:
    """What the check of a folder found.

    Attributes:
        files: number of files that ``SHA256SUMS`` names
        problems: a sentence for each file that differs, is missing or is extra, sorted by name
        signature: a sentence about the signature
        signed: True if a valid signature of the given key covers the folder
    """

    files: int
    problems: tuple[str, ...]
    signature: str
    signed: bool


def sealed(files: Mapping[str, bytes], key: minisign.SecretKey | None = None) -> dict[str, bytes]:
    """Return ``files`` with ``SHA256SUMS`` and, if there is a key, its signature.

    Args:
        files: content by name; parts of a name are separated by ``/``
        key: signs the sums
    """
    names = sorted(files, key=os.fsencode)
    bad = next((name for name in names if "\n" in name or "\\" in name), None)
    if bad is not None:
        raise ForensicsError(f"{bad!r} cannot be the name of a file of a report.")
    lines = [f"{hashlib.sha256(files[name]).hexdigest()}  {name}\n" for name in names]
    sums = "".join(lines).encode()
    whole = {**files, SUMS: sums}
    if key is not None:
        whole[SIGNATURE] = minisign.sign(sums, key, SUMS).encode()
    return whole


def read_sums(folder: Path) -> tuple[bytes, dict[str, str]]:
    """Return the bytes of a folder's ``SHA256SUMS``, and the digests by name.

    Raises:
        ForensicsError: the folder or the file is not there, or it is not of this format
    """
    if not folder.is_dir():
        raise ForensicsError(
            f"There is no folder {folder}: it was moved, renamed or deleted.",
            "Name the place where it is now; a report may be moved as a whole.",
            "folder",
        )
    try:
        data = _read(folder / SUMS, _MOST_BYTES)
    except OSError as error:
        raise ForensicsError(
            f"{folder} has no {SUMS} that can be read: {error.strerror or error}.",
            "Name the folder of a report.",
            "folder",
        ) from error
    found: dict[str, str] = {}
    for number, line in enumerate(data.decode("utf-8", "surrogateescape").splitlines(), 1):
        fits = _LINE.fullmatch(line)
        if fits is None or len(found) >= _MOST_FILES or not _stays(fits[2]):
            raise ForensicsError(
                f"Line {number} of {folder / SUMS} is not a sum of a file in this folder.",
                "The folder is damaged. Do not rely on it.",
                "folder",
            )
        found[fits[2].removeprefix("./")] = fits[1]
    return data, found


def check(folder: Path, key: minisign.PublicKey | None = None) -> Verified:
    """Compare a folder with its ``SHA256SUMS``, and that with its signature.

    Args:
        folder: folder of a report
        key: public key of who signed it; None to check only the files

    Raises:
        ForensicsError: there is no folder, or no sums in it; a signature that is missing or not
            valid is told in the result
    """
    data, wanted = read_sums(folder)
    there, odd = _listed(folder)
    problems = {name: f"{name} is {what}." for name, what in odd.items()}
    for name, digest in wanted.items():
        if name in problems:
            continue
        if name not in there:
            problems[name] = f"{name} is missing."
            continue
        try:
            if _digest(folder / name) != digest:
                problems[name] = f"{name} differs from what was sealed."
        except OSError as error:
            problems[name] = f"{name} cannot be read: {error.strerror or error}."
    for name in there - set(wanted) - {SUMS, SIGNATURE}:
        problems.setdefault(name, f"{name} is extra: it was not there when the report was sealed.")
    signed = False
    if key is not None:
        try:
            comment = minisign.verify(data, folder / SIGNATURE, key)
            said, signed = f"Signed with the key {key.name} ({comment}).", True
        except ForensicsError as error:
            said = error.message
    elif SIGNATURE in there:
        said = "There is a signature; it was not checked, because no public key was named."
    else:
        said = "There is no signature: whoever can write the files can write their sums."
    return Verified(len(wanted), tuple(problems[name] for name in sorted(problems)), said, signed)


def _stays(name: str) -> bool:
    parts = name.removeprefix("./").split("/")
    return not Path(name).is_absolute() and not any(p in ("", ".", "..") for p in parts)


def _listed(folder: Path) -> tuple[set[str], dict[str, str]]:
    """Return the ordinary files below a folder, and what is something else, by name."""
    files: set[str] = set()
    odd: dict[str, str] = {}
    waiting = [""]
    while waiting:
        place = waiting.pop()
        try:
            entries = list(os.scandir(folder / place))
        except OSError as error:
            odd[place] = f"a folder that cannot be read ({error.strerror or error})"
            continue
        for entry in entries:
            name = f"{place}/{entry.name}" if place else entry.name
            if entry.is_symlink():
                odd[name] = "a link, which is not followed"
            elif entry.is_dir(follow_symlinks=False):
                waiting.append(name)
            elif entry.is_file(follow_symlinks=False):
                files.add(name)
            else:
                odd[name] = "no ordinary file"
            if len(files) + len(odd) > _MOST_FILES:
                raise ForensicsError(f"{folder} holds more than {_MOST_FILES:,} files.")
    return files, odd


def _open(path: Path) -> int:
    """Open an ordinary file for reading, never through a link.

    Raises:
        OSError: it cannot be opened, is a link, or is no ordinary file
    """
    flags = os.O_RDONLY | getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_NONBLOCK", 0)
    number = os.open(path, flags | getattr(os, "O_BINARY", 0))
    if stat.S_ISREG(os.fstat(number).st_mode):
        return number
    os.close(number)
    raise OSError(0, "no ordinary file")


def _read(path: Path, most: int) -> bytes:
    with os.fdopen(_open(path), "rb") as stream:
        data = stream.read(most + 1)
    if len(data) > most:
        raise OSError(0, f"larger than {most:,} bytes")
    return data


def _digest(path: Path) -> str:
    found = hashlib.sha256()
    with os.fdopen(_open(path), "rb") as stream:
        while chunk := stream.read(_CHUNK):
            found.update(chunk)
    return found.hexdigest()
