"""Makes the path arguments of operators absolute and checks them before anything is stored.

``@with_paths("crops_dir", "merge_from")`` on an operator's ``run`` names the arguments that are
files or folders. Arguments for another process (a job, FiftyOne's queue) go through
:func:`absolute` first, because that process may have another working folder.
"""

from __future__ import annotations

import functools
import inspect
import os
from collections.abc import Callable, Sequence
from typing import Any, TypeVar

from ...detector.files.paths import given
from ...detector.weights.known_detectors import absolute_source, absolute_tower

_Result = TypeVar("_Result")


def with_paths(
    *names: str, detectors: Sequence[str] = ()
) -> Callable[[Callable[..., _Result]], Callable[..., _Result]]:
    """Return a decorator that passes the arguments ``names`` through :func:`given` of

    :mod:`detector.files.paths`.

    Args:
        names: arguments that hold a path, a list of paths, or None or "" for none
        detectors: arguments that hold a detector or tower: its name, or a path to its checkpoint
    """

    def decorate(run: Callable[..., _Result]) -> Callable[..., _Result]:
        signature = inspect.signature(run)
        unknown = {*names, *detectors} - set(signature.parameters)
        if unknown:
            raise TypeError(f"{run.__module__}.run has no argument {sorted(unknown)}")

        @functools.wraps(run)
        def checked(*args: Any, **params: Any) -> _Result:
            bound = signature.bind(*args, **params)
            for name, value in bound.arguments.items():
                if name in names:
                    bound.arguments[name] = _absolute(value, name)
                elif name in detectors:
                    bound.arguments[name] = _absolute_detector(value, name)
            return run(*bound.args, **bound.kwargs)

        vars(checked).update(path_arguments=names, detector_arguments=tuple(detectors))
        return checked

    return decorate


def absolute(run: Callable[..., Any], params: dict[str, Any]) -> dict[str, Any]:
    """Return ``params`` of ``run`` with every path made absolute by this process's working folder.

    Raises:
        ForensicsError: an invalid path, or one outside the allowed folders
    """
    names = getattr(run, "path_arguments", ())
    detectors = getattr(run, "detector_arguments", ())
    made = {n: _absolute(v, n) for n, v in params.items() if n in names}
    made |= {n: _absolute_detector(v, n) for n, v in params.items() if n in detectors}
    return {**params, **made}


def _absolute(value: Any, name: str) -> Any:
    if value is None or value == "":
        return value
    if isinstance(value, (list, tuple)):
        return [str(given(entry, name)) for entry in value]
    return str(given(value, name))


def _absolute_detector(value: Any, name: str) -> Any:
    """Make a checkpoint's path absolute; a plain word may be a training run's key and stays."""
    if not isinstance(value, (str, os.PathLike)) or not value:
        return value
    text = os.fspath(value)
    tower = absolute_tower(text, name)
    if tower != text:
        return tower
    return absolute_source(text, name) if text.startswith("~") or os.sep in text else text
