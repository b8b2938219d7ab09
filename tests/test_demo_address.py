"""The demo's App listens on this machine only, unless told otherwise."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
import time
from pathlib import Path

import psutil
import pytest
from media_forensics.detector.files.outputs import claim_folder

ROOT = Path(__file__).resolve().parents[1]
SERVE = """
import sys
sys.path.insert(0, sys.argv[1])
import demo, fiftyone as fo
demo.open_app(fo.Dataset())
"""


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def listening(port: int) -> set[str]:
    return {
        link.laddr.ip
        for link in psutil.net_connections("tcp")
        if link.status == psutil.CONN_LISTEN and link.laddr.port == port
    }


@pytest.mark.fiftyone
@pytest.mark.parametrize(
    ("address", "wanted"),
    [
        (None, "127.0.0.1"),
        pytest.param("0.0.0.0", "0.0.0.0", marks=pytest.mark.long("a second App")),
    ],
)
def test_the_app_listens_where_it_is_told(address, wanted, fiftyone_db, tmp_path):
    port = free_port()
    environment = {**os.environ, "PORT": str(port)}
    environment.pop("ADDRESS", None)
    environment |= {"ADDRESS": address} if address else {}
    with (tmp_path / "log").open("wb") as log:
        process = subprocess.Popen(
            [sys.executable, "-c", SERVE, str(ROOT / "scripts")],
            env=environment,
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
        )
    try:
        deadline = time.monotonic() + 240
        while not (found := listening(port)) and time.monotonic() < deadline:
            assert process.poll() is None, (tmp_path / "log").read_text()
            time.sleep(0.2)
        assert found == {wanted}, (tmp_path / "log").read_text()
    finally:
        process.terminate()
        process.wait(60)


def test_the_demo_may_write_where_it_writes():
    """What operators refuse of a folder (hidden, in use) must not hit the demo's own."""
    sys.path.insert(0, str(ROOT / "scripts"))
    try:
        import demo
    finally:
        sys.path.pop(0)
    assert claim_folder(demo.CORPUS, "folder", lambda _: True) == demo.CORPUS
