"""Checks before any work whether a tower's weights are on this machine, without loading them."""

from __future__ import annotations

from pathlib import Path

from ..errors import ForensicsError
from ..files.cache import cache_dir
from .known_towers import CACHED, KNOWN_TOWERS, REFERENCE, SMALL

_FILES = ("open_clip_model.safetensors", "open_clip_pytorch_model.bin", "model.safetensors")


def is_here(name: str) -> bool:
    """Return whether the weights of a tower with a short name are where the loader searches.

    For towers without a short name it returns True, because only loading them shows that.
    """
    known = KNOWN_TOWERS.get(name)
    if known is None:
        return True
    own = cache_dir() / "weights" / name
    if any((own / file).is_file() for file in _FILES):
        return True
    if known.source == CACHED:
        return False
    homes = (own, Path("~/.cache/clip").expanduser())
    if known.script and any((home / known.script).is_file() for home in homes):
        return True
    try:
        from huggingface_hub import try_to_load_from_cache
    except ImportError:
        return False
    return any(
        isinstance(try_to_load_from_cache(repository, file), str)
        for repository in known.repositories
        for file in _FILES
    )


def require_here(name: str) -> None:
    """Raise :class:`ForensicsError` if the weights of the tower ``name`` are not on this machine.

    The hint says how to obtain them and which other tower can be trained without them. Another
    tower is never chosen silently.
    """
    if is_here(name):
        return
    hint = KNOWN_TOWERS[name].hint.rstrip(".")
    what = "the papers' tower" if name == REFERENCE else KNOWN_TOWERS[name].title
    if name != SMALL:
        hint += f" (0.9 GB), or choose the small tower: backbone={SMALL!r}"
    raise ForensicsError(
        f"The weights of {name} ({what}) are not on this machine.", f"{hint}.", "backbone"
    )
