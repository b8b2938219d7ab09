"""What the App shows when an operator's job has ended: a table and what to do next.

Operators that run as generators have no ``resolve_output`` in the App; they send this message.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from fiftyone.operators import types

from .markup import plain


def show_table(ctx: Any, title: str, table: str, notes: Sequence[str] = ()) -> Any:
    """The App's message that opens ``table`` (Markdown) in a window, ``notes`` below it."""
    text = "\n".join([f"**{title}**", "", table, "", *(f"- {plain(note)}" for note in notes)])
    outputs = types.Object()
    outputs.str("table", view=types.MarkdownView())  # the window shows no label of its own
    shown = types.Property(outputs, view=types.View(label=title))
    return ctx.ops.show_output(shown.to_json(), {"table": text})
