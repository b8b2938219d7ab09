"""Offers every operator as a function of the package: ``media_forensics.extract_faces(...)``.

``import media_forensics`` imports none of them. The package's ``__getattr__`` calls
:func:`attribute` when a name is used for the first time. Both forms of the package, the plugin's
root folder and the installed one, use :func:`attribute` and :func:`names`.
"""

from __future__ import annotations

import functools
import inspect
import re
import sys
from collections.abc import Callable
from importlib import import_module
from pathlib import Path
from typing import Any

from .operator_list import OPERATORS, PLUGIN, module_of, name_of

_NOT_CALLED = {"metrics", "fiftyone_metrics"}  # FiftyOne's evaluation calls them


def operator_names() -> list[str]:
    """Return the names of the operators that are functions of the package."""
    own = (name_of(module) for module, _ in OPERATORS if not module.startswith("panels."))
    return [name for name in own if name not in _NOT_CALLED]


def names() -> list[str]:
    """Return the names that the package offers besides its modules."""
    return [*operator_names(), "__version__"]


def attribute(name: str) -> Any:
    """Return the function of an operator, or ``__version__``.

    Raises:
        AttributeError: there is no such name
    """
    if name == "__version__":
        return version()
    if name in operator_names():
        return _function(name)
    raise AttributeError(f"module 'media_forensics' has no attribute {name!r}")


@functools.lru_cache(maxsize=1)
def version() -> str:
    """Return the version from ``fiftyone.yml``, its only place."""
    text = (Path(__file__).resolve().parents[1] / "fiftyone.yml").read_text(encoding="utf-8")
    found = re.search(r"^version:\s*(\S+)", text, flags=re.M)
    return found[1].strip("\"'") if found else "unknown"


@functools.cache
def _function(name: str) -> Callable[..., Any]:
    cls = getattr(
        import_module(f".{module_of(name)}", __package__), dict(OPERATORS)[module_of(name)]
    )
    show_parameters(cls)

    def function(*args: Any, **kwargs: Any) -> Any:
        operator = cls()
        operator.plugin_name = PLUGIN
        if kwargs.get("delegate"):
            _require_registered(operator.uri)
        return operator(*args, **kwargs)

    function.__name__ = function.__qualname__ = name
    function.__module__ = "media_forensics"
    function.__doc__ = _documentation(cls)
    function.__signature__ = inspect.signature(cls())  # type: ignore[attr-defined]
    return function


def show_parameters(cls: type) -> None:
    """Show ``help()`` and editors the arguments of ``run`` in place of an operator's ``**params``.

    Args:
        cls: the operator; one that is not called from Python is not changed
    """
    found: Any = [vars(base)["__call__"] for base in cls.__mro__ if "__call__" in vars(base)]
    run = getattr(sys.modules[cls.__module__], "run", None)
    if not found or run is None or hasattr(found[0], "__signature__"):
        return
    inherited = found[0]
    own = inspect.signature(inherited)
    kept = [p for p in own.parameters.values() if p.kind is not p.VAR_KEYWORD]
    if len(kept) == len(own.parameters):
        return
    more = [
        parameter
        for name, parameter in inspect.signature(run).parameters.items()
        if name not in own.parameters
        and parameter.kind in (parameter.KEYWORD_ONLY, parameter.VAR_KEYWORD)
    ]

    @functools.wraps(inherited)
    def call(self: Any, *args: Any, **params: Any) -> Any:
        return inherited(self, *args, **params)

    call.__signature__ = own.replace(parameters=[*kept, *more])  # type: ignore[attr-defined]
    cls.__call__ = call  # type: ignore[method-assign]


def _documentation(cls: type) -> str:
    run = getattr(sys.modules[cls.__module__], "run", None)
    parts = [inspect.getdoc(cls.__call__), inspect.getdoc(run) if run is not None else None]
    return "\n\n".join(part for part in parts if part)


def _require_registered(uri: str) -> None:
    """Raise an error for an operation that no worker of FiftyOne could find."""
    import fiftyone.operators as foo

    from ..detector.errors import ForensicsError

    if not foo.operator_exists(uri):
        raise ForensicsError(
            f"FiftyOne does not know {uri!r}, so none of its workers could run it.",
            "Put the plugin into FiftyOne's plugins folder, or leave delegate out.",
            "delegate",
        )
