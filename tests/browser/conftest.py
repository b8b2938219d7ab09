"""One App server on the demo dataset, for all browser tests."""

from __future__ import annotations

import os
import queue
import socket
import subprocess
import sys
import threading
import time
import urllib.error
import urllib.request
from pathlib import Path

import pytest

#: Serves a dataset; a line on its input closes all panels and views, and is answered.
SERVE = """
import sys
import time
import fiftyone as fo
session = fo.launch_app(
    fo.load_dataset(sys.argv[1]), port=int(sys.argv[2]), address="127.0.0.1", auto=False
)
def reset():
    try:
        session.view = None
        session.selected = []
        session.spaces = fo.Space(children=[fo.Panel(type="Samples", pinned=True)])
    except RuntimeError as error:  # not connected yet
        return str(error)
for line in sys.stdin:
    while reset():
        time.sleep(0.5)
    print("reset", flush=True)
"""


class Server:
    """The App's process and its address."""

    def __init__(self, process: subprocess.Popen, url: str, log: Path) -> None:
        self.process, self.url, self.log = process, url, log
        self._said: queue.Queue[str] = queue.Queue()
        threading.Thread(target=self._listen, daemon=True).start()

    def _listen(self) -> None:
        assert self.process.stdout is not None
        for line in self.process.stdout:
            self._said.put(line.strip())

    def reset(self) -> None:
        """Close all panels and views."""
        assert self.process.stdin is not None
        self.process.stdin.write("reset\n")
        self.process.stdin.flush()
        deadline = time.monotonic() + 120
        while True:
            try:
                if self._said.get(timeout=1) == "reset":
                    return
            except queue.Empty:
                assert self.process.poll() is None, self.log.read_text()
                assert time.monotonic() < deadline, self.log.read_text()


@pytest.fixture(scope="session")
def app_server(demo_dataset, tmp_path_factory):
    """An App that serves the demo dataset."""
    sys.path.append(str(Path(__file__).parent))
    from app_driver import chromium

    if chromium() is None:
        pytest.skip("no Chromium on this machine; `make test` installs it, or set CHROMIUM")
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    log = tmp_path_factory.mktemp("app") / "app.log"
    with log.open("wb") as stream:
        process = subprocess.Popen(
            [sys.executable, "-c", SERVE, demo_dataset.name, str(port)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=stream,
            text=True,
        )
    server = Server(process, f"http://127.0.0.1:{port}", log)
    try:
        _wait_for(server)
        yield server
    finally:
        process.terminate()
        process.wait(30)


def _wait_for(server: Server) -> None:
    deadline = time.monotonic() + 120
    while True:
        try:
            urllib.request.urlopen(server.url, timeout=5).close()
            return
        except (urllib.error.URLError, ConnectionError, TimeoutError) as error:
            assert server.process.poll() is None, server.log.read_text()
            assert time.monotonic() < deadline, f"{error}: {server.log.read_text()}"
            time.sleep(0.5)


@pytest.fixture
def app(app_server, demo_dataset, tmp_path):
    """A fresh browser page on the demo dataset, without panels, view or selection."""
    from app_driver import App

    app_server.reset()
    shots = os.environ.get("MEDIA_FORENSICS_SHOTS")
    with App(app_server.url, demo_dataset.name, Path(shots) if shots else tmp_path) as page:
        yield page
        assert not page.errors, page.errors
