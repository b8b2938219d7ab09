"""What the App shows when an operator's job has ended: a sentence, a table, what to do next.

Operators that run as generators have no ``resolve_output`` in the App; they send these messages.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from fiftyone.operators import types

from ..dataset.views import show_saved_view
from .markup import plain


@dataclass(frozen=True, slots=True)
class Ending:
    """How a job that has succeeded is told in the App.

    Attributes:
        text: the notification
        warn: whether something was lost on the way
        title: of the window with the table
        table: Markdown; "" for no window
        notes: lines below the table
        reload: whether the open dataset has changed
        opens: dataset that is opened at last, "" for none
        shows: saved view that is put into the grid at last, "" for none
    """

    text: str
    warn: bool = False
    title: str = ""
    table: str = ""
    notes: tuple[str, ...] = ()
    reload: bool = True
    opens: str = ""
    shows: str = ""

    def messages(self, ctx: Any) -> Iterator[Any]:
        """The App's messages, in the order in which they are sent."""
        yield ctx.ops.notify(self.text, variant="warning" if self.warn else "success")
        if self.reload and not self.opens:
            yield ctx.ops.reload_dataset()
        if self.table:
            yield show_table(ctx, self.title, self.table, self.notes)
        if self.opens:
            yield ctx.ops.open_dataset(self.opens)
        if self.shows:
            yield show_saved_view(ctx, self.shows)


def show_table(ctx: Any, title: str, table: str, notes: Sequence[str] = ()) -> Any:
    """The App's message that opens ``table`` (Markdown) in a window, ``notes`` below it."""
    text = "\n".join([f"**{title}**", "", table, "", *(f"- {plain(note)}" for note in notes)])
    outputs = types.Object()
    outputs.str("table", view=types.MarkdownView())  # the window shows no label of its own
    shown = types.Property(outputs, view=types.View(label=title))
    return ctx.ops.show_output(shown.to_json(), {"table": text})
