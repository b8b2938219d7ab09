"""Makes text that comes from data safe for the App.

The App draws labels, descriptions and captions of forms and panels as Markdown, so a name in a
notice or an error could fetch a picture. All of these texts are disarmed here, before they reach
the App.
"""

from __future__ import annotations

import re
from typing import Any

from fiftyone.operators import types

from ...detector.text.markdown import plain

_ACTIVE = re.compile(r"\]\(|\]\[|\]:|!\[|<[A-Za-z/!?]|://|\bwww\.|\S@\S", re.IGNORECASE)
_SHOWN = ("label", "description", "caption")
#: Views whose choices the App draws as text, not as Markdown.
_TEXT_CHOICES = ("DropdownView", "Dropdown", "AutocompleteView")


def disarmed(text: str) -> str:
    """Return ``text``, or :func:`plain` of it if Markdown would make a link or picture of it."""
    return plain(text) if _ACTIVE.search(text) else text


def serve(form: types.Property | None) -> types.Property | None:
    """Return ``form``, changed to send the App no label, description or caption with a link."""
    if form is not None:
        whole = form.to_json
        form.to_json = lambda: _disarm(whole())  # type: ignore[method-assign]
    return form


def _disarm(value: Any) -> Any:
    if isinstance(value, list):
        return [_disarm(item) for item in value]
    if not isinstance(value, dict):
        return value
    as_text = value.get("name") in _TEXT_CHOICES
    out = {}
    for name, item in value.items():
        if name in _SHOWN and isinstance(item, str):
            out[name] = disarmed(item)
        elif name == "default" or (name == "choices" and as_text):
            out[name] = item
        else:
            out[name] = _disarm(item)
    return out
