"""One App server on the demo dataset, for all browser tests."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from pathlib import Path

import pytest

SERVE = """
import sys
import fiftyone as fo
session = fo.launch_app(
    fo.load_dataset(sys.argv[1]), port=int(sys.argv[2]), address="127.0.0.1", auto=False
)
session.wait(-1)
"""


@pytest.fixture(scope="session")
def app_url(demo_dataset, tmp_path_factory):
    """Address of an App that serves the demo dataset."""
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
            stdout=stream,
            stderr=subprocess.STDOUT,
        )
    url = f"http://127.0.0.1:{port}"
    try:
        _wait_for(url, process, log)
        yield url
    finally:
        process.terminate()
        process.wait(30)


def _wait_for(url, process, log):
    deadline = time.monotonic() + 120
    while True:
        try:
            urllib.request.urlopen(url, timeout=5).close()
            return
        except (urllib.error.URLError, ConnectionError) as error:
            assert process.poll() is None, log.read_text()
            assert time.monotonic() < deadline, f"{error}: {log.read_text()}"
            time.sleep(0.5)


@pytest.fixture
def app(app_url, demo_dataset, tmp_path):
    """A fresh browser page on the demo dataset."""
    from app_driver import App

    shots = os.environ.get("MEDIA_FORENSICS_SHOTS")
    with App(app_url, demo_dataset.name, Path(shots) if shots else tmp_path) as page:
        yield page
        assert not page.errors, page.errors
