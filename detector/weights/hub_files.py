"""Files of a Hugging Face repository: at one commit, compared with a digest, and written down.

Where the authors state no sha256, the hub's own digest of that commit is compared, and the sha256
of what came is kept beside the files (``origin.json``): from then on nothing else is taken for
them, and no later commit either.
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
from .transfer import Expected, digests, fetch, timeout_seconds

log = logging.getLogger(__name__)

ORIGIN = "origin.json"
#: Where the hub's own client (``hf download --local-dir``) notes the commit and the digest.
_CLIENT_NOTES = Path(".cache", "huggingface", "download")
_COMMIT = re.compile(r"[0-9a-f]{40}")
_SHA256 = re.compile(r"[0-9a-f]{64}")


@dataclass(frozen=True, slots=True)
class HubFile:
    """One file of a repository.

    Attributes:
        repository: ``owner/name``
        file: path inside it
        commit: 40 hex digits, or "": the newest at the first download, and that one ever after
        sha256: as its authors state it, or ""
        size: bytes, 0 where unknown
    """

    repository: str
    file: str
    commit: str = ""
    sha256: str = ""
    size: int = 0


@dataclass(frozen=True, slots=True)
class Origin:
    """Where the files of a folder came from.

    Attributes:
        repository: ``owner/name``
        commit: of all of them; "" where they were put there by hand
        files: sha256 of each
    """

    repository: str
    commit: str = ""
    files: Mapping[str, str] = field(default_factory=dict)


def origin_of(folder: Path) -> Origin | None:
    """What ``folder`` says of its files; None where it says nothing.

    Raises:
        ForensicsError: the note is damaged
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
    """Write down what ``file`` of ``folder`` is, beside what is known of the others."""
    known = origin_of(folder)
    files = {**(known.files if known else {}), file: sha256}
    write_json(folder / ORIGIN, {"repository": repository, "commit": commit, "files": files})


class NotOnHub(ForensicsError):
    """The repository, or the file in it, does not exist."""


def check_file(wanted: HubFile, folder: Path) -> str:
    """Compare a file that is here with its authors' sha256 and the folder's note; its sha256.

    A file that was put here by hand is compared with what the hub's client noted beside it, where
    it did, and written down: the first use decides what it is.

    Raises:
        ForensicsError: it is another file, or of another repository or commit
    """
    path, known = folder / wanted.file, origin_of(folder)
    found, blob = digests(path)
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
        except OSError as error:  # a folder that cannot be written is compared the next time
            log.warning("%s cannot be written: %s", folder / ORIGIN, error)
    return found


def _client_note(folder: Path, file: str) -> tuple[str, str]:
    """Commit and digest that the hub's client noted for ``file``, or two empty strings."""
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
    """Fetch a file into ``folder``, where it appears only when it is whole and checked.

    Args:
        wanted: which
        folder: the same for all files of a repository; they come from one commit
        progress: called with (bytes done, bytes in all)

    Raises:
        ForensicsError: the hub does not answer, refuses, or gives another commit or other bytes
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
    """What the hub says of a file: its commit, digest (sha256, or git's sha1), size and address."""

    commit: str
    digest: str
    size: int
    location: str
    headers: Mapping[str, str]


def _look_up(wanted: HubFile, commit: str) -> _Found:
    """Ask the hub for ``wanted`` at ``commit``, or at the newest where it is ""."""
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
        if not commit:  # from here on never the branch, which may move on between two requests
            commit = found
            url, said = ask(commit)
            found = str(said.commit_hash or "")
    except ForensicsError:
        raise
    except Exception as error:  # the client's errors are of several libraries
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
    # asked at the hub's own address: the token goes there, and not to where it sends us on
    headers = {k: v for k, v in build_hf_headers().items() if isinstance(v, str)}
    return _Found(found, digest, int(said.size or 0), url, headers)


def _refusal(name: str, wanted: HubFile, error: Exception) -> tuple[str, str]:
    """What went wrong at the hub, and what to do."""
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
    """HTTP status behind an error of the hub's client."""
    return getattr(getattr(error, "response", None), "status_code", None)
