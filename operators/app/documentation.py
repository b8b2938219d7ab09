"""Links to the pages in docs/, which FiftyOne's server serves from the plugin's own folder."""

from __future__ import annotations

from pathlib import Path
from urllib.parse import quote

import fiftyone as fo

_ROOT = Path(__file__).resolve().parents[2]


def documented(words: str, page: str, title: str) -> str:
    """Markdown of ``words`` and a link called ``title`` to ``docs/<page>``.

    The App opens it in its own place, as plain text; the browser's Back returns to the panels.
    Where the plugin is not in the plugins folder, the App has no address for it and the file is
    named instead.
    """
    address = _address(page)
    link = f"[{title}]({address})" if address else f"{title}: docs/{page} of the plugin"
    return f"{words} {link}."


def _address(page: str) -> str | None:
    plugins = Path(fo.config.plugins_dir)
    # `fiftyone plugins download` makes a folder of the author, a checkout is linked directly
    for folder in (*plugins.glob("*"), *plugins.glob("*/*")):
        if folder.resolve() == _ROOT:
            return f"/plugins/{quote(folder.relative_to(plugins).as_posix())}/docs/{page}"
    return None
