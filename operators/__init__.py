"""Offers operators and panels to FiftyOne. Only this package imports ``fiftyone``."""

from __future__ import annotations

from importlib import import_module

from .operator_list import OPERATORS


def register_all(plugin) -> None:
    """Register each class of :data:`OPERATORS` with FiftyOne's plugin context, confirmed.

    Raises:
        ForensicsError: the installed FiftyOne is outside the bound of ``fiftyone.yml``
    """
    import_module(".app.fiftyone_version", __name__).require_fiftyone()
    from .app.confirmation import confirmed
    from .python_api import show_parameters

    for module, name in OPERATORS:
        cls = getattr(import_module(f".{module}", __name__), name)
        show_parameters(cls)
        plugin.register(confirmed(cls))
