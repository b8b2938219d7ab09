"""Computes the sha256 of files and of network weights."""

from __future__ import annotations

import hashlib
import os
from pathlib import Path

_CHUNK = 1 << 20


def file_sha256(path: str | os.PathLike[str]) -> str:
    """Return the sha256 (hex) of a file's bytes, read in chunks.

    Raises:
        OSError: the file cannot be read
    """
    digest = hashlib.sha256()
    with Path(path).open("rb") as stream:
        while chunk := stream.read(_CHUNK):
            digest.update(chunk)
    return digest.hexdigest()


def state_sha256(state: dict) -> str:
    """Return the sha256 of the tensors of a state dict, independent of the file format.

    The tensors are hashed in the order of their names.

    Args:
        state: name -> torch tensor or numpy array; a ``module.`` prefix is ignored
    """
    digest = hashlib.sha256()
    for name, value in sorted((k.removeprefix("module."), v) for k, v in state.items()):
        array = value.detach().cpu().numpy() if hasattr(value, "detach") else value
        digest.update(name.encode())
        digest.update(array.tobytes())
    return digest.hexdigest()
