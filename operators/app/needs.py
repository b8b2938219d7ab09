"""Makes an operator ask for the packages that it needs: in its form, and before any work."""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any, TypeVar

import fiftyone.operators as foo
from fiftyone.operators import types

from ...detector.errors import ForensicsError
from ...detector.files.installation import require_installed

_Operator = TypeVar("_Operator", bound=type[foo.Operator])


def needs(*names: str) -> Callable[[_Operator], _Operator]:
    """Return a class decorator for an operator that works with the parts ``names``.

    Its form then shows what is missing, with the command that installs it, in place of its fields;
    a call and an execution raise the same :class:`ForensicsError` before they begin.

    Args:
        names: keys of :data:`detector.files.packages.PARTS`
    """

    def decorate(operator: _Operator) -> _Operator:
        form = operator.resolve_input

        @functools.wraps(form)
        def resolve_input(self: Any, ctx: Any) -> types.Property:
            try:
                require_installed(*names)
            except ForensicsError as error:
                inputs = types.Object()
                notice = types.Error(label=error.message, description=error.hint)
                shown = inputs.view("not_installed", notice)
                shown.invalid, shown.error_message = True, str(error)
                return types.Property(inputs, view=types.View(label=self.config.label))
            return form(self, ctx)

        def first(method: Callable[..., Any]) -> Callable[..., Any]:
            @functools.wraps(method)
            def checked(self: Any, *args: Any, **kwargs: Any) -> Any:
                require_installed(*names)
                return method(self, *args, **kwargs)

            return checked

        operator.resolve_input = resolve_input
        operator.execute = first(operator.execute)
        operator.__call__ = first(operator.__call__)
        return operator

    return decorate
