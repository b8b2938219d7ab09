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
        print(error, file=sys.stderr)
        return True
for line in sys.stdin:
    while reset():
        time.sleep(0.5)
    print("reset", flush=True)
"""

_LAST = ("test_elsewhere.py", "test_player.py", "test_review.py", "test_walk.py")


class Server:
    """The App's process and its address."""

    def __init__(self, dataset: str, port: int, log: Path) -> None:
        self.dataset, self.port, self.log = dataset, port, log
        self.url = f"http://127.0.0.1:{port}"
        self.start()

    def start(self) -> None:
        """Start the process and wait until it answers."""
        self._said: queue.Queue[str] = queue.Queue()
        with self.log.open("ab") as stream:
            self.process = subprocess.Popen(
                [sys.executable, "-c", SERVE, self.dataset, str(self.port)],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=stream,
                text=True,
            )
        threading.Thread(target=self._listen, args=(self.process,), daemon=True).start()
        _wait_for(self)

    def stop(self) -> None:
        """End the process."""
        self.process.terminate()
        self.process.wait(30)

    def _listen(self, process: subprocess.Popen) -> None:
        assert process.stdout is not None
        for line in process.stdout:
            self._said.put(line.strip())

    def reset(self) -> None:
        """Close all panels and views.

        Now and then the session loses its connection to its own server when a page is closed, and
        finds it no more, or ends with an error; then the App is started anew, once.
        """
        if not self._reset_within(20):
            self.stop()
            self.start()
            assert self._reset_within(100), self.log.read_text()

    def _reset_within(self, seconds: float) -> bool:
        assert self.process.stdin is not None
        try:
            self.process.stdin.write("reset\n")
            self.process.stdin.flush()
        except BrokenPipeError:
            return False
        deadline = time.monotonic() + seconds
        while time.monotonic() < deadline and self.process.poll() is None:
            try:
                if self._said.get(timeout=1) == "reset":
                    return True
            except queue.Empty:
                continue
        return False


def pytest_collection_modifyitems(items):
    """A browser test is run once more if it fails: now and then the App loses its own session.

    pytest reports each such repetition, and a test that fails twice fails. What stops the App or
    cuts its session comes last: the next test waits for another App.
    """
    here = Path(__file__).parent
    places = [place for place, item in enumerate(items) if here in item.path.parents]
    ours = sorted((items[place] for place in places), key=lambda item: item.path.name in _LAST)
    for place, item in zip(places, ours, strict=True):
        items[place] = item
        item.add_marker(pytest.mark.flaky(reruns=1))


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
    server = Server(demo_dataset.name, port, tmp_path_factory.mktemp("app") / "app.log")
    yield server
    server.stop()


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
