"""Lets the App's server run an operator only for a page that could read the operator's form.

Any web page may send a request to a local App, because FiftyOne checks neither ``Origin`` nor
``Content-Type``. But a browser does not let a page of another origin read the answer. So each form,
and each panel when it loads, carries a code that cannot be computed without the database. The
server requires this code before any operator runs or is queued. Calls from Python and queue workers
do not go through the server and need no code. docs/security.md lists the attacks that were tried.
"""

from __future__ import annotations

import hashlib
import hmac
import secrets
import sys
from typing import Any

import fiftyone.operators as foo
from fiftyone.operators import types

from ...detector.errors import ForensicsError
from .markup import serve

#: Name of the hidden field of a form, and of the entry in a panel's state.
FIELD = "confirmation"
_STORE = "media_forensics_confirmation"
#: Panel events that FiftyOne itself sends; they only read and paint.
_SENT_BY_FIFTYONE = ("on_load", "on_unload", "on_change", "on_startup")
_CHANGE = "on_change_"


def in_server() -> bool:
    """Return whether this process is the App's server, however it was started."""
    return "fiftyone.server.app" in sys.modules


def code(uri: str) -> str:
    """Return the code of an operator or panel, the same in each process on this database."""
    return hmac.new(_secret(), uri.encode(), hashlib.sha256).hexdigest()


def require(uri: str, given: object) -> None:
    """Raise an error for a request without the code of ``uri``.

    Raises:
        ForensicsError: the code is missing or wrong
    """
    if not (isinstance(given, str) and hmac.compare_digest(given.encode(), code(uri).encode())):
        raise ForensicsError(
            f"This request for {uri} does not come from its form in the App, so nothing was done.",
            "Open the form and press its button; or call the operator from Python.",
        )


def confirmed(kind: type[foo.Operator]) -> type[foo.Operator]:
    """Return the operator or panel ``kind`` for the App, whose server asks for the code."""
    if issubclass(kind, foo.Panel):
        return _joined(_ConfirmedPanel, kind)
    if kind.execute is foo.Operator.execute or issubclass(kind, foo.EvaluationMetric):
        return kind  # called by FiftyOne's evaluation, never by a request
    return _joined(_ConfirmedForm, kind)


def _joined(first: type, kind: type) -> type:
    names = ("__doc__", "__module__", "__qualname__")
    return type(kind.__name__, (first, kind), {name: getattr(kind, name) for name in names})


class _ConfirmedForm(foo.Operator):
    """Mixin that adds the hidden code to the form, and requires it to run or queue work."""

    _choosing = False  # FiftyOne creates a new operator for each request

    def resolve_input(self, ctx: Any) -> types.Property | None:
        form = super().resolve_input(ctx)
        if in_server() and form is not None:
            form.type.str(FIELD, default=code(self.uri), view=_unseen())
        return serve(form)

    def resolve_output(self, ctx: Any) -> types.Property | None:
        return serve(super().resolve_output(ctx))

    def resolve_execution_options(self, ctx: Any) -> Any:
        self._choosing = True  # the form asks for its buttons before it has the code
        try:
            return super().resolve_execution_options(ctx)
        finally:
            self._choosing = False

    def resolve_delegation(self, ctx: Any) -> bool | None:
        if in_server() and not self._choosing:  # a request, before it is queued or run
            require(self.uri, ctx.params.get(FIELD))
        return super().resolve_delegation(ctx)

    def execute(self, ctx: Any) -> Any:
        if in_server():
            require(self.uri, ctx.params.get(FIELD))
        return super().execute(ctx)


class _ConfirmedPanel(foo.Panel):
    """Mixin that gives the loaded panel the code, and requires it with events of its controls."""

    def execute(self, ctx: Any) -> Any:
        event = ctx.params.get("__method__")
        if event is not None and not str(event).startswith("on_"):
            raise ForensicsError(f"{self.config.label} has no event {event!r}.")
        if in_server() and event is not None:
            if event not in _SENT_BY_FIFTYONE and not str(event).startswith(_CHANGE):
                require(self.uri, (ctx.params.get("panel_state") or {}).get(FIELD))
            elif event != "on_unload":
                ctx.panel.set_state(FIELD, code(self.uri))
        return super().execute(ctx)

    def render(self, ctx: Any) -> types.Property | None:
        return serve(super().render(ctx))


def _unseen() -> types.View:
    """Return a view that is filled in but invisible, unlike FiftyOne's ``HiddenView``."""
    none = {"sx": {"display": "none"}}
    return types.FieldView(componentsProps={"item": none, "container": none})


def _secret() -> bytes:
    """Return a random value that the database keeps; the first call creates it."""
    from fiftyone.operators.store import ExecutionStore

    store = ExecutionStore.create(_STORE)
    kept = store.get("secret")
    if not kept:
        store.set_if_absent("secret", secrets.token_hex(32))
        kept = store.get("secret")
    return bytes.fromhex(kept)
