"""Checks arguments that many operators share; each error is one sentence."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from ...detector.errors import ForensicsError


def require_known(
    name: str, value: Any, options: Iterable[str | tuple[str, str]], what: str = ""
) -> None:
    """Raise :class:`ForensicsError` if ``value`` of the argument ``name`` is not an option.

    Args:
        options: values, or (value, label) pairs of a form
        what: name of the values in the message; ``name`` by default
    """
    known = [option if isinstance(option, str) else option[0] for option in options]
    if value not in known:
        raise ForensicsError(
            f"There is no {what or name} {value!r}.", f"Known: {', '.join(known)}.", name
        )


def require_threshold(value: float | None) -> None:
    """Raise :class:`ForensicsError` for a threshold outside [0, 1]; None is the usual one."""
    if value is not None and not 0.0 <= value <= 1.0:
        raise ForensicsError(
            f"The threshold {value} is outside [0, 1].", "p_fake is a probability.", "threshold"
        )


def require_from(least: int, **values: int) -> None:
    """Raise :class:`ForensicsError` if one of the named ``values`` is less than ``least``."""
    for name, value in values.items():
        if value < least:
            raise ForensicsError(f"{name} is {value}.", f"It must be {least} or more.", name)
