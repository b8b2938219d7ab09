"""Shows the end of an operator's job in the App: a sentence, a table, and the next steps.

Operators that run as generators have no ``resolve_output`` in the App, so they send these messages.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from fiftyone.operators import types

from ..dataset.views import show_saved_view
from .buttons import next_words
from .markup import plain


@dataclass(frozen=True, slots=True)
class Ending:
    """The end of a successful job, as the App shows it.

    Attributes:
        text: the notification
        warn: whether something was lost
        title: title of the window with the table
        table: Markdown; "" for no window
        notes: lines below the table
        reload: whether the open dataset has changed
        opens: dataset that is opened at the end, "" for none
        shows: saved view that the grid shows at the end, "" for none
        then: operators that are likely next
    """

    text: str
    warn: bool = False
    title: str = ""
    table: str = ""
    notes: tuple[str, ...] = ()
    reload: bool = True
    opens: str = ""
    shows: str = ""
    then: tuple[str, ...] = ()

    def messages(self, ctx: Any) -> Iterator[Any]:
        """Yield the App's messages in their order."""
        said = next_words(self.then)
        text = f"{self.text.rstrip('.')}. {said}" if said else self.text
        yield ctx.ops.notify(text, variant="warning" if self.warn else "success")
        opens = "" if self.opens == ctx.dataset_name else self.opens  # that would close its panels
        if self.reload and not opens:
            yield ctx.ops.reload_dataset()
        if self.table:
            yield show_table(ctx, self.title, self.table, self.notes)
        if opens:
            yield ctx.ops.open_dataset(opens)
        if self.shows:
            yield show_saved_view(ctx, self.shows)


def show_table(ctx: Any, title: str, table: str, notes: Sequence[str] = ()) -> Any:
    """Return the App's message that opens ``table`` (Markdown) in a window, ``notes`` below it."""
    text = "\n".join([f"**{title}**", "", table, "", *(f"- {plain(note)}" for note in notes)])
    outputs = types.Object()
    outputs.str("table", view=types.MarkdownView())  # the window shows no label for it
    shown = types.Property(outputs, view=types.View(label=title))
    return ctx.ops.show_output(shown.to_json(), {"table": text})
