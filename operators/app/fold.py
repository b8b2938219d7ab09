"""Folds the fields of a form that few people change behind a switch 'More'."""

from __future__ import annotations

from collections.abc import Collection
from typing import Any

from .form import Form

MORE = "more"
_EMPTY = (None, "", [])


def fold(form: Form, first: Collection[str]) -> None:
    """Put the fields named in ``first`` in front, and the others behind a switch.

    A field that is wrong, or that has another value than its default, opens the fold. The operator
    gets a folded field's default just as that of a field that is shown.

    Args:
        form: the finished form
        first: fields that stay; empty: all of them
    """
    shown = form.inputs.properties
    rest = [name for name in form.made if name in shown and name not in first]
    if not first or len(rest) < 2:
        return
    is_open = bool(form.params.get(MORE)) or any(_needs_a_look(form, name) for name in rest)
    labels = ", ".join(str(getattr(form.made[name].view, "label", "") or name) for name in rest)
    form.flag(MORE, "More", labels, default=False)
    switch = shown[MORE]
    for name in () if is_open else rest:
        default = form.made[name].default
        if default not in _EMPTY:
            form.params.setdefault(name, default)
    others = {name: made for name, made in shown.items() if name not in (*rest, MORE)}
    fields = [place for place, name in enumerate(others) if name in form.made]
    cut = fields[-1] + 1 if fields else len(others)  # what will happen stands at the end
    order = list(others.items())
    folded = [(name, shown[name]) for name in rest] if is_open else []
    form.inputs.properties = dict([*order[:cut], (MORE, switch), *folded, *order[cut:]])


def _needs_a_look(form: Form, name: str) -> bool:
    made = form.made[name]
    value: Any = form.params.get(name)
    return bool(made.invalid) or (value not in _EMPTY and value != made.default)
