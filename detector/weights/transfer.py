"""Fetches one file over HTTP: resumed where it broke off, never endless, checked before it is used.

What came so far lies in a hidden file beside the target, named after the digest that is expected,
so that the next call goes on with it and another version never does.
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

#: Environment variable: seconds without a thousandth of a megabyte until a server is given up.
TIMEOUT_VARIABLE = "MEDIA_FORENSICS_DOWNLOAD_TIMEOUT"
_TIMEOUT = 60.0
_LEAST = 1 << 10  # bytes within the timeout, below which a transfer counts as stalled
_CHUNK = 1 << 20
_TRIES = 3  # without a new byte in between


@dataclass(frozen=True, slots=True)
class Expected:
    """What a file must be.

    Attributes:
        name: for messages
        sha256: of the bytes, or ""
        git_sha1: git's digest of the bytes as a blob, where no sha256 is stated; or ""
        size: bytes; 0 where unknown
    """

    name: str
    sha256: str = ""
    git_sha1: str = ""
    size: int = 0

    def __post_init__(self) -> None:
        if not (self.sha256 or self.git_sha1):
            raise ValueError(f"{self.name}: no digest to compare with")


def timeout_seconds() -> float:
    """Seconds of silence after which a server is given up.

    Raises:
        ForensicsError: the variable holds something else than a number above 0
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
        target: appears only when every byte is there and checked
        expected: digest and size
        headers: for the first server only: never sent on to another host
        progress: called with (bytes done, bytes in all or 0)
        timeout: seconds of silence; :func:`timeout_seconds` by default

    Raises:
        ForensicsError: no connection, a server that refuses, stalls, breaks off or gives something
            else; what came before it broke off is kept for the next call
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
    """Go on with ``part`` until it is whole; a broken connection is tried again while it helps."""
    failures = 0
    while True:
        before = part.stat().st_size if part.is_file() else 0
        if expected.size and before > expected.size:
            part.unlink()  # longer than the file can be
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
    """Append one answer to ``part``; True where the server has sent all that it announced."""
    wanted = {**headers, "Accept-Encoding": "identity"}
    if start:
        wanted["Range"] = f"bytes={start}-"
    try:
        answer = _open(url, wanted, timeout)
    except urllib.error.HTTPError as error:
        if error.code != 416 or not start:
            raise
        part.unlink()  # what is there is no beginning of what the server has
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
    """Byte at which the answer begins, and the size of the whole file (0: not said)."""
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
        start = 0  # the server knows no ranges: from the beginning
    if expected.size and total and total != expected.size:
        raise _another(expected, url, f"{total} bytes instead of {expected.size}")
    return start, total or expected.size


def digests(path: Path) -> tuple[str, str]:
    """sha256 of a file, and git's sha1 of it as a blob.

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
    """sha256 of what was fetched; a file with another digest is deleted."""
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
    """What is behind urllib's own error."""
    reason = error.reason if isinstance(error, urllib.error.URLError) else error
    return reason if isinstance(reason, Exception) else error


class _Redirects(urllib.request.HTTPRedirectHandler):
    """Follows to http(s) only, never from https to http, and tells no other host our headers."""

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
        raise ForensicsError(f"{url} is no http or https address.")
    opener = urllib.request.build_opener(_Redirects)
    return opener.open(urllib.request.Request(url, headers=dict(headers)), timeout=timeout)
