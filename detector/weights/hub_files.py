"""Fetches files of a Hugging Face repository at one commit, checks their digest and records it.

If the authors state no sha256, the file is compared with the hub's digest for that commit. Its
sha256 is then stored beside the files (``origin.json``). From then on no other file and no later
commit is accepted.
"""

from __future__ import annotations

import json
import logging
import os
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from ..errors import ForensicsError
from ..files.atomic import write_json
from ..files.kept_digests import kept, stamp
from .download import Expected, digests, fetch, timeout_seconds

log = logging.getLogger(__name__)

ORIGIN = "origin.json"
#: Where the hub's own client (``hf download --local-dir``) stores commit and digest.
_CLIENT_NOTES = Path(".cache", "huggingface", "download")
_COMMIT = re.compile(r"[0-9a-f]{40}")
_SHA256 = re.compile(r"[0-9a-f]{64}")


@dataclass(frozen=True, slots=True)
class HubFile:
    """One file of a repository.

    Attributes:
        file: path inside the repository
        commit: 40 hex digits, or "" for the newest at the first download, which then stays fixed
        sha256: as stated by the authors, or ""
        size: bytes, 0 if unknown
    """

    repository: str
    file: str
    commit: str = ""
    sha256: str = ""
    size: int = 0


@dataclass(frozen=True, slots=True)
class Origin:
    """The origin of the files of a folder.

    Attributes:
        repository: ``owner/name``
        commit: shared by all files; "" if they were copied there by hand
        files: sha256 of each
    """

    repository: str
    commit: str = ""
    files: Mapping[str, str] = field(default_factory=dict)


def origin_of(folder: Path) -> Origin | None:
    """Return the recorded origin of the files of ``folder``; None if none is recorded.

    Raises:
        ForensicsError: the record is damaged
    """
    path = folder / ORIGIN
    try:
        found = json.loads(path.read_text())
        origin = Origin(found["repository"], found["commit"], dict(found["files"]))
        right = isinstance(origin.repository, str) and (
            origin.commit == "" or _COMMIT.fullmatch(origin.commit)
        )
        if not right or not all(map(_SHA256.fullmatch, origin.files.values())):
            raise ValueError("no commit or sha256")
    except FileNotFoundError:
        return None
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise ForensicsError(
            f"{path} cannot be read ({error}).", "Delete the folder and fetch its files again."
        ) from error
    return origin


def note(folder: Path, repository: str, commit: str, file: str, sha256: str) -> None:
    """Record the origin of ``file`` in ``folder`` and keep the records of the other files."""
    known = origin_of(folder)
    files = {**(known.files if known else {}), file: sha256}
    write_json(folder / ORIGIN, {"repository": repository, "commit": commit, "files": files})


class NotOnHub(ForensicsError):
    """Raised when the repository or the file in it does not exist."""


def check_file(wanted: HubFile, folder: Path) -> str:
    """Compare a local file with its authors' sha256 and the folder's record; return its sha256.

    For a file without either, the digest that the hub's client stored beside it is compared, if
    there is one. The sha256 found at this first use is recorded.

    Raises:
        ForensicsError: another file, repository or commit
    """
    path, known = folder / wanted.file, origin_of(folder)
    found, blob = kept("sha256 and git's", [stamp(path)], lambda: " ".join(digests(path))).split()
    commit = known.commit if known else ""
    stated = [wanted.sha256, known.files.get(wanted.file, "") if known else ""]
    if not any(stated):
        commit, digest = _client_note(folder, wanted.file)
        if digest not in ("", found, blob):
            stated.append(digest)
        commit = known.commit if known else commit
    wrong = next((digest for digest in stated if digest and digest != found), None)
    if wrong:
        raise ForensicsError(
            f"{path} is not the published file (its sha256 is {found}, not {wrong}).",
            "Delete it and fetch it again.",
            "detector",
        )
    if known and known.repository != wanted.repository:
        raise ForensicsError(f"{folder} holds files of {known.repository}.", "", "detector")
    if wanted.commit and commit and commit != wanted.commit and not wanted.sha256:
        raise ForensicsError(
            f"{path} is of commit {commit}, not {wanted.commit}.",
            "Delete it and fetch it again.",
            "detector",
        )
    if known is None or wanted.file not in known.files:
        try:
            note(folder, wanted.repository, commit, wanted.file, found)
        except OSError as error:  # read-only folder: not recorded, compared again next time
            log.warning("%s cannot be written: %s", folder / ORIGIN, error)
    return found


def _client_note(folder: Path, file: str) -> tuple[str, str]:
    """Return commit and digest that the hub's client stored for ``file``, or two empty strings."""
    try:
        lines = (folder / _CLIENT_NOTES / f"{file}.metadata").read_text().split("\n")
    except OSError:
        return "", ""
    commit, digest = (*lines, "", "")[:2]
    known = _COMMIT.fullmatch(commit) and (_SHA256.fullmatch(digest) or _COMMIT.fullmatch(digest))
    return (commit, digest) if known else ("", "")


