"""Guards the event handlers of panels: an error becomes a notification."""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any

import fiftyone.operators as foo

from ...detector.errors import ForensicsError
from ..operator_list import uri_of

SCORE_FACES = uri_of("score_faces")


def handler(method: Callable[..., Any]) -> Callable[..., Any]:
    """An event handler whose :class:`ForensicsError` becomes a notification (and result None)."""

    @functools.wraps(method)
    def guarded(self: foo.Panel, ctx: Any) -> Any:
        try:
            return method(self, ctx)
        except ForensicsError as error:
            ctx.ops.notify(str(error), variant="warning")
            return None

    return guarded
