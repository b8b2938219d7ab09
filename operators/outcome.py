"""What the App shows when an operator's job has ended: a table and what to do next.

Operators that run as generators have no ``resolve_output`` in the App; they send this message.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from fiftyone.operators import types


def show_table(ctx: Any, title: str, table: str, notes: Sequence[str] = ()) -> Any:
    """The App's message that opens ``table`` (Markdown) in a window, ``notes`` below it."""
    outputs = types.Object()
    outputs.str("table", view=types.MarkdownView())
    for number, note in enumerate(notes):
        outputs.view(f"note{number}", types.Notice(label=note))
    shown = types.Property(outputs, view=types.View(label=title))
    return ctx.ops.show_output(shown.to_json(), {"table": table})
