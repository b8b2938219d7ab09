"""Makes links to the pages in docs/, which FiftyOne's server serves from the plugin's folder."""

from __future__ import annotations

from pathlib import Path
from urllib.parse import quote

import fiftyone as fo

_ROOT = Path(__file__).resolve().parents[2]


def documented(words: str, page: str, title: str) -> str:
    """Return Markdown of ``words`` and a link called ``title`` to ``docs/<page>``.

    The App opens the page in the same tab, as plain text; the browser's Back button returns to the
    panels. If the plugin is not in the plugins folder, the App has no address for the page, and the
    file is named instead.
    """
    address = _address(page)
    link = f"[{title}]({address})" if address else f"{title}: docs/{page} of the plugin"
    return f"{words} {link}."


def _address(page: str) -> str | None:
    plugins = Path(fo.config.plugins_dir)
    # `fiftyone plugins download` adds a folder for the author; a checkout is linked directly.
    for folder in (*plugins.glob("*"), *plugins.glob("*/*")):
        if folder.resolve() == _ROOT:
            return f"/plugins/{quote(folder.relative_to(plugins).as_posix())}/docs/{page}"
    return None