def fetch_file(
    wanted: HubFile, folder: Path, progress: Callable[[int, int], None] | None = None
) -> Path:
    """Fetch a file into ``folder``; it appears there only when complete and checked.

    Args:
        wanted: the file to fetch
        folder: the same for all files of a repository, which share one commit
        progress: called with (bytes done, total bytes)

    Raises:
        ForensicsError: the hub does not answer, refuses, or sends another commit or other bytes
    """
    known = origin_of(folder)
    if known and known.repository != wanted.repository:
        raise ForensicsError(
            f"{folder} holds files of {known.repository}, not of {wanted.repository}.",
            "Move it away, and fetch again.",
        )
    commit = wanted.commit or (known.commit if known else "")
    found = _look_up(wanted, commit)
    sha256 = wanted.sha256 or (known.files.get(wanted.file, "") if known else "")
    if not sha256 and _SHA256.fullmatch(found.digest):
        sha256 = found.digest
    name = f"{wanted.file} of {wanted.repository}"
    if sha256 and _SHA256.fullmatch(found.digest) and found.digest != sha256:
        raise ForensicsError(
            f"The hub's {name} at commit {found.commit} is another file than the published one "
            f"(sha256 {found.digest}, not {sha256}).",
            "It was not fetched.",
            "detector",
        )
    expected = Expected(name, sha256, "" if sha256 else found.digest, wanted.size or found.size)
    target = folder / wanted.file
    digest = fetch(found.location, target, expected, headers=found.headers, progress=progress)
    note(folder, wanted.repository, found.commit, wanted.file, digest)
    return target


@dataclass(frozen=True, slots=True)
class _Found:
    """The hub's data on a file: commit, digest (sha256 or git's sha1), size and address."""

    commit: str
    digest: str
    size: int
    location: str
    headers: Mapping[str, str]


def _look_up(wanted: HubFile, commit: str) -> _Found:
    """Ask the hub for ``wanted`` at ``commit``, or at the newest commit if it is ""."""
    from huggingface_hub import get_hf_file_metadata, hf_hub_url
    from huggingface_hub.utils import build_hf_headers

    endpoint = os.environ.get("HF_ENDPOINT", "").rstrip("/") or None
    name = f"{wanted.file} of {wanted.repository}"

    def ask(revision: str) -> Any:
        url = hf_hub_url(wanted.repository, wanted.file, revision=revision, endpoint=endpoint)
        return url, get_hf_file_metadata(url, timeout=timeout_seconds(), endpoint=endpoint)

    try:
        url, said = ask(commit or "main")
        found = str(said.commit_hash or "")
        if not _COMMIT.fullmatch(found):
            raise ForensicsError(
                f"The hub names no commit for {name}.", "Nothing was fetched.", "detector"
            )
        if not commit:  # pin the commit: the branch may move between two requests
            commit = found
            url, said = ask(commit)
            found = str(said.commit_hash or "")
    except ForensicsError:
        raise
    except Exception as error:  # the hub's client raises errors of several libraries
        kind = NotOnHub if _status(error) == 404 else ForensicsError
        raise kind(*_refusal(name, wanted, error), "detector") from error
    if found != commit:
        raise ForensicsError(
            f"The hub gave commit {found} of {name}, not {commit}.",
            "Nothing was fetched.",
            "detector",
        )
    digest = str(said.etag or "")
    if not (_SHA256.fullmatch(digest) or re.fullmatch(r"[0-9a-f]{40}", digest) or wanted.sha256):
        raise ForensicsError(
            f"The hub states no digest for {name}.", "Nothing was fetched.", "detector"
        )
    # The hub's own address: the token is sent there only, not to the host it redirects to.
    headers = {k: v for k, v in build_hf_headers().items() if isinstance(v, str)}
    return _Found(found, digest, int(said.size or 0), url, headers)


def _refusal(name: str, wanted: HubFile, error: Exception) -> tuple[str, str]:
    """Return the problem at the hub and what to do about it."""
    status = _status(error)
    page = f"https://huggingface.co/{wanted.repository}"
    if status in (401, 403):
        return (
            f"The hub does not give {name} to everybody ({status}).",
            f"Accept its terms at {page}, and set HF_TOKEN.",
        )
    if status == 404:
        return f"The hub has no {name}.", f"See {page}."
    first = (str(error).strip().splitlines() or [type(error).__name__])[0]
    return (
        f"{name} could not be looked up at the hub: {first[:200]}",
        "Try again, or copy the file by hand.",
    )


def _status(error: Exception) -> int | None:
    """Return the HTTP status behind an error of the hub's client, or None."""
    return getattr(getattr(error, "response", None), "status_code", None)
