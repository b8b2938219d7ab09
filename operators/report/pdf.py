"""Prints a page as PDF by a Chromium that is on this machine; nothing is fetched or run by it."""

from __future__ import annotations

import contextlib
import os
import shutil
import signal
import subprocess
import tempfile
from pathlib import Path

from ...detector.errors import ForensicsError

_NAMES = (
    *("chromium", "chromium-browser", "google-chrome", "google-chrome-stable", "chrome"),
    *("microsoft-edge", "msedge"),
)
_MAC = "/Applications/Google Chrome.app/Contents/MacOS/Google Chrome"
_SECONDS = 180
_OPTIONS = (
    *("--headless=new", "--disable-gpu", "--no-first-run", "--disable-extensions"),
    *("--disable-background-networking", "--disable-sync", "--disable-component-update"),
    *("--host-resolver-rules=MAP * ~NOTFOUND", "--no-pdf-header-footer"),
)


def engine() -> str | None:
    """Return the path of a browser that prints, None if there is none."""
    found = next((path for name in _NAMES if (path := shutil.which(name))), None)
    return found or (_MAC if Path(_MAC).is_file() else None)


def require_engine() -> str:
    """Return :func:`engine`.

    Raises:
        ForensicsError: there is none
    """
    found = engine()
    if found is None:
        raise ForensicsError(
            "A PDF needs Chromium, Chrome or Edge, and none is on this machine's PATH.",
            "Install one, or print the page from any browser: it is made for paper too.",
            "pdf",
        )
    return found


def pdf_of(html: str) -> bytes:
    """Return the PDF of a self-contained page.

    Raises:
        ForensicsError: there is no browser, or it prints nothing
    """
    browser = require_engine()
    with tempfile.TemporaryDirectory(
        prefix="media_forensics_pdf_", ignore_cleanup_errors=True
    ) as folder:
        page, made = Path(folder, "page.html"), Path(folder, "page.pdf")
        page.write_text(html, encoding="utf-8")
        # its own sandbox refuses to start for root, in a container for example
        root = hasattr(os, "geteuid") and os.geteuid() == 0
        words = [browser, *_OPTIONS, *(["--no-sandbox"] if root else [])]
        words += [f"--user-data-dir={folder}/profile", f"--print-to-pdf={made}", page.as_uri()]
        try:
            why = _run(words)
            data = made.read_bytes() if made.is_file() else b""
        except OSError as error:
            data, why = b"", error.strerror or "it does not start"
    if not data.startswith(b"%PDF"):
        raise ForensicsError(
            f"{Path(browser).name} made no PDF: {why}.",
            "Print the page by hand; it is made for paper too.",
            "pdf",
        )
    return data


def _run(words: list[str]) -> str:
    """Run a browser to its end, at most :data:`_SECONDS`, and say how it ended."""
    quiet = subprocess.DEVNULL  # a pipe would be held open by the processes that it starts
    done = subprocess.Popen(
        words, stdin=quiet, stdout=quiet, stderr=quiet, start_new_session=hasattr(os, "killpg")
    )
    try:
        return f"it ended with status {done.wait(_SECONDS)}"
    except subprocess.TimeoutExpired:
        return f"it did not end within {_SECONDS} seconds"
    finally:
        if hasattr(os, "killpg"):
            with contextlib.suppress(ProcessLookupError):
                os.killpg(done.pid, signal.SIGKILL)
        else:
            done.kill()
        done.wait()
