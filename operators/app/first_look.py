"""Remembers whether the first-run card of a panel was closed: once, for every dataset."""

from __future__ import annotations

from typing import Any

_STORE = "media_forensics_first_look"


def wanted(panel: str) -> bool:
    """Return whether ``panel`` should still say what is seen and what to click."""
    return not _store().get(panel)


def close(panel: str) -> None:
    """Never show the card of ``panel`` again on this database."""
    _store().set(panel, True)


def forget(panel: str) -> None:
    """Show the card of ``panel`` again."""
    _store().delete(panel)


def _store() -> Any:
    from fiftyone.operators.store import ExecutionStore

    return ExecutionStore.create(_STORE)
