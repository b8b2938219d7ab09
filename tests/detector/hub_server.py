"""A server that speaks the protocol of the Hugging Face hub, and misbehaves as told."""

from __future__ import annotations

import hashlib
import re
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer


def git_sha1(data: bytes) -> str:
    """Git's digest of a file's bytes."""
    return hashlib.sha1(b"blob %d\0" % len(data) + data).hexdigest()


class Hub:
    """Repositories by commit, and what to do wrong.

    Attributes:
        commits: ``{commit: {file: bytes}}``
        main: the commit that ``main`` is at
        large: files that lie on another host, known by sha256
        wrong: what goes wrong, for the file and the times it is asked
        asked: (method, path, Range, Authorization) of every request
    """

    def __init__(self) -> None:
        self.commits: dict[str, dict[str, bytes]] = {}
        self.main = ""
        self.large = {"model.safetensors", "model.ckpt", "open_clip_model.safetensors"}
        self.wrong: dict[str, object] = {}
        self.asked: list[tuple[str, str, str | None, str | None]] = []
        self.url = ""

    def ranges(self) -> list[str | None]:
        """The ``Range`` of each request for bytes."""
        return [found for method, path, found, _ in self.asked if path.startswith("/cdn/")]


class _Handler(BaseHTTPRequestHandler):
    hub: Hub

    def do_HEAD(self):
        self._answer(False)

    def do_GET(self):
        self._answer(True)

    def log_message(self, format, *args):
        """Says nothing."""

    def _answer(self, body: bool) -> None:
        hub, wrong = self.hub, self.hub.wrong
        headers = (self.headers.get("Range"), self.headers.get("Authorization"))
        hub.asked.append((self.command, self.path, *headers))
        if wrong.get("status"):
            self._head(int(str(wrong["status"])), {"Content-Length": "0"})
            return
        found = re.fullmatch(r"/(?:cdn/)?(?P<repo>[^/]+/[^/]+)/resolve/([^/]+)/(.+)", self.path)
        commit, file = (found[2], found[3]) if found else ("", "")
        commit = hub.main if commit == "main" else commit
        data = hub.commits.get(commit, {}).get(file)
        if data is None:
            self._head(404, {"X-Error-Code": "EntryNotFound", "Content-Length": "0"})
            return
        if self.path.startswith("/cdn/"):
            self._bytes(data, body)
            return
        said = {"X-Repo-Commit": str(wrong.get("commit", commit))}
        if wrong.get("no commit"):
            said = {}
        if file in hub.large:
            digest = wrong.get("digest", hashlib.sha256(data).hexdigest())
            said |= {
                "X-Linked-Etag": f'"{digest}"',
                "X-Linked-Size": str(wrong.get("size", len(data))),
                "Location": str(
                    wrong.get(
                        "location", f"{hub.url.replace('127.0.0.1', 'localhost')}/cdn{self.path}"
                    )
                ),
                "ETag": '"of the pointer"',
                "Content-Length": "0",
            }
            self._head(302, said)
            if wrong.get("moves"):
                hub.main = str(wrong["moves"])
            return
        said |= {"ETag": f'"{wrong.get("digest", git_sha1(data))}"'}
        self._head(200, {**said, "Content-Length": str(len(data))})
        if body:
            self.wfile.write(bytes(wrong.get("bytes", data)))  # type: ignore[arg-type]

    def _bytes(self, data: bytes, body: bool) -> None:
        wrong = self.hub.wrong
        data = bytes(wrong.get("bytes", data))  # type: ignore[arg-type]
        asked = re.fullmatch(r"bytes=(\d+)-", self.headers.get("Range") or "")
        start = int(asked[1]) if asked and not wrong.get("no ranges") else 0
        if start and start >= len(data):
            self._head(416, {"Content-Length": "0"})
            return
        if wrong.get("page"):
            page = b"<html>please sign in"
            self._head(200, {"Content-Type": "text/html", "Content-Length": str(len(page))})
            self.wfile.write(page)
            return
        said = {"Content-Length": str(len(data) - start)}
        if start:
            shift = int(str(wrong.get("shift", 0)))
            said["Content-Range"] = f"bytes {start + shift}-{len(data) - 1}/{len(data)}"
        if wrong.get("no length"):
            said.pop("Content-Length")
        self._head(206 if start else 200, said)
        if not body:
            return
        left = data[start:]
        if wrong.get("breaks"):
            wrong["breaks"] = int(str(wrong["breaks"])) - 1
            self.wfile.write(left[: len(left) // 2])
        elif wrong.get("stalls"):
            self.wfile.write(left[: len(left) // 2])
            self.wfile.flush()
            time.sleep(float(str(wrong["stalls"])))
        elif wrong.get("trickles"):
            for number in range(200):
                self.wfile.write(left[number : number + 1])
                self.wfile.flush()
                time.sleep(0.1)
        else:
            self.wfile.write(left)
        self.close_connection = True

    def _head(self, status: int, headers: dict[str, str]) -> None:
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name, value)
        self.end_headers()


@contextmanager
def running_hub() -> Iterator[Hub]:
    """A hub on a port of this machine."""
    hub = Hub()
    server = ThreadingHTTPServer(("127.0.0.1", 0), type("Handler", (_Handler,), {"hub": hub}))
    server.handle_error = lambda *_: None  # type: ignore[method-assign] - a client that hung up
    hub.url = f"http://127.0.0.1:{server.server_port}"
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield hub
    finally:
        server.shutdown()
