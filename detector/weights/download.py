"""Downloads one file over HTTP, resumes after interruptions, and checks it before use.

The bytes received so far are kept in a hidden file beside the target. Its name contains the
expected digest, so that the next call continues it and never mixes it with another version.
"""

from __future__ import annotations

import hashlib
import http.client
import logging
import os
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

from ..errors import ForensicsError
from ..files.file_lock import try_lock

log = logging.getLogger(__name__)

#: Environment variable: seconds with less than 1 KiB received before a download is given up.
TIMEOUT_VARIABLE = "MEDIA_FORENSICS_DOWNLOAD_TIMEOUT"
_TIMEOUT = 60.0
_LEAST = 1 << 10  # bytes; a transfer that receives less within the timeout is stalled
_CHUNK = 1 << 20
_TRIES = 3  # failed attempts in a row without a new byte


@dataclass(frozen=True, slots=True)
class Expected:
    """The expected identity of a file.

    Attributes:
        name: for messages
        sha256: of the bytes, or ""
        git_sha1: git's blob digest of the bytes if no sha256 is stated, or ""
        size: bytes; 0 if unknown
    """

    name: str
    sha256: str = ""
    git_sha1: str = ""
    size: int = 0

    def __post_init__(self) -> None:
        if not (self.sha256 or self.git_sha1):
            raise ValueError(f"{self.name}: no digest to compare with")


def timeout_seconds() -> float:
    """Return the seconds without data after which a download is given up.

    Raises:
        ForensicsError: the variable is not a number above 0
    """
    text = os.environ.get(TIMEOUT_VARIABLE, "")
    try:
        seconds = float(text) if text else _TIMEOUT
    except ValueError:
        seconds = 0.0
    if not 0 < seconds < float("inf"):
        raise ForensicsError(f"{TIMEOUT_VARIABLE} must be seconds above 0, not {text!r}.")
    return seconds


def fetch(
    url: str,
    target: Path,
    expected: Expected,
    *,
    headers: Mapping[str, str] | None = None,
    progress: Callable[[int, int], None] | None = None,
    timeout: float | None = None,
) -> str:
    """Fetch ``url`` into ``target`` and return its sha256.

    Args:
        url: http or https
        target: created only when all bytes are there and checked
        expected: digest and size
        headers: for the first server; ``Authorization`` and ``Cookie`` are not sent to another host
        progress: called with (bytes done, total bytes or 0)
        timeout: seconds without data; :func:`timeout_seconds` by default

    Raises:
        ForensicsError: no connection, or a server that refuses, stalls, disconnects or sends
            another file; bytes received before a disconnect are kept for the next call
    """
    timeout = timeout or timeout_seconds()
    target.parent.mkdir(parents=True, exist_ok=True)
    part = target.parent / f".{target.name}.{(expected.sha256 or expected.git_sha1)[:16]}.part"
    lock = try_lock(part.with_suffix(".lock"))
    if lock is None:
        raise ForensicsError(
            f"Another process is fetching {expected.name} right now.", "Wait for it."
        )
    try:
        _collect(url, part, expected, dict(headers or {}), progress, timeout)
        digest = _checked(part, expected, url)
        part.replace(target)
    except (OSError, http.client.HTTPException) as error:
        kept = part.stat().st_size if part.is_file() else 0
        raise ForensicsError(
            f"{expected.name} could not be downloaded: {_why(error, timeout)}"
            f"{f' ({kept} bytes are kept)' if kept else ''}.",
            f"Call again to go on, or copy the file to {target} by hand.",
            "weights",
        ) from error
    finally:
        part.with_suffix(".lock").unlink(missing_ok=True)
        lock.release()
    return digest


def _collect(
    url: str,
    part: Path,
    expected: Expected,
    headers: dict[str, str],
    progress: Callable[[int, int], None] | None,
    timeout: float,
) -> None:
    """Continue ``part`` until it is complete; reconnect as long as new bytes arrive."""
    failures = 0
    while True:
        before = part.stat().st_size if part.is_file() else 0
        if expected.size and before > expected.size:
            part.unlink()  # longer than the expected file
            before = 0
        if expected.size and before == expected.size:
            return
        try:
            if _receive(url, part, before, expected, headers, progress, timeout):
                return
            error: Exception = ConnectionError("the connection broke off")
        except urllib.error.HTTPError:
            raise
        except (OSError, http.client.HTTPException) as problem:
            error = problem
        now = part.stat().st_size if part.is_file() else 0
        failures = 0 if now > before else failures + 1
        if failures >= _TRIES or isinstance(_cause(error), TimeoutError):
            raise error
        log.info("%s: %s, going on at byte %d", expected.name, error, now)


