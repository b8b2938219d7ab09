"""Lets the App's server run an operator only for a page that could read the operator's form.

Any web page may send a request to a local App: FiftyOne looks at neither ``Origin`` nor
``Content-Type``. A browser does not let a page of another origin read the answer. So each form, and
each panel when it loads, carries a code that no one can compute without the database, and the
server demands it back before anything of ours runs or is queued. Calls from Python and the workers
of the queue are not the server: they need no code. docs/security.md tells what was tried.
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
#: Panel events that FiftyOne itself sends: they read and paint.
_SENT_BY_FIFTYONE = ("on_load", "on_unload", "on_change", "on_startup")
_CHANGE = "on_change_"


def in_server() -> bool:
    """Whether this process is the App's server, however it was started."""
    return "fiftyone.server.app" in sys.modules


def code(uri: str) -> str:
    """The code of one operator or panel: the same in each process on this database."""
    return hmac.new(_secret(), uri.encode(), hashlib.sha256).hexdigest()


def require(uri: str, given: object) -> None:
    """Refuse a request that does not carry the code of ``uri``.

    Raises:
        ForensicsError: no code, or another one
    """
    if not (isinstance(given, str) and hmac.compare_digest(given.encode(), code(uri).encode())):
        raise ForensicsError(
            f"This request for {uri} does not come from its form in the App, so nothing was done.",
            "Open the form and press its button; or call the operator from Python.",
        )


def confirmed(kind: type[foo.Operator]) -> type[foo.Operator]:
    """The operator or panel ``kind`` as the App gets it: its server asks for the code."""
    if issubclass(kind, foo.Panel):
        return _joined(_ConfirmedPanel, kind)
    if kind.execute is foo.Operator.execute or issubclass(kind, foo.EvaluationMetric):
        return kind  # FiftyOne's evaluation calls it; no request runs it
    return _joined(_ConfirmedForm, kind)


def _joined(first: type, kind: type) -> type:
    names = ("__doc__", "__module__", "__qualname__")
    return type(kind.__name__, (first, kind), {name: getattr(kind, name) for name in names})


class _ConfirmedForm(foo.Operator):
    """Adds the hidden code to the form, and asks for it before the work runs or is queued."""

    _choosing = False  # FiftyOne makes an operator anew for each request

    def resolve_input(self, ctx: Any) -> types.Property | None:
        form = super().resolve_input(ctx)
        if in_server() and form is not None:
            form.type.str(FIELD, default=code(self.uri), view=_unseen())
        return serve(form)

    def resolve_output(self, ctx: Any) -> types.Property | None:
        return serve(super().resolve_output(ctx))

    def resolve_execution_options(self, ctx: Any) -> Any:
        self._choosing = True  # the form asks which buttons it has, before it has the code
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
    """Gives the loaded panel the code, and asks for it with every event of a button or table."""

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
    """A field that is filled in and not shown: FiftyOne does not fill in its ``HiddenView``."""
    none = {"sx": {"display": "none"}}
    return types.FieldView(componentsProps={"item": none, "container": none})


def _secret() -> bytes:
    """A random value that the database keeps; made by whoever first asks."""
    from fiftyone.operators.store import ExecutionStore

    store = ExecutionStore.create(_STORE)
    kept = store.get("secret")
    if not kept:
        store.set_if_absent("secret", secrets.token_hex(32))
        kept = store.get("secret")
    return bytes.fromhex(kept)