def _receive(
    url: str,
    part: Path,
    start: int,
    expected: Expected,
    headers: dict[str, str],
    progress: Callable[[int, int], None] | None,
    timeout: float,
) -> bool:
    """Append one response to ``part``; return True if the server has sent all it announced."""
    wanted = {**headers, "Accept-Encoding": "identity"}
    if start:
        wanted["Range"] = f"bytes={start}-"
    try:
        answer = _open(url, wanted, timeout)
    except urllib.error.HTTPError as error:
        if error.code != 416 or not start:
            raise
        part.unlink()  # the kept bytes are not the beginning of the server's file
        return False
    with answer:
        start, total = _announced(answer, start, expected, url)
        done, seen, since = start, start, time.monotonic()
        with part.open("ab" if start else "wb") as stream:
            while chunk := answer.read1(_CHUNK):
                done += len(chunk)
                if expected.size and done > expected.size:
                    raise _another(expected, url, f"more than {expected.size} bytes")
                stream.write(chunk)
                if progress:
                    progress(done, total)
                if done - seen >= _LEAST:
                    seen, since = done, time.monotonic()
                elif time.monotonic() - since > timeout:
                    raise TimeoutError("stalled")
    return done == total if total else True


def _announced(
    answer: http.client.HTTPResponse, start: int, expected: Expected, url: str
) -> tuple[int, int]:
    """Return the byte at which the response begins and the file's size (0: not stated)."""
    if "text/html" in (answer.headers.get("Content-Type") or ""):
        raise _another(expected, url, "a web page")
    length = answer.headers.get("Content-Length") or ""
    total = int(length) if length.isdigit() else 0
    if answer.status == 206:
        place, _, whole = (answer.headers.get("Content-Range") or "").partition("/")
        if place != f"bytes {start}-{start + total - 1}":
            start_said = place.removeprefix("bytes ").split("-")[0]
            if start_said != str(start):
                raise _another(expected, url, f"bytes from {start_said or 'nowhere'}")
        total = int(whole) if whole.isdigit() else start + total if total else 0
    else:
        start = 0  # the server does not support ranges: start from the beginning
    if expected.size and total and total != expected.size:
        raise _another(expected, url, f"{total} bytes instead of {expected.size}")
    return start, total or expected.size


def digests(path: Path) -> tuple[str, str]:
    """Return the sha256 of a file and its git blob sha1.

    Raises:
        OSError: the file cannot be read
    """
    whole, blob = hashlib.sha256(), hashlib.sha1(f"blob {path.stat().st_size}\0".encode())
    with path.open("rb") as stream:
        while chunk := stream.read(_CHUNK):
            whole.update(chunk)
            blob.update(chunk)
    return whole.hexdigest(), blob.hexdigest()


def _checked(part: Path, expected: Expected, url: str) -> str:
    """Return the sha256 of the downloaded file; delete a file with another digest."""
    with part.open("rb") as stream:
        os.fsync(stream.fileno())
    found, blob = digests(part)
    if (found != expected.sha256) if expected.sha256 else (blob != expected.git_sha1):
        part.unlink()
        raise _another(expected, url, f"other bytes than expected (sha256 {found})")
    return found


def _another(expected: Expected, url: str, what: str) -> ForensicsError:
    return ForensicsError(
        f"{urlsplit(url).netloc} gave {what} for {expected.name}.",
        "It was not used; try again, or use a local file.",
        "weights",
    )


def _why(error: Exception, timeout: float) -> str:
    if isinstance(error, urllib.error.HTTPError):
        return f"the server answered {error.code} {error.reason}"
    cause = _cause(error)
    if isinstance(cause, TimeoutError):
        return f"the server sent nothing for {timeout:g} s"
    return str(cause) or type(cause).__name__


def _cause(error: Exception) -> Exception:
    """Return the error wrapped by urllib's own error."""
    reason = error.reason if isinstance(error, urllib.error.URLError) else error
    return reason if isinstance(reason, Exception) else error


class _Redirects(urllib.request.HTTPRedirectHandler):
    """Follows redirects to http(s) only, never from https to http; drops credentials for others."""

    def redirect_request(self, req, fp, code, msg, headers, newurl):
        old, new = urlsplit(req.full_url), urlsplit(newurl)
        if new.scheme not in ("http", "https") or (old.scheme, new.scheme) == ("https", "http"):
            raise ForensicsError(f"{old.netloc} sends on to {new.scheme}://{new.netloc}.")
        made = super().redirect_request(req, fp, code, msg, headers, newurl)
        if made is not None and new.netloc != old.netloc:
            for name in ("Authorization", "Cookie"):
                made.remove_header(name)
        return made


def _open(url: str, headers: Mapping[str, str], timeout: float) -> http.client.HTTPResponse:
    if urlsplit(url).scheme not in ("http", "https"):
        raise ForensicsError(f"{url} is not an http or https address.")
    opener = urllib.request.build_opener(_Redirects)
    return opener.open(urllib.request.Request(url, headers=dict(headers)), timeout=timeout)
